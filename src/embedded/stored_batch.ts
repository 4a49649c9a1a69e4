/**
 * A batch as it came into an embedded log.
 *
 * @module
 */

import { MESSAGE_CODEC_MASK, MessageOffset } from "../../protocol/message_layout.ts";
import { COMPRESSION_MASK } from "../../protocol/record_batch_layout.ts";
import { readBatchHeader } from "../../protocol/record_batch_reader.ts";
import type { LogBatch } from "./log_format.ts";

/**
 * A batch that was appended. Tests see by it how a producer put its records together. Where the cluster acts as a release
 * before Kafka 0.11, it is a message: one record, or several that came compressed together.
 */
export interface StoredBatch {
  /** Topic it is in. */
  topic: string;
  /** Partition it is in. */
  partition: number;
  /** Offset of its first record. */
  baseOffset: bigint;
  /** How many records it holds. */
  recordCount: number;
  /** Its bytes on the wire and in the log, with its header: 61, or of a message 26 (format 0) or 34 (format 1). */
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
export function describeBatch(log: { topic: string; partition: number }, batch: LogBatch): StoredBatch {
  const { bytes, baseOffset, lastOffset, leaderEpoch } = batch;
  if (batch.format !== 2) {
    return {
      topic: log.topic,
      partition: log.partition,
      baseOffset,
      recordCount: Number(lastOffset - baseOffset) + 1,
      sizeBytes: bytes.length,
      isCompressed: (bytes[MessageOffset.attributes]! & MESSAGE_CODEC_MASK) !== 0,
      producerId: -1n,
      producerEpoch: -1,
      baseSequence: -1,
      leaderEpoch,
    };
  }
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
