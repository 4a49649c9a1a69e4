/**
 * ListOffsets: the ends of a log, or the first record of a time.
 *
 * Version 0 answers with the starts of segments, latest first; a log is one segment here. Negative timestamps stand for places: -1 the end, -2 the beginning, -3 the record with the
 * largest timestamp (version 7, KIP-734), -4 the beginning of the local log (version 8, KIP-405). Tiers are unknown here.
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ListOffsetsRequest.json}
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import { errorCodeByName } from "../../../protocol/error_codes.ts";
import type { RecordPlace } from "../partition_log.ts";
import type { Partition } from "../topic.ts";
import { partitionError } from "./partition_error.ts";
import type { RequestContext } from "./handler.ts";

type Asked = RequestOf<"ListOffsets">["topics"][number]["partitions"][number];
type Row = ResponseInput<"ListOffsets">["topics"][number]["partitions"][number];

const LATEST = -1n;
const EARLIEST = -2n;
const MAX_TIMESTAMP = -3n;
const EARLIEST_LOCAL = -4n;
const NO_TIMESTAMP = -1n;
const FIRST_VERSION_WITH_EPOCH = 4;

/** Answers for each partition. */
export function handleListOffsets(
  request: RequestOf<"ListOffsets">,
  context: RequestContext,
): ResponseInput<"ListOffsets"> {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((asked) => answerOne(name, asked, context)),
    })),
  };
}

function answerOne(topic: string, asked: Asked, context: RequestContext): Row {
  const partitionIndex = asked.partitionIndex;
  const partition = context.topology.partition(topic, partitionIndex);
  const fault = context.faults.errorFor(topic, partitionIndex);
  const error = fault?.name ?? partitionError(partition, asked.currentLeaderEpoch, context.brokerId);
  if (error !== null) return { partitionIndex, errorCode: errorCodeByName(error).code };
  if (context.version === 0) return { partitionIndex, errorCode: 0, oldStyleOffsets: segmentStarts(partition!, asked) };
  const place = placeOf(partition!, asked.timestamp);
  if (place === undefined) return { partitionIndex, errorCode: 0 };
  const epoch = context.version >= FIRST_VERSION_WITH_EPOCH ? { leaderEpoch: place.leaderEpoch } : {};
  return { partitionIndex, errorCode: 0, timestamp: place.timestamp, offset: place.offset, ...epoch };
}

function segmentStarts({ log }: Partition, { timestamp, maxNumOffsets }: Asked): bigint[] {
  const offsets = timestamp === LATEST && log.endOffset > log.startOffset
    ? [log.endOffset, log.startOffset]
    : [log.startOffset];
  return offsets.slice(0, Math.max(0, maxNumOffsets));
}

function placeOf({ log, leaderEpoch }: Partition, timestamp: bigint): RecordPlace | undefined {
  if (timestamp === LATEST) return { offset: log.endOffset, timestamp: NO_TIMESTAMP, leaderEpoch };
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) {
    return { offset: log.startOffset, timestamp: NO_TIMESTAMP, leaderEpoch };
  }
  if (timestamp === MAX_TIMESTAMP) return log.latest();
  return timestamp >= 0n ? log.findByTime(timestamp) : undefined;
}
