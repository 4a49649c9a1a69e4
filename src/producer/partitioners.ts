/**
 * Partitioners: which partition of its topic a record goes to.
 *
 * @module
 */

import { murmur2 } from "../../protocol/murmur2.ts";

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
  const stickies = new WeakMap<TopicView, { partition: number; bytes: number; ids: readonly number[] }>();
  return (record, topic) => {
    const ids = topic.partitions;
    if (record.key !== null) return ids[(murmur2(record.key) & 0x7fffffff) % ids.length]!;
    let sticky = stickies.get(topic);
    if (sticky === undefined) stickies.set(topic, sticky = { partition: -1, bytes: STICKY_BYTES, ids });
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
