/**
 * Brokers, topics, partitions and their leaders (call 3).
 *
 * What the versions brought:
 * - 1: null asks for all topics, an empty array for none; racks, controller, internal topics
 * - 2: cluster id
 * - 3: throttle time
 * - 4: whether the broker may create a topic asked for; before, it did as it was configured
 * - 5: offline replicas (KIP-112)
 * - 7: leader epochs (KIP-320)
 * - 8: authorized operations (KIP-430)
 * - 9: flexible
 * - 10: topic ids (KIP-516), to be asked for from 12 on only
 * - 11: no more authorized operations of the cluster (KIP-700)
 * - 13: error code of the whole response (KIP-1102)
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/MetadataRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/MetadataResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

const metadataRequestTopic = [
  { name: "topicId", type: "uuid", versions: "10+", ignorable: true },
  { name: "name", type: "string", nullable: "10+" },
] as const;

/** Asks for brokers and topics. */
export const metadataRequest = {
  name: "MetadataRequest",
  apiKey: 3,
  versions: "0-13",
  flexible: "9+",
  fields: [
    { name: "topics", type: "[]MetadataRequestTopic", nullable: "1+", fields: metadataRequestTopic },
    { name: "allowAutoTopicCreation", type: "bool", versions: "4+", default: true },
    { name: "includeClusterAuthorizedOperations", type: "bool", versions: "8-10" },
    { name: "includeTopicAuthorizedOperations", type: "bool", versions: "8+" },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode metadataRequest}. */
export type MetadataRequest = Body<typeof metadataRequest>;

const metadataResponseBroker = [
  { name: "nodeId", type: "int32", mapKey: true },
  { name: "host", type: "string" },
  { name: "port", type: "int32" },
  { name: "rack", type: "string", versions: "1+", nullable: "1+", default: null, ignorable: true },
] as const;

const metadataResponsePartition = [
  { name: "errorCode", type: "int16" },
  { name: "partitionIndex", type: "int32" },
  { name: "leaderId", type: "int32" },
  { name: "leaderEpoch", type: "int32", versions: "7+", default: -1, ignorable: true },
  { name: "replicaNodes", type: "[]int32" },
  { name: "isrNodes", type: "[]int32" },
  { name: "offlineReplicas", type: "[]int32", versions: "5+", ignorable: true },
] as const;

const metadataResponseTopic = [
  { name: "errorCode", type: "int16" },
  { name: "name", type: "string", nullable: "12+", mapKey: true },
  { name: "topicId", type: "uuid", versions: "10+", ignorable: true },
  { name: "isInternal", type: "bool", versions: "1+", default: false, ignorable: true },
  { name: "partitions", type: "[]MetadataResponsePartition", fields: metadataResponsePartition },
  { name: "topicAuthorizedOperations", type: "int32", versions: "8+", default: -2_147_483_648 },
] as const;

/** Brokers and topics. */
export const metadataResponse = {
  name: "MetadataResponse",
  apiKey: 3,
  versions: "0-13",
  flexible: "9+",
  fields: [
    { name: "throttleTimeMs", type: "int32", versions: "3+", ignorable: true },
    { name: "brokers", type: "[]MetadataResponseBroker", fields: metadataResponseBroker },
    { name: "clusterId", type: "string", versions: "2+", nullable: "2+", default: null, ignorable: true },
    { name: "controllerId", type: "int32", versions: "1+", default: -1, ignorable: true },
    { name: "topics", type: "[]MetadataResponseTopic", fields: metadataResponseTopic },
    { name: "clusterAuthorizedOperations", type: "int32", versions: "8-10", default: -2_147_483_648 },
    { name: "errorCode", type: "int16", versions: "13+", ignorable: true },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode metadataResponse}. */
export type MetadataResponse = Body<typeof metadataResponse>;
