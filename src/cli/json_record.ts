/**
 * Records written as JSON, one a line: `{"key","value","headers","timestamp","partition"}`.
 *
 * @module
 */

import type { ProducerRecord, RecordHeaders } from "@ekaf/ekaf";

const FIELDS = ["key", "value", "headers", "timestamp", "partition"];
/** Of an error, as much as fits a line. */
const MAX_QUOTED_UNITS = 40;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a record. Only `value` must be there. Keys, values and headers are text or null: what was parsed and written
 * again would not be the same (1.0 would be 1, large numbers would be others), so JSON inside of a record is text too.
 * Nothing unknown is ignored, so that a slip in a name cannot lose a key.
 *
 * @param line The line, UTF-8.
 * @throws {TypeError} When it is no such record; the message says what is wrong.
 * @throws {RangeError} When a number is out of bounds.
 */
export function parseJsonRecord(line: Uint8Array): ProducerRecord {
  const fields = parseObject(line);
  for (const name of Object.keys(fields)) {
    if (!FIELDS.includes(name)) {
      throw new TypeError(`Cannot read the record: there is no field ${quote(name)}, only ${FIELDS.join(", ")}`);
    }
  }
  const { key, value, headers, timestamp, partition } = fields;
  if (value === undefined) throw new TypeError('Cannot read the record: "value" is missing (null is a tombstone)');
  const record: ProducerRecord = { value: textOrNull("value", value) };
  if (key !== undefined) record.key = textOrNull("key", key);
  if (headers !== undefined && headers !== null) record.headers = parseHeaders(headers);
  if (timestamp !== undefined && timestamp !== null) record.timestamp = wholeNumber("timestamp", timestamp);
  if (partition !== undefined && partition !== null) record.partition = wholeNumber("partition", partition);
  return record;
}

function parseObject(line: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = decoder.decode(line);
  } catch (cause) {
    throw new TypeError("Cannot read the record: it is not UTF-8", { cause });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const reason = text.trim() === "" ? "it is empty" : (cause as Error).message;
    throw new TypeError(`Cannot read the record: no JSON: ${reason}`, { cause });
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  throw new TypeError(`Cannot read the record: it must be a JSON object, not ${quote(parsed)}`);
}

function textOrNull(name: string, value: unknown): string | null {
  if (value === null) return null;
  if (typeof value !== "string") {
    throw new TypeError(`Cannot read the record: ${quote(name)} must be text or null, not ${quote(value)}`);
  }
  if (!value.isWellFormed()) {
    throw new TypeError(`Cannot read the record: ${quote(name)} holds half of a surrogate pair, which is no UTF-8`);
  }
  return value;
}

function parseHeaders(headers: unknown): RecordHeaders {
  if (typeof headers !== "object") {
    throw new TypeError(
      `Cannot read the record: "headers" must be an object or a list of [name, value] pairs, not ${quote(headers)}`,
    );
  }
  const entries: unknown[] = Array.isArray(headers) ? headers : Object.entries(headers!);
  return entries.map((entry) => {
    if (!Array.isArray(entry) || entry.length !== 2) {
      throw new TypeError(`Cannot read the record: "headers" must hold [name, value] pairs, not ${quote(entry)}`);
    }
    const name = textOrNull("headers", entry[0]);
    if (name === null) throw new TypeError('Cannot read the record: a name in "headers" must be text, not null');
    return [name, textOrNull(`headers.${name}`, entry[1])] as const;
  });
}

function wholeNumber(name: string, value: unknown): number {
  if (typeof value !== "number") {
    throw new TypeError(`Cannot read the record: ${quote(name)} must be a number, not ${quote(value)}`);
  }
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`Cannot read the record: ${quote(name)} must be a whole number of at least 0, not ${value}`);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= MAX_QUOTED_UNITS ? text : `${text.slice(0, MAX_QUOTED_UNITS)}…`;
}
