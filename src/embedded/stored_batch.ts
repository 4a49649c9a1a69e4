/**
 * A batch as it came into an embedded log.
 *
 * @module
 */

import { COMPRESSION_MASK } from "../../protocol/record_batch_layout.ts";
import { readBatchHeader } from "../../protocol/record_batch_reader.ts";

/** A batch that was appended. Tests see by it how a producer put its records together. */
export interface StoredBatch {
  /** Topic it is in. */
  topic: string;
  /** Partition it is in. */
  partition: number;
  /** Offset of its first record. */
  baseOffset: bigint;
  /** How many records it holds. */
  recordCount: number;
  /** Its bytes on the wire and in the log, with its header of 61. */
  sizeBytes: number;
  /** Whether its records are compressed. */
  isCompressed: boolean;
  /** Id of its producer, -1 for one that is not idempotent. */
  producerId: bigint;
  /** Epoch of that id, -1 for none. */
  producerEpoch: number;
  /** Sequence number of its first record, -1 for none. */
  baseSequence: number;
  /** Epoch of the leader that appended it. */
  leaderEpoch: number;
}

/** Describes a batch of a log. */
export function describeBatch(log: { topic: string; partition: number }, bytes: Uint8Array): StoredBatch {
  const header = readBatchHeader(bytes);
  return {
    topic: log.topic,
    partition: log.partition,
    baseOffset: header.baseOffset,
    recordCount: header.recordCount,
    sizeBytes: bytes.length,
    isCompressed: (header.attributes & COMPRESSION_MASK) !== 0,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    leaderEpoch: header.partitionLeaderEpoch,
  };
}
