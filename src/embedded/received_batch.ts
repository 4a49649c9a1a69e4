/**
 * What a broker checks of the `records` field of a Produce request before it looks at sequence numbers, in the order in
 * which Kafka checks it.
 *
 * @module
 */

import { ProtocolError } from "../../protocol/errors.ts";
import {
  BatchOffset,
  COMPRESSION_MASK,
  LENGTH_PREFIX_BYTES,
  LOG_APPEND_TIME_FLAG,
  MAGIC,
  RECORD_BATCH_OVERHEAD_BYTES,
} from "../../protocol/record_batch_layout.ts";
import {
  hasValidCrc,
  readBatchHeader,
  readRecordsSection,
  type RecordBatchHeader,
} from "../../protocol/record_batch_reader.ts";
import { RecordCursor } from "../../protocol/record_cursor.ts";

/** Why a batch is not appended. */
export interface Refusal {
  /** Kafka's name of the error. */
  error: string;
  /** What the broker says about it, null where Kafka says nothing. */
  message: string | null;
  /** The records that are to blame, by their index in the batch. */
  recordErrors: { batchIndex: number; batchIndexErrorMessage: string | null }[];
}

/** A batch that passed. */
export interface ReceivedBatch {
  /** Its header, as sent. */
  header: RecordBatchHeader;
  /** Its bytes: a view of the request. */
  bytes: Uint8Array;
  /** Largest timestamp of its records, which the header may have got wrong. */
  maxTimestamp: bigint;
  /** Whether the header says what Kafka would have written. */
  isHeaderRight: boolean;
}

/** Attribute bit 4: part of a transaction. */
const TRANSACTIONAL_FLAG = 0x10;
/** Attribute bit 5: the end of a transaction, which only brokers write. */
const CONTROL_FLAG = 0x20;
/** The codec with the highest number. */
const ZSTD = 4;
/** Kafka takes a batch shorter than a record of magic 0 for corrupt. */
const SMALLEST_RECORD_BYTES = 14;
/** `message.timestamp.after.max.ms` of Kafka 4. */
const TIMESTAMP_AFTER_MAX_MS = 3_600_000;
const NO_TIMESTAMP = -1;

/** Whether a `records` field begins with a batch that is part of a transaction. */
export function isTransactional(records: Uint8Array | null): boolean {
  if (records === null || records[BatchOffset.magic] !== MAGIC) return false;
  return ((records[BatchOffset.attributes + 1] ?? 0) & TRANSACTIONAL_FLAG) !== 0;
}

/** A refusal without blame on single records. */
export function refusal(error: string, message: string | null = null): Refusal {
  return { error, message, recordErrors: [] };
}

/** Whether what came is a refusal. */
export function isRefusal(result: object): result is Refusal {
  return "error" in result;
}

/**
 * Finds the one batch of a `records` field.
 *
 * @param records The field.
 * @param version Version of the Produce request, 3 or later.
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-110%3A+Add+Codec+for+ZStandard+Compression}
 */
export function findBatch(records: Uint8Array | null, version: number): Uint8Array | Refusal {
  const first = batchAt(records ?? new Uint8Array(), 0);
  if (first === null) return refusal("INVALID_RECORD");
  if (isRefusal(first)) return first;
  if (first[BatchOffset.magic] !== MAGIC) return refusal("INVALID_RECORD");
  // The codec is in the lower of the two attribute bytes.
  if (version < 7 && (first[BatchOffset.attributes + 1]! & COMPRESSION_MASK) === ZSTD) {
    return refusal("UNSUPPORTED_COMPRESSION_TYPE");
  }
  const second = batchAt(records!, first.length);
  if (second === null) return first; // A torn second batch is cut off, as in Kafka.
  return isRefusal(second) ? second : refusal("INVALID_RECORD");
}

/** Checks a batch by itself: size, CRC, header, and every record. */
export function receiveBatch(
  bytes: Uint8Array,
  limits: { maxMessageBytes: number; nowMs: number },
): ReceivedBatch | Refusal {
  if (bytes.length < RECORD_BATCH_OVERHEAD_BYTES) return refusal("CORRUPT_MESSAGE");
  const header = readBatchHeader(bytes);
  if (header.baseOffset !== 0n) return refusal("INVALID_RECORD");
  if (bytes.length > limits.maxMessageBytes) return refusal("MESSAGE_TOO_LARGE");
  if (!hasValidCrc(bytes)) return refusal("CORRUPT_MESSAGE");
  const compression = header.attributes & COMPRESSION_MASK;
  if (compression > ZSTD) return refusal("UNKNOWN_SERVER_ERROR");
  const flaw = headerFlaw(header);
  if (flaw !== null) return refusal(flaw);
  return scanRecords(bytes, header, limits.nowMs);
}

function batchAt(records: Uint8Array, offset: number): Uint8Array | Refusal | null {
  const left = records.length - offset;
  if (left < LENGTH_PREFIX_BYTES) return null;
  const view = new DataView(records.buffer, records.byteOffset + offset, left);
  const length = view.getInt32(BatchOffset.batchLength);
  if (length < SMALLEST_RECORD_BYTES) return refusal("CORRUPT_MESSAGE");
  if (left <= BatchOffset.magic) return null;
  const magic = view.getInt8(BatchOffset.magic);
  if (magic < 0 || magic > MAGIC) return refusal("CORRUPT_MESSAGE");
  const end = offset + LENGTH_PREFIX_BYTES + length;
  return end > records.length ? null : records.subarray(offset, end);
}

function headerFlaw(header: RecordBatchHeader): string | null {
  if (header.attributes & TRANSACTIONAL_FLAG) return "INVALID_TXN_STATE"; // Transactions are not offered.
  if (header.recordCount <= 0 || header.lastOffsetDelta + 1 !== header.recordCount) return "INVALID_RECORD";
  if (header.attributes & CONTROL_FLAG) return "INVALID_RECORD";
  if (header.producerId >= 0n && header.baseSequence < 0) return "INVALID_RECORD";
  return null;
}

function scanRecords(bytes: Uint8Array, header: RecordBatchHeader, nowMs: number): ReceivedBatch | Refusal {
  // Kafka 4.3 has no error of its own for bytes that cannot be decompressed.
  const section = refusedFor("UNKNOWN_SERVER_ERROR", () => readRecordsSection(bytes));
  if (isRefusal(section)) return section;
  return refusedFor("INVALID_RECORD", () => checkRecords(bytes, header, { section, nowMs }));
}

function refusedFor<T>(error: string, read: () => T): T | Refusal {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof ProtocolError) return refusal(error);
    throw cause;
  }
}

/** Reads through all records. Those of a compressed batch must have offsets one after the other, as in Kafka 4.3. */
function checkRecords(
  bytes: Uint8Array,
  header: RecordBatchHeader,
  { section, nowMs }: { section: { bytes: Uint8Array; start: number }; nowMs: number },
): ReceivedBatch | Refusal {
  const { bytes: source, start } = section;
  const isCompressed = source !== bytes;
  const cursor = new RecordCursor(source, { start, end: source.length, count: header.recordCount });
  const isBrokersTime = (header.attributes & LOG_APPEND_TIME_FLAG) !== 0;
  const baseTimestamp = Number(isBrokersTime ? header.maxTimestamp : header.baseTimestamp);
  const latest = nowMs + TIMESTAMP_AFTER_MAX_MS;
  const culprits: number[] = [];
  let maxTimestamp = NO_TIMESTAMP;
  while (cursor.next()) {
    if (isCompressed && cursor.offsetDelta !== cursor.index) return refusal("UNKNOWN_SERVER_ERROR");
    const timestamp = baseTimestamp + (isBrokersTime ? 0 : cursor.timestampDelta);
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
    if (timestamp > latest || (isBrokersTime && timestamp === NO_TIMESTAMP)) culprits.push(cursor.index);
    // One zero byte says that there are no headers; reading them costs objects.
    if (source[cursor.headersStart] !== 0 || cursor.headersStart + 1 !== cursor.end) cursor.headers();
  }
  if (culprits.length > 0) return invalidTimestamps(culprits);
  const isHeaderRight = !isBrokersTime && BigInt(maxTimestamp) === header.maxTimestamp;
  return { header, bytes, maxTimestamp: BigInt(maxTimestamp), isHeaderRight };
}

function invalidTimestamps(indexes: number[]): Refusal {
  return {
    error: "INVALID_TIMESTAMP",
    message: "One or more records have been rejected due to invalid timestamp",
    recordErrors: indexes.map((batchIndex) => ({
      batchIndex,
      batchIndexErrorMessage: "The timestamp lies more than an hour in the future, or its type is not the topic's",
    })),
  };
}
