/**
 * The producer's numbers in the header of a sealed batch, and the checksum over them.
 *
 * @module
 */

import { crc32c, crc32cCombine } from "./crc32c.ts";
import { BatchOffset, RECORD_BATCH_OVERHEAD_BYTES } from "./record_batch_layout.ts";

/** What a broker tells a repeated batch by. */
export interface BatchNumbers {
  /** Id from InitProducerId, -1n for none. */
  readonly producerId: bigint;
  /** Epoch of that id, -1 for none. */
  readonly producerEpoch: number;
  /** Sequence number of the first record, -1 for none. */
  readonly baseSequence: number;
}

/**
 * Writes numbers and checksum. It reads 40 bytes, however large the batch is.
 *
 * @param buffer Holds the batch at its beginning.
 * @param numbers The numbers.
 * @param body Length and checksum of what follows the header.
 */
export function writeNumbers(buffer: Uint8Array, numbers: BatchNumbers, body: { bytes: number; crc: number }): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset, RECORD_BATCH_OVERHEAD_BYTES);
  view.setBigInt64(BatchOffset.producerId, numbers.producerId);
  view.setInt16(BatchOffset.producerEpoch, numbers.producerEpoch);
  view.setInt32(BatchOffset.baseSequence, numbers.baseSequence);
  const headerCrc = crc32c(buffer, BatchOffset.attributes, RECORD_BATCH_OVERHEAD_BYTES);
  view.setUint32(BatchOffset.crc, crc32cCombine(headerCrc, body.crc, body.bytes));
}
