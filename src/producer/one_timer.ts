/**
 * One pending call at most.
 *
 * @module
 */

import type { TimerHandle, Timers } from "../timers.ts";

/** A timer that is set or not. */
export class OneTimer {
  readonly #timers: Timers;
  readonly #callback: () => void;
  #handle: TimerHandle | null = null;

  /**
   * Not set yet.
   *
   * @param timers Clock and timers.
   * @param callback Called when the time is over; by then it is not set any more.
   */
  constructor(timers: Timers, callback: () => void) {
    this.#timers = timers;
    this.#callback = callback;
  }

  /** Sets it, unless it is set already. */
  set(ms: number): void {
    this.#handle ??= this.#timers.set(() => {
      this.#handle = null;
      this.#callback();
    }, ms);
  }

  /** The same, with a timer that keeps no process alive. */
  setUnref(ms: number): void {
    if (this.#handle !== null) return;
    this.set(ms);
    this.#timers.unref(this.#handle!);
  }

  /** Forgets it. */
  clear(): void {
    if (this.#handle !== null) this.#timers.clear(this.#handle);
    this.#handle = null;
  }
}
