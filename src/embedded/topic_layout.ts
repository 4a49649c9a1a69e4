/**
 * How a topic is laid out over the brokers, as its user writes it and as it will be.
 *
 * @module
 */

import { NO_LEADER } from "./topic.ts";

/** One partition of a {@linkcode TopicLayout}, in as much detail as its test needs. */
export interface PartitionLayout {
  /** Id within the topic. */
  id: number;
  /** Ids of the brokers that hold it, the preferred leader first. By default they go round the brokers. */
  replicas?: readonly number[];
  /** Ids of the replicas in sync. By default those whose broker is up. */
  isr?: readonly number[];
  /** Id of the leader, one of the replicas in sync; null for none. By default the first replica that is up. */
  leader?: number | null;
}

/** How a topic is laid out. */
export interface TopicLayout {
  /** How many partitions; or the id of each, which may leave gaps, e.g. `[0, 1, 3]`; or each in detail. */
  partitions: number | readonly (number | PartitionLayout)[];
  /**
   * How many brokers hold each partition.
   *
   * @default {The cluster's.}
   */
  replication?: number;
  /**
   * Largest batch taken, in bytes. Kafka: `max.message.bytes`.
   *
   * @default {The cluster's.}
   */
  maxMessageBytes?: number;
}

/** A layout whose partitions can be planned; the size of batches may be left to the cluster. */
export type PlannedLayout = TopicLayout & Required<Pick<TopicLayout, "partitions" | "replication">>;

/** A broker to lay partitions out on. */
export interface LayoutBroker {
  /** Id. */
  readonly id: number;
  /** Whether it accepts connections. */
  readonly isUp: boolean;
}

/** A partition as it will be. */
export interface PlannedPartition {
  /** Id within the topic. */
  index: number;
  /** Ids of the brokers that hold it. */
  replicas: number[];
  /** Ids of the replicas in sync. */
  isr: number[];
  /** Id of the leader, -1 for none. */
  leader: number;
}

/** What partitions are planned for. */
export interface PlanTarget {
  /** What is being done, for errors: `Cannot add topic "events"`. */
  action: string;
  /** The brokers, by id. */
  brokers: readonly LayoutBroker[];
  /** Ids that the topic has already. */
  taken: readonly number[];
}

const MAX_PARTITION_ID = 2 ** 31 - 1;

/**
 * Plans the partitions of a layout. Of a number of partitions, those that the topic has already are a part; the others
 * follow its last one.
 *
 * @throws {RangeError} When the layout is not possible on these brokers.
 */
export function planPartitions(layout: PlannedLayout, target: PlanTarget): PlannedPartition[] {
  const { action, brokers, taken } = target;
  const { replication } = layout;
  if (!Number.isInteger(replication) || replication < 1 || replication > brokers.length) {
    throw new RangeError(`${action}: replication is ${replication}, the number of brokers ${brokers.length}`);
  }
  const seen = new Set(taken);
  return wantedPartitions(layout.partitions, target).map((wanted) => {
    if (!Number.isInteger(wanted.id) || wanted.id < 0 || wanted.id > MAX_PARTITION_ID) {
      throw new RangeError(`${action}: ${wanted.id} is no id for a partition`);
    }
    if (seen.has(wanted.id)) throw new RangeError(`${action}: there are two partitions ${wanted.id}`);
    seen.add(wanted.id);
    return planPartition(wanted, replication, { ...target, action: `${action}: partition ${wanted.id}` });
  });
}

function wantedPartitions(wanted: TopicLayout["partitions"], { action, taken }: PlanTarget): PartitionLayout[] {
  if (typeof wanted !== "number") {
    if (wanted.length === 0) throw new RangeError(`${action}: the list of partitions is empty`);
    return wanted.map((item) => typeof item === "number" ? { id: item } : item);
  }
  if (!Number.isInteger(wanted) || wanted < 1) throw new RangeError(`${action}: the number of partitions is ${wanted}`);
  const first = Math.max(-1, ...taken) + 1;
  return Array.from({ length: wanted - taken.length }, (_, i) => ({ id: first + i }));
}

function planPartition(wanted: PartitionLayout, replication: number, target: PlanTarget): PlannedPartition {
  const { action, brokers } = target;
  const isUp = (id: number) => brokers.some((broker) => broker.id === id && broker.isUp);
  const roundRobin = (_: unknown, i: number) => brokers[(wanted.id + i) % brokers.length]!.id;
  const replicas = wanted.replicas?.slice() ?? Array.from({ length: replication }, roundRobin);
  assertSubset(replicas, brokers.map(({ id }) => id), `${action}: replicas`);
  const up = replicas.filter(isUp);
  const isr = wanted.isr?.slice() ?? (up.length > 0 ? up : [replicas[0]!]);
  assertSubset(isr, replicas, `${action}: isr`);
  const leader = wanted.leader === null ? NO_LEADER : wanted.leader ?? isr.find(isUp) ?? NO_LEADER;
  if (leader !== NO_LEADER && !(isr.includes(leader) && isUp(leader))) {
    throw new RangeError(`${action}: leader is ${leader}, which is no replica in sync that is up`);
  }
  return { index: wanted.id, replicas, isr, leader };
}

function assertSubset(ids: readonly number[], of: readonly number[], what: string): void {
  const isSubset = ids.length > 0 && new Set(ids).size === ids.length && ids.every((id) => of.includes(id));
  if (!isSubset) throw new RangeError(`${what} are [${ids.join(", ")}], which must be some of [${of.join(", ")}]`);
}
