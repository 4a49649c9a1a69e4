/**
 * How many lanes of a partition run: a policy without timers, connections or records.
 *
 * @module
 */

import type { LaneRange } from "../options.ts";

/** How long every lane must have been busy, without a break, before another one starts. */
export const GROW_AFTER_MS = 250;
/** Choices further apart than that are no load that lasts. */
export const LOAD_GAP_MS = 1_000;
/** How long the last extra lane must have been idle before it ends. */
export const END_AFTER_MS = 10_000;

/**
 * Lanes run from 0 on without gaps: what starts is the next one, what ends is the last one. It knows nothing but what it is told and
 * when.
 */
export class LaneGrowth {
  readonly #range: LaneRange;
  #running: number;
  /** Since when every choice has found all lanes busy, null while the last one did not. */
  #busySinceMs: number | null = null;
  #lastChoiceMs = -Infinity;
  /** For each extra lane, since when every look has found it idle. */
  readonly #idleSinceMs: (number | null)[] = [];

  /** @param range Least and most lanes. */
  constructor(range: LaneRange) {
    this.#range = range;
    this.#running = range.min;
  }

  /** How many lanes run. */
  get running(): number {
    return this.#running;
  }

  /**
   * A lane was chosen for records that may go to any.
   *
   * @param allBusy Whether all lanes were connected and had batches waiting that they could not send yet.
   * @param nowMs The time.
   * @returns Whether another lane starts now.
   */
  chosen(allBusy: boolean, nowMs: number): boolean {
    const isFirst = this.#busySinceMs === null || nowMs - this.#lastChoiceMs > LOAD_GAP_MS;
    this.#lastChoiceMs = nowMs;
    if (!allBusy) {
      this.#busySinceMs = null;
      return false;
    }
    if (isFirst) this.#busySinceMs = nowMs;
    if (this.#running === this.#range.max || nowMs - this.#busySinceMs! < GROW_AFTER_MS) return false;
    this.#busySinceMs = null; // The new lane first has to show whether it is enough.
    this.#idleSinceMs[this.#running++] = null;
    return true;
  }

  /**
   * Looks at the extra lanes.
   *
   * @param isIdle Whether a lane had nothing to do since the last look.
   * @param nowMs The time.
   * @returns How many lanes go on: those with a higher number end.
   */
  look(isIdle: (lane: number) => boolean, nowMs: number): number {
    const { min } = this.#range;
    for (let lane = min; lane < this.#running; lane++) {
      this.#idleSinceMs[lane] = isIdle(lane) ? this.#idleSinceMs[lane] ?? nowMs : null;
    }
    while (this.#running > min) {
      const sinceMs = this.#idleSinceMs[this.#running - 1] ?? nowMs;
      if (nowMs - sinceMs < END_AFTER_MS) break;
      this.#running--;
    }
    return this.#running;
  }
}
