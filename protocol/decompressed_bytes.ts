/**
 * Where decompressed bytes are gathered: within a bound, whatever the compressed ones claim.
 *
 * @module
 */

import { ProtocolError } from "./errors.ts";

/** A buffer that grows by doubling up to a limit. */
export class DecompressedBytes {
  /** The bytes so far, and room behind them. */
  buffer: Uint8Array;
  /** How many there are. */
  length = 0;
  readonly #codec: string;
  readonly #maxBytes: number;

  /**
   * @param codec Named in errors.
   * @param expectedBytes Size to begin with.
   * @param maxBytes Most bytes there may be.
   */
  constructor(codec: string, expectedBytes: number, maxBytes: number) {
    this.#codec = codec;
    this.#maxBytes = maxBytes;
    this.buffer = new Uint8Array(Math.min(expectedBytes, maxBytes));
  }

  /**
   * Makes room for that many more bytes.
   *
   * @throws {ProtocolError} When they would be too many.
   */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    if (needed > this.#maxBytes) throw compressionError(this.#codec, tooLarge(this.#maxBytes));
    const grown = new Uint8Array(Math.min(Math.max(needed, this.buffer.length * 2), this.#maxBytes));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  /** Copies bytes behind the others. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /**
   * Repeats bytes that came before: they may overlap those that are written. Room must have been reserved.
   *
   * @throws {ProtocolError} When that lies before the first byte.
   */
  repeat(distance: number, count: number): void {
    const { buffer, length } = this;
    if (distance < 1 || distance > length) throw compressionError(this.#codec, `a copy reaches back ${distance} bytes`);
    if (distance >= count) buffer.copyWithin(length, length - distance, length - distance + count);
    else for (let to = length; to < length + count; to++) buffer[to] = buffer[to - distance]!;
    this.length += count;
  }

  /** A view of the bytes. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}

/** The error of bytes that cannot be decompressed. */
export function compressionError(codec: string, state: string, cause?: unknown): ProtocolError {
  const message = `Cannot decompress ${codec}: ${state}`;
  return new ProtocolError(message, {
    api: "RecordBatch",
    version: 2,
    offset: 0,
    ...(cause !== undefined && { cause }),
  });
}

/** What is wrong with bytes that become too many. */
export function tooLarge(maxBytes: number): string {
  return `it holds more than ${maxBytes} bytes`;
}
