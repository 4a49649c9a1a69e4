/**
 * A topic of an embedded cluster and its partitions.
 *
 * @module
 */

import type { PartitionLog } from "./partition_log.ts";

/** A partition: a log, and which broker answers for it. */
export interface Partition {
  /** Topic it belongs to. */
  readonly topic: string;
  /** Id within the topic. Kafka's own count from 0; here there may be gaps. */
  readonly index: number;
  /** The records; the same log for all replicas. */
  readonly log: PartitionLog;
  /** Id of the leader, -1 while there is none. */
  leader: number;
  /** Raised with every change of leader. */
  leaderEpoch: number;
  /** Ids of the brokers that hold it, the preferred leader first. */
  replicas: number[];
  /** Where the log ended when a broker went down, by its id. It comes back with less knowledge of producers. */
  readonly downOffsets: Map<number, bigint>;
  /** Ids of the replicas in sync: those that are up, or the last that was. */
  isr: number[];
}

/** No leader, as Kafka writes it. */
export const NO_LEADER = -1;

/** A topic and its partitions. */
export class EmbeddedTopic {
  /** Name. */
  readonly name: string;
  /** Id, as Kafka prints it: 22 characters of base64url. */
  readonly id: string;
  /** Largest batch that its partitions take, in bytes. */
  readonly maxMessageBytes: number;

  readonly #byIndex = new Map<number, Partition>();
  #sorted: readonly Partition[] = [];

  /**
   * A topic without partitions.
   *
   * @param name Its name.
   * @param settings Its id, and the largest batch it takes.
   */
  constructor(name: string, { id, maxMessageBytes }: { id: string; maxMessageBytes: number }) {
    this.name = name;
    this.id = id;
    this.maxMessageBytes = maxMessageBytes;
  }

  /** By id. */
  get partitions(): readonly Partition[] {
    return this.#sorted;
  }

  /** A partition, if there is one of that id. */
  partition(index: number): Partition | undefined {
    return this.#byIndex.get(index);
  }

  /** Adds partitions of ids that it does not have yet. */
  add(partitions: Iterable<Partition>): void {
    for (const partition of partitions) this.#byIndex.set(partition.index, partition);
    this.#sorted = [...this.#byIndex.values()].sort((a, b) => a.index - b.index);
  }
}
