/**
 * Batch buffers, used again: a fresh megabyte costs more to zero and to fault in than a batch costs to fill.
 *
 * @module
 */

/** Smallest buffer, and the first a batch gets. */
export const SMALLEST_BUFFER_BYTES = 4096;

/** Keeps buffers of powers of two for reuse, up to a bound. */
export class BufferPool {
  readonly #maxBytes: number;
  /** By the exponent of the size. */
  readonly #free: Uint8Array[][] = [];
  #heldBytes = 0;

  /** @param maxBytes Most bytes of unused buffers that are kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of unused buffers that are kept now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Size to begin with where `likelyBytes` may well be needed: growing costs a copy at every doubling. Only a buffer
   * that lies here unused is worth it; a new one would take memory for records that may never come.
   */
  firstBytes(likelyBytes: number): number {
    const exponent = exponentOf(likelyBytes);
    return (this.#free[exponent]?.length ?? 0) > 0 ? 2 ** exponent : SMALLEST_BUFFER_BYTES;
  }

  /** A buffer of at least `minBytes`, its contents unspecified. */
  readonly allocate = (minBytes: number): Uint8Array => {
    const exponent = exponentOf(minBytes);
    const buffer = this.#free[exponent]?.pop();
    if (buffer === undefined) return new Uint8Array(2 ** exponent);
    this.#heldBytes -= buffer.length;
    return buffer;
  };

  /** Takes back a buffer that nothing reads or writes any more. */
  readonly release = (buffer: Uint8Array): void => {
    const exponent = Math.log2(buffer.length);
    // Others' buffers and odd sizes are left to the garbage collector.
    if (!Number.isInteger(exponent) || this.#heldBytes + buffer.length > this.#maxBytes) return;
    this.#heldBytes += buffer.length;
    (this.#free[exponent] ??= []).push(buffer);
  };
}

/** Of the smallest power of two, 4 KiB at least, that holds `bytes`. */
function exponentOf(bytes: number): number {
  return 32 - Math.clz32(Math.max(bytes, SMALLEST_BUFFER_BYTES) - 1);
}
