/**
 * Produce: appends batches, or below version 3 message sets. Topics by name up to version 12, by id from 13 on.
 *
 * Acks 1 and -1 are the same here: replicas share one log. With acks 0 nothing is answered; an error then closes the
 * connection, see `exchange.ts`. A leader's place is told since version 10 (KIP-951).
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ProduceRequest.json}
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import { type ErrorCode, errorCodeByName } from "../../../protocol/error_codes.ts";
import { findBatch, isRefusal, isTransactional, type Refusal, refusal } from "../received_batch.ts";
import type { EmbeddedTopic, Partition } from "../topic.ts";
import { type RequestContext, topicOf } from "./handler.ts";
import { nodeEndpoints } from "./node_endpoints.ts";

type TopicRequest = RequestOf<"Produce">["topicData"][number];
type PartitionRequest = TopicRequest["partitionData"][number];
type PartitionRow = ResponseInput<"Produce">["responses"][number]["partitionResponses"][number];

const FIRST_VERSION_WITH_BATCHES = 3;
const FIRST_VERSION_BY_ID = 13;
const FIRST_VERSION_WITH_LEADER = 10;

/** Errors that a real broker answers when the batch is in its log already. */
const AFTER_APPEND: ReadonlySet<string> = new Set(["REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"]);

/** Appends what can be appended, and answers for each partition. */
export function handleProduce(request: RequestOf<"Produce">, context: RequestContext): ResponseInput<"Produce"> {
  if (request.transactionalId === null && hasTransactionalBatch(request)) return refuseAll(request);
  const producing = new Producing(request.acks, context);
  const responses = request.topicData.map((data) => {
    const topic = topicOf(context.topology, data, context.version >= FIRST_VERSION_BY_ID);
    const partitionResponses = data.partitionData.map((partition) => producing.append(topic, data, partition));
    return { name: data.name, topicId: data.topicId, partitionResponses };
  });
  return { responses, ...producing.nodeEndpoints() };
}

function hasTransactionalBatch({ topicData }: RequestOf<"Produce">): boolean {
  return topicData.some(({ partitionData }) => partitionData.some(({ records }) => isTransactional(records)));
}

function refuseAll({ topicData }: RequestOf<"Produce">): ResponseInput<"Produce"> {
  const refused = refusal("TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
  const responses = topicData.map(({ name, topicId, partitionData }) => {
    return { name, topicId, partitionResponses: partitionData.map(({ index }) => errorRow(index, refused)) };
  });
  return { responses };
}

/** One request's way through its partitions. */
class Producing {
  readonly #acks: number;
  readonly #context: RequestContext;
  /** Leaders that were told of. */
  readonly #leaders = new Set<number>();

  constructor(acks: number, context: RequestContext) {
    this.#acks = acks;
    this.#context = context;
  }

  append(topic: EmbeddedTopic | undefined, data: TopicRequest, { index, records }: PartitionRequest): PartitionRow {
    const { faults, version } = this.#context;
    const name = topic?.name ?? data.name;
    const fault = faults.errorFor(name, index);
    if (fault !== undefined && !AFTER_APPEND.has(fault.name)) return this.#faultRow(index, fault, topic);
    if (topic === undefined && version >= FIRST_VERSION_BY_ID) return errorRow(index, refusal("UNKNOWN_TOPIC_ID"));
    const partition = topic?.partition(index);
    if (partition === undefined) return errorRow(index, refusal("UNKNOWN_TOPIC_OR_PARTITION"));
    const row = this.#appendTo(partition, records);
    return fault === undefined || row.errorCode !== 0 ? row : errorRow(index, refusal(fault.name));
  }

  /** The leaders that the answer points to. */
  nodeEndpoints(): Pick<ResponseInput<"Produce">, "nodeEndpoints"> {
    if (this.#leaders.size === 0) return {};
    return { nodeEndpoints: nodeEndpoints(this.#leaders, this.#context.topology) };
  }

  #appendTo(partition: Partition, records: Uint8Array | null): PartitionRow {
    const { version, brokerId } = this.#context;
    const batch = version < FIRST_VERSION_WITH_BATCHES ? null : findBatch(records, version);
    if (batch !== null && isRefusal(batch)) return errorRow(partition.index, batch);
    if (this.#acks < -1 || this.#acks > 1) return errorRow(partition.index, refusal("INVALID_REQUIRED_ACKS"));
    if (partition.leader !== brokerId) return this.#notLeaderRow(partition);
    const { log, leaderEpoch } = partition;
    const result = batch === null ? log.appendMessages(records, leaderEpoch) : log.append(batch, leaderEpoch);
    if (isRefusal(result)) return errorRow(partition.index, result, partition);
    return {
      index: partition.index,
      errorCode: 0,
      baseOffset: result.baseOffset,
      logAppendTimeMs: result.logAppendTimeMs,
      logStartOffset: log.startOffset,
    };
  }

  #faultRow(index: number, fault: ErrorCode, topic: EmbeddedTopic | undefined): PartitionRow {
    const partition = topic?.partition(index);
    const isHinted = fault.name === "NOT_LEADER_OR_FOLLOWER" && partition !== undefined;
    return isHinted ? this.#notLeaderRow(partition) : errorRow(index, refusal(fault.name));
  }

  #notLeaderRow(partition: Partition): PartitionRow {
    const row = errorRow(partition.index, refusal("NOT_LEADER_OR_FOLLOWER"));
    if (this.#context.version < FIRST_VERSION_WITH_LEADER) return row;
    this.#leaders.add(partition.leader);
    return { ...row, currentLeader: { leaderId: partition.leader, leaderEpoch: partition.leaderEpoch } };
  }
}

/** Errors after which Kafka does not tell where the log begins. */
const WITHOUT_START_OFFSET: ReadonlySet<string> = new Set(["MESSAGE_TOO_LARGE", "CORRUPT_MESSAGE"]);

function errorRow(index: number, { error, message, recordErrors }: Refusal, partition?: Partition): PartitionRow {
  const isStartTold = partition !== undefined && !WITHOUT_START_OFFSET.has(error);
  return {
    index,
    errorCode: errorCodeByName(error).code,
    baseOffset: -1n,
    logStartOffset: isStartTold ? partition.log.startOffset : -1n,
    recordErrors,
    errorMessage: message,
  };
}
