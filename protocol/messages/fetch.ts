/**
 * Reads record batches, before version 4 message sets, from partitions (call 1).
 *
 * What the versions brought:
 * - 1: throttle time in the response (KIP-13)
 * - 2: messages have timestamps (KIP-32)
 * - 3: limit of the whole response (KIP-74)
 * - 4: record batches; isolation level (KIP-98)
 * - 5: log start offset
 * - 7: sessions (KIP-227)
 * - 9: leader epoch of the reader (KIP-320)
 * - 10: batches may be zstd (KIP-110)
 * - 11: rack of the reader (KIP-392)
 * - 12: flexible; epoch of the last batch read (KIP-595)
 * - 13: topics by id in place of name (KIP-516)
 * - 15: state of a replica as a structure (KIP-903)
 * - 16: new leaders in the response (KIP-951)
 * - 17: directory id of a replica (KIP-853)
 * - 18: high watermark a replica knows (KIP-1166)
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/FetchRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/FetchResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

const replicaState = [
  { name: "replicaId", type: "int32", versions: "15+", default: -1 },
  { name: "replicaEpoch", type: "int64", versions: "15+", default: -1n },
] as const;

const fetchPartition = [
  { name: "partition", type: "int32" },
  { name: "currentLeaderEpoch", type: "int32", versions: "9+", default: -1, ignorable: true },
  { name: "fetchOffset", type: "int64" },
  { name: "lastFetchedEpoch", type: "int32", versions: "12+", default: -1 },
  { name: "logStartOffset", type: "int64", versions: "5+", default: -1n, ignorable: true },
  { name: "partitionMaxBytes", type: "int32" },
  { name: "replicaDirectoryId", type: "uuid", versions: "17+", tag: 0, taggedVersions: "17+", ignorable: true },
  {
    name: "highWatermark",
    type: "int64",
    versions: "18+",
    tag: 1,
    taggedVersions: "18+",
    default: 9223372036854775807n,
    ignorable: true,
  },
] as const;

const fetchTopic = [
  { name: "topic", type: "string", versions: "0-12", ignorable: true },
  { name: "topicId", type: "uuid", versions: "13+", ignorable: true },
  { name: "partitions", type: "[]FetchPartition", fields: fetchPartition },
] as const;

const forgottenTopic = [
  { name: "topic", type: "string", versions: "7-12", ignorable: true },
  { name: "topicId", type: "uuid", versions: "13+", ignorable: true },
  { name: "partitions", type: "[]int32", versions: "7+" },
] as const;

/** Asks for record batches from an offset on. */
export const fetchRequest = {
  name: "FetchRequest",
  apiKey: 1,
  versions: "0-18",
  flexible: "12+",
  fields: [
    {
      name: "clusterId",
      type: "string",
      versions: "12+",
      nullable: "12+",
      tag: 0,
      taggedVersions: "12+",
      default: null,
      ignorable: true,
    },
    { name: "replicaId", type: "int32", versions: "0-14", default: -1 },
    {
      name: "replicaState",
      type: "ReplicaState",
      versions: "15+",
      tag: 1,
      taggedVersions: "15+",
      fields: replicaState,
    },
    { name: "maxWaitMs", type: "int32" },
    { name: "minBytes", type: "int32" },
    { name: "maxBytes", type: "int32", versions: "3+", default: 2_147_483_647, ignorable: true },
    { name: "isolationLevel", type: "int8", versions: "4+", default: 0, ignorable: true },
    { name: "sessionId", type: "int32", versions: "7+", default: 0, ignorable: true },
    { name: "sessionEpoch", type: "int32", versions: "7+", default: -1, ignorable: true },
    { name: "topics", type: "[]FetchTopic", fields: fetchTopic },
    { name: "forgottenTopicsData", type: "[]ForgottenTopic", versions: "7+", fields: forgottenTopic },
    { name: "rackId", type: "string", versions: "11+", default: "", ignorable: true },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode fetchRequest}. */
export type FetchRequest = Body<typeof fetchRequest>;

const epochEndOffset = [
  { name: "epoch", type: "int32", versions: "12+", default: -1 },
  { name: "endOffset", type: "int64", versions: "12+", default: -1n },
] as const;

const leaderIdAndEpoch = [
  { name: "leaderId", type: "int32", versions: "12+", default: -1 },
  { name: "leaderEpoch", type: "int32", versions: "12+", default: -1 },
] as const;

const snapshotId = [
  { name: "endOffset", type: "int64", default: -1n },
  { name: "epoch", type: "int32", default: -1 },
] as const;

const abortedTransaction = [
  { name: "producerId", type: "int64", versions: "4+" },
  { name: "firstOffset", type: "int64", versions: "4+" },
] as const;

const partitionData = [
  { name: "partitionIndex", type: "int32" },
  { name: "errorCode", type: "int16" },
  { name: "highWatermark", type: "int64" },
  { name: "lastStableOffset", type: "int64", versions: "4+", default: -1n, ignorable: true },
  { name: "logStartOffset", type: "int64", versions: "5+", default: -1n, ignorable: true },
  {
    name: "divergingEpoch",
    type: "EpochEndOffset",
    versions: "12+",
    tag: 0,
    taggedVersions: "12+",
    fields: epochEndOffset,
  },
  {
    name: "currentLeader",
    type: "LeaderIdAndEpoch",
    versions: "12+",
    tag: 1,
    taggedVersions: "12+",
    fields: leaderIdAndEpoch,
  },
  { name: "snapshotId", type: "SnapshotId", versions: "12+", tag: 2, taggedVersions: "12+", fields: snapshotId },
  {
    name: "abortedTransactions",
    type: "[]AbortedTransaction",
    versions: "4+",
    nullable: "4+",
    ignorable: true,
    fields: abortedTransaction,
  },
  { name: "preferredReadReplica", type: "int32", versions: "11+", default: -1 },
  { name: "records", type: "records", nullable: "0+" },
] as const;

const fetchableTopicResponse = [
  { name: "topic", type: "string", versions: "0-12", ignorable: true },
  { name: "topicId", type: "uuid", versions: "13+", ignorable: true },
  { name: "partitions", type: "[]PartitionData", fields: partitionData },
] as const;

const nodeEndpoint = [
  { name: "nodeId", type: "int32", versions: "16+", mapKey: true },
  { name: "host", type: "string", versions: "16+" },
  { name: "port", type: "int32", versions: "16+" },
  { name: "rack", type: "string", versions: "16+", nullable: "16+", default: null },
] as const;

/** Record batches. */
export const fetchResponse = {
  name: "FetchResponse",
  apiKey: 1,
  versions: "0-18",
  flexible: "12+",
  fields: [
    { name: "throttleTimeMs", type: "int32", versions: "1+", ignorable: true },
    { name: "errorCode", type: "int16", versions: "7+", ignorable: true },
    { name: "sessionId", type: "int32", versions: "7+", default: 0 },
    { name: "responses", type: "[]FetchableTopicResponse", fields: fetchableTopicResponse },
    {
      name: "nodeEndpoints",
      type: "[]NodeEndpoint",
      versions: "16+",
      tag: 0,
      taggedVersions: "16+",
      fields: nodeEndpoint,
    },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode fetchResponse}. */
export type FetchResponse = Body<typeof fetchResponse>;
