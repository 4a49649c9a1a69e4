/**
 * Who is who in an embedded cluster: brokers, topics, and the leader of each partition. No sockets.
 *
 * @module
 */

import { BROKER_HOST } from "./address.ts";
import type { RecordFormat } from "./log_format.ts";
import { PartitionLog } from "./partition_log.ts";
import { EmbeddedTopic, NO_LEADER, type Partition } from "./topic.ts";
import { type PlannedLayout, type PlannedPartition, planPartitions, type TopicLayout } from "./topic_layout.ts";

/** A broker as the others see it. */
export interface BrokerNode {
  /** Id. */
  readonly id: number;
  /** Host that clients are told to connect to. */
  host: string;
  /** Port that clients are told to connect to; stays the same while the broker is stopped. */
  port: number;
  /** Whether it accepts connections. */
  isUp: boolean;
}

/** What a topology needs. */
export interface TopologyOptions {
  /** Largest batch a log takes, in bytes. */
  maxMessageBytes: number;
  /** Most bytes that a log keeps, all if left out. */
  retentionBytes?: number;
  /** Format in which logs store records, 2 if left out. */
  format?: RecordFormat;
  /** Milliseconds since the epoch. */
  wallMs: () => number;
  /** Called after each append to any log. */
  onAppend: (log: PartitionLog) => void;
}

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
    return this.#brokersById().filter((broker) => broker.isUp);
  }

  /** The topic of an id, if there is one. */
  topicById(id: string): EmbeddedTopic | undefined {
    return this.#topicsById.get(id);
  }

  /** A partition, if there is one. */
  partition(topic: string, index: number): Partition | undefined {
    return this.topics.get(topic)?.partition(index);
  }

  /** Adds a broker that is up. */
  addBroker(id: number, port: number): void {
    this.brokers.set(id, { id, host: BROKER_HOST, port, isUp: true });
  }

  /**
   * Takes a broker out of the cluster, as an operator does: what it holds moves to others first, records and all.
   *
   * @throws {TypeError} When it is the last one.
   */
  removeBroker(id: number): void {
    if (this.brokers.size === 1) throw new TypeError(`Cannot remove broker ${id}: it is the last`);
    const held = [...this.#partitionsOf(id)];
    this.brokers.delete(id);
    for (const partition of held) this.#replace(partition, id);
  }

  /**
   * Creates a topic. Leaders go round the brokers, beginning with the first, unless the layout says otherwise.
   *
   * @throws {RangeError} When the name or the layout is not possible.
   * @throws {TypeError} When there is such a topic.
   */
  addTopic(name: string, layout: PlannedLayout): EmbeddedTopic {
    if (!isTopicName(name)) throw new RangeError(`Cannot add topic: "${name}" is no name for a topic`);
    if (this.topics.has(name)) throw new TypeError(`Cannot add topic "${name}": it exists`);
    const brokers = this.#brokersById();
    const planned = planPartitions(layout, { action: `Cannot add topic "${name}"`, brokers, taken: [] });
    const topic = new EmbeddedTopic(name, { id: randomId(), maxMessageBytes: this.#maxMessageBytes(name, layout) });
    topic.add(planned.map((partition) => this.#make(topic, partition)));
    this.topics.set(name, topic);
    this.#topicsById.set(topic.id, topic);
    return topic;
  }

  /**
   * Gives a topic more partitions, with as many replicas as its first.
   *
   * @param partitions How many it shall have then, or those that it shall get.
   * @throws {RangeError} When there is no such topic, or it has that many or one of these already.
   */
  addPartitions(name: string, partitions: TopicLayout["partitions"]): void {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new RangeError(`Cannot add partitions: there is no topic "${name}"`);
    const taken = topic.partitions.map(({ index }) => index);
    if (typeof partitions === "number" && !(Number.isInteger(partitions) && partitions > taken.length)) {
      throw new RangeError(`Cannot add partitions: "${name}" has ${taken.length}, asked for ${partitions}`);
    }
    // Brokers may have been removed since the first partition was made.
    const replication = Math.min(topic.partitions[0]!.replicas.length, this.brokers.size);
    const action = `Cannot add partitions to "${name}"`;
    const planned = planPartitions({ partitions, replication }, { action, brokers: this.#brokersById(), taken });
    topic.add(planned.map((partition) => this.#make(topic, partition)));
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
      partition.downOffsets.delete(brokerId); // Whoever copies the whole log sees every batch.
    }
    if (!partition.isr.includes(brokerId)) partition.isr.push(brokerId);
    this.#lead(partition, brokerId);
  }

  /** Marks a broker as down; another replica in sync leads its partitions, or none does. */
  brokerDown(id: number): void {
    this.brokers.get(id)!.isUp = false;
    for (const partition of this.#partitionsOf(id)) {
      partition.downOffsets.set(id, partition.log.endOffset);
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
    partition.log.producers.leaderStartOffset = partition.downOffsets.get(brokerId) ?? 0n;
  }

  *#partitionsOf(brokerId: number): Generator<Partition> {
    for (const topic of this.topics.values()) {
      for (const partition of topic.partitions) if (partition.replicas.includes(brokerId)) yield partition;
    }
  }

  #maxMessageBytes(topic: string, { maxMessageBytes = this.#options.maxMessageBytes }: PlannedLayout): number {
    if (Number.isInteger(maxMessageBytes) && maxMessageBytes >= 0 && maxMessageBytes < 2 ** 31) return maxMessageBytes;
    throw new RangeError(`Cannot add topic "${topic}": maxMessageBytes is ${maxMessageBytes}`);
  }

  #brokersById(): BrokerNode[] {
    return [...this.brokers.values()].sort((a, b) => a.id - b.id);
  }

  #make(topic: EmbeddedTopic, planned: PlannedPartition): Partition {
    const { name, maxMessageBytes } = topic;
    const log = new PartitionLog({ ...this.#options, topic: name, partition: planned.index, maxMessageBytes });
    return { topic: topic.name, log, leaderEpoch: 0, downOffsets: new Map(), ...planned };
  }

  /** Puts another broker into the place of one that has been removed; one less holds the partition if all do. */
  #replace(partition: Partition, removed: number): void {
    const spare = this.#brokersById().filter(({ id }) => !partition.replicas.includes(id));
    const up = spare.filter(({ isUp }) => isUp);
    const candidates = up.length > 0 ? up : spare;
    // By the partition's id, so that not all that it held goes to one broker.
    const heirId = candidates[partition.index % candidates.length]?.id;
    partition.replicas = partition.replicas.flatMap((id) => id !== removed ? id : heirId ?? []);
    partition.isr = partition.isr.filter((id) => id !== removed);
    partition.downOffsets.delete(removed);
    if (heirId !== undefined && (up.length > 0 || partition.isr.length === 0)) partition.isr.push(heirId);
    if (partition.isr.length === 0) partition.isr.push(partition.replicas[0]!);
    if (partition.leader !== removed && partition.leader !== NO_LEADER) return;
    const next = partition.isr.find((id) => this.brokers.get(id)!.isUp) ?? NO_LEADER;
    if (next !== partition.leader) this.#lead(partition, next);
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
