/**
 * What has been acknowledged so far, and when.
 *
 * @module
 */

import type { Producer } from "@ekaf/ekaf";
import type { ProgressTally } from "./progress_bar.ts";

/** Equal spaces of time, one behind the other. */
export interface TimeSpaces {
  /** When the first begins, in milliseconds. */
  readonly beginMs: number;
  /** When the last ends. */
  readonly endMs: number;
  /** How many. */
  readonly count: number;
}

/** Follows the batches of a producer. */
export class DemoTally implements ProgressTally {
  /** Lines handed to the producer; who hands them over counts them. */
  passed = 0;
  /** Records acknowledged. */
  acknowledged = 0;
  /** Batches that were not: no answer came, or an error. */
  failedBatches = 0;
  readonly #meanLineBytes: number;
  readonly #acknowledgements: { atMs: number; records: number }[] = [];

  /**
   * Counts nothing yet.
   *
   * @param meanLineBytes Bytes of a line, on average: batches tell of records only.
   */
  constructor(meanLineBytes: number) {
    this.#meanLineBytes = meanLineBytes;
  }

  /**
   * Counts from now on.
   *
   * @param producer Whose batches.
   * @param onProgress Called whenever records were acknowledged.
   */
  follow(producer: Producer, onProgress: () => void): void {
    producer.addEventListener("flushreplied", ({ detail: { records, error } }) => {
      if (error !== null) return void this.failedBatches++;
      this.acknowledged += records;
      this.#acknowledgements.push({ atMs: performance.now(), records });
      onProgress();
    });
  }

  /** Records on their way. */
  get buffered(): number {
    return this.passed - this.acknowledged;
  }

  /** Bytes of the lines that are acknowledged. */
  get settledBytes(): number {
    return this.acknowledged * this.#meanLineBytes;
  }

  /**
   * Records acknowledged in each of several equal spaces of time.
   *
   * @param spaces Their begin and end by the clock of `performance`, and how many.
   */
  histogram(spaces: TimeSpaces): number[] {
    const slots = new Array<number>(spaces.count).fill(0);
    for (const { atMs, records } of this.#acknowledgements) {
      const slot = slotOf(atMs, spaces);
      slots[slot] = slots[slot]! + records;
    }
    return slots;
  }
}

/**
 * Which of several equal spaces of time a moment lies in.
 *
 * @param atMs The moment; one outside counts as the nearest within.
 * @param spaces The spaces.
 */
export function slotOf(atMs: number, { beginMs, endMs, count }: TimeSpaces): number {
  const slot = Math.floor((atMs - beginMs) / Math.max(endMs - beginMs, 1) * count);
  return Math.min(Math.max(slot, 0), count - 1);
}
