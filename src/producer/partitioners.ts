/**
 * Partitioners: which partition of its topic a record goes to.
 *
 * @module
 */

import { murmur2 } from "../../protocol/murmur2.ts";
import { callable, integer } from "../option_checks.ts";
import type { Partitioner, Refusal, TopicView } from "../partitioner.ts";

/** Bytes that records without a key stay on one partition, as in Kafka's built-in partitioner (KIP-794). */
const STICKY_BYTES = 64 * 1024;

/**
 * Refuses a record: its delivery fails as `notPersisted`.
 *
 * @param reason Shown in the error.
 * @returns What a partitioner returns.
 */
export function refuse(reason: string): Refusal {
  return { refused: reason };
}

/**
 * The default. Keys go where Kafka's Java producer puts them: `murmur2(key) & 0x7fffffff` modulo the number of
 * partitions. Records without a key stay on a partition for 64 KiB, then move to another at random, preferring
 * partitions that are up and have room.
 *
 * @returns A partitioner; its state is kept per topic.
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-794%3A+Strictly+Uniform+Sticky+Partitioner}
 */
export function javaCompatible(): Partitioner {
  const states = new StatePerTopic(() => ({ partition: -1, bytes: STICKY_BYTES, ids: [] as readonly number[] }));
  return (record, topic) => {
    const ids = topic.partitions;
    if (record.key !== null) return ids[(murmur2(record.key) & 0x7fffffff) % ids.length]!;
    const sticky = states.of(topic);
    if (sticky.bytes >= STICKY_BYTES || sticky.ids !== ids || !topic.hasRoom(sticky.partition)) {
      sticky.partition = anotherWithRoom(topic, sticky.partition);
      sticky.bytes = 0;
      sticky.ids = ids;
    }
    sticky.bytes += record.bytes;
    return sticky.partition;
  };
}

/**
 * Each record goes to a partition at random, whatever its key. ekaf: `random`.
 *
 * Records without a key avoid partitions that are down or full as long as another is not.
 *
 * @param source Gives numbers from 0 to below 1.
 * @returns A partitioner without state.
 * @throws {TypeError} When `source` is no function.
 */
export function random(source: () => number = Math.random): Partitioner {
  callable("source", source);
  return (record, topic) => {
    const start = Math.floor(source() * topic.partitions.length);
    return topic.partitions[record.key === null ? withRoomFrom(topic, start) : start]!;
  };
}

/**
 * `n` records go to a partition, then as many to the next one, in the order of the ids, whatever their keys. ekaf:
 * `sticky_round_robin` with `ekaf_sticky_partition_buffer_size`.
 *
 * A partition that is down or full is left early by the next record without a key.
 *
 * @param n How many records in a row; 1000 unless given.
 * @returns A partitioner; its state is kept per topic.
 * @throws {TypeError} When `n` is no number.
 * @throws {RangeError} When `n` is no integer from 1 on.
 */
export function stickyRoundRobin(n: number = 1000): Partitioner {
  integer(1)("n", n);
  const states = new StatePerTopic(() => ({ index: 0, left: n }));
  return (record, topic) => {
    const state = states.of(topic);
    const { length } = topic.partitions;
    let { index } = state;
    if (state.left === 0) index++;
    if (index >= length) index = 0;
    if (record.key === null) index = withRoomFrom(topic, index);
    if (state.left === 0 || index !== state.index) state.left = n;
    state.index = index;
    state.left--;
    return topic.partitions[index]!;
  };
}

/**
 * Each record goes to the next partition, in the order of the ids, whatever its key: record `i` to the partition `i`
 * modulo their number. ekaf: `strict_round_robin` with one worker a partition.
 *
 * Partitions that are down or full are passed over by records without a key.
 *
 * @returns A partitioner; its state is kept per topic.
 */
export function strictRoundRobin(): Partitioner {
  const states = new StatePerTopic(() => ({ next: 0 }));
  return (record, topic) => {
    const state = states.of(topic);
    const { length } = topic.partitions;
    const next = state.next < length ? state.next : 0;
    const index = record.key === null ? withRoomFrom(topic, next) : next;
    state.next = index + 1;
    return topic.partitions[index]!;
  };
}

/**
 * Records with a key go where a hash of it says; the choice for others is left to the default, which spreads them.
 * ekaf: the strategy `custom` is `keyed(phash2)`.
 *
 * @param hash Given a key and the number of partitions, an index from 0 on into their ids, ascending. Not wrapped: any
 * other number is a `RangeError` for that record.
 * @returns A partitioner without state.
 * @throws {TypeError} When `hash` is no function.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { keyed, phash2, Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { users: 12 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap, partitioner: keyed(phash2) });
 * const { partition } = await producer.send("users", { key: "user-17", value: "in" });
 * assertEquals(partition, 4); // as erlang:phash2(<<"user-17">>, 12)
 * ```
 */
export function keyed(hash: (key: Uint8Array, count: number) => number): Partitioner {
  callable("hash", hash);
  return ({ key }, { partitions }) => {
    if (key === null) return undefined;
    const index = hash(key, partitions.length);
    // What is no index must not be taken for an id, nor for no choice at all.
    if (typeof index !== "number") return NaN;
    return partitions[index] ?? (partitions.includes(index) ? NaN : index);
  };
}

/** The index of the first partition with room from `start` on; `start` when none has. One look, if that one has. */
function withRoomFrom(topic: TopicView, start: number): number {
  const ids = topic.partitions;
  if (topic.hasRoom(ids[start]!)) return start;
  for (let index = start + 1; index < ids.length; index++) if (topic.hasRoom(ids[index]!)) return index;
  for (let index = 0; index < start; index++) if (topic.hasRoom(ids[index]!)) return index;
  return start;
}

/**
 * A random partition with room other than `current`; `current` itself when it alone has room; any when none has.
 * Walks from a random start, so that the cost is one look unless partitions are full or down.
 */
function anotherWithRoom(topic: TopicView, current: number): number {
  const ids = topic.partitions;
  const start = Math.floor(Math.random() * ids.length);
  let fallback = -1;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[(start + i) % ids.length]!;
    if (!topic.hasRoom(id)) continue;
    if (id !== current) return id;
    fallback = id;
  }
  return fallback === -1 ? ids[start]! : fallback;
}

/** What a partitioner remembers of each topic, for as long as the topic lives. */
class StatePerTopic<S> {
  readonly #make: () => S;
  readonly #states = new WeakMap<TopicView, S>();

  constructor(make: () => S) {
    this.#make = make;
  }

  of(topic: TopicView): S {
    let state = this.#states.get(topic);
    if (state === undefined) this.#states.set(topic, state = this.#make());
    return state;
  }
}
