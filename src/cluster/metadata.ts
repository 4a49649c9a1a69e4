/**
 * What is known of a cluster: its brokers, and the partitions and leaders of the topics in use.
 *
 * @module
 */

import type { ResponseOf } from "../../protocol/apis.ts";
import { errorCode } from "../../protocol/error_codes.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import type { Address } from "../net/address.ts";

/** One partition, as last told. */
export interface PartitionSnapshot {
  /** Its id. */
  readonly partition: number;
  /** Id of the broker that leads it, null while none does. */
  readonly leader: number | null;
  /** Grows with every change of leader; -1 where the broker does not tell (before Metadata 7). */
  readonly leaderEpoch: number;
  /** Ids of the brokers that keep it. */
  readonly replicas: readonly number[];
  /** Ids of those that are in step. */
  readonly isr: readonly number[];
  /** Error code of the partition, 0 for none. */
  readonly error: number;
}

/** One topic, as last told. Never changed: news come as another object. */
export interface TopicSnapshot {
  /** Its name. */
  readonly topic: string;
  /** Its id, null where the broker does not tell (before Metadata 10). */
  readonly topicId: string | null;
  /** Its partitions, by id. */
  readonly partitions: readonly PartitionSnapshot[];
}

/** A broker and where it says it listens. */
export interface BrokerAddress extends Address {
  /** Its id. */
  readonly id: number;
  /** Its rack, null if it tells none. */
  readonly rack: string | null;
}

/** A topic's partitions and leaders, as a broker told on request. */
export interface TopicMetadata {
  /** Name of the topic. */
  topic: string;
  /** Id of the topic, null where the broker does not tell (before Kafka 2.8). */
  topicId: string | null;
  /** All brokers of the cluster. */
  brokers: {
    /** Id of the broker. */
    id: number;
    /** Host it advertises. */
    host: string;
    /** Port it advertises. */
    port: number;
    /** Rack of the broker, null if it tells none. */
    rack: string | null;
  }[];
  /** The partitions, by id. */
  partitions: {
    /** Id of the partition. */
    partition: number;
    /** Id of the broker that leads it, null while none does. */
    leader: number | null;
    /** Grows with every change of leader, -1 where the broker does not tell. */
    leaderEpoch: number;
    /** Ids of the brokers that keep it. */
    replicas: number[];
    /** Ids of those that are in step. */
    isr: number[];
    /** Kafka's name of what is wrong with it, null if nothing is. */
    error: string | null;
  }[];
}

/** A topic as it stands in an answer. */
export type TopicAnswer = ResponseOf<"Metadata">["topics"][number];

/** The leader of a partition, as a broker hints in a Produce answer (KIP-951). */
export interface LeaderHint {
  /** Topic of the partition. */
  topic: string;
  /** The partition. */
  partition: number;
  /** Its new leader, and the epoch in which it leads. */
  leader: { id: number; epoch: number };
  /** Where the leader listens, where the broker told. */
  endpoint?: { host: string; port: number; rack: string | null } | undefined;
}

/** Everything known of a cluster at one time. Never changed: what is learnt gives another object. */
export class ClusterMetadata {
  /** Of a cluster of which nothing is known. */
  static readonly empty: ClusterMetadata = new ClusterMetadata(new Map(), new Map(), null);

  /**
   * Made by {@linkcode ClusterMetadata.merge} and its like.
   *
   * @param brokers By id.
   * @param topics By name.
   * @param advertisedBy Address of the broker that told, null for none.
   */
  private constructor(
    readonly brokers: ReadonlyMap<number, BrokerAddress>,
    readonly topics: ReadonlyMap<string, TopicSnapshot>,
    readonly advertisedBy: string | null,
  ) {}

  /**
   * Takes in an answer. Brokers are as it says, with those that lead by an epoch it has not heard of; topics with an error
   * stay as they were, and so does everything that is the same, down to the object.
   *
   * @param answer The answer.
   * @param options Who gave it; which topics are worth keeping.
   */
  merge(
    answer: ResponseOf<"Metadata">,
    options: { from: string; isWanted: (topic: string) => boolean },
  ): ClusterMetadata {
    const brokers = new Map<number, BrokerAddress>();
    for (const { nodeId, host, port, rack } of answer.brokers) {
      const known = this.brokers.get(nodeId);
      const told = { id: nodeId, host, port, rack };
      brokers.set(nodeId, known !== undefined && isSameBroker(known, told) ? known : told);
    }
    const topics = new Map(this.topics);
    for (const topic of answer.topics) {
      if (topic.errorCode !== 0 || topic.name === null || !options.isWanted(topic.name)) continue;
      const merged = mergeTopic(this.topics.get(topic.name), topic);
      topics.set(topic.name, merged);
      for (const { leader } of merged.partitions) {
        const known = leader === null ? undefined : this.brokers.get(leader);
        if (known !== undefined && !brokers.has(known.id)) brokers.set(known.id, known);
      }
    }
    // An answer without brokers would leave nobody to ask; it comes from one that is just starting.
    return new ClusterMetadata(brokers.size === 0 ? this.brokers : brokers, topics, options.from);
  }

  /**
   * Takes in a hint, unless it is no newer than what is known.
   *
   * @param hint Who leads what.
   * @returns The new state, null if the hint is old, or of a topic that is unknown.
   */
  withLeader(hint: LeaderHint): ClusterMetadata | null {
    const topic = this.topics.get(hint.topic);
    const index = topic?.partitions.findIndex((known) => known.partition === hint.partition) ?? -1;
    if (topic === undefined || index === -1) return null;
    const known = topic.partitions[index]!;
    const { id, epoch } = hint.leader;
    if (id < 0 || epoch <= known.leaderEpoch) return null;
    if (hint.endpoint === undefined && !this.brokers.has(id)) return null; // A leader nobody can reach is no help.
    const partitions = topic.partitions.with(index, { ...known, leader: id, leaderEpoch: epoch, error: 0 });
    const topics = new Map(this.topics).set(hint.topic, { ...topic, partitions });
    if (hint.endpoint === undefined) return new ClusterMetadata(this.brokers, topics, this.advertisedBy);
    const { host, port, rack } = hint.endpoint;
    const broker = { id, host, port, rack };
    const before = this.brokers.get(id);
    if (before !== undefined && isSameBroker(before, broker)) {
      return new ClusterMetadata(this.brokers, topics, this.advertisedBy);
    }
    return new ClusterMetadata(new Map(this.brokers).set(id, broker), topics, this.advertisedBy);
  }

  /** Forgets where the brokers are. Who leads what stays: should it be the same cluster after all, epochs count on. */
  withoutBrokers(): ClusterMetadata {
    return new ClusterMetadata(new Map(), this.topics, null);
  }

  /**
   * Forgets a topic.
   *
   * @param topic Its name.
   */
  without(topic: string): ClusterMetadata {
    if (!this.topics.has(topic)) return this;
    const topics = new Map(this.topics);
    topics.delete(topic);
    return new ClusterMetadata(this.brokers, topics, this.advertisedBy);
  }
}

/**
 * Takes in what a broker says of a topic. Brokers learn of a new leader at different times: a partition told with an
 * older leader epoch than known is left as it is (KIP-320), unless the topic was deleted and made again, where epochs
 * begin anew. Where a broker tells no epochs its word is all there is.
 *
 * @param known The topic as known, undefined if it is new.
 * @param answer What the broker says, without an error.
 * @returns `known` itself if nothing is new.
 */
export function mergeTopic(known: TopicSnapshot | undefined, answer: TopicAnswer): TopicSnapshot {
  const topicId = answer.topicId === ZERO_UUID ? null : answer.topicId;
  const told = answer.partitions.map(toPartition).sort((a, b) => a.partition - b.partition);
  const fresh = { topic: answer.name!, topicId, partitions: told };
  if (known === undefined || isRecreated(known, fresh)) return fresh;
  const knownById = new Map(known.partitions.map((partition) => [partition.partition, partition]));
  const partitions = told.map((partition) => {
    const before = knownById.get(partition.partition);
    if (before === undefined || before.leaderEpoch < partition.leaderEpoch) return partition;
    const isOld = partition.leaderEpoch >= 0 && before.leaderEpoch > partition.leaderEpoch;
    return isOld || isSamePartition(before, partition) ? before : partition;
  });
  // The same topic never loses partitions: who tells fewer has not heard of the new ones yet.
  if (topicId !== null) {
    for (const { partition } of told) knownById.delete(partition);
    partitions.push(...knownById.values());
    partitions.sort((a, b) => a.partition - b.partition);
  }
  const isSame = known.topicId === topicId && partitions.length === known.partitions.length &&
    partitions.every((partition, index) => partition === known.partitions[index]);
  return isSame ? known : { topic: known.topic, topicId, partitions };
}

/**
 * The form in which callers get it.
 *
 * @param topic The topic.
 * @param brokers All brokers.
 */
export function toTopicMetadata(topic: TopicSnapshot, brokers: Iterable<BrokerAddress>): TopicMetadata {
  return {
    topic: topic.topic,
    topicId: topic.topicId,
    brokers: Array.from(brokers, ({ id, host, port, rack }) => ({ id, host, port, rack })).sort((a, b) => a.id - b.id),
    partitions: topic.partitions.map((partition) => ({
      ...partition,
      replicas: [...partition.replicas],
      isr: [...partition.isr],
      error: partition.error === 0 ? null : errorCode(partition.error).name,
    })),
  };
}

function toPartition(answer: TopicAnswer["partitions"][number]): PartitionSnapshot {
  return {
    partition: answer.partitionIndex,
    leader: answer.leaderId < 0 ? null : answer.leaderId,
    leaderEpoch: answer.leaderEpoch,
    replicas: answer.replicaNodes,
    isr: answer.isrNodes,
    error: answer.errorCode,
  };
}

/** Another id, or, where there are none, fewer partitions: a topic made anew. */
function isRecreated(known: TopicSnapshot, fresh: TopicSnapshot): boolean {
  if (known.topicId !== null && fresh.topicId !== null) return known.topicId !== fresh.topicId;
  return fresh.partitions.length < known.partitions.length;
}

function isSameBroker(a: BrokerAddress, b: BrokerAddress): boolean {
  return a.host === b.host && a.port === b.port && a.rack === b.rack;
}

function isSamePartition(a: PartitionSnapshot, b: PartitionSnapshot): boolean {
  return a.leader === b.leader && a.leaderEpoch === b.leaderEpoch && a.error === b.error &&
    isSameList(a.replicas, b.replicas) && isSameList(a.isr, b.isr);
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
