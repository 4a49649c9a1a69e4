/**
 * What was promised to callers and what went over the wire, held against the logs: the invariants of the model test.
 *
 * @module
 */

import type { SentBatch, SequenceAction } from "../../src/producer/sequence.ts";
import type { Verdict } from "../../src/errors.ts";
import type { LogEntry, SentBytes } from "./sequence_model_log.ts";

/** A batch as the caller handed it over, or what became of it. */
export interface ModelBatch {
  /** Ids of its records, in the order they were handed over. */
  records: readonly number[];
  /** Sequence numbers it takes beyond its records. */
  readonly padding: number;
}

/** A promise was broken. */
export class InvariantError extends Error {
  /** Always `"InvariantError"`. */
  override readonly name = "InvariantError";
}

/** One request with a batch, as far as the client knows. */
export interface Transmission {
  /** What went out. */
  readonly bytes: SentBytes;
  /** Whether an answer said that it was not appended. */
  isRefused: boolean;
}

type Outcome = { readonly type: "acknowledged"; readonly maybeDuplicate: boolean } | {
  readonly type: "failed";
  readonly verdict: Verdict;
};

/** Throws {@linkcode InvariantError} unless `condition` holds. */
export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new InvariantError(message());
}

/** See the module comment. */
export class ModelBooks {
  /** Records handed over so far. */
  recordCount = 0;
  /** Whether the log has lost something, or a broker says so without cause: a `dataloss` is then in order. */
  maySeeLoss = false;
  readonly #outcomes = new Map<number, Outcome>();
  readonly #settled = new Set<SentBatch<ModelBatch>>();
  readonly #lost = new Set<number>();
  readonly #transmissions: Transmission[] = [];

  /** Makes a batch of new records. */
  batch(count: number, padding: number): ModelBatch {
    return { records: Array.from({ length: count }, () => this.recordCount++), padding };
  }

  /** Notes that a request goes out. */
  transmitted(bytes: SentBytes): Transmission {
    const transmission = { bytes, isRefused: false };
    const clash = this.#transmissions.find((other) => !other.isRefused && isClash(other.bytes, bytes));
    check(clash === undefined, () => `sent ${text(bytes)} although ${text(clash!.bytes)} may be in the log`);
    this.#transmissions.push(transmission);
    return transmission;
  }

  /** Whether the same batch under the same numbers may be in the log. */
  isKnown({ records, producerId, epoch }: SentBytes): boolean {
    return this.#transmissions.some(({ bytes, isRefused }) =>
      !isRefused && bytes.records === records && bytes.producerId === producerId && bytes.epoch === epoch
    );
  }

  /** Notes the last word of the machine on a batch. */
  settled(sent: SentBatch<ModelBatch>, outcome: Outcome): void {
    check(!this.#settled.has(sent), () => `settled records ${sent.batch.records} twice`);
    this.#settled.add(sent);
    // Callers of an abandoned batch have been told before.
    if (sent.isAbandoned) return;
    const [first] = sent.batch.records;
    const open = this.#transmissions.filter(({ bytes, isRefused }) => !isRefused && bytes.records.includes(first!));
    const isDoubt = outcome.type === "failed" ? outcome.verdict === "possiblyPersisted" : outcome.maybeDuplicate;
    const doubts = open.length - (outcome.type === "failed" ? 0 : 1);
    check(!isDoubt || doubts > 0, () => `cast doubt on records ${sent.batch.records} without cause`);
    this.tell(sent.batch.records, outcome);
  }

  /** Notes what callers are told. */
  tell(records: readonly number[], outcome: Outcome): void {
    for (const record of records) {
      check(!this.#outcomes.has(record), () => `told the outcome of record ${record} twice`);
      this.#outcomes.set(record, outcome);
    }
  }

  /** Notes a `dataloss`. */
  lossReported(action: Extract<SequenceAction<ModelBatch>, { type: "dataloss" }>): void {
    check(this.maySeeLoss, () => `reported a loss past offset ${action.lastAckedOffset} where nothing was lost`);
  }

  /** Notes that entries are gone although they were acknowledged, or followed by ones that were. */
  lost(entries: readonly LogEntry[]): void {
    for (const { bytes } of entries) bytes.records.forEach((record) => this.#lost.add(record));
  }

  /** Holds all outcomes against the logs, those of deleted topics first. */
  verify(entries: readonly LogEntry[]): void {
    const copies = new Map<number, number>();
    let last = -1;
    for (const record of entries.flatMap(({ bytes }) => bytes.records)) {
      copies.set(record, (copies.get(record) ?? 0) + 1);
      if (!this.#isOrdered(record)) continue;
      check(record >= last, () => `stored record ${record} after record ${last}`);
      last = record;
    }
    for (let record = 0; record < this.recordCount; record++) this.#verifyRecord(record, copies.get(record) ?? 0);
  }

  #isOrdered(record: number): boolean {
    const outcome = this.#outcomes.get(record);
    return outcome?.type === "acknowledged" && !outcome.maybeDuplicate && !this.#lost.has(record);
  }

  #verifyRecord(record: number, copies: number): void {
    const outcome = this.#outcomes.get(record);
    check(outcome !== undefined, () => `never told the outcome of record ${record}`);
    if (outcome.type === "failed") {
      const isTrue = outcome.verdict === "possiblyPersisted" || copies === 0;
      check(isTrue, () => `stored record ${record} ${copies} times although it was told not persisted`);
    } else if (!this.#lost.has(record)) {
      const isTrue = outcome.maybeDuplicate ? copies >= 1 : copies === 1;
      const kind = outcome.maybeDuplicate ? "acknowledged, maybe duplicate" : "acknowledged";
      check(isTrue, () => `stored record ${record} ${copies} times although it was ${kind}`);
    }
  }
}

/** Whether two different batches lay claim to one sequence number. */
function isClash(a: SentBytes, b: SentBytes): boolean {
  if (a.producerId === -1n || (a.records === b.records && a.baseSequence === b.baseSequence)) return false;
  if (a.producerId !== b.producerId || a.epoch !== b.epoch) return false;
  // One that takes most of the numbers there are is for coming near the last; the numbers come round to it.
  if (Math.max(a.count, b.count) > 2 ** 20) return false;
  const distance = (b.baseSequence - a.baseSequence + 2 ** 31) % 2 ** 31;
  return distance < a.count || 2 ** 31 - distance < b.count;
}

function text({ records, producerId, epoch, baseSequence, count }: SentBytes): string {
  return `records ${records.join()} as ${producerId}/${epoch} ${baseSequence}+${count}`;
}
