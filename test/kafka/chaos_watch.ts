/**
 * What two producers go through, by their own events.
 *
 * @module
 */

import { BrokerError, type Producer } from "@ekaf/ekaf";

/** What was seen. */
export interface Watched {
  /** Batches sent again. */
  retries: number;
  lanesLost: number;
  timesDown: number;
  longestDownMs: number;
  /** Longest time in which nothing was acknowledged to one of the producers. */
  longestSilenceMs: number;
  /** Batches refused for their numbers. */
  sequenceErrors: number;
  dataLosses: number;
  /** `deliveryfailed`: of records that nobody awaits, which here there are none of. */
  unattendedFailures: number;
}

/** Kafka's names of the errors that mean that a broker expected other numbers. */
const SEQUENCE_ERRORS = ["OUT_OF_ORDER_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH"];

/** Listens to producers. */
export class Watch {
  readonly seen: Watched = {
    ...{ retries: 0, lanesLost: 0, timesDown: 0, longestDownMs: 0 },
    ...{ longestSilenceMs: 0, sequenceErrors: 0, dataLosses: 0, unattendedFailures: 0 },
  };
  readonly #acknowledged = new Map<string, number>();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Watches a producer from now on; `log` is told what is rare. */
  listen(producer: Producer, name: string): void {
    const { seen } = this;
    const log = this.#log;
    let lastMs = performance.now();
    producer.addEventListener("flushreplied", ({ detail }) => {
      const { error, partition, broker, records } = detail;
      if (error instanceof BrokerError && SEQUENCE_ERRORS.includes(error.errorName)) {
        seen.sequenceErrors++;
        log(`${name}: ${error.errorName} from ${broker} for ${records} records of partition ${partition}`);
      }
      if (error !== null) return;
      this.#acknowledged.set(name, (this.#acknowledged.get(name) ?? 0) + records);
      const nowMs = performance.now();
      seen.longestSilenceMs = Math.max(seen.longestSilenceMs, nowMs - lastMs);
      lastMs = nowMs;
    });
    producer.addEventListener("lanedown", () => seen.lanesLost++);
    producer.addEventListener("dataloss", ({ detail: { partition, lastAckedOffset, logStartOffset } }) => {
      seen.dataLosses++;
      log(`${name}: data loss in partition ${partition}, acknowledged ${lastAckedOffset}, log from ${logStartOffset}`);
    });
    producer.addEventListener("deliveryfailed", () => seen.unattendedFailures++);
    producer.addEventListener("timedown", ({ detail: { ms } }) => {
      seen.timesDown++;
      seen.longestDownMs = Math.max(seen.longestDownMs, ms);
    });
  }

  /** How many records were acknowledged to each since the last time. */
  progress(): string {
    const text = [...this.#acknowledged].map(([name, count]) => `${name} ${count}`).join(", ");
    this.#acknowledged.clear();
    return text;
  }

  /** Adds what producers count by themselves; before they are closed. */
  note(producers: readonly Producer[], topic: string): void {
    for (const producer of producers) {
      for (const { retries } of producer.info(topic)) this.seen.retries += retries;
    }
  }
}
