/**
 * Who is who in an embedded cluster: brokers, topics, and the leader of each partition. No sockets.
 *
 * @module
 */

import { PartitionLog } from "./partition_log.ts";

/** A broker as the others see it. */
export interface BrokerNode {
  /** Id, from 1. */
  readonly id: number;
  /** Port on 127.0.0.1; stays the same while the broker is stopped. */
  readonly port: number;
  /** Whether it accepts connections. */
  isUp: boolean;
}

/** A partition: a log, and which broker answers for it. */
export interface Partition {
  /** Topic it belongs to. */
  readonly topic: string;
  /** Number within the topic, from 0. */
  readonly index: number;
  /** The records; the same log for all replicas. */
  readonly log: PartitionLog;
  /** Id of the leader, -1 while there is none. */
  leader: number;
  /** Raised with every change of leader. */
  leaderEpoch: number;
  /** Ids of the brokers that hold it, the preferred leader first. */
  replicas: number[];
  /** Ids of the replicas in sync: those that are up, or the last that was. */
  isr: number[];
}

/** A topic and its partitions. */
export interface EmbeddedTopic {
  /** Name. */
  readonly name: string;
  /** Id, as Kafka prints it: 22 characters of base64url. */
  readonly id: string;
  /** By number. */
  readonly partitions: Partition[];
}

/** What a topology needs. */
export interface TopologyOptions {
  /** Largest batch a log takes, in bytes. */
  maxMessageBytes: number;
  /** Milliseconds since the epoch. */
  wallMs: () => number;
  /** Called after each append to any log. */
  onAppend: (log: PartitionLog) => void;
}

/** How a topic is laid out. */
export interface TopicLayout {
  /** How many partitions. */
  partitions: number;
  /** How many brokers hold each. */
  replication: number;
}

/** No leader, as Kafka writes it. */
export const NO_LEADER = -1;
/** Kafka's longest topic name. */
const MAX_TOPIC_NAME_LENGTH = 249;

/** Brokers, topics and leaders. Every change of a leader raises the partition's leader epoch, as a controller does. */
export class Topology {
  /** Id of the cluster. */
  readonly clusterId: string = randomId();
  /** Brokers by id, those that are down too. */
  readonly brokers: Map<number, BrokerNode> = new Map();
  /** Topics by name. */
  readonly topics: Map<string, EmbeddedTopic> = new Map();

  readonly #options: TopologyOptions;
  readonly #topicsById = new Map<string, EmbeddedTopic>();

  /** @param options Limits, clock and whom to tell of appends. */
  constructor(options: TopologyOptions) {
    this.#options = options;
  }

  /** The brokers that are up, by id. */
  upBrokers(): BrokerNode[] {
    return [...this.brokers.values()].filter((broker) => broker.isUp);
  }

  /** The topic of an id, if there is one. */
  topicById(id: string): EmbeddedTopic | undefined {
    return this.#topicsById.get(id);
  }

  /** A partition, if there is one. */
  partition(topic: string, index: number): Partition | undefined {
    return this.topics.get(topic)?.partitions[index];
  }

  /**
   * Creates a topic. Leaders go round the brokers, beginning with the first.
   *
   * @throws {RangeError} When the name or the layout is not possible.
   * @throws {TypeError} When there is such a topic.
   */
  addTopic(name: string, layout: TopicLayout): EmbeddedTopic {
    if (!isTopicName(name)) throw new RangeError(`Cannot add topic: "${name}" is no name for a topic`);
    if (this.topics.has(name)) throw new TypeError(`Cannot add topic "${name}": it exists`);
    this.#assertLayout(name, layout);
    const topic: EmbeddedTopic = { name, id: randomId(), partitions: [] };
    this.topics.set(name, topic);
    this.#topicsById.set(topic.id, topic);
    this.#growTo(topic, layout);
    return topic;
  }

  /**
   * Gives a topic more partitions, with as many replicas as its first.
   *
   * @param count How many it shall have then.
   * @throws {RangeError} When there is no such topic, or it has that many already.
   */
  addPartitions(name: string, count: number): void {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new RangeError(`Cannot add partitions: there is no topic "${name}"`);
    if (!Number.isInteger(count) || count <= topic.partitions.length) {
      throw new RangeError(`Cannot add partitions: "${name}" has ${topic.partitions.length}, asked for ${count}`);
    }
    this.#growTo(topic, { partitions: count, replication: topic.partitions[0]!.replicas.length });
  }

  /** Removes a topic with its records. */
  deleteTopic(name: string): void {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new RangeError(`Cannot delete topic: there is no topic "${name}"`);
    this.topics.delete(name);
    this.#topicsById.delete(topic.id);
  }

  /**
   * Makes a broker the leader of a partition. One that holds no replica takes the place of the old leader.
   *
   * @throws {RangeError} When there is no such partition or broker.
   * @throws {TypeError} When the broker is down.
   */
  moveLeader(topic: string, index: number, brokerId: number): void {
    const action = `Cannot move the leader of "${topic}" partition ${index} to broker ${brokerId}`;
    const partition = this.partition(topic, index);
    if (partition === undefined) throw new RangeError(`${action}: there is no such partition`);
    const broker = this.brokers.get(brokerId);
    if (broker === undefined) throw new RangeError(`${action}: there is no such broker`);
    if (!broker.isUp) throw new TypeError(`${action}: it is stopped`);
    if (partition.leader === brokerId) return;
    if (!partition.replicas.includes(brokerId)) {
      const leaving = partition.leader === NO_LEADER ? partition.replicas[0]! : partition.leader;
      partition.replicas = partition.replicas.map((id) => id === leaving ? brokerId : id);
      partition.isr = partition.isr.filter((id) => id !== leaving);
    }
    if (!partition.isr.includes(brokerId)) partition.isr.push(brokerId);
    this.#lead(partition, brokerId);
  }

  /** Marks a broker as down; another replica in sync leads its partitions, or none does. */
  brokerDown(id: number): void {
    this.brokers.get(id)!.isUp = false;
    for (const partition of this.#partitionsOf(id)) {
      if (partition.isr.length > 1) partition.isr = partition.isr.filter((replica) => replica !== id);
      if (partition.leader !== id) continue;
      const heir = partition.replicas.find((replica) => replica !== id && partition.isr.includes(replica));
      this.#lead(partition, heir ?? NO_LEADER);
    }
  }

  /** Marks a broker as up; it catches up at once, and leads what had no leader. */
  brokerUp(id: number): void {
    this.brokers.get(id)!.isUp = true;
    for (const partition of this.#partitionsOf(id)) {
      if (partition.leader === NO_LEADER) {
        // Only the last one in sync may lead: the others may have missed records.
        if (!partition.isr.includes(id)) continue;
        this.#lead(partition, id);
      }
      // All replicas that are up have caught up with the leader by now, as they share its log.
      const others = partition.replicas.filter((id) => this.brokers.get(id)!.isUp && !partition.isr.includes(id));
      partition.isr.push(...others);
    }
  }

  #lead(partition: Partition, brokerId: number): void {
    partition.leader = brokerId;
    partition.leaderEpoch++;
  }

  *#partitionsOf(brokerId: number): Generator<Partition> {
    for (const topic of this.topics.values()) {
      for (const partition of topic.partitions) if (partition.replicas.includes(brokerId)) yield partition;
    }
  }

  #growTo(topic: EmbeddedTopic, layout: TopicLayout): void {
    const ids = [...this.brokers.keys()];
    while (topic.partitions.length < layout.partitions) {
      const index = topic.partitions.length;
      const replicas = Array.from({ length: layout.replication }, (_, i) => ids[(index + i) % ids.length]!);
      const up = replicas.filter((id) => this.brokers.get(id)!.isUp);
      topic.partitions.push({
        topic: topic.name,
        index,
        log: new PartitionLog({ topic: topic.name, partition: index, ...this.#options }),
        leader: up[0] ?? NO_LEADER,
        leaderEpoch: 0,
        replicas,
        isr: up.length > 0 ? up : [replicas[0]!],
      });
    }
  }

  #assertLayout(name: string, { partitions, replication }: TopicLayout): void {
    if (!Number.isInteger(partitions) || partitions < 1) {
      throw new RangeError(`Cannot add topic "${name}": the number of partitions is ${partitions}`);
    }
    if (!Number.isInteger(replication) || replication < 1 || replication > this.brokers.size) {
      throw new RangeError(
        `Cannot add topic "${name}": replication is ${replication}, the number of brokers ${this.brokers.size}`,
      );
    }
  }
}

/** Whether Kafka takes it for the name of a topic. */
export function isTopicName(name: string): boolean {
  return /^[\w.-]+$/.test(name) && name !== "." && name !== ".." && name.length <= MAX_TOPIC_NAME_LENGTH;
}

/** A random id, as Kafka prints it. Like Kafka's it does not begin with a dash, which command lines take for an option. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const id = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return id.startsWith("-") ? randomId() : id;
}
