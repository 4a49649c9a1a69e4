/**
 * Appends record batches, before version 3 message sets, to partitions (call 0).
 *
 * What the versions brought:
 * - 1: throttle time in the response (KIP-13)
 * - 2: messages may have timestamps; the broker's time in the response (KIP-32)
 * - 3: record batches; transactional id (KIP-98)
 * - 5: log start offset in the response
 * - 7: batches may be zstd (KIP-110)
 * - 8: which records were at fault (KIP-467)
 * - 9: flexible
 * - 10: new leaders in the response (KIP-951)
 * - 11: TRANSACTION_ABORTABLE may be answered (KIP-890)
 * - 12: adds partitions to the transaction (KIP-890)
 * - 13: topics by id in place of name (KIP-516)
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ProduceRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ProduceResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

const partitionProduceData = [
  { name: "index", type: "int32" },
  { name: "records", type: "records", nullable: "0+" },
] as const;

const topicProduceData = [
  { name: "name", type: "string", versions: "0-12", ignorable: true, mapKey: true },
  { name: "topicId", type: "uuid", versions: "13+", ignorable: true, mapKey: true },
  { name: "partitionData", type: "[]PartitionProduceData", fields: partitionProduceData },
] as const;

/** Appends record batches to partitions. */
export const produceRequest = {
  name: "ProduceRequest",
  apiKey: 0,
  versions: "0-13",
  flexible: "9+",
  fields: [
    { name: "transactionalId", type: "string", versions: "3+", nullable: "3+", default: null },
    { name: "acks", type: "int16" },
    { name: "timeoutMs", type: "int32" },
    { name: "topicData", type: "[]TopicProduceData", fields: topicProduceData },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode produceRequest}. */
export type ProduceRequest = Body<typeof produceRequest>;

const batchIndexAndErrorMessage = [
  { name: "batchIndex", type: "int32", versions: "8+" },
  { name: "batchIndexErrorMessage", type: "string", versions: "8+", nullable: "8+", default: null },
] as const;

const leaderIdAndEpoch = [
  { name: "leaderId", type: "int32", versions: "10+", default: -1 },
  { name: "leaderEpoch", type: "int32", versions: "10+", default: -1 },
] as const;

const partitionProduceResponse = [
  { name: "index", type: "int32" },
  { name: "errorCode", type: "int16" },
  { name: "baseOffset", type: "int64" },
  { name: "logAppendTimeMs", type: "int64", versions: "2+", default: -1n, ignorable: true },
  { name: "logStartOffset", type: "int64", versions: "5+", default: -1n, ignorable: true },
  {
    name: "recordErrors",
    type: "[]BatchIndexAndErrorMessage",
    versions: "8+",
    ignorable: true,
    fields: batchIndexAndErrorMessage,
  },
  { name: "errorMessage", type: "string", versions: "8+", nullable: "8+", default: null, ignorable: true },
  {
    name: "currentLeader",
    type: "LeaderIdAndEpoch",
    versions: "10+",
    tag: 0,
    taggedVersions: "10+",
    fields: leaderIdAndEpoch,
  },
] as const;

const topicProduceResponse = [
  { name: "name", type: "string", versions: "0-12", ignorable: true, mapKey: true },
  { name: "topicId", type: "uuid", versions: "13+", ignorable: true, mapKey: true },
  { name: "partitionResponses", type: "[]PartitionProduceResponse", fields: partitionProduceResponse },
] as const;

const nodeEndpoint = [
  { name: "nodeId", type: "int32", versions: "10+", mapKey: true },
  { name: "host", type: "string", versions: "10+" },
  { name: "port", type: "int32", versions: "10+" },
  { name: "rack", type: "string", versions: "10+", nullable: "10+", default: null },
] as const;

/** What became of each batch. */
export const produceResponse = {
  name: "ProduceResponse",
  apiKey: 0,
  versions: "0-13",
  flexible: "9+",
  fields: [
    { name: "responses", type: "[]TopicProduceResponse", fields: topicProduceResponse },
    { name: "throttleTimeMs", type: "int32", versions: "1+", default: 0, ignorable: true },
    {
      name: "nodeEndpoints",
      type: "[]NodeEndpoint",
      versions: "10+",
      tag: 0,
      taggedVersions: "10+",
      fields: nodeEndpoint,
    },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode produceResponse}. */
export type ProduceResponse = Body<typeof produceResponse>;
