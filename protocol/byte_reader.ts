/**
 * Reads Kafka's primitive types from bytes that nobody vouches for.
 *
 * Hot path: `bench/codec_bench.ts`.
 *
 * @module
 */

import { ProtocolError } from "./errors.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to this length a loop is quicker than a call to the platform's decoder. */
const SHORT_STRING_MAX_BYTES = 48;

/** What the bytes are meant to be, for error messages. */
export interface ByteReaderContext {
  /** Name of the message, e.g. `"ProduceResponse"`. */
  api?: string | undefined;
  /** Its version. */
  version?: number | undefined;
}

/**
 * A cursor over bytes, big-endian. Every read checks that the bytes are there: hostile lengths and counts end in a
 * `ProtocolError` and allocate nothing.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #context: ByteReaderContext;
  #offset = 0;

  /**
   * A cursor at the first byte.
   *
   * @param bytes What to read. Views handed out by {@linkcode readBytes} share its memory.
   * @param context What the bytes are meant to be, for error messages.
   */
  constructor(bytes: Uint8Array, context: ByteReaderContext = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#context = context;
  }

  /** Offset of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /**
   * The same bytes from the same place, under another name in errors.
   *
   * @param context What the bytes that follow are meant to be.
   * @returns A new reader; this one does not move with it.
   */
  as(context: ByteReaderContext): ByteReader {
    const reader = new ByteReader(this.#bytes, context);
    reader.#offset = this.#offset;
    return reader;
  }

  /**
   * Reads one byte.
   *
   * @returns -128 to 127.
   */
  readInt8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  /**
   * Reads two bytes.
   *
   * @returns -32768 to 32767.
   */
  readInt16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  /**
   * Reads two bytes.
   *
   * @returns 0 to 65535.
   */
  readUint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  /**
   * Reads four bytes.
   *
   * @returns -2147483648 to 2147483647.
   */
  readInt32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /**
   * Reads four bytes.
   *
   * @returns 0 to 4294967295.
   */
  readUint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /**
   * Reads eight bytes.
   *
   * @returns A signed integer of 64 bits.
   */
  readInt64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  /**
   * Reads eight bytes.
   *
   * @returns A double.
   */
  readFloat64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /**
   * Reads one byte.
   *
   * @returns False for zero, true for anything else, as Kafka has it.
   */
  readBoolean(): boolean {
    return this.readInt8() !== 0;
  }

  /**
   * Reads a base-128 integer of at most five bytes.
   *
   * @returns 0 to 4294967295.
   */
  readUnsignedVarint(): number {
    const start = this.#offset;
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.#byte();
    if (last > 0x0f) throw this.error("a varint has more than 32 bits", start);
    return (value | (last << 28)) >>> 0;
  }

  /**
   * Reads a zigzag base-128 integer of at most five bytes.
   *
   * @returns -2147483648 to 2147483647.
   */
  readVarint(): number {
    const raw = this.readUnsignedVarint();
    return (raw >>> 1) ^ -(raw & 1);
  }

  /**
   * Reads a zigzag base-128 integer of at most ten bytes.
   *
   * @returns A signed integer of 64 bits.
   */
  readVarlong(): bigint {
    const start = this.#offset;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1));
    }
    let raw = BigInt(low);
    for (let shift = 28n; shift < 63n; shift += 7n) {
      const byte = this.#byte();
      raw |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (raw >> 1n) ^ -(raw & 1n);
    }
    const last = this.#byte();
    if (last > 1) throw this.error("a varlong has more than 64 bits", start);
    raw |= BigInt(last) << 63n;
    return (raw >> 1n) ^ -(raw & 1n);
  }

  /**
   * Checks a count of elements before anything is made for them.
   *
   * @param count As read.
   * @param minElementBytes The least that one element takes; taken as 1 when less, so that a count never exceeds the bytes.
   * @returns The count.
   * @throws {ProtocolError} If the rest of the bytes cannot hold that many.
   */
  checkCount(count: number, minElementBytes = 1): number {
    if (count < 0) throw this.error(`a count is ${count}`);
    if (count * Math.max(1, minElementBytes) > this.remaining) {
      throw this.error(`${count} elements do not fit into the ${this.remaining} bytes left`);
    }
    return count;
  }

  /**
   * Reads raw bytes.
   *
   * @param length How many.
   * @returns A view, not a copy.
   */
  readBytes(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /**
   * Reads text. Bytes that are not UTF-8 become U+FFFD, as in Kafka's own clients.
   *
   * @param length How many bytes.
   * @returns The text.
   */
  readUtf8(length: number): string {
    const start = this.#take(length);
    if (length > SHORT_STRING_MAX_BYTES) return decoder.decode(this.#bytes.subarray(start, start + length));
    let text = "";
    for (let at = start; at < start + length; at++) {
      const byte = this.#bytes[at]!;
      if (byte >= 0x80) return decoder.decode(this.#bytes.subarray(start, start + length));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /**
   * Moves on.
   *
   * @param length How many bytes.
   */
  skip(length: number): void {
    this.#take(length);
  }

  /** Throws a `ProtocolError` unless everything was read. */
  expectEnd(): void {
    if (this.remaining !== 0) throw this.error(`${this.remaining} bytes follow its end`);
  }

  /**
   * An error that says what is being read, and where.
   *
   * @param state What is wrong.
   * @param offset Where; the current offset if left out.
   * @returns The error, to be thrown.
   */
  error(state: string, offset: number = this.#offset): ProtocolError {
    const { api, version } = this.#context;
    const subject = api === undefined ? "bytes" : version === undefined ? api : `${api} v${version}`;
    return new ProtocolError(`Cannot read ${subject}: ${state} (offset ${offset})`, { api, version, offset });
  }

  #byte(): number {
    if (this.#offset >= this.#bytes.length) throw this.#short(1);
    return this.#bytes[this.#offset++]!;
  }

  /** Moves on by `length` bytes and returns where they start. */
  #take(length: number): number {
    const start = this.#offset;
    // A negative or fractional length must not move the cursor backwards or between bytes.
    if (!(length >= 0 && length <= this.#bytes.length - start)) throw this.#short(length);
    this.#offset = start + length;
    return start;
  }

  #short(length: number): ProtocolError {
    return this.error(length < 0 ? `a length is ${length}` : `${length} bytes needed, ${this.remaining} left`);
  }
}
