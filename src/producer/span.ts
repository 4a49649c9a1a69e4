/**
 * A span: consecutive records of a batch that came from one call, and whose they are.
 *
 * @module
 */

import type { DeliveryError } from "../errors.ts";
import type { DeliveryFailure } from "../record.ts";
import type { Batch } from "./batch.ts";

/** What a broker said of a batch it has. */
export interface Acknowledgement {
  /** Offset of the batch's first record, null when not known. */
  baseOffset: bigint | null;
  /** The broker's own timestamp for all records where the topic says so, else null. */
  logAppendTimeMs: number | null;
  /** The broker had the batch already. */
  duplicate: boolean;
  /** The batch was sent again after an outcome that stayed unknown. */
  maybeDuplicate: boolean;
}

/** Who is told of records that did not come into a batch. */
export interface RefusalListener {
  /** One record was refused before it came into a batch. */
  refused(inputIndex: number, error: DeliveryError, failure: () => DeliveryFailure): void;
}

/** Who is told what became of the records of one call. */
export interface Recipient extends RefusalListener {
  /** Whether each record's place in the call's input matters for the outcome. */
  readonly wantsIndexes: boolean;
  /** Whether nobody awaits the outcome, so that a failure is an event. */
  readonly isUnattended: boolean;
  /** Whether records that an overflow policy drops are an event to it, even where other failures are not. */
  readonly reportsDropped?: boolean;
  /** Who made the call, as tracing told; undefined without tracing. */
  readonly caller?: unknown;
  /** Every span with records of the call, where it may be withdrawn before its time; else null. */
  readonly spans: Span[] | null;
  /** A record that waited for the topic's partitions has one. */
  placed?(inputIndex: number, partition: number): void;
  /** The span's records are acknowledged. */
  delivered(span: Span, partition: number, acknowledgement: Acknowledgement): void;
  /** The span's records are not acknowledged and will not be. */
  failed(span: Span, partition: number | null, error: DeliveryError): void;
}

const NOBODY: Recipient = {
  wantsIndexes: false,
  isUnattended: false,
  spans: null,
  refused: () => {},
  delivered: () => {},
  failed: () => {},
};

/** Consecutive records of a batch that came from one call. */
export class Span {
  /** Whose records these are; nobody's once that was told how they failed. */
  recipient: Recipient;
  /** The batch they are in. */
  readonly batch: Batch;
  /** Index in the batch of the first record. */
  first: number;
  /** How many. */
  count = 0;
  /** Their bytes in the budget. */
  bytes = 0;
  /** When they must be settled by, on the clock of `Timers.now`. */
  readonly deadlineMs: number;
  /** Place in the call's input of the first record. */
  inputFirst: number;
  /** Places in the call's input of all records when they are not consecutive. */
  inputIndexes: number[] | null = null;
  /** Timestamp of the first record. */
  readonly timestamp: number;
  /** Whether the caller has chosen the timestamps of its records. */
  readonly isTimed: boolean;
  /** Timestamps of all records when they differ. */
  timestamps: number[] | null = null;
  /** Settled before its batch: struck out, or expired after it was numbered. */
  isSettled = false;

  /** Begins an empty span behind the last record of `batch`. */
  constructor(
    recipient: Recipient,
    batch: Batch,
    at: { deadlineMs: number; inputIndex: number; timestamp: number; isTimed: boolean },
  ) {
    this.recipient = recipient;
    this.batch = batch;
    this.first = batch.builder.count;
    this.deadlineMs = at.deadlineMs;
    this.inputFirst = at.inputIndex;
    this.timestamp = at.timestamp;
    this.isTimed = at.isTimed;
    recipient.spans?.push(this);
  }

  /** Its recipient was told: what that has gathered must not live as long as the batch does. */
  leave(): void {
    this.recipient = NOBODY;
  }

  /** Place in the call's input of the span's record number `i`. */
  inputIndex(i: number): number {
    return this.inputIndexes === null ? this.inputFirst + i : this.inputIndexes[i]!;
  }

  /** Timestamp of the span's record number `i`, in milliseconds. */
  timestampOf(i: number): number {
    return this.timestamps === null ? this.timestamp : this.timestamps[i]!;
  }

  /**
   * Cuts one record off, at either end, and gives it a span of its own.
   *
   * @param isFirst Whether the first record, else the last.
   * @param bytes The record's bytes.
   */
  cut(isFirst: boolean, bytes: number): Span {
    const i = isFirst ? 0 : this.count - 1;
    const { deadlineMs, isTimed } = this;
    const at = { deadlineMs, inputIndex: this.inputIndex(i), timestamp: this.timestampOf(i), isTimed };
    const part = new Span(this.recipient, this.batch, at);
    this.recipient.spans?.pop(); // It is about to be settled: nobody will withdraw it.
    part.first = this.first + i;
    part.count = 1;
    part.bytes = bytes;
    this.count--;
    this.bytes -= bytes;
    if (isFirst) {
      this.first++;
      this.inputFirst++;
      this.inputIndexes?.shift();
      this.timestamps?.shift();
    } else {
      this.inputIndexes?.pop();
      this.timestamps?.pop();
    }
    return part;
  }
}

/** Where a record's outcome goes. One object may be reused for all records of a call. */
export interface SpanTarget {
  /** Whose record it is. */
  recipient: Recipient;
  /** When it must be settled by. */
  deadlineMs: number;
  /** Its place in the call's input. */
  inputIndex: number;
  /** Whether the caller has chosen its timestamp. */
  isTimed: boolean;
}

/** Notes a record that is about to be counted, for a recipient that wants indexes. */
export function noteRecord(span: Span, inputIndex: number, timestamp: number): void {
  const { count } = span;
  if (span.inputIndexes === null && inputIndex !== span.inputFirst + count) {
    span.inputIndexes = Array.from({ length: count }, (_, i) => span.inputFirst + i);
  }
  span.inputIndexes?.push(inputIndex);
  if (span.timestamps === null && timestamp !== span.timestamp) {
    span.timestamps = new Array<number>(count).fill(span.timestamp);
  }
  span.timestamps?.push(timestamp);
}
