/**
 * Bodies and replies of the REST Proxy API v2, as clients of Confluent's, Strimzi's, Redpanda's and Karapace's proxies
 * write and read them: `{"records":[{"key","value","partition","headers","timestamp"}]}`.
 *
 * @see {@link https://docs.confluent.io/platform/current/kafka-rest/api.html}
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError } from "./body_error.ts";
import { readPartition } from "./envelope_decoder.ts";
import { isJsonNull, jsonElements, jsonMembers, jsonText, jsonTextBytes, jsonWholeNumber } from "./json_object.ts";
import { checkRecordHeaders, type HeaderLimits } from "./record_headers.ts";

/** What keys and values are: any JSON, forwarded as it was written; base64; or texts. */
export type ConfluentKind = "json" | "binary" | "text";

/** Media type of a body of a kind. */
export const CONFLUENT_TYPES: Readonly<Record<ConfluentKind, string>> = {
  json: "application/vnd.kafka.json.v2+json",
  binary: "application/vnd.kafka.binary.v2+json",
  text: "application/vnd.kafka.text.v2+json",
};
/** Content types of the reply, the usual one first. */
export const CONFLUENT_REPLY_TYPES = [
  "application/vnd.kafka.v2+json",
  "application/vnd.kafka+json",
  "application/json",
] as const;

const FIELDS = ["key", "value", "partition", "headers", "timestamp"];

/**
 * The records of a body.
 *
 * @param body The body.
 * @param kind What keys and values are.
 * @param limits What headers may be.
 * @throws {BodyError} When it is no such body; 422 where it is JSON.
 */
export function readConfluentBody(body: Uint8Array, kind: ConfluentKind, limits: HeaderLimits = {}): ProducerRecord[] {
  const { records } = Object.fromEntries(jsonMembers(body, "the body"));
  if (records === undefined || isJsonNull(records)) throw unprocessable('"records" is missing');
  const elements = jsonElements(records, '"records"', { depth: 1 });
  if (elements.length === 0) throw unprocessable('"records" is empty');
  return elements.map((element, index) => readRecord(element, kind, { line: index + 1, limits }));
}

function readRecord(
  element: Uint8Array,
  kind: ConfluentKind,
  { line, limits }: { line: number; limits: HeaderLimits },
): ProducerRecord {
  const place = { line, depth: 2 };
  const members = jsonMembers(element, "the record", place);
  for (const name of members.keys()) {
    if (!FIELDS.includes(name)) throw unprocessable(`a record may have ${FIELDS.join(", ")} and no other field`, line);
  }
  const given = (name: string) => {
    const value = members.get(name);
    return value === undefined || isJsonNull(value) ? undefined : value;
  };
  const value = given("value");
  const record: ProducerRecord = { value: value === undefined ? null : readPart(value, kind, { name: "value", line }) };
  const key = given("key");
  const partition = given("partition");
  const headers = given("headers");
  const timestamp = given("timestamp");
  if (value === undefined && key === undefined) throw unprocessable("a record needs a key or a value", line);
  if (key !== undefined) record.key = readPart(key, kind, { name: "key", line });
  if (partition !== undefined) record.partition = readPartition(partition, line);
  if (timestamp !== undefined) record.timestamp = jsonWholeNumber(timestamp, '"timestamp"', place);
  if (headers !== undefined) record.headers = checkRecordHeaders(readHeaders(headers, line), limits, line);
  return record;
}

function readPart(value: Uint8Array, kind: ConfluentKind, at: { name: string; line: number }): Uint8Array {
  if (kind === "json") return value;
  if (value[0] !== 0x22) throw unprocessable(`"${at.name}" must be a text`, at.line);
  return kind === "text" ? jsonTextBytes(value, `"${at.name}"`, at) : readBase64(value, at);
}

function readBase64(value: Uint8Array, { name, line }: { name: string; line: number }): Uint8Array {
  try {
    return Uint8Array.fromBase64(jsonText(value, `"${name}"`, { line }));
  } catch (cause) {
    throw unprocessable(`"${name}" is not base64`, line, cause);
  }
}

/** A list of `{"key","value"}` as Strimzi has it, or of `{"name","value"}` as Confluent's API v3; values in base64. */
function readHeaders(list: Uint8Array, line: number): [string, Uint8Array | null][] {
  return jsonElements(list, '"headers"', { line, depth: 3 }).map((element) => {
    const members = jsonMembers(element, "a header", { line, depth: 4 });
    const name = members.get("key") ?? members.get("name");
    const value = members.get("value");
    if (name === undefined || name[0] !== 0x22) throw unprocessable("a header needs a name", line);
    if (value === undefined || isJsonNull(value)) return [jsonText(name, "a header", { line }), null];
    if (value[0] !== 0x22) throw unprocessable("the value of a header must be a text in base64", line);
    return [jsonText(name, "a header", { line }), readBase64(value, { name: "headers", line })];
  });
}

function unprocessable(reason: string, line?: number, cause?: unknown): BodyError {
  return new BodyError("UNPROCESSABLE_BODY", `Cannot take the records: ${reason}`, { line, cause });
}

/** What became of a record, as a reply tells it. */
export type ConfluentOutcome = { partition: number; offset: bigint | null } | { errorCode: number; error: string };

/**
 * The text of a reply.
 *
 * @param outcomes One a record, in the order of the request.
 */
export function confluentReply(outcomes: readonly ConfluentOutcome[]): string {
  const offsets = outcomes.map((outcome) => {
    if ("error" in outcome) {
      return `{"partition":null,"offset":null,"error_code":${outcome.errorCode},"error":${
        JSON.stringify(outcome.error)
      }}`;
    }
    return `{"partition":${outcome.partition},"offset":${outcome.offset},"error_code":null,"error":null}`;
  });
  return `{"offsets":[${offsets.join(",")}],"key_schema_id":null,"value_schema_id":null}`;
}

/**
 * Confluent's code for an error, as its error bodies and its entries of failed records have it: the status, with two digits
 * more where it tells errors of one status apart.
 *
 * @param status The status.
 * @param code Name of the error, by which codes of one status differ.
 */
export function confluentErrorCode(status: number, code: string): number {
  return ERROR_CODES[code] ?? (status < 500 ? status : status < 503 ? 50002 : 50003);
}

const ERROR_CODES: Readonly<Record<string, number>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 40403,
  UNAUTHENTICATED: 40101,
  TOPIC_AUTHORIZATION_FAILED: 40301,
  CLUSTER_AUTHORIZATION_FAILED: 40301,
  FORBIDDEN: 40301,
  INVALID_TOPIC: 40002,
  INVALID_TOPIC_EXCEPTION: 40002,
  RATE_LIMITED: 42901,
  UNPROCESSABLE_BODY: 42208,
  MALFORMED_BODY: 400,
  UNAVAILABLE: 50302,
  BROKER_NOT_AVAILABLE: 50302,
};
