/**
 * A batch: the encoded records of one partition.
 *
 * @module
 */

import { type EncodableRecord, RECORD_BATCH_OVERHEAD_BYTES, RecordBatchBuilder } from "../../protocol/record_batch.ts";
import type { BatchTransform } from "../batch_transform.ts";
import { type BufferPool, SMALLEST_BUFFER_BYTES } from "./buffer_pool.ts";
import { FailedRun, type KeptRecords } from "./failed_records.ts";
import { OutgoingBytes } from "./outgoing_bytes.ts";
import { RecordOffsets } from "./record_offsets.ts";
import { noteRecord, Span, type SpanTarget } from "./span.ts";

/** Who keeps a batch: a lane, or the waiting room of a topic without known partitions. */
export interface BatchKeeper {
  /** Settles spans before their time, each with the verdict that holds for it then. */
  withdraw(spans: readonly Span[], cause: unknown): void;
}

/** Told when a batch is settled, however it ends: what `flush()` waits for. */
export interface Barrier {
  /** It was put on one more batch: on the parts of a divided one. */
  batchAdded(): void;
  /** Called once for each batch it was put on. */
  batchSettled(): void;
}

/** Bytes that no batch exceeds, whatever `batchMaxBytes` says. */
export const MAX_BATCH_BYTES = 1024 * 1024 * 1024;

/** Most callers that a batch knows: as many as OpenTelemetry lets a span have links. */
const MAX_CALLERS = 128;

/** Bytes of records that were struck out which are not worth the work: of the smallest buffer. */
const SPARSE_MIN_BYTES = SMALLEST_BUFFER_BYTES;

/** The encoded records of one partition on their way. */
export class Batch {
  /** The records as callers passed them. */
  readonly builder: RecordBatchBuilder;
  /** The bytes as they are sent. */
  readonly outgoing: OutgoingBytes = new OutgoingBytes(this);
  /** Rewrites the records before they are numbered, null when they go out as they are. */
  transform: BatchTransform | null = null;
  /** Whose records they are, in order. */
  spans: Span[] = [];
  /** Bytes in the budget: of the records alone, those struck out no longer counted. */
  recordBytes = 0;
  /** Earliest deadline of a span. */
  deadlineMs = Infinity;
  /** When the first record came, on the clock of `Timers.now`. */
  readonly openedMs: number;
  /** Whether it carries numbers: from then on its bytes are frozen and nothing is struck out. */
  isNumbered = false;
  /** Times it was handed to a connection. */
  attempts = 0;
  /** Error of the last attempt, for the report should it be the last one. */
  lastError: unknown = undefined;
  /** Whether some attempt's outcome is unknown. */
  isUnknown = false;
  /** Whether a broker has found its bytes damaged once. */
  wasCorrupt = false;
  /** Those who wait for it to be settled. */
  barriers: Barrier[] = [];
  /** Who made the calls whose records are or were in it, each once; null without tracing. */
  callers: unknown[] | null = null;
  /** Where its buffer came from and goes back to. */
  readonly pool: BufferPool;
  /** Who keeps the batch now, and settles its spans on request. */
  keeper: BatchKeeper | null = null;
  /**
   * For each record, its place in the order in which the topic's records came, where an overflow policy wants to know;
   * those of the batch's first records may be missing, or lower than theirs, when the policy changed meanwhile.
   */
  arrivals: number[] | null = null;
  #struckRecords = 0;
  /** What goes out instead of the callers' records. */
  #rewritten: RecordBatchBuilder | null = null;
  #isReleased = false;
  /** The copy that was asked for last. */
  #copy: { span: Span; records: KeptRecords } | null = null;
  #shown: KeptRecords | null = null;
  #offsets: RecordOffsets | null = null;
  /** Spans before that index are settled. */
  #firstLive = 0;
  /** Stands, settled, for records that were struck out one by one. */
  #filler: Span | null = null;

  /**
   * Opens an empty batch at `nowMs`; its bytes come from `pool`, or are those of `builder`. `likelyBytes`: how large it
   * may well become.
   */
  constructor(pool: BufferPool, nowMs: number, from: { builder?: RecordBatchBuilder; likelyBytes?: number } = {}) {
    this.pool = pool;
    this.openedMs = nowMs;
    this.builder = from.builder ??
      new RecordBatchBuilder({
        initialBytes: pool.firstBytes(from.likelyBytes ?? 0),
        allocate: pool.allocate,
        release: pool.release,
      });
  }

  /** Records, those struck out no longer counted. */
  get count(): number {
    return this.builder.count - this.#struckRecords;
  }

  /** The records that go out: the callers' own, unless they were rewritten. */
  get wire(): RecordBatchBuilder {
    return this.#rewritten ?? this.builder;
  }

  /** Records that go out, those struck out no longer counted. */
  get wireCount(): number {
    return this.#rewritten?.count ?? this.count;
  }

  /** Bytes of the records that go out, not compressed. */
  get byteLength(): number {
    return this.wire.byteLength;
  }

  /** Whether the records were rewritten into another number of them: then no caller's record has one of its own. */
  get isRegrouped(): boolean {
    return this.#rewritten !== null && this.#rewritten.count !== this.builder.count;
  }

  /** Whether records were struck out that {@linkcode compact} has not removed. */
  get hasStruck(): boolean {
    return this.#struckRecords > 0;
  }

  /** Whether it has no records left, or more of its bytes are of those that were struck out than of others. */
  get isSparse(): boolean {
    if (!this.hasStruck) return this.count === 0;
    return this.count === 0 || this.queuedBytes - this.recordBytes > Math.max(this.recordBytes, SPARSE_MIN_BYTES);
  }

  /** Has other records go out, null for the callers' own. Only before the batch is numbered. */
  rewrite(wire: RecordBatchBuilder | null): void {
    this.outgoing.release();
    if (this.#rewritten !== null && this.#rewritten !== wire) this.pool.release(this.#rewritten.buffer);
    this.#rewritten = wire;
  }

  /**
   * Copies a record in.
   *
   * @returns Bytes added, 0 when the batch would become larger than `maxBytes`.
   */
  tryAppend(record: EncodableRecord, maxBytes: number, to: SpanTarget): number {
    const bytes = this.builder.tryAppend(record, maxBytes);
    if (bytes === 0) return 0;
    this.recordBytes += bytes;
    let span = this.spans.length === 0 ? null : this.spans[this.spans.length - 1]!;
    if (
      span === null || span.recipient !== to.recipient || span.deadlineMs !== to.deadlineMs || span.isSettled ||
      span.isTimed !== to.isTimed
    ) {
      span = this.#openSpan(to, record.timestamp);
    } else if (to.recipient.wantsIndexes) {
      noteRecord(span, to.inputIndex, record.timestamp);
    }
    span.count++;
    span.bytes += bytes;
    return bytes;
  }

  #openSpan(to: SpanTarget, timestamp: number): Span {
    const { recipient, deadlineMs, inputIndex, isTimed } = to;
    const span = new Span(recipient, this, { deadlineMs, inputIndex, timestamp, isTimed });
    span.first--; // The record is in already.
    this.spans.push(span);
    if (to.deadlineMs < this.deadlineMs) this.deadlineMs = to.deadlineMs;
    if (recipient.caller !== undefined) this.#noteCaller(recipient.caller);
    return span;
  }

  #noteCaller(caller: unknown): void {
    this.callers ??= [];
    if (this.callers.length < MAX_CALLERS && !this.callers.includes(caller)) this.callers.push(caller);
  }

  /** Takes a span's records out of a batch that was never numbered. The caller tells the recipient. */
  strike(span: Span): void {
    span.isSettled = true;
    this.#struckRecords += span.count;
    this.recordBytes -= span.bytes;
  }

  /** Removes what was struck out from the bytes: the last time right before the batch is numbered. */
  compact(): void {
    if (this.#struckRecords > 0) this.#removeStruck();
    this.outgoing.refresh();
  }

  /**
   * Gives back the memory of what was struck out, of a batch that is open, or sealed and not numbered. Never while
   * somebody knows its records by their index.
   *
   * @returns For each record there was, 1 if it is gone; null when nothing can be done now.
   */
  shrink(): Uint8Array | null {
    if (this.#struckRecords === 0 || this.outgoing.isCompressing || this.#rewritten !== null) return null;
    const struck = this.#removeStruck();
    this.builder.fit();
    return struck;
  }

  #removeStruck(): Uint8Array {
    const struck = new Uint8Array(this.builder.count);
    let first = 0;
    for (const span of this.spans) {
      if (span.isSettled) {
        struck.fill(1, span.first, span.first + span.count);
      } else {
        span.first = (first += span.count) - span.count;
      }
    }
    this.spans = this.spans.filter((span) => !span.isSettled);
    if (this.arrivals !== null) {
      const missing = this.builder.count - this.arrivals.length;
      this.arrivals = this.arrivals.filter((_, i) => struck[missing + i] === 0);
    }
    this.builder.compact((index) => struck[index] === 0);
    this.#struckRecords = 0;
    this.#firstLive = 0;
    this.#copy = this.#offsets = this.#filler = null;
    this.outgoing.expire();
    return struck;
  }

  /** Removes records from the bytes, also from those that go out instead. The caller sees to spans and numbers. */
  remove(indexes: ReadonlySet<number>): void {
    if (this.wire !== this.builder) this.wire.compact((index) => !indexes.has(index));
    this.builder.compact((index) => !indexes.has(index));
    this.#offsets = null;
  }

  /**
   * The span whose first or last record is the batch's first or last that is not settled. The batch has one.
   *
   * @param isFirst Whether the first, else the last.
   */
  #liveAt(isFirst: boolean): number {
    const { spans } = this;
    if (!isFirst) return spans.findLastIndex((span) => !span.isSettled);
    while (spans[this.#firstLive]!.isSettled) this.#firstLive++;
    return this.#firstLive;
  }

  /** Place in the order of arrival of the first or last record that is not settled, -1 when it is not known. */
  arrival(isFirst: boolean): number {
    const span = this.spans[this.#liveAt(isFirst)]!;
    const index = isFirst ? span.first : span.first + span.count - 1;
    return this.arrivals?.[index - (this.builder.count - this.arrivals.length)] ?? -1;
  }

  /**
   * Strikes one record out of a batch that was never numbered: the first or last that is not settled.
   *
   * @param isFirst Whether the first, else the last.
   * @returns A settled span of that record alone. The caller tells the recipient.
   */
  strikeOne(isFirst: boolean): Span {
    const at = this.#liveAt(isFirst);
    const span = this.spans[at]!;
    if (span.count === 1) {
      this.strike(span);
      return span;
    }
    const struck = span.cut(isFirst, this.offsets.bytesOf(isFirst ? span.first : span.first + span.count - 1));
    this.strike(struck);
    this.#fill(struck, isFirst ? at : at + 1);
    return struck;
  }

  /** Spans must go on covering all records: a settled one stands for what was struck out one by one. */
  #fill(struck: Span, at: number): void {
    const before = this.spans[at - 1];
    const behind = this.spans[at];
    if (before !== undefined && before === this.#filler) before.count++;
    else if (behind !== undefined && behind === this.#filler) {
      behind.first--;
      behind.count++;
    } else {
      const nobody = { deadlineMs: Infinity, inputIndex: 0, timestamp: 0, isTimed: false };
      this.#filler = new Span(struck.recipient, this, nobody);
      struck.recipient.spans?.pop();
      this.#filler.first = struck.first;
      this.#filler.count = 1;
      this.#filler.isSettled = true;
      this.spans.splice(at, 0, this.#filler);
    }
  }

  /** Where the records are. */
  get offsets(): RecordOffsets {
    return this.#offsets ??= new RecordOffsets(this.builder);
  }

  /** Bytes of the batch without its header: what a queue strategy counts. */
  get queuedBytes(): number {
    return this.builder.byteLength - RECORD_BATCH_OVERHEAD_BYTES;
  }

  /** Whether every span is settled. */
  get isAbandoned(): boolean {
    return this.spans.every((span) => span.isSettled);
  }

  /** Tells every waiting `flush()`. */
  passBarriers(): void {
    const barriers = this.barriers;
    this.barriers = [];
    for (const barrier of barriers) barrier.batchSettled();
  }

  /** A copy of a span's records for reports of failure, made once until {@linkcode showFailed}. */
  failedRecords(span: Span): KeptRecords {
    if (this.#shown !== null) return this.#shown;
    if (this.#copy?.span === span) return this.#copy.records;
    const records = new FailedRun(this, { from: span.first, to: span.first + span.count });
    this.#copy = { span, records };
    return records;
  }

  /** Has {@linkcode failedRecords} show these, or the records as they stand. */
  showFailed(records: KeptRecords | null): void {
    this.#shown = records;
    this.#copy = null;
  }

  /** Gives the buffer back. Only when no socket write can still read it and no failure report needs it. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.pool.release(this.builder.buffer);
    if (this.#rewritten !== null) this.pool.release(this.#rewritten.buffer);
    this.outgoing.release();
  }
}
