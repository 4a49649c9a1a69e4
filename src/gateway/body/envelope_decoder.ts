/**
 * Records written as JSON, one a line: `{"key","value","headers","partition","timestamp"}`. Lines for records that need
 * more than a value.
 *
 * Hot path: the bench is `bench/gateway_body_bench.ts`.
 *
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError, type DecoderLimits, StagedDecoder } from "./body_decoder.ts";
import {
  isJsonNull,
  isJsonString,
  jsonElements,
  jsonMembers,
  jsonText,
  jsonTextBytes,
  jsonWholeNumber,
} from "./json_object.ts";
import { LineDecoder } from "./line_decoder.ts";
import { checkRecordHeaders, type HeaderLimits, MAX_PARTITION } from "./record_headers.ts";

/** What is allowed. */
export interface EnvelopeLimits extends DecoderLimits, HeaderLimits {}

const FIELDS = ["key", "value", "headers", "partition", "timestamp"];

/**
 * A record a line. Only `value` must be there. A text is sent as what it says, null is a tombstone (or no key), and
 * anything else is sent as the JSON it came in, byte for byte. Unknown fields are refused, so that a slip in a name cannot
 * lose a key.
 */
export class EnvelopeDecoder extends StagedDecoder {
  readonly #lines: LineDecoder;
  readonly #limits: EnvelopeLimits;
  #lineCount = 0;

  /**
   * Makes a decoder at the beginning of line 1.
   *
   * @param limits What is allowed.
   * @throws {RangeError} When a limit is not a number of at least 1.
   */
  constructor(limits: EnvelopeLimits = {}) {
    super(limits);
    this.#limits = limits;
    this.#lines = new LineDecoder({ maxRecordBytes: this.maxRecordBytes, skipBlank: true });
  }

  /** Lines of the records last returned, null while no line has been passed over. */
  override get lines(): readonly number[] | null {
    return this.#lines.lines;
  }

  /** Parses whole lines. */
  protected override parse(chunk: Uint8Array, records: ProducerRecord[]): void {
    this.#take(this.#lines.push(chunk), records);
    // What the lines before a fault left unsaid: the next call would throw it, and no call may come.
    this.#lines.rethrow();
  }

  /** Parses the line that has no end. */
  protected override finish(records: ProducerRecord[]): void {
    this.#take(this.#lines.end(), records);
    this.#lines.rethrow();
  }

  #take(lines: readonly ProducerRecord[], records: ProducerRecord[]): void {
    for (let index = 0; index < lines.length; index++) {
      const line = this.#lines.lines?.[index] ?? this.#lineCount + 1;
      this.#lineCount = line;
      records.push(readEnvelope(lines[index]!.value as Uint8Array, line, this.#limits));
    }
  }
}

/** The record that a line describes. */
function readEnvelope(bytes: Uint8Array, line: number, limits: HeaderLimits): ProducerRecord {
  const members = jsonMembers(bytes, "the record", { line });
  for (const name of members.keys()) {
    if (!FIELDS.includes(name)) {
      throw new BodyError(
        "MALFORMED_BODY",
        `Cannot read the record: it may have ${FIELDS.join(", ")} and no other field`,
        {
          line,
        },
      );
    }
  }
  const value = members.get("value");
  if (value === undefined) {
    throw new BodyError("MALFORMED_BODY", 'Cannot read the record: "value" is missing (null is a tombstone)', { line });
  }
  const record: ProducerRecord = { value: textOrJson(value, '"value"', line) };
  const key = members.get("key");
  const headers = given(members.get("headers"));
  const partition = given(members.get("partition"));
  const timestamp = given(members.get("timestamp"));
  if (key !== undefined) record.key = textOrJson(key, '"key"', line);
  if (headers !== undefined) record.headers = readHeaders(headers, line, limits);
  if (partition !== undefined) record.partition = readPartition(partition, line);
  if (timestamp !== undefined) record.timestamp = jsonWholeNumber(timestamp, '"timestamp"', { line });
  return record;
}

/** What is there and is not null. */
function given(value: Uint8Array | undefined): Uint8Array | undefined {
  return value === undefined || isJsonNull(value) ? undefined : value;
}

/**
 * A partition's number.
 *
 * @param value As JSON.
 * @param line Where it is, for errors.
 * @throws {BodyError} When it is none.
 */
export function readPartition(value: Uint8Array, line: number): number {
  const partition = jsonWholeNumber(value, '"partition"', { line });
  if (partition <= MAX_PARTITION) return partition;
  throw new BodyError("INVALID_METADATA", `Cannot use "partition": it must be at most ${MAX_PARTITION}`, { line });
}

function textOrJson(value: Uint8Array, what: string, line: number): Uint8Array | null {
  if (isJsonNull(value)) return null;
  return isJsonString(value) ? jsonTextBytes(value, what, { line }) : value;
}

/** An object of texts, or a list of pairs. */
function readHeaders(value: Uint8Array, line: number, limits: HeaderLimits): [string, Uint8Array | null][] {
  const place = { line, depth: 1 };
  const pairs: (readonly [string, Uint8Array])[] = value[0] === 0x7b
    ? [...jsonMembers(value, '"headers"', place)]
    : jsonElements(value, '"headers"', place).map((pair) => {
      const [name, text, ...rest] = jsonElements(pair, 'a pair of "headers"', { line, depth: 2 });
      if (name === undefined || text === undefined || rest.length > 0) {
        throw new BodyError("MALFORMED_BODY", 'Cannot read "headers": it must hold pairs of name and value', { line });
      }
      return [jsonText(name, "the name of a header", place), text] as const;
    });
  const headers = pairs.map(([name, text]): [string, Uint8Array | null] => [
    name,
    isJsonNull(text) ? null : jsonTextBytes(text, "a header", place),
  ]);
  return checkRecordHeaders(headers, limits, line);
}
