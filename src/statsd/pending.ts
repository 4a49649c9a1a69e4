/**
 * What is to be sent at the end of an interval.
 *
 * @module
 */

import { lineOf } from "./lines.ts";

/** Adds counts up and keeps the last value of each gauge. */
export class Pending {
  readonly #prefix: string;
  readonly #maxNames: number;
  readonly #counters = new Map<string, number>();
  readonly #gauges = new Map<string, number>();

  /**
   * @param prefix What every name begins with.
   * @param maxNames Most names in an interval; values of others are dropped.
   */
  constructor(prefix: string, maxNames: number) {
    this.#prefix = prefix;
    this.#maxNames = maxNames;
  }

  /** Adds to a counter. */
  count(name: string, by = 1): void {
    const before = this.#counters.get(name);
    if (before !== undefined || this.#hasRoom()) this.#counters.set(name, (before ?? 0) + by);
  }

  /** Sets a gauge. */
  gauge(name: string, value: number): void {
    if (this.#gauges.has(name) || this.#hasRoom()) this.#gauges.set(name, value);
  }

  /** Takes all out, as lines. */
  take(): string[] {
    const lines: string[] = [];
    for (const [name, value] of this.#counters) lines.push(lineOf(this.#prefix + name, value, "c"));
    for (const [name, value] of this.#gauges) lines.push(lineOf(this.#prefix + name, value, "g"));
    this.#counters.clear();
    this.#gauges.clear();
    return lines;
  }

  #hasRoom(): boolean {
    return this.#counters.size + this.#gauges.size < this.#maxNames;
  }
}
