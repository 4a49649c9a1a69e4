/**
 * Batches made smaller because they are too large, or some records of them are refused.
 *
 * @module
 */

import { splitBatch } from "../../protocol/batch_split.ts";
import { Batch } from "./batch.ts";
import { Span } from "./span.ts";

/**
 * Halves a batch (as many records in each half): the halves hold its spans, attempts and barriers.
 *
 * @param batch A compacted batch of at least 2 records, not regrouped; it is done with afterwards, but for its buffers.
 * @returns The halves.
 */
export function halveBatch(batch: Batch): [Batch, Batch] {
  const half = Math.ceil(batch.count / 2);
  return divideBatch(batch, [half, batch.count - half]) as [Batch, Batch];
}

function divideBatch(batch: Batch, counts: readonly number[]): Batch[] {
  batch.builder.seal();
  const wires = batch.wire === batch.builder ? null : splitBatch(batch.wire.bytes, counts);
  let from = 0;
  const parts = splitBatch(batch.builder.bytes, counts).map((builder, i) => {
    const part = new Batch(batch.pool, batch.openedMs, { builder });
    part.transform = batch.transform;
    part.rewrite(wires?.[i] ?? null);
    part.recordBytes = part.queuedBytes;
    part.deadlineMs = batch.deadlineMs;
    part.isNumbered = batch.isNumbered;
    part.attempts = batch.attempts;
    part.lastError = batch.lastError;
    part.isUnknown = batch.isUnknown;
    part.keeper = batch.keeper;
    part.callers = batch.callers;
    part.outgoing.compressor = batch.outgoing.compressor;
    if (batch.isNumbered) part.outgoing.compressAgain(); // Else it is rewritten first.
    part.barriers = [...batch.barriers];
    for (const barrier of batch.barriers) barrier.batchAdded();
    part.spans = cutSpans(batch.spans, part, { from, to: from + builder.count });
    // To the byte: spans may yet be struck out, and must give back together what the part has taken.
    const { offsets } = part;
    for (const span of part.spans) span.bytes = offsets.startOf(span.first + span.count) - offsets.startOf(span.first);
    part.arrivals = cutArrivals(batch, { from, to: from + builder.count });
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
  batch.remove(new Set(indexes));
  batch.spans = rest;
  batch.recordBytes -= bytesBefore - batch.queuedBytes;
  batch.outgoing.compressAgain();
  return dropped;
}

/** Others stand for these spans now: a call that withdraws its records must not find them. */
function retireSpans(spans: readonly Span[]): void {
  for (const span of spans) span.isSettled = true;
}

/** The places in the order of arrival of a range of records; those of the batch's first records may be missing. */
function cutArrivals({ arrivals, builder }: Batch, { from, to }: { from: number; to: number }): number[] | null {
  if (arrivals === null) return null;
  const missing = builder.count - arrivals.length;
  return arrivals.slice(Math.max(0, from - missing), Math.max(0, to - missing));
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
