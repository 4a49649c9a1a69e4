/**
 * Whether a cluster's connections and timers keep the process alive.
 *
 * @module
 */

import type { TimerHandle, Timers } from "../timers.ts";

/** What can let go of the process and hold it again, as a connection can. */
export interface Referable {
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process end. */
  unref(): void;
}

/**
 * Counts reasons to stay alive and passes the change from none to one, and back, on to everything that is open: a
 * process whose producer has nothing to do can end without a call to `close()`.
 */
export class Liveness {
  /** Timers that keep the process alive only while there is a reason. */
  readonly timers: Timers;
  readonly #pending = new Set<TimerHandle>();
  readonly #open = new Set<Referable>();
  readonly #timers: Timers;
  #holdCount = 0;

  /**
   * Starts without a reason.
   *
   * @param timers What {@linkcode Liveness.timers} are made from.
   */
  constructor(timers: Timers) {
    this.#timers = timers;
    this.timers = {
      wallMs: () => timers.wallMs(),
      now: () => timers.now(),
      set: (callback, ms) => this.#set(callback, ms),
      clear: (handle) => {
        this.#pending.delete(handle);
        timers.clear(handle);
      },
      ref: (handle) => timers.ref(handle),
      unref: (handle) => timers.unref(handle),
    };
  }

  /** Whether there is a reason. */
  get isHeld(): boolean {
    return this.#holdCount > 0;
  }

  /** Adds a reason. */
  hold(): void {
    if (this.#holdCount++ > 0) return;
    for (const handle of this.#pending) this.#timers.ref(handle);
    for (const referable of this.#open) referable.ref();
  }

  /** Takes one {@linkcode hold} back. */
  release(): void {
    if (this.#holdCount === 0) throw new RangeError("Cannot release a cluster: it is not held");
    if (--this.#holdCount > 0) return;
    for (const handle of this.#pending) this.#timers.unref(handle);
    for (const referable of this.#open) referable.unref();
  }

  /**
   * Puts something under this regime.
   *
   * @param referable Brought to the present state at once.
   */
  add(referable: Referable): void {
    this.#open.add(referable);
    if (this.isHeld) referable.ref();
    else referable.unref();
  }

  /**
   * Forgets something.
   *
   * @param referable What is closed.
   */
  remove(referable: Referable): void {
    this.#open.delete(referable);
  }

  #set(callback: () => void, ms: number): TimerHandle {
    const handle = this.#timers.set(() => {
      this.#pending.delete(handle);
      callback();
    }, ms);
    this.#pending.add(handle);
    if (!this.isHeld) this.#timers.unref(handle);
    return handle;
  }
}
