/**
 * What a partitioner is: it chooses the partition of each record of a topic.
 *
 * @module
 */

/** What a partitioner sees of a record. One object serves all calls: read it, do not keep it. */
export interface PartitionInput {
  /** Key, null for none. */
  key: Uint8Array | null;
  /** Partition the caller asked for; a partitioner is only called when there is none. */
  partition?: number;
  /** Bytes of key and value. */
  bytes: number;
}

/** What a partitioner sees of a topic. One object for the life of a topic, so that it can carry a partitioner's state. */
export interface TopicView {
  /** Name of the topic. */
  readonly name: string;
  /** Ids of the partitions, ascending. */
  readonly partitions: readonly number[];
  /** Whether a partition has a leader that is not known to be down, and room for more records. */
  hasRoom(id: number): boolean;
}

/** A partitioner's refusal of a record. */
export interface Refusal {
  /** Why. */
  readonly refused: string;
}

/** Chooses a partition id, refuses the record, or leaves the choice to the default. Must not throw or wait. */
export type Partitioner = (record: PartitionInput, topic: TopicView) => number | Refusal | undefined;
