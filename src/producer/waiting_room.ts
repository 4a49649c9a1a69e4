/**
 * Where the records of a topic wait, encoded and in input order, until its partitions are known.
 *
 * @module
 */

import { type EncodableRecord, encodeHeaders, NO_HEADERS } from "../../protocol/record_batch.ts";
import type { DecodedRecord } from "../../protocol/record_batch_reader.ts";
import { Batch, type BatchKeeper, MAX_BATCH_BYTES } from "./batch.ts";
import type { Destination } from "./admission.ts";
import type { BudgetShare } from "./budget.ts";
import type { LaneContext } from "./lane_context.ts";
import { LaneSettlement } from "./lane_settlement.ts";
import type { DropSource } from "./overflow.ts";
import type { Span, SpanTarget } from "./span.ts";
import type { TaskEndListener } from "./task_end.ts";

/** A record on its way from the waiting room into a lane. */
export interface WaitingRecord extends EncodableRecord {
  /** Partition the caller asked for, -1 for none. */
  partition: number;
}

/** Takes a record out of the waiting room. */
export type MoveRecord = (record: WaitingRecord, to: SpanTarget, from: Batch) => void;

/** See the module comment. Its records are counted in the budget, and can be withdrawn like a lane's. */
export class WaitingRoom implements BatchKeeper, Destination, DropSource, TaskEndListener {
  /** Implements `Destination`: no partition yet. */
  readonly partition = null;
  /** What it holds of the budget, and how records ended that never left it. */
  readonly settlement: LaneSettlement;
  #isDue = false;
  readonly #context: LaneContext;
  readonly #batches: Batch[] = [];
  /** For each batch, the partition that the caller of each record asked for, -1 for none. */
  readonly #partitions = new Map<Batch, number[]>();
  /** Batches whose memory is to be given back when the task ends. */
  readonly #sparse = new Set<Batch>();

  /** @param context What the lanes of the topic share. */
  constructor(context: LaneContext) {
    this.#context = context;
    this.settlement = new LaneSettlement(context, null);
  }

  /** Implements `Destination`. */
  get share(): BudgetShare {
    return this.settlement.share;
  }

  /** Whether its records are to go out as soon as they have partitions: somebody asked, or `lingerMs` is over. */
  get isDue(): boolean {
    const { lingerMs } = this.#context.options();
    const openedMs = this.#batches[0]?.openedMs ?? Infinity;
    return this.#isDue || (lingerMs !== "auto" && this.#context.timers.now() - openedMs >= lingerMs);
  }

  /** Makes what is in it now and later due. */
  makeDue(): void {
    this.#isDue = true;
  }

  /** Unsettled batches, oldest first. */
  batches(): Batch[] {
    return this.#batches.filter(({ count }) => count > 0);
  }

  /** Copies a record in. The caller has asked the budget for room. */
  append(record: EncodableRecord & { partition: number }, to: SpanTarget): void {
    const { batchMaxBytes, batchMaxRecords } = this.#context.options();
    let batch = this.#batches.at(-1);
    let bytes = batch === undefined || batch.builder.count >= batchMaxRecords
      ? 0
      : batch.tryAppend(record, batchMaxBytes, to);
    if (bytes === 0) {
      batch = this.#open();
      // A record that was accepted under a higher limit gets a batch of its own.
      bytes = batch.tryAppend(record, batchMaxBytes, to) || batch.tryAppend(record, MAX_BATCH_BYTES, to);
    }
    this.#partitions.get(batch!)!.push(record.partition);
    this.settlement.taken(bytes);
  }

  /** Implements `BatchKeeper`. */
  withdraw(spans: readonly Span[], cause: unknown): void {
    for (const [batch, group] of Map.groupBy(spans.filter((span) => !span.isSettled), (span) => span.batch)) {
      this.settlement.strike(batch, group, cause);
      this.struck(batch);
    }
  }

  /** Implements `DropSource`. */
  get unnumbered(): readonly Batch[] {
    return this.#batches;
  }

  /** Implements `DropSource`; as in `BatchQueue`. */
  struck(batch: Batch): void {
    if (batch.isSparse && this.#sparse.add(batch).size === 1) this.#context.taskEnd.ask(this);
  }

  /** Implements `TaskEndListener`. */
  taskEnded(): void {
    const batches = this.#batches.splice(0);
    for (const [i, batch] of batches.entries()) {
      const partitions = this.#partitions.get(batch)!;
      const gone = this.#sparse.has(batch) ? batch.shrink() : null;
      if (gone !== null) this.#partitions.set(batch, partitions.filter((_, index) => gone[index] === 0));
      // The last one may get more.
      if (batch.count > 0 || i === batches.length - 1) this.#batches.push(batch);
      else {
        this.#partitions.delete(batch);
        batch.release();
      }
    }
    this.#sparse.clear();
  }

  /** Fails all that waits. */
  failAll(cause: unknown): void {
    this.withdraw(this.batches().flatMap((batch) => batch.spans), cause);
    this.#batches.length = 0;
    this.#partitions.clear();
  }

  /**
   * Moves records out in input order, whole batches of them, until there are `maxRecords` or none is left.
   *
   * @returns Whether any are left.
   */
  moveSome(maxRecords: number, move: MoveRecord): boolean {
    let moved = 0;
    while (moved < maxRecords && this.#batches.length > 0) {
      const batch = this.#batches.shift()!;
      moved += batch.builder.count;
      this.settlement.handOver(batch);
      const partitions = this.#partitions.get(batch)!;
      this.#partitions.delete(batch);
      let index = 0;
      const records = batch.builder.records();
      for (const span of batch.spans) {
        const { recipient, deadlineMs, isTimed } = span;
        for (let i = 0; i < span.count; i++, index++) {
          const record = records.next().value!;
          if (span.isSettled) continue;
          const to = { recipient, deadlineMs, inputIndex: span.inputIndex(i), isTimed };
          move(encodable(record, partitions[index]!), to, batch);
        }
        span.isSettled = true; // The lane's span stands for it now.
      }
      batch.passBarriers();
      batch.release();
    }
    return this.#batches.length > 0;
  }

  #open(): Batch {
    const batch = new Batch(this.#context.pool, this.#context.timers.now());
    batch.keeper = this;
    this.#batches.push(batch);
    this.#partitions.set(batch, []);
    return batch;
  }
}

function encodable({ key, value, headers, timestamp }: DecodedRecord, partition: number): WaitingRecord {
  return { key, value, headers: headers.length === 0 ? NO_HEADERS : encodeHeaders(headers), timestamp, partition };
}
