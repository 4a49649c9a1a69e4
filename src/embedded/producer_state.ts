/**
 * What a partition remembers of each idempotent producer, and the verdict on the next batch.
 *
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging}
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-360%3A+Improve+reliability+of+idempotent%2Ftransactional+producer}
 * @module
 */

import type { RecordBatchHeader } from "../../protocol/record_batch_reader.ts";

/** How many of a producer's latest batches are remembered, as in Kafka. */
export const REMEMBERED_BATCH_COUNT = 5;

const MAX_SEQUENCE = 0x7fff_ffff;

/** A batch that was appended. */
export interface RememberedBatch {
  /** Sequence number of its first record. */
  firstSequence: number;
  /** Sequence number of its last record. */
  lastSequence: number;
  /** Offset of its first record. */
  baseOffset: bigint;
  /** Largest timestamp of its records. */
  maxTimestamp: bigint;
}

/** What to do with a batch. */
export type SequenceVerdict =
  | { action: "append" }
  | { action: "acknowledge"; batch: RememberedBatch }
  | { action: "refuse"; error: "INVALID_PRODUCER_EPOCH" | "OUT_OF_ORDER_SEQUENCE_NUMBER" };

interface ProducerEntry {
  epoch: number;
  batches: RememberedBatch[];
}

const APPEND: SequenceVerdict = { action: "append" };

/**
 * The sequence state of one partition. It belongs to the log, so it goes wherever the leader goes.
 *
 * One state is kept for all replicas, and of each the offset from which on it has seen the batches itself.
 *
 * Like Kafka 4, a producer that is not known may begin with any sequence number, and a batch older than the remembered
 * ones is out of order, not a duplicate.
 */
export class ProducerStates {
  /**
   * Where the log ended when the leader started last, 0 if it has run ever since. Of what was appended before, it remembers
   * one batch of each producer, the latest: Kafka's snapshots hold no more.
   */
  leaderStartOffset = 0n;
  readonly #entries = new Map<bigint, ProducerEntry>();

  /** Whether a batch may be appended, was appended before, or does not follow the last one. */
  judge(header: RecordBatchHeader): SequenceVerdict {
    const entry = this.#entries.get(header.producerId);
    if (entry === undefined) return APPEND;
    if (header.producerEpoch < entry.epoch) return { action: "refuse", error: "INVALID_PRODUCER_EPOCH" };
    if (header.producerEpoch > entry.epoch) return header.baseSequence === 0 ? APPEND : outOfOrder();
    const lastSequence = addToSequence(header.baseSequence, header.lastOffsetDelta);
    for (let i = entry.batches.length - 1; i >= 0; i--) {
      const batch = entry.batches[i]!;
      if (batch.firstSequence === header.baseSequence && batch.lastSequence === lastSequence) {
        return { action: "acknowledge", batch };
      }
      if (batch.baseOffset < this.leaderStartOffset) break;
    }
    const expected = addToSequence(entry.batches.at(-1)!.lastSequence, 1);
    return header.baseSequence === expected ? APPEND : outOfOrder();
  }

  /** Remembers a batch that is being appended. */
  remember(header: RecordBatchHeader, stored: { baseOffset: bigint; maxTimestamp: bigint }): void {
    let entry = this.#entries.get(header.producerId);
    if (entry === undefined || entry.epoch !== header.producerEpoch) {
      entry = { epoch: header.producerEpoch, batches: [] };
      this.#entries.set(header.producerId, entry);
    }
    if (entry.batches.length === REMEMBERED_BATCH_COUNT) entry.batches.shift();
    entry.batches.push({
      firstSequence: header.baseSequence,
      lastSequence: addToSequence(header.baseSequence, header.lastOffsetDelta),
      baseOffset: stored.baseOffset,
      maxTimestamp: stored.maxTimestamp,
    });
  }

  /** Forgets every producer, as a broker does once `producer.id.expiration.ms` has passed. */
  forget(): void {
    this.#entries.clear();
  }
}

/** The sequence number `count` after `sequence`; after 2^31-1 comes 0. */
export function addToSequence(sequence: number, count: number): number {
  return sequence > MAX_SEQUENCE - count ? sequence + count - MAX_SEQUENCE - 1 : sequence + count;
}

function outOfOrder(): SequenceVerdict {
  return { action: "refuse", error: "OUT_OF_ORDER_SEQUENCE_NUMBER" };
}
