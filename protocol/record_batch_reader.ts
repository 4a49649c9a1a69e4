/**
 * Reads record batches of format 2. Bytes may come from anyone: whatever is wrong with them is a {@link ProtocolError}.
 * Benchmark: `bench/record_batch_bench.ts`.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 * @module
 */

import { codecOf, decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { ProtocolError } from "./errors.ts";
import {
  BatchOffset,
  LENGTH_PREFIX_BYTES,
  LOG_APPEND_TIME_FLAG,
  MAGIC,
  RECORD_BATCH_OVERHEAD_BYTES,
} from "./record_batch_layout.ts";
import { RecordCursor } from "./record_cursor.ts";

/** What stands before a batch's records. Names are Kafka's. */
export interface RecordBatchHeader {
  /** Offset of the first record; 0 when a producer sends it. */
  baseOffset: bigint;
  /** Bytes of the batch after this field: 12 fewer than the whole. */
  batchLength: number;
  /** Epoch of the leader that appended it, -1 when a producer sends it. */
  partitionLeaderEpoch: number;
  /** Always 2. */
  magic: number;
  /** CRC-32C of everything from `attributes` to the end, as written; see {@link hasValidCrc}. */
  crc: number;
  /** Bits 0-2 codec, 3 timestamps by the broker's clock, 4 transactional, 5 control. */
  attributes: number;
  /** Offset of the last record since `baseOffset`. */
  lastOffsetDelta: number;
  /** Milliseconds since 1970 that the records' timestamps count from. */
  baseTimestamp: bigint;
  /** The greatest timestamp of a record. */
  maxTimestamp: bigint;
  /** Id of the idempotent producer, -1 for none. */
  producerId: bigint;
  /** Epoch of that id, -1 for none. */
  producerEpoch: number;
  /** Sequence number of the first record, -1 for none. */
  baseSequence: number;
  /** How many records. */
  recordCount: number;
}

/** One record of a batch. Key, value and header values are views of the batch's bytes, not copies. */
export interface DecodedRecord {
  /** Offset since the batch's base offset. */
  offsetDelta: number;
  /** Milliseconds since 1970. */
  timestamp: number;
  /** The key, null for none. */
  key: Uint8Array | null;
  /** The value, null for none (a tombstone). */
  value: Uint8Array | null;
  /** Name and value of each header, in order; names may come up again. */
  headers: [string, Uint8Array | null][];
}

/**
 * Reads the header of the batch at an offset. Neither the CRC nor the records are looked at.
 *
 * @param bytes Holds the batch.
 * @param offset Index of its first byte.
 * @throws {ProtocolError} When no whole batch of format 2 is there.
 */
export function readBatchHeader(bytes: Uint8Array, offset = 0): RecordBatchHeader {
  const bytesLeft = bytes.length - offset;
  if (!(offset >= 0) || bytesLeft < RECORD_BATCH_OVERHEAD_BYTES) {
    throw error(`only ${bytesLeft} bytes are left`, offset);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, RECORD_BATCH_OVERHEAD_BYTES);
  const magic = view.getInt8(BatchOffset.magic);
  if (magic !== MAGIC) throw error(`its format is ${magic}, only ${MAGIC} can be read`, offset + BatchOffset.magic);
  const batchLength = view.getInt32(BatchOffset.batchLength);
  if (
    batchLength < RECORD_BATCH_OVERHEAD_BYTES - LENGTH_PREFIX_BYTES || batchLength > bytesLeft - LENGTH_PREFIX_BYTES
  ) {
    throw error(`its length is ${batchLength} where ${bytesLeft} bytes are left`, offset + BatchOffset.batchLength);
  }
  return {
    baseOffset: view.getBigInt64(BatchOffset.baseOffset),
    batchLength,
    partitionLeaderEpoch: view.getInt32(BatchOffset.partitionLeaderEpoch),
    magic,
    crc: view.getUint32(BatchOffset.crc),
    attributes: view.getInt16(BatchOffset.attributes),
    lastOffsetDelta: view.getInt32(BatchOffset.lastOffsetDelta),
    baseTimestamp: view.getBigInt64(BatchOffset.baseTimestamp),
    maxTimestamp: view.getBigInt64(BatchOffset.maxTimestamp),
    producerId: view.getBigInt64(BatchOffset.producerId),
    producerEpoch: view.getInt16(BatchOffset.producerEpoch),
    baseSequence: view.getInt32(BatchOffset.baseSequence),
    recordCount: view.getInt32(BatchOffset.recordCount),
  };
}

/**
 * Whether a batch's CRC is that of its bytes.
 *
 * @param batch Exactly one batch.
 * @returns False as well for bytes too short to be one.
 */
export function hasValidCrc(batch: Uint8Array): boolean {
  if (batch.length < RECORD_BATCH_OVERHEAD_BYTES) return false;
  const view = new DataView(batch.buffer, batch.byteOffset, RECORD_BATCH_OVERHEAD_BYTES);
  return view.getUint32(BatchOffset.crc) === crc32c(batch, BatchOffset.attributes);
}

/**
 * The records section of a batch, decompressed where it is compressed.
 *
 * @param batch Exactly one batch.
 * @param options `maxBytes`: most bytes it may become, `DECOMPRESSED_MAX_BYTES` by default.
 * @returns The bytes that hold it, and where it begins in them.
 * @throws {ProtocolError} When it cannot be decompressed.
 */
export function readRecordsSection(
  batch: Uint8Array,
  options: { maxBytes?: number | undefined } = {},
): { bytes: Uint8Array; start: number } {
  const codec = codecOf(batch[BatchOffset.attributes + 1]!);
  if (codec === null) return { bytes: batch, start: RECORD_BATCH_OVERHEAD_BYTES };
  return { bytes: decompress(codec, batch.subarray(RECORD_BATCH_OVERHEAD_BYTES), options), start: 0 };
}

/**
 * Reads the records of a batch, one at a time, compressed or not. The CRC is not looked at. Records of a compressed
 * batch are views of bytes made for them.
 *
 * @param batch Exactly one batch.
 * @param options `maxBytes`: most bytes a compressed batch may become, `DECOMPRESSED_MAX_BYTES` by default.
 * @throws {ProtocolError} While iterating, at the first byte that makes no sense.
 */
export function* readRecords(
  batch: Uint8Array,
  options: { maxBytes?: number | undefined } = {},
): Generator<DecodedRecord, void, undefined> {
  const header = readBatchHeader(batch);
  if (header.batchLength !== batch.length - LENGTH_PREFIX_BYTES) {
    throw error(`${batch.length - LENGTH_PREFIX_BYTES - header.batchLength} bytes follow it`, 0);
  }
  const { bytes, start } = readRecordsSection(batch, options);
  const cursor = new RecordCursor(bytes, { start, end: bytes.length, count: header.recordCount });
  const brokerClock = (header.attributes & LOG_APPEND_TIME_FLAG) !== 0;
  const baseTimestamp = Number(brokerClock ? header.maxTimestamp : header.baseTimestamp);
  while (cursor.next()) yield decodeRecord(cursor, baseTimestamp + (brokerClock ? 0 : cursor.timestampDelta));
}

/**
 * Parts the batches that stand one after the other in a `records` field.
 *
 * @param records The field's bytes.
 * @returns A view for each batch; none for no bytes.
 * @throws {ProtocolError} When the bytes are not whole batches of format 2.
 */
export function splitBatches(records: Uint8Array): Uint8Array[] {
  const batches: Uint8Array[] = [];
  let offset = 0;
  while (offset < records.length) {
    const end = offset + LENGTH_PREFIX_BYTES + readBatchHeader(records, offset).batchLength;
    batches.push(records.subarray(offset, end));
    offset = end;
  }
  return batches;
}

/**
 * Makes an object of the record under a cursor.
 *
 * @param cursor Where it is.
 * @param timestamp Its timestamp in milliseconds since 1970.
 * @throws {ProtocolError} When its headers make no sense.
 */
export function decodeRecord(cursor: RecordCursor, timestamp: number): DecodedRecord {
  return {
    offsetDelta: cursor.offsetDelta,
    timestamp,
    key: cursor.key(),
    value: cursor.value(),
    headers: cursor.headers(),
  };
}

function error(state: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read a record batch: ${state}`, { api: "RecordBatch", version: MAGIC, offset });
}
