/**
 * Compares what callers were told with what Kafka's own consumer reads.
 *
 * @module
 */

import type { Ledger } from "./chaos_ledger.ts";
import { hashOf, keyOf, numbered } from "./chaos_records.ts";
import type { ReadRecord } from "./harness.ts";

/** What must not be there, counted. All of it is 0 or something is wrong. */
export interface Faults {
  /** Acknowledged, and not in the log. */
  missing: number;
  /** Acknowledged without `maybeDuplicate`, and more than once in the log. */
  doubled: number;
  /** First met behind a later record of the same caller in the same partition. */
  reordered: number;
  /** In a partition that its key has had no reason to go to: partitions are only ever added. */
  scattered: number;
  /** Failed as `notPersisted`, and in the log. */
  resurrected: number;
  /** Acknowledged for another partition or offset than it is at. */
  misplaced: number;
  /** Neither acknowledged nor failed. */
  unsettled: number;
  /** Given two outcomes. */
  settledTwice: number;
  /** In the log, and nobody's, or changed on the way. */
  foreign: number;
}

/** What may be there. */
export interface Remarks {
  records: number;
  /** `maybeDuplicate`, and in the log more than once. */
  flaggedTwice: number;
  /** `possiblyPersisted`, and in the log. */
  possiblyThere: number;
  /** `possiblyPersisted`, and in the log more than once. */
  possiblyTwice: number;
}

const EXAMPLE_COUNT = 10;
const NOWHERE = 2 ** 16 - 1;

/** One audit: feed it the whole topic, then {@linkcode finish}. */
export class Audit {
  readonly faults: Faults = {
    ...{ missing: 0, doubled: 0, reordered: 0, scattered: 0, resurrected: 0, misplaced: 0 },
    ...{ unsettled: 0, settledTwice: 0, foreign: 0 },
  };
  readonly remarks: Remarks = { records: 0, flaggedTwice: 0, possiblyThere: 0, possiblyTwice: 0 };
  /** The first of each kind of fault, in words. */
  readonly examples: string[] = [];
  readonly #ledgers: readonly Ledger[];
  readonly #timesSeen: readonly Uint8Array[];
  /** Highest number met, by caller, then partition. */
  readonly #highest: number[][];
  /** Where each record was met first, by caller, then number. */
  readonly #partitions: readonly Uint16Array[];
  readonly #partitionCounts: readonly number[];

  /**
   * @param ledgers By number of the caller.
   * @param partitionCounts How many partitions the topic had, in the course of time.
   */
  constructor(ledgers: readonly Ledger[], partitionCounts: readonly number[]) {
    this.#ledgers = ledgers;
    this.#timesSeen = ledgers.map(({ count }) => new Uint8Array(count));
    this.#highest = ledgers.map(() => []);
    this.#partitions = ledgers.map(({ count }) => new Uint16Array(count).fill(NOWHERE));
    this.#partitionCounts = partitionCounts;
  }

  /** Looks at records in the order of their logs. */
  read(records: readonly ReadRecord[]): void {
    for (const record of records) {
      this.remarks.records++;
      const found = numbered(record.key, record.value);
      const ledger = this.#ledgers[found?.caller ?? -1];
      if (ledger === undefined || found!.number >= ledger.count) this.#fault("foreign", record, "is nobody's");
      else this.#meet(found!.caller, found!.number, record);
    }
  }

  /** Looks for what was not read. */
  finish(): void {
    this.#ledgers.forEach((ledger, caller) => {
      this.faults.settledTwice += ledger.repeatedCount;
      for (let number = 0; number < ledger.count; number++) {
        const fate = ledger.fateOf(number);
        if (fate === "pending") this.faults.unsettled++;
        const isMissing = this.#timesSeen[caller]![number] === 0 && fate !== "notPersisted";
        if (!isMissing || fate === "pending" || fate === "possiblyPersisted") continue;
        this.#fault("missing", null, `${caller}:${number} was ${fate}`);
      }
      this.#checkPartitions(caller);
    });
  }

  #meet(caller: number, number: number, record: ReadRecord): void {
    const ledger = this.#ledgers[caller]!;
    const seen = this.#timesSeen[caller]!;
    const fate = ledger.fateOf(number);
    const times = seen[number] = Math.min(255, seen[number]! + 1);
    const what = `${caller}:${number}, ${fate},`;
    if (fate === "notPersisted") this.#fault("resurrected", record, what);
    if (fate === "acknowledged" && times > 1) this.#fault("doubled", record, what);
    if (fate === "acknowledged" && ledger.isElsewhere(number, record)) this.#fault("misplaced", record, what);
    if (times === 2 && fate === "maybeDuplicate") this.remarks.flaggedTwice++;
    if (times === 2 && fate === "possiblyPersisted") this.remarks.possiblyTwice++;
    if (times > 1) return;
    if (fate === "possiblyPersisted") this.remarks.possiblyThere++;
    const highest = this.#highest[caller]![record.partition] ?? -1;
    if (number < highest) this.#fault("reordered", record, `${what} behind ${highest},`);
    else this.#highest[caller]![record.partition] = number;
    this.#partitions[caller]![number] = record.partition;
  }

  /** An added partition moves keys, those of all later records: whoever is behind it by one record is not in order. */
  #checkPartitions(caller: number): void {
    const partitions = this.#partitions[caller]!;
    const hashes = new Map<number, number>();
    let era = 0;
    for (let number = 0; number < partitions.length; number++) {
      const key = keyOf(number);
      const partition = partitions[number]!;
      if (key < 0 || partition === NOWHERE) continue;
      let hash = hashes.get(key);
      if (hash === undefined) hashes.set(key, hash = hashOf(caller, key));
      const present = this.#partitionCounts.findIndex((count, i) => i >= era && hash % count === partition);
      if (present >= 0) era = present;
      else this.#fault("scattered", null, `${caller}:${number} is in partition ${partition}`);
    }
  }

  #fault(kind: keyof Faults, record: ReadRecord | null, what: string): void {
    if (this.faults[kind]++ >= EXAMPLE_COUNT) return;
    this.examples.push(
      record === null ? `${kind}: ${what}` : `${kind}: ${what} at ${record.partition}/${record.offset}`,
    );
  }
}
