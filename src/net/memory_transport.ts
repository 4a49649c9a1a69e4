/**
 * Connections within the process: tests and examples need no permission and no port.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { Address } from "./address.ts";
import type { Duplex, Transport } from "./transport.ts";

/** Bytes one direction holds before its writer waits, as a socket's buffers do. */
const DEFAULT_CAPACITY_BYTES = 65_536;

/**
 * Makes the two ends of one connection. What one writes the other reads, in order; a full direction keeps its writer
 * waiting. Closing an end settles its own reads and writes with an error, lets the other end read what was written and
 * then the end, and fails the other end's writes.
 *
 * @param options `capacityBytes` of each direction, 65536 by default.
 */
export function memoryPair(options: { capacityBytes?: number } = {}): [Duplex, Duplex] {
  const capacityBytes = options.capacityBytes ?? DEFAULT_CAPACITY_BYTES;
  const there = new MemoryPipe(capacityBytes);
  const back = new MemoryPipe(capacityBytes);
  return [new MemoryDuplex(back, there), new MemoryDuplex(there, back)];
}

/**
 * Makes a {@linkcode Transport} whose connections end in `accept`.
 *
 * @param accept Takes the broker's end of each connection; when it throws or rejects, so does the dial.
 * @param options As for {@linkcode memoryPair}.
 */
export function memoryTransport(
  accept: (duplex: Duplex, to: Address) => void | Promise<void>,
  options: { capacityBytes?: number } = {},
): Transport {
  return async (to, { signal }) => {
    signal.throwIfAborted();
    const [near, far] = memoryPair(options);
    const accepted = accept(far, to);
    if (accepted !== undefined) await abortable(accepted, signal);
    return near;
  };
}

/** Wakes whoever waits for something to change. */
class Change {
  #waiting: PromiseWithResolvers<void> | undefined;

  next(): Promise<void> {
    return (this.#waiting ??= Promise.withResolvers<void>()).promise;
  }

  happened(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}

/** One direction: a ring of bytes. */
class MemoryPipe {
  readonly #ring: Uint8Array;
  readonly #change = new Change();
  #start = 0;
  #length = 0;
  #isEnded = false;
  #isBroken = false;

  constructor(capacityBytes: number) {
    this.#ring = new Uint8Array(capacityBytes);
  }

  async read(into: Uint8Array, isClosed: () => boolean): Promise<number | null> {
    while (this.#length === 0) {
      if (isClosed()) throw new Error("Cannot read: the connection is closed");
      if (this.#isEnded) return null;
      await this.#change.next();
    }
    if (isClosed()) throw new Error("Cannot read: the connection is closed");
    const count = Math.min(into.length, this.#length, this.#ring.length - this.#start);
    into.set(this.#ring.subarray(this.#start, this.#start + count));
    this.#start = (this.#start + count) % this.#ring.length;
    this.#length -= count;
    this.#change.happened();
    return count;
  }

  async write(bytes: Uint8Array, isClosed: () => boolean): Promise<number> {
    if (bytes.length === 0) return 0;
    for (;;) {
      if (isClosed()) throw new Error("Cannot write: the connection is closed");
      if (this.#isBroken) throw new Error("Cannot write: the other end is closed");
      if (this.#length < this.#ring.length) break;
      await this.#change.next();
    }
    const end = (this.#start + this.#length) % this.#ring.length;
    const count = Math.min(bytes.length, this.#ring.length - this.#length, this.#ring.length - end);
    this.#ring.set(bytes.subarray(0, count), end);
    this.#length += count;
    this.#change.happened();
    return count;
  }

  /** The writer went away. */
  end(): void {
    this.#isEnded = true;
    this.#change.happened();
  }

  /** The reader went away. */
  break(): void {
    this.#isBroken = true;
    this.#length = 0;
    this.#change.happened();
  }
}

/** One end. */
class MemoryDuplex implements Duplex {
  readonly #incoming: MemoryPipe;
  readonly #outgoing: MemoryPipe;
  #isClosed = false;

  constructor(incoming: MemoryPipe, outgoing: MemoryPipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#incoming.read(into, () => this.#isClosed);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#outgoing.write(bytes, () => this.#isClosed);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outgoing.end();
    this.#incoming.break();
  }
}
