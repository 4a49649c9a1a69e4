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

  /** A buffer of at least `minBytes`, its contents unspecified. */
  readonly allocate = (minBytes: number): Uint8Array => {
    const exponent = Math.max(Math.ceil(Math.log2(Math.max(minBytes, SMALLEST_BUFFER_BYTES))), 12);
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
