/**
 * Metadata: brokers that are up, topics, leaders.
 *
 * By name in all versions, by id since 10. Version 0 asks for all topics with an empty list, later ones with null.
 * Topics are created on demand only if the cluster's option says so; below version 4 the request cannot forbid it.
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/MetadataRequest.json}
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import { errorCodeByName } from "../../../protocol/error_codes.ts";
import { ZERO_UUID } from "../../../protocol/uuid.ts";
import { type EmbeddedTopic, NO_LEADER, type Partition } from "../topic.ts";
import { isTopicName } from "../topology.ts";
import type { RequestContext } from "./handler.ts";

type TopicRow = ResponseInput<"Metadata">["topics"][number];
type PartitionRow = TopicRow["partitions"][number];
type Asked = { readonly name: string | null; readonly topicId: string };

/** Answers with the topics asked for, in that order. */
export function handleMetadata(request: RequestOf<"Metadata">, context: RequestContext): ResponseInput<"Metadata"> {
  const brokers = context.topology.upBrokers();
  return {
    brokers: brokers.map(({ id, host, port }) => ({ nodeId: id, host, port, rack: null })),
    clusterId: context.topology.clusterId,
    controllerId: brokers[0]?.id ?? -1,
    topics: isForAll(request, context)
      ? [...context.topology.topics.values()].map((topic) => topicRow(topic, context))
      : distinct(request.topics!).map((asked) => askedRow(asked, request, context)),
  };
}

function isForAll(request: RequestOf<"Metadata">, context: RequestContext): boolean {
  return request.topics === null || (context.version === 0 && request.topics.length === 0);
}

/** A topic that is asked for twice is answered once. */
function distinct(topics: readonly Asked[]): Asked[] {
  return [...new Map(topics.map((asked) => [`${asked.name}/${asked.topicId}`, asked])).values()];
}

function askedRow(asked: Asked, request: RequestOf<"Metadata">, context: RequestContext): TopicRow {
  const { topology } = context;
  if (asked.name === null || asked.topicId !== ZERO_UUID) {
    const topic = topology.topicById(asked.topicId);
    // The name can be null only since version 12.
    const name = context.version >= 12 ? null : "";
    return topic === undefined ? errorRow("UNKNOWN_TOPIC_ID", name, asked.topicId) : topicRow(topic, context);
  }
  const topic = topology.topics.get(asked.name);
  if (topic !== undefined) return topicRow(topic, context);
  const fault = context.faults.errorFor(asked.name, null);
  if (fault !== undefined) return errorRow(fault.name, asked.name, ZERO_UUID);
  if (!isTopicName(asked.name)) return errorRow("INVALID_TOPIC_EXCEPTION", asked.name, ZERO_UUID);
  if (context.autoCreateTopics && request.allowAutoTopicCreation) {
    // The first answer says unknown all the same: a real broker does not wait for the topic it has asked for either.
    topology.addTopic(asked.name, context.defaultLayout);
  }
  return errorRow("UNKNOWN_TOPIC_OR_PARTITION", asked.name, ZERO_UUID);
}

function topicRow(topic: EmbeddedTopic, context: RequestContext): TopicRow {
  const fault = context.faults.errorFor(topic.name, null);
  if (fault !== undefined) return errorRow(fault.name, topic.name, topic.id);
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    partitions: topic.partitions.map((partition) => partitionRow(partition, context)),
  };
}

function partitionRow(partition: Partition, context: RequestContext): PartitionRow {
  const noLeader = partition.leader === NO_LEADER ? errorCodeByName("LEADER_NOT_AVAILABLE") : undefined;
  const error = context.faults.errorFor(partition.topic, partition.index) ?? noLeader;
  const isUp = (id: number) => context.topology.brokers.get(id)!.isUp;
  return {
    errorCode: error?.code ?? 0,
    partitionIndex: partition.index,
    leaderId: error === undefined ? partition.leader : NO_LEADER,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    // The last replica in sync is not listed while it is down, though only it may lead again (KIP-966).
    isrNodes: partition.isr.filter(isUp),
    offlineReplicas: partition.replicas.filter((id) => !isUp(id)),
  };
}

function errorRow(errorName: string, name: string | null, topicId: string): TopicRow {
  return { errorCode: errorCodeByName(errorName).code, name, topicId, partitions: [] };
}
