/**
 * Where each record of a growing batch begins.
 *
 * @module
 */

import { RECORD_BATCH_OVERHEAD_BYTES, type RecordBatchBuilder } from "../../protocol/record_batch.ts";

/** Finds the bytes of single records; walks each record once. It holds until the batch is compacted. */
export class RecordOffsets {
  readonly #builder: RecordBatchBuilder;
  /** Where each record begins that was walked, and behind it the end of the last one. */
  readonly #starts: number[] = [RECORD_BATCH_OVERHEAD_BYTES];

  /** @param builder The batch; it may grow. */
  constructor(builder: RecordBatchBuilder) {
    this.#builder = builder;
  }

  /** Where the record number `index` begins; the end of the last one when there are no more. */
  startOf(index: number): number {
    const { buffer } = this.#builder;
    const starts = this.#starts;
    for (let next = starts.length; next <= index; next++) {
      // A record begins with its length, without the length itself: a varint in zigzag order, never negative.
      let position = starts[next - 1]!;
      let zigzag = 0;
      for (let shift = 0;; shift += 7) {
        const byte = buffer[position++]!;
        zigzag |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      starts.push(position + (zigzag >>> 1));
    }
    return starts[index]!;
  }

  /** Bytes of the record number `index`. */
  bytesOf(index: number): number {
    const start = this.startOf(index);
    return this.startOf(index + 1) - start;
  }
}
