/**
 * Input, checked and turned into the bytes of one record.
 *
 * @module
 */

import {
  type EncodableRecord,
  encodeHeaders,
  NO_HEADERS,
  RECORD_BATCH_OVERHEAD_BYTES,
} from "../../protocol/record_batch.ts";
import { varintBytes } from "../../protocol/varint.ts";
import { quote } from "../option_checks.ts";
import type { Bytes, ProducerRecord, RecordHeaders, RecordInput } from "../record.ts";
import { RecordTooLargeError } from "../record_errors.ts";
import { TextRun } from "./text_run.ts";

const encoder = new TextEncoder();

/** Most bytes that a record takes beside its key, value and headers. */
export const RECORD_FRAMING_BYTES = 40;
/** The same as the first record of a batch, the batch's own included. */
const MOST_FRAMING_BYTES = RECORD_BATCH_OVERHEAD_BYTES + RECORD_FRAMING_BYTES;
/** An object that is no record may have any number of fields. */
const MOST_FIELDS_NAMED = 10;
/** A UTF-16 code unit becomes at most three bytes of UTF-8. */
const UTF8_BYTES_PER_UNIT = 3;

/**
 * One record at a time, ready to be encoded. The object is reused: what it points to is valid until the next
 * {@linkcode RecordEncoder.prepare}. No object, closure or promise is made for a plain value.
 */
export class RecordEncoder implements EncodableRecord {
  /** Key, null for none. */
  key: Uint8Array | null = null;
  /** Value, null for a tombstone. */
  value: Uint8Array | null = null;
  /** Headers, encoded. */
  headers: Uint8Array = NO_HEADERS;
  /** Milliseconds since the epoch. */
  timestamp = 0;
  /** Whether the caller has chosen the timestamp. */
  isTimed = false;
  /** Partition the caller asked for, -1 for none. */
  partition = -1;
  /** Bytes of key and value, what a partitioner counts. */
  payloadBytes = 0;
  /** Text of a record is encoded here, key first. */
  #scratch = new Uint8Array(16 * 1024);

  /** Strings of the run of admissions under way. */
  readonly #texts = new TextRun();

  /** Begins a run of {@linkcode prepareAt}s. */
  beginRun(): void {
    this.#texts.reset();
  }

  /**
   * Takes in one of a call's checked inputs; they must stay as they are until the next {@linkcode beginRun}.
   *
   * @param inputs What the caller passed.
   * @param index Which of them.
   * @param nowMs Timestamp for a record that has none.
   */
  prepareAt(inputs: readonly RecordInput[], index: number, nowMs: number): void {
    const input = inputs[index]!;
    const text = typeof input === "string" && inputs.length > 1 ? this.#texts.take(inputs, index) : null;
    if (text === null) return this.prepare(input, nowMs);
    this.timestamp = nowMs;
    this.isTimed = false;
    this.partition = -1;
    this.key = null;
    this.headers = NO_HEADERS;
    this.value = text;
    this.payloadBytes = text.length;
  }

  /** Bytes that the record may need at most in a batch: what the budget is asked for. */
  get neededBytes(): number {
    return this.payloadBytes + this.headers.length + RECORD_FRAMING_BYTES;
  }

  /**
   * Takes in one checked input.
   *
   * @param input What the caller passed.
   * @param nowMs Timestamp for a record that has none.
   */
  prepare(input: RecordInput, nowMs: number): void {
    this.timestamp = nowMs;
    this.isTimed = false;
    this.partition = -1;
    this.key = null;
    this.headers = NO_HEADERS;
    if (typeof input === "string") {
      this.value = this.#encode(input, 0);
      this.payloadBytes = this.value.length;
    } else if (input instanceof Uint8Array) {
      this.value = input;
      this.payloadBytes = input.length;
    } else {
      this.#prepareRecord(input);
    }
  }

  #prepareRecord({ key, value, headers, timestamp, partition }: ProducerRecord): void {
    let at = 0;
    if (typeof key === "string") {
      // Growing the scratch for the value would leave the key in the old one, which is still valid memory.
      this.key = this.#encode(key, 0);
      at = this.key.length;
    } else if (key !== undefined) {
      this.key = key;
    }
    this.value = typeof value === "string" ? this.#encode(value, at) : value;
    this.payloadBytes = (this.key?.length ?? 0) + (this.value?.length ?? 0);
    if (timestamp !== undefined) {
      this.timestamp = typeof timestamp === "number" ? timestamp : timestamp.getTime();
      this.isTimed = true;
    }
    if (partition !== undefined) this.partition = partition;
    if (headers !== undefined) this.headers = encodeHeaders(headerEntries(headers));
  }

  #encode(text: string, at: number): Uint8Array {
    const mostBytes = text.length * UTF8_BYTES_PER_UNIT;
    if (at + mostBytes > this.#scratch.length) {
      // A record is at most batchMaxBytes, so this stays bounded; a long one does not keep its scratch.
      if (mostBytes > 1024 * 1024) return encoder.encode(text);
      this.#scratch = new Uint8Array(2 * (at + mostBytes));
      at = 0;
    }
    const { written } = encoder.encodeInto(text, at === 0 ? this.#scratch : this.#scratch.subarray(at));
    return this.#scratch.subarray(at, at + written);
  }
}

/**
 * Checks one input before anything of its call is accepted.
 *
 * @param input What the caller passed.
 * @param batchMaxBytes Most bytes of an encoded batch.
 * @throws {TypeError} For a value of the wrong type, naming the field.
 * @throws {RangeError} For a record that cannot fit a batch, naming its size and the limit, or a bad timestamp or
 * partition.
 */
export function checkInput(input: unknown, batchMaxBytes: number): asserts input is RecordInput {
  if (isPlainAndSmall(input, batchMaxBytes)) return;
  if (typeof input === "string") {
    checkSize({ keyBytes: -1, valueBytes: byteLength(input), headersBytes: 1 }, batchMaxBytes);
  } else if (input instanceof Uint8Array) {
    checkSize({ keyBytes: -1, valueBytes: input.length, headersBytes: 1 }, batchMaxBytes);
  } else {
    checkRecord(input, batchMaxBytes);
  }
}

/** Whether an input is a value alone that fits a batch in any case: nearly all are, so hot loops ask this first. */
export function isPlainAndSmall(input: unknown, batchMaxBytes: number): input is string | Uint8Array {
  const roomBytes = batchMaxBytes - MOST_FRAMING_BYTES;
  if (typeof input === "string") return input.length * UTF8_BYTES_PER_UNIT <= roomBytes;
  return input instanceof Uint8Array && input.length <= roomBytes;
}

/**
 * An error of {@linkcode checkInput} that says which record of an array it is about.
 *
 * @param error The error.
 * @param index Of the record.
 * @param count How many there are; a single one needs no place.
 */
export function placed(error: Error, index: number, count: number): Error {
  if (count > 1) error.message += `; it has index ${index} in the array`;
  return error;
}

/** Bytes of a record's parts, -1 for null. */
interface PartSizes {
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** Encoded, with their count. */
  readonly headersBytes: number;
}

/** The exact size of the record as the only one of a batch, against the largest batch. */
function checkSize({ keyBytes, valueBytes, headersBytes }: PartSizes, batchMaxBytes: number): void {
  const bodyBytes = 3 + lengthAndBytes(keyBytes) + lengthAndBytes(valueBytes) + headersBytes; // attributes, two deltas
  const bytes = RECORD_BATCH_OVERHEAD_BYTES + varintBytes(bodyBytes) + bodyBytes;
  if (bytes <= batchMaxBytes) return;
  const payloadBytes = Math.max(keyBytes, 0) + Math.max(valueBytes, 0);
  throw new RecordTooLargeError(
    `Cannot accept a record of ${payloadBytes} bytes: encoded it takes ${bytes}, more than "batchMaxBytes" ${batchMaxBytes}`,
    { bytes, maxBytes: batchMaxBytes },
  );
}

/** A part with its length before it. */
function lengthAndBytes(bytes: number): number {
  return varintBytes(bytes) + Math.max(bytes, 0);
}

function checkRecord(input: unknown, batchMaxBytes: number): void {
  if (typeof input !== "object" || input === null || Array.isArray(input) || ArrayBuffer.isView(input)) {
    throw new TypeError(
      `Cannot accept a record: it must be a string, a Uint8Array or { value }, not ${describe(input)}`,
    );
  }
  const { key = null, value, headers, timestamp, partition } = input as ProducerRecord;
  if (value === undefined) {
    throw new TypeError(`Cannot accept a record: "value" is missing (null is a tombstone); ${describeFields(input)}`);
  }
  const valueBytes = checkBytes("value", value);
  const keyBytes = checkBytes("key", key);
  const headersBytes = headers === undefined ? 1 : checkHeaders(headers);
  if (timestamp !== undefined) checkTimestamp(timestamp);
  if (partition !== undefined && (!Number.isInteger(partition) || partition < 0)) {
    const error = typeof partition === "number" ? RangeError : TypeError;
    throw new error(`Cannot accept a record: "partition" must be a partition id, not ${describe(partition)}`);
  }
  if (keyBytes + valueBytes + headersBytes > batchMaxBytes - MOST_FRAMING_BYTES) {
    checkSize({ keyBytes, valueBytes, headersBytes }, batchMaxBytes);
  }
}

/** Bytes of a part of a record, -1 for null. */
function checkBytes(name: string, value: Bytes | null): number {
  if (value === null) return -1;
  if (typeof value === "string") return byteLength(value);
  if (value instanceof Uint8Array) return value.length;
  throw new TypeError(
    `Cannot accept a record: "${name}" must be a string, a Uint8Array or null, not ${describe(value)}`,
  );
}

/** Bytes of headers, encoded with their count. */
function checkHeaders(headers: RecordHeaders): number {
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(
      `Cannot accept a record: "headers" must be an object or a list of pairs, not ${describe(headers)}`,
    );
  }
  let bytes = 0;
  let count = 0;
  for (const entry of headerEntries(headers)) {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== "string") {
      throw new TypeError(`Cannot accept a record: "headers" must hold [name, value] pairs, not ${describe(entry)}`);
    }
    count++;
    bytes += lengthAndBytes(byteLength(entry[0])) + lengthAndBytes(checkBytes(`headers.${entry[0]}`, entry[1]));
  }
  return varintBytes(count) + bytes;
}

function checkTimestamp(timestamp: number | Date): void {
  if (typeof timestamp !== "number" && !(timestamp instanceof Date)) {
    throw new TypeError(`Cannot accept a record: "timestamp" must be a number or a Date, not ${describe(timestamp)}`);
  }
  const ms = typeof timestamp === "number" ? timestamp : timestamp.getTime();
  // Kafka reads a negative timestamp as "none" (NO_TIMESTAMP is -1) and refuses others below zero.
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw new RangeError(`Cannot accept a record: "timestamp" must be whole milliseconds since 1970, not ${ms}`);
  }
}

function headerEntries(headers: RecordHeaders): Iterable<readonly [string, Bytes | null]> {
  return Symbol.iterator in headers ? headers as readonly (readonly [string, Bytes | null])[] : Object.entries(headers);
}

function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 2; // Two units become four bytes.
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/** A misspelt field is found by what there is instead. */
function describeFields(input: object): string {
  const names = Object.keys(input).slice(0, MOST_FIELDS_NAMED).map(quote);
  return names.length === 0 ? "there is no field" : `there is ${names.join(", ")}`;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object" && ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  return quote(value);
}
