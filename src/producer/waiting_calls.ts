/**
 * Calls and streams that wait for room in the buffer: how many do, how many did, how long they did together.
 *
 * @module
 */

/** See the module comment. Costs nothing as long as nobody waits. */
export class WaitingCalls {
  readonly #now: () => number;
  #count = 0;
  #total = 0;
  #ms = 0;
  /** Up to when `#ms` has what those who wait now have waited. */
  #countedMs = 0;

  /** @param now Milliseconds of a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many wait. */
  get count(): number {
    return this.#count;
  }

  /** How many have had to wait so far. */
  get total(): number {
    return this.#total;
  }

  /** How long they have waited so far, each on its own, in milliseconds. */
  get ms(): number {
    return this.#count === 0 ? this.#ms : this.#ms + this.#count * (this.#now() - this.#countedMs);
  }

  /** Somebody begins to wait, or waits no more. */
  change(by: 1 | -1): void {
    const nowMs = this.#now();
    this.#ms += this.#count * (nowMs - this.#countedMs);
    this.#countedMs = nowMs;
    this.#count += by;
    if (by > 0) this.#total++;
  }
}
