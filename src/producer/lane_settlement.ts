/**
 * The books of a lane: what it holds of the budget, and who is told how records ended.
 *
 * @module
 */

import { DeliveryError, type Verdict } from "../errors.ts";
import type { Batch } from "./batch.ts";
import { dropRecords } from "./batch_division.ts";
import { BudgetShare } from "./budget.ts";
import { FailedRun } from "./failed_records.ts";
import { Expiry, textOf } from "./expiry.ts";
import type { LaneContext } from "./lane_context.ts";
import type { Acknowledgement, Span } from "./span.ts";

/** How records ended without being acknowledged. */
export interface Failure {
  /** What is known of them. */
  readonly verdict: Verdict;
  /** Why. */
  readonly cause: unknown;
  /** Whether an overflow policy dropped them. */
  readonly isDropped?: boolean;
}

/** Settles spans and batches of one lane, or of a topic's waiting room (`partition` null). */
export class LaneSettlement {
  /** Its part of the budget, which the lanes of a partition hold together. */
  readonly share: BudgetShare;
  /** Names the place in error texts. */
  readonly label: string;
  /** Accepted records that are not settled. */
  bufferedRecords = 0;
  /** Bytes of these in the budget. */
  heldBytes = 0;
  /** Records acknowledged. */
  deliveredCount = 0;
  /** Records that failed. */
  failedCount = 0;
  /** Why nothing can be sent: the broker cannot be reached, or the topic is not known. Undefined while nothing stands in the way. */
  obstacle: unknown = undefined;
  readonly #context: LaneContext;
  readonly #partition: number | null;
  #givenBytes = 0;

  /**
   * @param context What the lanes of the topic share.
   * @param partition The lane's partition, null for a waiting room.
   * @param share The partition's part of the budget; a waiting room has its own.
   */
  constructor(
    context: LaneContext,
    partition: number | null,
    share: BudgetShare = new BudgetShare(context.options().partitionMaxBytes),
  ) {
    this.#context = context;
    this.#partition = partition;
    this.share = share;
    this.label = `${JSON.stringify(context.topic)}${partition === null ? "" : ` partition ${partition}`}`;
  }

  /** Bytes ever taken: those of records that are settled, and of those that are not. */
  get takenBytes(): number {
    return this.#givenBytes + this.heldBytes;
  }

  /** Notes a record that was appended. */
  taken(bytes: number): void {
    this.#context.budget.take(this.share, bytes);
    this.heldBytes += bytes;
    this.bufferedRecords++;
  }

  /** Tells the recipients of a batch that a broker has it. */
  delivered(batch: Batch, acknowledgement: Acknowledgement): void {
    for (const span of batch.spans) {
      if (span.isSettled) continue;
      span.isSettled = true;
      this.deliveredCount += span.count;
      this.#context.totals.delivered += span.count;
      span.recipient.delivered(span, this.#partition!, acknowledgement);
    }
    this.#finish(batch);
    batch.release();
  }

  /** Tells the recipients of a batch that it will not be sent again. */
  failed(batch: Batch, failure: Failure): void {
    this.fail(batch, batch.spans, failure);
    this.#finish(batch);
  }

  /** Takes spans out of a batch that was never numbered: they are in no log and never will be. */
  strike(batch: Batch, spans: readonly Span[], cause: unknown): void {
    let records = 0;
    for (const span of spans) records += span.count;
    // The report copies records as they stand, so it comes before they are taken out.
    this.fail(batch, spans, { verdict: "notPersisted", cause });
    for (const span of spans) {
      batch.strike(span);
      this.#give(span.bytes);
    }
    this.#settled(records);
    if (batch.count === 0) batch.passBarriers();
  }

  /** Gives back what a record held that was struck out; {@linkcode dropped} is to follow. */
  takeBack(span: Span): void {
    this.#give(span.bytes);
    this.bufferedRecords -= span.count;
  }

  /** Tells the recipients of records that an overflow policy has struck out, in order. */
  dropped(batch: Batch, spans: readonly Span[], cause: unknown): void {
    const range = { from: Infinity, to: 0 };
    for (const { first } of spans) {
      range.from = Math.min(range.from, first);
      range.to = Math.max(range.to, first + 1);
    }
    batch.showFailed(new FailedRun(batch, range));
    this.#tell(batch, spans, { verdict: "notPersisted", cause, isDropped: true });
    if (batch.count === 0) batch.passBarriers();
    this.#context.settled(spans.length);
    this.#context.budgetGiven();
  }

  /** Tells the recipients of spans; those settled before are left out. */
  fail(batch: Batch, spans: readonly Span[], failure: Failure): void {
    const told = spans.filter((span) => !span.isSettled);
    if (told.length > 0) this.#tell(batch, told, failure);
  }

  #tell(batch: Batch, told: readonly Span[], failure: Failure): void {
    const error = this.#error(batch, failure);
    const unattended: Span[] = [];
    for (const span of told) {
      span.isSettled = true;
      this.failedCount += span.count;
      this.#context.totals.failed += span.count;
      this.#context.failureLog.listener?.(span, { topic: this.#context.topic, partition: this.#partition }, error);
      const { isUnattended, reportsDropped } = span.recipient;
      if (isUnattended || (failure.isDropped && reportsDropped)) unattended.push(span);
      else span.recipient.failed(span, this.#partition, error);
    }
    if (unattended.length > 0) this.#context.reportUnattended(unattended, this.#partition, error);
    for (const span of told) span.leave();
    batch.showFailed(null);
  }

  /** Parts take the place of a batch that was too large. */
  replace(batch: Batch, parts: readonly Batch[]): void {
    const { budget } = this.#context;
    budget.give(this.share, batch.recordBytes);
    this.heldBytes -= batch.recordBytes;
    for (const { recordBytes } of parts) {
      budget.take(this.share, recordBytes);
      this.heldBytes += recordBytes;
    }
    batch.passBarriers();
  }

  /** Fails single records of a numbered batch; the others go on. */
  dropRecords(batch: Batch, indexes: readonly number[], causes: readonly unknown[]): void {
    const bytesBefore = batch.recordBytes;
    // An earlier send may have been appended before the broker's rules changed.
    const verdict = batch.isUnknown ? "possiblyPersisted" : "notPersisted";
    const culprits = indexes.map((index) => new FailedRun(batch, { from: index, to: index + 1 }));
    const dropped = dropRecords(batch, indexes);
    dropped.forEach((span, i) => {
      span.first = indexes[i]!; // Where the report finds it.
      batch.showFailed(culprits[i]!);
      this.fail(batch, [span], { verdict, cause: causes[i] });
    });
    batch.showFailed(null);
    this.#give(bytesBefore - batch.recordBytes);
    this.#settled(indexes.length);
  }

  /** Moves a record out of these books: it goes on in another's. */
  handOver(batch: Batch): void {
    this.#give(batch.recordBytes);
    this.bufferedRecords -= batch.count;
  }

  #finish(batch: Batch): void {
    this.#give(batch.recordBytes);
    this.#settled(batch.count);
    batch.passBarriers();
  }

  #give(bytes: number): void {
    this.#givenBytes += bytes;
    this.heldBytes -= bytes;
    this.#context.budget.give(this.share, bytes);
  }

  #settled(records: number): void {
    this.bufferedRecords -= records;
    this.#context.settled(records);
    this.#context.budgetGiven();
  }

  #error(batch: Batch, { verdict, cause }: Failure): DeliveryError {
    const { attempts, lastError } = batch;
    let reason = cause;
    let text = textOf(cause);
    if (cause instanceof Expiry && attempts === 0 && this.obstacle !== undefined) {
      reason = this.obstacle;
      text += `: ${textOf(reason)}`;
    } else if (cause instanceof Expiry && lastError !== undefined) {
      reason = cause.because(lastError);
      text = textOf(reason);
    }
    return new DeliveryError(`Cannot deliver to ${this.label}: ${text}`, {
      topic: this.#context.topic,
      partition: this.#partition,
      attempts,
      verdict,
      cause: reason,
    });
  }
}
