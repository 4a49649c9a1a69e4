/**
 * Finds offsets by time (call 2). Timestamp -1 asks for the end of a partition, -2 for its start.
 *
 * What the versions brought:
 * - 0: several offsets a partition, the starts of segments; gone in Kafka 4 (KIP-896)
 * - 1: one offset a partition, with its timestamp (KIP-79)
 * - 2: isolation level (KIP-98); throttle time
 * - 4: leader epochs (KIP-320)
 * - 6: flexible
 * - 7: timestamp -3, the record with the latest timestamp (KIP-734)
 * - 8: timestamp -4, the start of the local log (KIP-405)
 * - 9: timestamp -5, the end of the tiered log (KIP-1005)
 * - 10: time-out for offsets in tiered storage (KIP-1075)
 * - 11: timestamp -6, the first offset not yet tiered (KIP-1023)
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ListOffsetsRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ListOffsetsResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

const listOffsetsPartition = [
  { name: "partitionIndex", type: "int32" },
  { name: "currentLeaderEpoch", type: "int32", versions: "4+", default: -1, ignorable: true },
  { name: "timestamp", type: "int64" },
  { name: "maxNumOffsets", type: "int32", versions: "0", default: 1 },
] as const;

const listOffsetsTopic = [
  { name: "name", type: "string" },
  { name: "partitions", type: "[]ListOffsetsPartition", fields: listOffsetsPartition },
] as const;

/** Asks for the first offset at or after a time. */
export const listOffsetsRequest = {
  name: "ListOffsetsRequest",
  apiKey: 2,
  versions: "0-11",
  flexible: "6+",
  fields: [
    { name: "replicaId", type: "int32" },
    { name: "isolationLevel", type: "int8", versions: "2+" },
    { name: "topics", type: "[]ListOffsetsTopic", fields: listOffsetsTopic },
    { name: "timeoutMs", type: "int32", versions: "10+", ignorable: true },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode listOffsetsRequest}. */
export type ListOffsetsRequest = Body<typeof listOffsetsRequest>;

const listOffsetsPartitionResponse = [
  { name: "partitionIndex", type: "int32" },
  { name: "errorCode", type: "int16" },
  { name: "oldStyleOffsets", type: "[]int64", versions: "0" },
  { name: "timestamp", type: "int64", versions: "1+", default: -1n },
  { name: "offset", type: "int64", versions: "1+", default: -1n },
  { name: "leaderEpoch", type: "int32", versions: "4+", default: -1 },
] as const;

const listOffsetsTopicResponse = [
  { name: "name", type: "string" },
  { name: "partitions", type: "[]ListOffsetsPartitionResponse", fields: listOffsetsPartitionResponse },
] as const;

/** An offset a partition. */
export const listOffsetsResponse = {
  name: "ListOffsetsResponse",
  apiKey: 2,
  versions: "0-11",
  flexible: "6+",
  fields: [
    { name: "throttleTimeMs", type: "int32", versions: "2+", ignorable: true },
    { name: "topics", type: "[]ListOffsetsTopicResponse", fields: listOffsetsTopicResponse },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode listOffsetsResponse}. */
export type ListOffsetsResponse = Body<typeof listOffsetsResponse>;
