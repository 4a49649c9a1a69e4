/**
 * Divides a batch that a broker found too large.
 *
 * @module
 */

import { RecordBatchBuilder, type RecordBatchBuilderOptions } from "./record_batch.ts";
import { RECORD_BATCH_OVERHEAD_BYTES } from "./record_batch_layout.ts";
import { readBatchHeader } from "./record_batch_reader.ts";
import { RecordCursor } from "./record_cursor.ts";

/**
 * Encodes consecutive runs of a batch's records as batches of their own.
 *
 * @param batch Exactly one batch that a {@link RecordBatchBuilder} sealed. It is left as it is.
 * @param counts Records of each new batch, in order; together all of them, each at least 1.
 * @param options Where the new batches' buffers come from.
 * @returns The batches, sealed but not numbered.
 * @throws {RangeError} When the counts do not add up.
 */
export function splitBatch(
  batch: Uint8Array,
  counts: readonly number[],
  options: RecordBatchBuilderOptions = {},
): RecordBatchBuilder[] {
  const header = readBatchHeader(batch);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total !== header.recordCount || counts.some((count) => !(count >= 1))) {
    throw new RangeError(`Cannot split a batch: counts [${counts}] for ${header.recordCount} records`);
  }
  const baseTimestamp = Number(header.baseTimestamp);
  const cursor = new RecordCursor(batch, { start: RECORD_BATCH_OVERHEAD_BYTES, end: batch.length, count: total });
  return counts.map((count) => {
    const builder = new RecordBatchBuilder(options);
    for (let i = 0; i < count; i++) {
      cursor.next();
      builder.append({
        key: cursor.key(),
        value: cursor.value(),
        headers: batch.subarray(cursor.headersStart, cursor.end),
        timestamp: baseTimestamp + cursor.timestampDelta,
      });
    }
    builder.seal();
    return builder;
  });
}
