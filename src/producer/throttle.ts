/**
 * How long a broker wants no more requests.
 *
 * @see {@link https://cwiki.apache.org/confluence/x/4YOHB KIP-219}
 * @module
 */

import type { TimerHandle, Timers } from "../timers.ts";

/** The broker has answered, and wants no more for a time. */
export class Throttle {
  readonly #timers: Timers;
  readonly #onOver: () => void;
  #untilMs = 0;
  #timer: TimerHandle | null = null;

  /**
   * Nothing is held back.
   *
   * @param timers Clock and timers.
   * @param onOver Called when the time is over.
   */
  constructor(timers: Timers, onOver: () => void) {
    this.#timers = timers;
    this.#onOver = onOver;
  }

  /** Whether nothing may be sent at `nowMs`. */
  isMute(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** Holds back for `ms`, or longer when an earlier answer asked for more. */
  mute(ms: number): void {
    const untilMs = this.#timers.now() + ms;
    if (untilMs <= this.#untilMs) return;
    this.close();
    this.#untilMs = untilMs;
    this.#timer = this.#timers.set(() => {
      this.#timer = null;
      this.#onOver();
    }, ms);
  }

  /** Stops the timer. */
  close(): void {
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#timer = null;
  }
}
