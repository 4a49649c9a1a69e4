/**
 * Key, partition, timestamp and headers of records, from the headers and the query of a request.
 *
 * @module
 */

import type { Bytes, ProducerRecord, RecordInput } from "../record.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import type { GivenHeader } from "./request_headers.ts";

const HEADER_NAME = /^[A-Za-z0-9._-]{1,128}$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const TRACESTATE_MAX_LENGTH = 512;
const IDEMPOTENCY_KEY_MAX_LENGTH = 255;
/** Names that say where a record comes from: no client may make them up. */
const RESERVED = /^(ce_|traceparent$|tracestate$|x-request-id$|idempotency-key$)/;
const MAX_PARTITION = 2 ** 31 - 1;
/** Last moment that a `Date` can be. */
const MAX_TIMESTAMP_MS = 8.64e15;
/** A day of UTC, or a time with its zone: without one it would be a time of wherever this runs. */
const ISO_TIME = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
const encoder = new TextEncoder();

/** What a request says about its records. */
export interface RecordMetadata {
  /** Key of records that have none themselves. */
  readonly key: Bytes | undefined;
  /** Partition of records that have none themselves. */
  readonly partition: number | undefined;
  /** Timestamp of records that have none themselves. */
  readonly timestamp: number | undefined;
  /** Headers, in front of the records' own. */
  readonly headers: readonly (readonly [string, Bytes])[];
}

/**
 * Reads it.
 *
 * @param exchange The request.
 * @returns Null when it says nothing.
 * @throws {GatewayError} For what makes no sense or is too large.
 */
export function recordMetadata(exchange: Exchange): RecordMetadata | null {
  const { headers, query, gateway } = exchange;
  const pathPartition = exchange.partition;
  if (
    !headers.isAboutRecord && exchange.queryText === "" && pathPartition === null && !gateway.options.requestIdHeader
  ) {
    return null;
  }
  const partition = pathPartition ?? headers.get("x-kafka-partition") ?? query.get("partition") ?? undefined;
  const timestamp = headers.get("x-kafka-timestamp") ?? query.get("timestamp") ?? undefined;
  return {
    key: keyOf(exchange),
    partition: partition === undefined ? undefined : parsePartition(partition),
    timestamp: timestamp === undefined ? undefined : parseTimestamp(timestamp),
    headers: recordHeaders(exchange),
  };
}

/** A record of `input` with what the request says about it. */
export function withMetadata(input: RecordInput, metadata: RecordMetadata): ProducerRecord {
  const given: ProducerRecord = typeof input === "string" || input instanceof Uint8Array ? { value: input } : input;
  const record: ProducerRecord = { ...given };
  if (metadata.key !== undefined && given.key === undefined) record.key = metadata.key;
  if (metadata.partition !== undefined && given.partition === undefined) record.partition = metadata.partition;
  if (metadata.timestamp !== undefined && given.timestamp === undefined) record.timestamp = metadata.timestamp;
  if (metadata.headers.length > 0) {
    const own = given.headers ?? [];
    record.headers = [...metadata.headers, ...(Array.isArray(own) ? own : Object.entries(own))];
  }
  return record;
}

function keyOf(exchange: Exchange): Bytes | undefined {
  const { headers } = exchange;
  const base64 = headers.get("x-kafka-key-base64");
  if (base64 !== undefined) return decodeBase64("x-kafka-key-base64", base64);
  const text = headers.get("x-kafka-key");
  return text === undefined ? queryKey(exchange) : headerBytes(text);
}

/** Bytes that are no UTF-8 would all become the same character, and many keys one. */
function queryKey({ query, queryText }: Exchange): string | undefined {
  const text = query.get("key") ?? undefined;
  if (text?.includes("\ufffd") !== true || /%EF%BF%BD/i.test(queryText)) return text;
  throw invalid("the key in the query is not UTF-8; x-kafka-key-base64 takes any bytes");
}

function parsePartition(text: string): number {
  const partition = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (partition <= MAX_PARTITION) return partition;
  throw invalid("the partition must be a whole number");
}

function parseTimestamp(text: string): number {
  const timestamp = /^\d{1,16}$/.test(text) ? Number(text) : parseIsoTime(text);
  if (timestamp >= 0 && timestamp <= MAX_TIMESTAMP_MS) return timestamp;
  throw invalid("the timestamp must be milliseconds since 1970, or a time with its zone like 2026-01-31T12:00:00Z");
}

/** `Date.parse` alone takes "-1" and "5 apples" for times, and moves February 31 to March. */
function parseIsoTime(text: string): number {
  const date = ISO_TIME.exec(text)?.[1];
  if (date === undefined || !(Date.parse(date) >= 0) || new Date(date).toISOString().slice(0, 10) !== date) return NaN;
  return Date.parse(text);
}

function recordHeaders(exchange: Exchange): [string, Bytes][] {
  const { headers, gateway } = exchange;
  const made: [string, Bytes][] = (headers.given ?? []).map(givenHeader);
  const traceparent = headers.get("traceparent");
  if (traceparent !== undefined && TRACEPARENT.test(traceparent)) {
    made.push(["traceparent", traceparent]);
    const tracestate = headers.get("tracestate");
    if (tracestate !== undefined && tracestate.length <= TRACESTATE_MAX_LENGTH) made.push(["tracestate", tracestate]);
  }
  const idempotencyKey = headers.get("idempotency-key");
  if (idempotencyKey !== undefined && idempotencyKey.length <= IDEMPOTENCY_KEY_MAX_LENGTH) {
    made.push(["idempotency-key", headerBytes(idempotencyKey)]);
  }
  if (gateway.options.requestIdHeader) made.push(["x-request-id", exchange.requestId]);
  checkSize(made, gateway.options);
  return made;
}

function givenHeader({ name, value, isBase64 }: GivenHeader): [string, Bytes] {
  if (!HEADER_NAME.test(name)) {
    throw invalid("names of record headers are 1 to 128 of the characters A-Z a-z 0-9 . _ -");
  }
  if (RESERVED.test(name)) throw invalid(`the record header "${name}" is not for clients to set`);
  return [name, isBase64 ? decodeBase64(`x-kafka-header64-${name}`, value) : headerBytes(value)];
}

function checkSize(
  headers: readonly [string, Bytes][],
  { recordMaxHeaders, recordMaxHeaderBytes }: { recordMaxHeaders: number; recordMaxHeaderBytes: number },
): void {
  if (headers.length > recordMaxHeaders) {
    throw new GatewayError(
      "HEADERS_TOO_LARGE",
      `Cannot take ${headers.length} record headers: at most ${recordMaxHeaders} are allowed`,
    );
  }
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes <= recordMaxHeaderBytes) return;
  throw new GatewayError(
    "HEADERS_TOO_LARGE",
    `Cannot take ${bytes} bytes of record headers: at most ${recordMaxHeaderBytes} are allowed`,
  );
}

function decodeBase64(header: string, text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch {
    throw invalid(`${header} is not base64`);
  }
}

/** The bytes of a header's value: HTTP has bytes there, which `Headers` shows as one character each. */
function headerBytes(value: string): Bytes {
  // deno-lint-ignore no-control-regex
  if (/^[\x00-\x7f]*$/.test(value)) return value;
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0xff) return encoder.encode(value);
    bytes[i] = code;
  }
  return bytes;
}

function invalid(reason: string): GatewayError {
  return new GatewayError("INVALID_METADATA", `Cannot take the record: ${reason}`);
}
