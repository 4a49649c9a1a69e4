/**
 * What two producers go through, by their own events.
 *
 * @module
 */

import type { Producer } from "@ekaf/ekaf";

/** What was seen. */
export interface Watched {
  /** Batches sent again. */
  retries: number;
  lanesLost: number;
  timesDown: number;
  longestDownMs: number;
  /** Longest time in which nothing was acknowledged to one of the producers. */
  longestSilenceMs: number;
  dataLosses: number;
  /** `deliveryfailed`: of records that nobody awaits, which here there are none of. */
  unattendedFailures: number;
}

/** Listens to producers. */
export class Watch {
  readonly seen: Watched = {
    ...{ retries: 0, lanesLost: 0, timesDown: 0, longestDownMs: 0 },
    ...{ longestSilenceMs: 0, dataLosses: 0, unattendedFailures: 0 },
  };

  listen(producer: Producer): void {
    const { seen } = this;
    let lastMs = performance.now();
    producer.addEventListener("flushreplied", ({ detail }) => {
      if (detail.error !== null) return;
      const nowMs = performance.now();
      seen.longestSilenceMs = Math.max(seen.longestSilenceMs, nowMs - lastMs);
      lastMs = nowMs;
    });
    producer.addEventListener("lanedown", () => seen.lanesLost++);
    producer.addEventListener("dataloss", () => seen.dataLosses++);
    producer.addEventListener("deliveryfailed", () => seen.unattendedFailures++);
    producer.addEventListener("timedown", ({ detail: { ms } }) => {
      seen.timesDown++;
      seen.longestDownMs = Math.max(seen.longestDownMs, ms);
    });
  }

  /** Adds what producers count by themselves; before they are closed. */
  note(producers: readonly Producer[], topic: string): void {
    for (const producer of producers) {
      for (const { retries } of producer.info(topic)) this.seen.retries += retries;
    }
  }
}
