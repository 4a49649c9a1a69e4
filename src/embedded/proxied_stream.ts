/**
 * One direction of a proxied connection.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import type { Duplex } from "../transport.ts";
import { sleep } from "./sleep.ts";
import type { CutEnd, StreamFaults } from "./stream_faults.ts";

const CHUNK_BYTES = 65_536;
/** Most that is read ahead of what may be written: bytes that are delayed. */
const MAX_QUEUED_BYTES = 1_048_576;
/** How often a slow stream moves on. */
const PACE_MS = 20;

/** What a stream needs. */
export interface ProxiedStreamOptions {
  /** Where bytes come from. */
  source: Duplex;
  /** Where they go. */
  sink: Duplex;
  /** What is done to them. */
  faults: StreamFaults;
  /** Clock. */
  timers: Timers;
  /** Aborted when the connection ends. */
  signal: AbortSignal;
  /** Whether bytes are swallowed. */
  isDeaf: () => boolean;
  /** Called when a cut ends the connection. */
  onCut: (end: CutEnd) => void;
}

/** Reads, waits as the faults say, and writes. */
export class ProxiedStream {
  readonly #options: ProxiedStreamOptions;
  #passedBytes = 0;
  #queuedBytes = 0;

  /** @param options From where to where, and what is done on the way. */
  constructor(options: ProxiedStreamOptions) {
    this.#options = options;
  }

  /** How many bytes have been written so far. */
  get passedBytes(): number {
    return this.#passedBytes;
  }

  /** Resolves when the source has ended and everything of it is written. Rejects when a socket fails or is closed. */
  async run(): Promise<void> {
    const { source, faults, timers, signal } = this.#options;
    let passing: Promise<void> = Promise.resolve();
    const buffer = new Uint8Array(CHUNK_BYTES);
    while (!signal.aborted) {
      await this.#gate();
      const count = await source.read(buffer);
      if (count === null) break;
      this.#queuedBytes += count;
      const dueMs = timers.now() + faults.delayMs;
      // A copy of just what came: were each read to keep the whole buffer, a queue of small answers that are delayed would
      // hold hundreds of times the memory that is counted here.
      const chunk = buffer.slice(0, count);
      passing = passing.then(() => this.#pass(chunk, dueMs));
      passing.catch(() => {}); // Awaited below.
      if (this.#queuedBytes >= MAX_QUEUED_BYTES || faults.bytesPerSecond < Infinity) await passing;
    }
    await passing;
  }

  /** Waits while the direction is stalled, unless the connection ends. */
  async #gate(): Promise<void> {
    const { faults, signal } = this.#options;
    while (faults.gate !== undefined && !signal.aborted) {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const onAbort = () => resolve();
      signal.addEventListener("abort", onAbort);
      await Promise.race([faults.gate, ended]);
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #pass(bytes: Uint8Array, dueMs: number): Promise<void> {
    const { faults, timers, signal, isDeaf, onCut } = this.#options;
    const waitMs = dueMs - timers.now();
    if (waitMs > 0) await sleep(waitMs, { timers, signal });
    for (let at = 0; at < bytes.length;) {
      await this.#gate();
      if (signal.aborted || isDeaf()) break;
      const room = faults.roomOf(this, this.#passedBytes);
      const rate = faults.bytesPerSecond;
      const paceBytes = Math.max(1, Math.floor(rate * PACE_MS / 1_000));
      const count = Math.min(bytes.length - at, room?.bytes ?? Infinity, paceBytes);
      await this.#write(bytes.subarray(at, at + count));
      at += count;
      if (room !== undefined && count === room.bytes) {
        faults.used(room.cut);
        onCut(room.cut.end);
      } else if (rate < Infinity) {
        await sleep(count / rate * 1_000, { timers, signal });
      }
    }
    this.#queuedBytes -= bytes.length;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const count = await this.#options.sink.write(bytes.subarray(written));
      written += count;
      this.#passedBytes += count;
    }
  }
}
