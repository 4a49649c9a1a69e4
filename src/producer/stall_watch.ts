/**
 * Looks after requests that stay unanswered: a broker that is frozen or cut off says nothing, for ever.
 *
 * @module
 */

import type { TimerHandle, Timers } from "../timers.ts";

/** How long a request may stay unanswered before it is looked into, in milliseconds. */
export const STALL_MS = 3_000;

/** How often it is looked into again, in milliseconds: who leads its partitions may be known any moment. */
export const STALL_AGAIN_MS = 300;

/** Calls back while something watched is older than {@linkcode STALL_MS}, again every {@linkcode STALL_AGAIN_MS}. */
export class StallWatch<T> {
  readonly #timers: Timers;
  readonly #onStalled: (stalled: readonly T[]) => void;
  /** What is watched, and since when, oldest first. */
  readonly #watched = new Map<T, number>();
  #timer: TimerHandle | null = null;

  /**
   * Watches nothing yet.
   *
   * @param timers Clock and timers.
   * @param onStalled Told of everything that is that old.
   */
  constructor(timers: Timers, onStalled: (stalled: readonly T[]) => void) {
    this.#timers = timers;
    this.#onStalled = onStalled;
  }

  /** Watches something from now on. */
  begin(what: T): void {
    this.#watched.set(what, this.#timers.now());
    if (this.#timer === null) this.#timer = this.#timers.set(() => this.#look(), STALL_MS);
    else if (this.#watched.size === 1) this.#timers.ref(this.#timer);
  }

  /** It is over. The timer, which many short requests share, stays, and does not keep the process alive. */
  end(what: T): void {
    this.#watched.delete(what);
    if (this.#watched.size === 0 && this.#timer !== null) this.#timers.unref(this.#timer);
  }

  /** Whether something watched is that old. */
  isStalled(what: T): boolean {
    return this.#timers.now() - (this.#watched.get(what) ?? Infinity) >= STALL_MS;
  }

  /** Watches nothing more. */
  close(): void {
    this.#watched.clear();
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    this.#timer = null;
    if (this.#watched.size === 0) return;
    const now = this.#timers.now();
    const stalled = [...this.#watched.keys()].filter((what) => this.isStalled(what));
    const oldest = this.#watched.values().next().value ?? now;
    const nextMs = stalled.length > 0 ? STALL_AGAIN_MS : Math.max(1, STALL_MS - (now - oldest));
    this.#timer = this.#timers.set(() => this.#look(), nextMs);
    if (stalled.length > 0) this.#onStalled(stalled);
  }
}
