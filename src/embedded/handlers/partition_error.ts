/**
 * What keeps a broker from answering a reader of a partition.
 *
 * @module
 */

import type { Partition } from "../topic.ts";

/** The epoch that a client sends when it knows none. */
const NO_EPOCH = -1;

/**
 * Kafka's name of the error, or null when the broker may answer.
 *
 * @param partition Undefined when there is no such partition.
 * @param knownEpoch The leader epoch the client knows, -1 for none (KIP-320).
 * @param brokerId Who was asked.
 */
export function partitionError(
  partition: Partition | undefined,
  knownEpoch: number,
  brokerId: number,
): string | null {
  if (partition === undefined) return "UNKNOWN_TOPIC_OR_PARTITION";
  if (partition.leader !== brokerId) return "NOT_LEADER_OR_FOLLOWER";
  if (knownEpoch === NO_EPOCH || knownEpoch === partition.leaderEpoch) return null;
  return knownEpoch < partition.leaderEpoch ? "FENCED_LEADER_EPOCH" : "UNKNOWN_LEADER_EPOCH";
}
