/**
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

const listOffsetsPartition = [
  { name: "partitionIndex", type: "int32" },
  { name: "currentLeaderEpoch", type: "int32", versions: "4+", default: -1, ignorable: true },
  { name: "timestamp", type: "int64" },
] as const;

const listOffsetsTopic = [
  { name: "name", type: "string" },
  { name: "partitions", type: "[]ListOffsetsPartition", fields: listOffsetsPartition },
] as const;

/** TODO Mirrors Kafka's `ListOffsetsRequest.json`. */
export const listOffsetsRequest = {
  name: "ListOffsetsRequest",
  apiKey: 2,
  versions: "1-11",
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
  { name: "timestamp", type: "int64", versions: "1+", default: -1n },
  { name: "offset", type: "int64", versions: "1+", default: -1n },
  { name: "leaderEpoch", type: "int32", versions: "4+", default: -1 },
] as const;

const listOffsetsTopicResponse = [
  { name: "name", type: "string" },
  { name: "partitions", type: "[]ListOffsetsPartitionResponse", fields: listOffsetsPartitionResponse },
] as const;

/** TODO Mirrors Kafka's `ListOffsetsResponse.json`. */
export const listOffsetsResponse = {
  name: "ListOffsetsResponse",
  apiKey: 2,
  versions: "1-11",
  flexible: "6+",
  fields: [
    { name: "throttleTimeMs", type: "int32", versions: "2+", ignorable: true },
    { name: "topics", type: "[]ListOffsetsTopicResponse", fields: listOffsetsTopicResponse },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode listOffsetsResponse}. */
export type ListOffsetsResponse = Body<typeof listOffsetsResponse>;
