/**
 * A bound on what `Deno.serve` keeps of bodies that come in chunks faster than they are read.
 *
 * With each read Deno (2.9.6) first takes as many bytes from the socket as the read may bring, and then hands out no more
 * than the rest of one chunk. While the client is the faster one, what it has taken and not handed out grows with every
 * end of a chunk. How much that is nobody tells; it can be no more than all reads could have taken in beside what they
 * brought, and no more than the process's memory outside of V8 has grown.
 *
 * @module
 */

import { GatewayError } from "./gateway_error.ts";

/** What a read of a request's body may bring. */
export const READ_BYTES = 64 * 1024;

/** Counts for all bodies together. */
export class UnreadChunksGauge {
  readonly #maxBytes: number;
  readonly #nativeBytes: () => number;
  readonly #baseBytes: number;
  /** What may be kept at most. */
  #bytes = 0;

  /**
   * @param maxBytes Most bytes that may be kept.
   * @param nativeBytes Memory of the process that V8 does not know of.
   */
  constructor(maxBytes: number, nativeBytes: () => number = processNativeBytes) {
    this.#maxBytes = maxBytes;
    this.#nativeBytes = nativeBytes;
    this.#baseBytes = nativeBytes();
  }

  /**
   * A read has brought `bytes` of a body in chunks.
   *
   * @throws {GatewayError} When too much is kept.
   */
  note(bytes: number): void {
    this.#bytes += Math.max(0, READ_BYTES - bytes);
    if (this.#bytes < this.#maxBytes) return;
    // Much less, where clients are slow: their sockets had nothing to take.
    this.#bytes = Math.max(0, this.#nativeBytes() - this.#baseBytes);
    if (this.#bytes < this.#maxBytes) return;
    throw new GatewayError(
      "OVERLOADED",
      `Cannot read on: bodies in chunks come faster than they are read, and ${this.#maxBytes} bytes of them wait already; ` +
        "one with content-length can wait in its socket",
    );
  }
}

function processNativeBytes(): number {
  const { rss, heapTotal, external } = Deno.memoryUsage();
  return rss - heapTotal - external;
}
