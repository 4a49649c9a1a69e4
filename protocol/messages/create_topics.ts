/**
 * Makes topics (call 19).
 *
 * What the versions brought:
 * - 1: may be asked to check alone; error texts
 * - 2: throttle time
 * - 4: -1 partitions and replicas for the broker's defaults (KIP-464)
 * - 5: flexible; the response tells what was made (KIP-525)
 * - 6: THROTTLING_QUOTA_EXCEEDED may be answered (KIP-599)
 * - 7: topic id in the response (KIP-516)
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/CreateTopicsRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/CreateTopicsResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

const creatableReplicaAssignment = [
  { name: "partitionIndex", type: "int32", mapKey: true },
  { name: "brokerIds", type: "[]int32" },
] as const;

const creatableTopicConfig = [
  { name: "name", type: "string", mapKey: true },
  { name: "value", type: "string", nullable: "0+" },
] as const;

const creatableTopic = [
  { name: "name", type: "string", mapKey: true },
  { name: "numPartitions", type: "int32" },
  { name: "replicationFactor", type: "int16" },
  { name: "assignments", type: "[]CreatableReplicaAssignment", fields: creatableReplicaAssignment },
  { name: "configs", type: "[]CreatableTopicConfig", fields: creatableTopicConfig },
] as const;

/** Asks for topics to be made. */
export const createTopicsRequest = {
  name: "CreateTopicsRequest",
  apiKey: 19,
  versions: "0-7",
  flexible: "5+",
  fields: [
    { name: "topics", type: "[]CreatableTopic", fields: creatableTopic },
    { name: "timeoutMs", type: "int32", default: 60_000 },
    { name: "validateOnly", type: "bool", versions: "1+", default: false },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode createTopicsRequest}. */
export type CreateTopicsRequest = Body<typeof createTopicsRequest>;

const creatableTopicConfigs = [
  { name: "name", type: "string", versions: "5+" },
  { name: "value", type: "string", versions: "5+", nullable: "5+" },
  { name: "readOnly", type: "bool", versions: "5+" },
  { name: "configSource", type: "int8", versions: "5+", default: -1, ignorable: true },
  { name: "isSensitive", type: "bool", versions: "5+" },
] as const;

const creatableTopicResult = [
  { name: "name", type: "string", mapKey: true },
  { name: "topicId", type: "uuid", versions: "7+", ignorable: true },
  { name: "errorCode", type: "int16" },
  { name: "errorMessage", type: "string", versions: "1+", nullable: "0+", ignorable: true },
  { name: "topicConfigErrorCode", type: "int16", versions: "5+", tag: 0, taggedVersions: "5+", ignorable: true },
  { name: "numPartitions", type: "int32", versions: "5+", default: -1, ignorable: true },
  { name: "replicationFactor", type: "int16", versions: "5+", default: -1, ignorable: true },
  {
    name: "configs",
    type: "[]CreatableTopicConfigs",
    versions: "5+",
    nullable: "5+",
    ignorable: true,
    fields: creatableTopicConfigs,
  },
] as const;

/** What became of each topic. */
export const createTopicsResponse = {
  name: "CreateTopicsResponse",
  apiKey: 19,
  versions: "0-7",
  flexible: "5+",
  fields: [
    { name: "throttleTimeMs", type: "int32", versions: "2+", ignorable: true },
    { name: "topics", type: "[]CreatableTopicResult", fields: creatableTopicResult },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode createTopicsResponse}. */
export type CreateTopicsResponse = Body<typeof createTopicsResponse>;
