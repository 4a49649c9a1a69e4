/**
 * Walks the records of a batch without making an object for each. Benchmark: `bench/record_batch_bench.ts`.
 *
 * @see https://kafka.apache.org/documentation/#record
 * @module
 */

import { ProtocolError } from "./errors.ts";
import { MIN_RECORD_BYTES } from "./record_batch_layout.ts";

/** What {@link RecordCursor} walks. */
export interface RecordCursorOptions {
  /** Index of the first record's first byte. */
  start: number;
  /** Index after the last record's last byte. */
  end: number;
  /** How many records there must be. */
  count: number;
}

/**
 * A position in a batch's records. {@link RecordCursor.next} moves it to the next record and fills the fields, all of
 * them indexes into the bytes. Nothing is believed: each length is checked against what is left.
 */
export class RecordCursor {
  /** Number of the record, from 0; -1 before the first. */
  index: number = -1;
  /** Index of the record's first byte: of its length. */
  start = 0;
  /** Index of the timestamp delta's first byte. */
  timestampStart = 0;
  /** Milliseconds since the batch's base timestamp. */
  timestampDelta = 0;
  /** Index of the offset delta's first byte. */
  offsetStart = 0;
  /** Offset since the batch's base offset. */
  offsetDelta = 0;
  /** Index after the offset delta, where the key's length begins. */
  contentStart = 0;
  /** Index of the key's first byte. */
  keyStart = 0;
  /** Length of the key, -1 for null. */
  keyBytes = 0;
  /** Index of the value's first byte. */
  valueStart = 0;
  /** Length of the value, -1 for null. */
  valueBytes = 0;
  /** Index of the headers section. */
  headersStart = 0;
  /** Index after the record. */
  end: number;

  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #count: number;
  #position: number;

  /**
   * Stands before the first record.
   *
   * @param bytes Holds the records.
   * @param options Where they are.
   * @throws {ProtocolError} When that many records cannot be in that many bytes.
   */
  constructor(bytes: Uint8Array, options: RecordCursorOptions) {
    this.#bytes = bytes;
    this.#end = options.end;
    this.#count = options.count;
    this.#position = options.start;
    this.end = options.start;
    const bytesLeft = options.end - options.start;
    if (options.count < 0 || options.count * MIN_RECORD_BYTES > bytesLeft) {
      throw this.#error(`${options.count} records in ${bytesLeft} bytes`, options.start);
    }
  }

  /**
   * Moves to the next record.
   *
   * @returns False after the last one.
   * @throws {ProtocolError} When the bytes are no record, or bytes are left after the last one.
   */
  next(): boolean {
    const start = this.end;
    if (++this.index === this.#count) {
      if (start !== this.#end) throw this.#error(`${this.#end - start} bytes left after the last record`, start);
      return false;
    }
    this.start = start;
    this.#position = start;
    const length = this.#readVarint(this.#end);
    const end = this.#position + length;
    if (length < MIN_RECORD_BYTES - 1 || end > this.#end) throw this.#error(`record length is ${length}`, start);
    this.end = end;
    // The attributes byte has no meaning yet.
    this.timestampStart = ++this.#position;
    this.timestampDelta = this.#readVarlong(end);
    this.offsetStart = this.#position;
    this.offsetDelta = this.#readVarint(end);
    this.contentStart = this.#position;
    this.keyBytes = this.#readLength(end, "key");
    this.keyStart = this.#position;
    if (this.keyBytes > 0) this.#position += this.keyBytes;
    this.valueBytes = this.#readLength(end, "value");
    this.valueStart = this.#position;
    if (this.valueBytes > 0) this.#position += this.valueBytes;
    this.headersStart = this.#position;
    return true;
  }

  /** The key as a view of the bytes. */
  key(): Uint8Array | null {
    return this.#view(this.keyStart, this.keyBytes);
  }

  /** The value as a view of the bytes. */
  value(): Uint8Array | null {
    return this.#view(this.valueStart, this.valueBytes);
  }

  /**
   * The headers, values as views of the bytes.
   *
   * @throws {ProtocolError} When the bytes are no headers, or bytes are left after them.
   */
  headers(): [string, Uint8Array | null][] {
    const end = this.end;
    this.#position = this.headersStart;
    const count = this.#readVarint(end);
    // A header takes two bytes at least.
    if (count < 0 || count * 2 > end - this.#position) throw this.#error(`header count is ${count}`, this.headersStart);
    const headers: [string, Uint8Array | null][] = [];
    for (let i = 0; i < count; i++) {
      const nameStart = this.#position;
      const nameBytes = this.#readLength(end, "header name");
      if (nameBytes < 0) throw this.#error("header name is null", nameStart);
      const name = decoder.decode(this.#bytes.subarray(this.#position, this.#position + nameBytes));
      this.#position += nameBytes;
      const valueBytes = this.#readLength(end, "header value");
      headers.push([name, this.#view(this.#position, valueBytes)]);
      if (valueBytes > 0) this.#position += valueBytes;
    }
    if (this.#position !== end) {
      throw this.#error(`${end - this.#position} bytes left after the headers`, this.#position);
    }
    return headers;
  }

  #view(start: number, length: number): Uint8Array | null {
    return length < 0 ? null : this.#bytes.subarray(start, start + length);
  }

  #readLength(end: number, what: string): number {
    const start = this.#position;
    const length = this.#readVarint(end);
    if (length < -1 || length > end - this.#position) throw this.#error(`${what} length is ${length}`, start);
    return length;
  }

  #readVarint(end: number): number {
    const bytes = this.#bytes;
    let position = this.#position;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (position >= end) throw this.#error("a number is cut off", position);
      const byte = bytes[position++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) {
        this.#position = position;
        return (value >>> 1) ^ -(value & 1);
      }
    }
    throw this.#error("a varint has more than 5 bytes", this.#position);
  }

  #readVarlong(end: number): number {
    const bytes = this.#bytes;
    let position = this.#position;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (position >= end) throw this.#error("a number is cut off", position);
      const byte = bytes[position++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) {
        this.#position = position;
        return (value >>> 1) ^ -(value & 1);
      }
    }
    return this.#readLongVarlong(end);
  }

  #readLongVarlong(end: number): number {
    let position = this.#position;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (position >= end) throw this.#error("a number is cut off", position);
      const byte = this.#bytes[position++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        this.#position = position;
        value = BigInt.asUintN(64, value);
        return Number((value >> 1n) ^ -(value & 1n));
      }
    }
    throw this.#error("a varlong has more than 10 bytes", this.#position);
  }

  #error(state: string, offset: number): ProtocolError {
    return new ProtocolError(`Cannot read a record: ${state}`, { api: "Record", version: 2, offset });
  }
}

/** A byte order mark is part of a header's name, not decoration. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
