/**
 * CreateTopics: any broker answers, as in KRaft. Of the configurations `max.message.bytes` counts, the others are
 * accepted and have no effect; assignments of replicas by hand are refused.
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/CreateTopicsRequest.json}
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import { errorCodeByName } from "../../../protocol/error_codes.ts";
import type { PlannedLayout } from "../topic_layout.ts";
import { isTopicName } from "../topology.ts";
import type { RequestContext } from "./handler.ts";

type Asked = RequestOf<"CreateTopics">["topics"][number];
type Row = ResponseInput<"CreateTopics">["topics"][number];

/** Creates each topic, or says why not. */
export function handleCreateTopics(
  request: RequestOf<"CreateTopics">,
  context: RequestContext,
): ResponseInput<"CreateTopics"> {
  return { topics: request.topics.map((asked) => create(asked, request.validateOnly, context)) };
}

function create(asked: Asked, isRehearsal: boolean, context: RequestContext): Row {
  const layout = {
    // -1 stands for the cluster's own (KIP-464).
    partitions: asked.numPartitions === -1 ? context.defaultLayout.partitions : asked.numPartitions,
    replication: asked.replicationFactor === -1 ? context.defaultLayout.replication : asked.replicationFactor,
    ...sizeOf(asked),
  };
  const error = context.faults.errorFor(asked.name, null)?.name ?? flawOf(asked, layout, context);
  if (error !== null) return { name: asked.name, errorCode: errorCodeByName(error).code, errorMessage: null };
  const created = isRehearsal ? undefined : context.topology.addTopic(asked.name, layout);
  return {
    name: asked.name,
    topicId: created?.id,
    errorCode: 0,
    errorMessage: null,
    numPartitions: layout.partitions,
    replicationFactor: layout.replication,
    configs: [],
  };
}

function sizeOf({ configs }: Asked): { maxMessageBytes?: number } {
  const text = configs.find(({ name }) => name === "max.message.bytes")?.value ?? null;
  // What is no number at all must not pass for 0.
  return text === null ? {} : { maxMessageBytes: /^\d+$/.test(text) ? Number(text) : NaN };
}

function flawOf(asked: Asked, layout: PlannedLayout & { partitions: number }, context: RequestContext) {
  if (!isTopicName(asked.name)) return "INVALID_TOPIC_EXCEPTION";
  if (context.topology.topics.has(asked.name)) return "TOPIC_ALREADY_EXISTS";
  if (asked.assignments.length > 0) return "INVALID_REPLICA_ASSIGNMENT";
  if (layout.partitions < 1) return "INVALID_PARTITIONS";
  if (layout.replication < 1 || layout.replication > context.topology.brokers.size) return "INVALID_REPLICATION_FACTOR";
  const { maxMessageBytes = 0 } = layout;
  if (!(maxMessageBytes < 2 ** 31)) return "INVALID_CONFIG";
  return null;
}
