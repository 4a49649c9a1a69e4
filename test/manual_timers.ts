/**
 * Time driven by hand.
 *
 * @module
 */

import type { TimerHandle, Timers } from "../src/timers.ts";

interface ManualTimer {
  readonly callback: () => void;
  readonly atMs: number;
  isRef: boolean;
}

/** Clock and timers of a test: nothing happens until {@linkcode ManualTimers.advance}. Both clocks start at `startMs`. */
export class ManualTimers implements Timers {
  #nowMs: number;
  /** In the order of their making. */
  readonly #pending = new Set<ManualTimer>();

  /** @param startMs First reading of both clocks. */
  constructor(startMs = 1_000) {
    this.#nowMs = startMs;
  }

  /** How many timers are pending. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** How many pending timers would keep a process alive. */
  get refCount(): number {
    return [...this.#pending].filter((timer) => timer.isRef).length;
  }

  /** Milliseconds until the next timer is due, Infinity without any. */
  get nextInMs(): number {
    return Math.min(...[...this.#pending].map((timer) => timer.atMs)) - this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  set(callback: () => void, ms: number): TimerHandle {
    const timer = { callback, atMs: this.#nowMs + Math.max(ms, 0), isRef: true };
    this.#pending.add(timer);
    return timer;
  }

  clear(handle: TimerHandle): void {
    this.#pending.delete(handle as ManualTimer);
  }

  unref(handle: TimerHandle): void {
    (handle as ManualTimer).isRef = false;
  }

  ref(handle: TimerHandle): void {
    (handle as ManualTimer).isRef = true;
  }

  /**
   * Lets `ms` milliseconds go by: fires what falls due, in order, and lets everything that is ready run before, between
   * and after.
   */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const timer = this.#earliest();
      if (timer === undefined || timer.atMs > endMs) break;
      this.#pending.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.callback();
      await settled();
    }
    this.#nowMs = endMs;
  }

  #earliest(): ManualTimer | undefined {
    let earliest: ManualTimer | undefined;
    for (const timer of this.#pending) {
      if (earliest === undefined || timer.atMs < earliest.atMs) earliest = timer;
    }
    return earliest;
  }
}

/** Lets every promise that is ready, and every stream or memory connection between them, come to rest. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
