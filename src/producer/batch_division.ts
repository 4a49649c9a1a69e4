/**
 * Batches made smaller after a broker refused them: in parts, or without some records.
 *
 * @module
 */

import type { RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { Batch, Span } from "./batch.ts";

/**
 * Divides a numbered batch: the parts hold its spans, attempts and barriers.
 *
 * @param batch The batch; it is done with afterwards, but for its buffer.
 * @param builders Its records in consecutive parts.
 * @returns A batch for each part.
 */
export function divideBatch(batch: Batch, builders: readonly RecordBatchBuilder[]): Batch[] {
  let from = 0;
  const parts = builders.map((builder) => {
    const part = new Batch(batch.pool, batch.openedMs, { builder });
    part.recordBytes = part.queuedBytes;
    part.deadlineMs = batch.deadlineMs;
    part.isNumbered = true;
    part.attempts = batch.attempts;
    part.lastError = batch.lastError;
    part.isUnknown = batch.isUnknown;
    part.keeper = batch.keeper;
    part.barriers = [...batch.barriers];
    for (const barrier of batch.barriers) barrier.batchAdded();
    part.spans = cutSpans(batch.spans, part, { from, to: from + builder.count });
    from += builder.count;
    return part;
  });
  retireSpans(batch.spans);
  return parts;
}

/**
 * Takes records out of a numbered batch.
 *
 * @param batch The batch; its bytes must be numbered again.
 * @param indexes Which records, ascending.
 * @returns A span of one record for each, no longer part of the batch; its bytes are those the batch became smaller by.
 */
export function dropRecords(batch: Batch, indexes: readonly number[]): Span[] {
  const bytesBefore = batch.queuedBytes;
  const dropped = indexes.flatMap((index) => cutSpans(batch.spans, batch, { from: index, to: index + 1 }));
  const rest: Span[] = [];
  let from = 0;
  let kept = 0;
  for (const to of [...indexes, batch.builder.count]) {
    for (const span of cutSpans(batch.spans, batch, { from, to })) {
      span.first += kept;
      rest.push(span);
    }
    kept += to - from;
    from = to + 1;
  }
  retireSpans(batch.spans);
  const gone = new Set(indexes);
  batch.builder.compact((index) => !gone.has(index));
  batch.spans = rest;
  batch.recordBytes -= bytesBefore - batch.queuedBytes;
  return dropped;
}

/** Others stand for these spans now: a call that withdraws its records must not find them. */
function retireSpans(spans: readonly Span[]): void {
  for (const span of spans) span.isSettled = true;
}

/** The parts of spans that lie in a range of records, counted from the start of that range. */
function cutSpans(spans: readonly Span[], batch: Batch, { from, to }: { from: number; to: number }): Span[] {
  const parts: Span[] = [];
  for (const span of spans) {
    const start = Math.max(span.first, from);
    const end = Math.min(span.first + span.count, to);
    if (start >= end) continue;
    const skipped = start - span.first;
    const part = new Span(span.recipient, batch, {
      deadlineMs: span.deadlineMs,
      inputIndex: span.inputIndex(skipped),
      timestamp: span.timestampOf(skipped),
      isTimed: span.isTimed,
    });
    part.first = start - from;
    part.count = end - start;
    part.bytes = Math.round(span.bytes * part.count / span.count);
    part.inputIndexes = span.inputIndexes?.slice(skipped, skipped + part.count) ?? null;
    part.timestamps = span.timestamps?.slice(skipped, skipped + part.count) ?? null;
    part.isSettled = span.isSettled;
    parts.push(part);
  }
  return parts;
}
