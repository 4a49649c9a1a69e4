/**
 * Compares what callers were told with what Kafka's own consumer reads.
 *
 * @module
 */

import type { Ledger } from "./chaos_ledger.ts";
import { keyOf, numbered } from "./chaos_records.ts";
import type { ReadRecord } from "./harness.ts";

/** What must not be there, counted. All of it is 0 or something is wrong. */
export interface Faults {
  /** Acknowledged, and not in the log. */
  missing: number;
  /** Acknowledged without `maybeDuplicate`, and more than once in the log. */
  doubled: number;
  /** First met behind a later record of the same caller in the same partition. */
  reordered: number;
  /** Of a key whose records lie in two partitions at once: more than an added partition explains. */
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

/** Numbers of a key's records in one partition. */
interface Stretch {
  partition: number;
  first: number;
  last: number;
}

const EXAMPLE_COUNT = 10;

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
  readonly #stretches: Map<number, Stretch[]>[];

  /** @param ledgers By number of the caller. */
  constructor(ledgers: readonly Ledger[]) {
    this.#ledgers = ledgers;
    this.#timesSeen = ledgers.map(({ count }) => new Uint8Array(count));
    this.#highest = ledgers.map(() => []);
    this.#stretches = ledgers.map(() => new Map());
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
      for (const [key, stretches] of this.#stretches[caller]!) this.#checkStretches(`${caller}-${key}`, stretches);
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
    if (keyOf(number) >= 0) this.#extend(caller, number, record.partition);
  }

  #extend(caller: number, number: number, partition: number): void {
    const byKey = this.#stretches[caller]!;
    const key = keyOf(number);
    let stretches = byKey.get(key);
    if (stretches === undefined) byKey.set(key, stretches = []);
    const stretch = stretches.find((stretch) => stretch.partition === partition);
    if (stretch === undefined) stretches.push({ partition, first: number, last: number });
    else {
      stretch.first = Math.min(stretch.first, number);
      stretch.last = Math.max(stretch.last, number);
    }
  }

  /** An added partition moves a key once and for all: its records before and after must not be mixed. */
  #checkStretches(key: string, stretches: Stretch[]): void {
    stretches.sort((a, b) => a.first - b.first);
    for (let i = 1; i < stretches.length; i++) {
      const [before, after] = [stretches[i - 1]!, stretches[i]!];
      if (before.last < after.first) continue;
      this.#fault("scattered", null, `key ${key} is in ${JSON.stringify(before)} and ${JSON.stringify(after)}`);
    }
  }

  #fault(kind: keyof Faults, record: ReadRecord | null, what: string): void {
    if (this.faults[kind]++ >= EXAMPLE_COUNT) return;
    this.examples.push(
      record === null ? `${kind}: ${what}` : `${kind}: ${what} at ${record.partition}/${record.offset}`,
    );
  }
}
