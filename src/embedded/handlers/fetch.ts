/**
 * Fetch: reads batches, waiting for them if there are too few. Topics by name up to version 12, by id from 13 on.
 *
 * There are no fetch sessions: every answer carries session id 0, as that of a busy broker may (KIP-227). All records are
 * committed as soon as they are appended.
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/FetchRequest.json}
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import { errorCodeByName } from "../../../protocol/error_codes.ts";
import { bytesFor, formatOfFetch } from "../log_format.ts";
import type { PartitionLog } from "../partition_log.ts";
import type { Partition } from "../topic.ts";
import { type RequestContext, topicOf } from "./handler.ts";
import { nodeEndpoints } from "./node_endpoints.ts";
import { partitionError } from "./partition_error.ts";

type TopicRequest = RequestOf<"Fetch">["topics"][number];
type PartitionRequest = TopicRequest["partitions"][number];
type PartitionRow = ResponseInput<"Fetch">["responses"][number]["partitions"][number];

const FIRST_VERSION_WITH_WHOLE_MESSAGES = 3;
const FIRST_VERSION_BY_ID = 13;
const FIRST_VERSION_WITH_LEADER = 16;
const NO_RECORDS = new Uint8Array();

/** One partition that is asked for: what to read, or why not. */
interface Reading {
  asked: PartitionRequest;
  partition: Partition | undefined;
  error: string | null;
}

/** Answers when enough bytes are there, something is wrong, or the time is up. */
export async function handleFetch(
  request: RequestOf<"Fetch">,
  context: RequestContext,
): Promise<ResponseInput<"Fetch">> {
  if (request.sessionId !== 0) {
    return { errorCode: errorCodeByName("FETCH_SESSION_ID_NOT_FOUND").code, responses: [] };
  }
  const first = readingsOf(request, context);
  if (!isReady(first, request)) await waitForBytes(first, request, context);
  return answerWith(request, context);
}

function readingsOf(request: RequestOf<"Fetch">, context: RequestContext): Reading[] {
  return request.topics.flatMap((topic) => topic.partitions.map((asked) => readingOf(topic, asked, context)));
}

function readingOf(topic: TopicRequest, asked: PartitionRequest, context: RequestContext): Reading {
  const isById = context.version >= FIRST_VERSION_BY_ID;
  const known = topicOf(context.topology, { name: topic.topic, topicId: topic.topicId }, isById);
  const partition = known?.partition(asked.partition);
  const fault = context.faults.errorFor(known?.name ?? topic.topic, asked.partition);
  const stranger = known === undefined && isById ? "UNKNOWN_TOPIC_ID" : null;
  const error = fault?.name ?? stranger ?? partitionError(partition, asked.currentLeaderEpoch, context.brokerId) ??
    offsetError(partition!.log, asked.fetchOffset);
  return { asked, partition, error };
}

function offsetError(log: PartitionLog, offset: bigint): string | null {
  return offset < log.startOffset || offset > log.endOffset ? "OFFSET_OUT_OF_RANGE" : null;
}

function isReady(readings: readonly Reading[], { maxWaitMs, minBytes }: RequestOf<"Fetch">): boolean {
  if (maxWaitMs <= 0 || readings.length === 0 || readings.some(({ error }) => error !== null)) return true;
  let bytes = 0;
  for (const { partition, asked } of readings) {
    if (bytes >= minBytes) break;
    bytes += Math.min(partition!.log.bytesFrom(asked.fetchOffset, minBytes - bytes), asked.partitionMaxBytes);
  }
  return bytes >= minBytes;
}

/** Waits for appends rather than look again and again, so that a waiting reader costs nothing. */
function waitForBytes(
  readings: readonly Reading[],
  request: RequestOf<"Fetch">,
  { timers, appends, signal }: RequestContext,
): Promise<void> {
  const logs = new Set(readings.map(({ partition }) => partition!.log));
  return new Promise((resolve) => {
    const end = () => {
      unsubscribe();
      timers.clear(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const unsubscribe = appends.subscribe((log) => {
      if (logs.has(log) && isReady(readings, request)) end();
    });
    const timer = timers.set(end, request.maxWaitMs);
    signal.addEventListener("abort", end);
  });
}

function answerWith(request: RequestOf<"Fetch">, context: RequestContext): ResponseInput<"Fetch"> {
  const leaders = new Set<number>();
  let bytesLeft = request.maxBytes;
  let isFirst = true;
  const responses = request.topics.map((topic) => ({
    topic: topic.topic,
    topicId: topic.topicId,
    partitions: topic.partitions.map((asked) => {
      const reading = readingOf(topic, asked, context);
      if (reading.error !== null) return errorRow(reading, context, leaders);
      const limits = { maxBytes: Math.min(bytesLeft, asked.partitionMaxBytes), atLeastOne: isFirst };
      const row = recordsRow(reading, limits, context.version);
      bytesLeft -= row.records!.length;
      if (row.records!.length > 0) isFirst = false;
      return row;
    }),
  }));
  return leaders.size === 0 ? { responses } : { responses, nodeEndpoints: nodeEndpoints(leaders, context.topology) };
}

function recordsRow(
  { asked, partition }: Reading,
  limits: { maxBytes: number; atLeastOne: boolean },
  version: number,
): PartitionRow {
  const { log, index } = partition!;
  // Before KIP-74, exactly so many bytes of the log came, whatever they were: the last message is cut off.
  const isCut = version < FIRST_VERSION_WITH_WHOLE_MESSAGES;
  const batches = log.read(asked.fetchOffset, { ...limits, isCut });
  const bytes = bytesFor(batches, { format: formatOfFetch(version), from: asked.fetchOffset });
  return {
    partitionIndex: index,
    errorCode: 0,
    highWatermark: log.endOffset,
    lastStableOffset: log.endOffset,
    logStartOffset: log.startOffset,
    abortedTransactions: null,
    records: isCut ? bytes.subarray(0, limits.maxBytes) : bytes,
  };
}

function errorRow({ asked, partition, error }: Reading, context: RequestContext, leaders: Set<number>): PartitionRow {
  const row: PartitionRow = {
    partitionIndex: asked.partition,
    errorCode: errorCodeByName(error!).code,
    highWatermark: -1n,
    // As Kafka does: an empty list from whoever finds no partition, none from whoever cannot read it.
    abortedTransactions: partition === undefined ? [] : null,
    records: NO_RECORDS,
  };
  const isMoved = error === "NOT_LEADER_OR_FOLLOWER" || error === "FENCED_LEADER_EPOCH";
  if (!isMoved || partition === undefined || context.version < FIRST_VERSION_WITH_LEADER) return row;
  leaders.add(partition.leader);
  return { ...row, currentLeader: { leaderId: partition.leader, leaderEpoch: partition.leaderEpoch } };
}
