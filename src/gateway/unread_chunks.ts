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

/** What a body may have beside what was read of it, in any case: whoever sends little is not who makes it much. */
export const FREE_BYTES = 4 * READ_BYTES;

/** Counts for all bodies together. */
export class UnreadChunksGauge {
  readonly #maxBytes: number;
  readonly #nativeBytes: () => number;
  /** That memory without what is kept, as far as that is known. */
  #baseBytes: number;
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
   * A body in chunks was read.
   *
   * @param besideBytes What the read may have taken from its socket beside what it brought.
   * @param ownBytes The same of all reads of this body.
   * @throws {GatewayError} When too much is kept.
   */
  note(besideBytes: number, ownBytes: number): void {
    this.#bytes += besideBytes;
    if (this.#bytes < this.#maxBytes) return;
    const nativeBytes = this.#nativeBytes();
    this.#baseBytes = Math.min(this.#baseBytes, nativeBytes);
    // Much less, where clients are slow: their sockets had nothing to take.
    this.#bytes = nativeBytes - this.#baseBytes;
    if (this.#bytes < this.#maxBytes || ownBytes <= FREE_BYTES) return;
    // If it has grown for another reason, this is the only body that has to suffer for it.
    this.#baseBytes = nativeBytes;
    this.#bytes = 0;
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
