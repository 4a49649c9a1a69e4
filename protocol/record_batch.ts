/**
 * Builds record batches of format 2 straight in the buffer they are sent from. Benchmark:
 * `bench/record_batch_bench.ts`.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 * @module
 */

import { writeNumbers } from "./batch_numbers.ts";
import { crc32c } from "./crc32c.ts";
import { BatchOffset, LENGTH_PREFIX_BYTES, MAGIC, RECORD_BATCH_OVERHEAD_BYTES } from "./record_batch_layout.ts";
import { type DecodedRecord, decodeRecord } from "./record_batch_reader.ts";
import { RecordCursor } from "./record_cursor.ts";
import {
  MEDIUM_VARINT_LIMIT,
  mediumVarintBytes,
  SHORT_VARINT_LIMIT,
  shortVarintBytes,
  varintBytes,
  varlongBytes,
  writeMediumVarint,
  writeSafeInt64,
  writeShortVarint,
  writeVarint,
  writeVarlong,
} from "./varint.ts";

export { RECORD_BATCH_OVERHEAD_BYTES } from "./record_batch_layout.ts";
export { encodeHeaders, NO_HEADERS } from "./record_headers.ts";

/** Runs of at most this many bytes are copied by a loop: calling `set` costs more. */
const LOOP_COPY_MAX_BYTES = 12;

/**
 * Most that a record of short numbers takes besides key, value and headers: four short numbers, a medium one for the
 * offset delta (a batch of 1 MB has more than 8,192 records of 100 bytes) and one byte of attributes.
 */
const SHORT_OVERHEAD_MAX_BYTES = 12;
/** Most bytes of key, value and headers with which the record's length is a short number. */
const SHORT_DATA_MAX_BYTES = SHORT_VARINT_LIMIT - SHORT_OVERHEAD_MAX_BYTES;

/** A record ready to be encoded. One object may be reused for all. */
export interface EncodableRecord {
  /** The key, null for none. */
  key: Uint8Array | null;
  /** The value, null for a tombstone. */
  value: Uint8Array | null;
  /** The encoded headers section, from {@link encodeHeaders}; {@link NO_HEADERS} for none. */
  headers: Uint8Array;
  /** Milliseconds since 1970, an integer. */
  timestamp: number;
}

/** How {@link RecordBatchBuilder} gets its memory. */
export interface RecordBatchBuilderOptions {
  /**
   * Size of the first buffer; each further one is twice as large until the record fits.
   *
   * @default 4096
   */
  initialBytes?: number | undefined;
  /** Gives a buffer of at least that many bytes; by default a new one. All of it is used. */
  allocate?: ((minBytes: number) => Uint8Array) | undefined;
  /** Takes back a buffer that was outgrown. */
  release?: ((buffer: Uint8Array) => void) | undefined;
}

/**
 * One batch, from the first record to the bytes on the wire: `append` any number of records, `seal` once, `number`
 * before it is first sent and again whenever it must go out under other numbers.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { NO_HEADERS, readRecords, RecordBatchBuilder } from "@ekaf/ekaf/protocol";
 *
 * const batch = new RecordBatchBuilder();
 * batch.append({ key: null, value: new TextEncoder().encode("hello"), headers: NO_HEADERS, timestamp: 0 });
 * batch.seal();
 * batch.number(-1n, -1, -1);
 * assertEquals([...readRecords(batch.bytes)].length, 1);
 * ```
 */
export class RecordBatchBuilder {
  readonly #allocate: (minBytes: number) => Uint8Array;
  readonly #release: ((buffer: Uint8Array) => void) | undefined;
  #buffer: Uint8Array;
  /** The buffer's length while records may be appended, 0 once sealed: one comparison finds out both. */
  #capacityBytes: number;
  #byteLength = RECORD_BATCH_OVERHEAD_BYTES;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  #isSealed = false;
  #bodyCrc = 0;

  /**
   * Opens an empty batch.
   *
   * @param options Where buffers come from and go to.
   */
  constructor(options: RecordBatchBuilderOptions = {}) {
    this.#allocate = options.allocate ?? allocateNew;
    this.#release = options.release;
    this.#buffer = this.#allocate(Math.max(options.initialBytes ?? 4096, RECORD_BATCH_OVERHEAD_BYTES));
    this.#capacityBytes = this.#buffer.length;
  }

  /** Records so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes so far, the header included. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether {@link seal} was called. */
  get isSealed(): boolean {
    return this.#isSealed;
  }

  /** What the records' timestamps are told from; 0 without records. */
  get baseTimestamp(): number {
    return this.#baseTimestamp;
  }

  /** The greatest timestamp of a record so far; 0 without records. */
  get maxTimestamp(): number {
    return this.#maxTimestamp;
  }

  /** A view of exactly the batch. It is fit for the wire after {@link seal} and {@link number}. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#byteLength);
  }

  /** The whole allocation behind {@link bytes}, to give it back when the batch is done with. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /**
   * Bytes that {@link append} would add now.
   *
   * @param record What would be appended.
   */
  sizeOf(record: EncodableRecord): number {
    const delta = this.#count === 0 ? 0 : record.timestamp - this.#baseTimestamp;
    const bodyBytes = this.#bodyBytes(record, delta);
    return varintBytes(bodyBytes) + bodyBytes;
  }

  /**
   * Copies a record into the batch.
   *
   * @param record What to append; it and its bytes may be reused afterwards.
   * @returns Bytes added.
   * @throws {Error} When the batch is sealed.
   */
  append(record: EncodableRecord): number {
    return this.tryAppend(record, Number.MAX_SAFE_INTEGER);
  }

  /**
   * Copies a record into the batch unless that would make it too large.
   *
   * @param record What to append; it and its bytes may be reused afterwards.
   * @param maxBytes The largest the whole batch may become.
   * @returns Bytes added, 0 when it does not fit.
   * @throws {Error} When the batch is sealed.
   */
  tryAppend(record: EncodableRecord, maxBytes: number): number {
    const { key, value, headers, timestamp } = record;
    const count = this.#count;
    const delta = count === 0 ? 0 : timestamp - this.#baseTimestamp;
    const keyBytes = key === null ? 0 : key.length;
    const valueBytes = value === null ? 0 : value.length;
    const dataBytes = keyBytes + valueBytes + headers.length;
    const start = this.#byteLength;
    const roomBytes = Math.min(maxBytes, this.#capacityBytes) - start;
    if (
      dataBytes > SHORT_DATA_MAX_BYTES || dataBytes + SHORT_OVERHEAD_MAX_BYTES > roomBytes ||
      count >= MEDIUM_VARINT_LIMIT || delta >= SHORT_VARINT_LIMIT || delta < -SHORT_VARINT_LIMIT
    ) return this.#appendLong(record, delta, maxBytes);

    const buffer = this.#buffer;
    const deltaZigzag = (delta << 1) ^ (delta >> 31);
    const bodyBytes = 1 + shortVarintBytes(deltaZigzag) + mediumVarintBytes(count << 1) +
      shortVarintBytes(keyBytes << 1) +
      shortVarintBytes(valueBytes << 1) + dataBytes;
    let position = writeShortVarint(buffer, start, bodyBytes << 1);
    const end = position + bodyBytes;
    buffer[position] = 0; // attributes
    position = writeShortVarint(buffer, position + 1, deltaZigzag);
    position = writeMediumVarint(buffer, position, count << 1);
    if (key === null) buffer[position++] = 1;
    else position = copy(key, buffer, writeShortVarint(buffer, position, keyBytes << 1));
    position = writeShortVarint(buffer, position, value === null ? 1 : valueBytes << 1);
    // The value's `set` comes last: after a call the engine loads the buffer's address and length anew.
    if (headers.length === 1) buffer[end - 1] = 0;
    else buffer.set(headers, end - headers.length);
    if (value !== null) copy(value, buffer, position);

    return this.#advance(end, timestamp);
  }

  /**
   * Ends the batch: no more records are taken, the header is written but for the numbers, and the CRC of the records
   * is kept so that {@link number} need not read them. Does nothing when called again.
   */
  seal(): void {
    if (this.#isSealed) return;
    this.#isSealed = true;
    this.#capacityBytes = 0;
    this.#writeHeader();
  }

  /**
   * Writes the producer's numbers and the CRC. May be called again for other numbers: it reads 40 bytes however large
   * the batch is.
   *
   * @param producerId Id from InitProducerId, -1n for none.
   * @param producerEpoch Epoch of that id, -1 for none.
   * @param baseSequence Sequence number of the first record, -1 for none.
   * @throws {Error} When the batch is not sealed.
   */
  number(producerId: bigint, producerEpoch: number, baseSequence: number): void {
    if (!this.#isSealed) throw new Error("Cannot number a batch: it is not sealed");
    const body = { bytes: this.#byteLength - RECORD_BATCH_OVERHEAD_BYTES, crc: this.#bodyCrc };
    writeNumbers(this.#buffer, { producerId, producerEpoch, baseSequence }, body);
  }

  /**
   * Removes records, in place. The base timestamp stays, so that no record can grow. A sealed batch stays sealed, but
   * must be numbered (again).
   *
   * @param keep Whether the record at that index stays; called once for each, in order.
   * @returns Records left.
   */
  compact(keep: (index: number) => boolean): number {
    const cursor = this.#cursor();
    let end = RECORD_BATCH_OVERHEAD_BYTES;
    let count = 0;
    let maxTimestamp = -Infinity;
    while (cursor.next()) {
      if (!keep(cursor.index)) continue;
      maxTimestamp = Math.max(maxTimestamp, this.#baseTimestamp + cursor.timestampDelta);
      end = count === cursor.index ? cursor.end : moveRecord(this.#buffer, cursor, { to: end, offsetDelta: count });
      count++;
    }
    this.#byteLength = end;
    this.#count = count;
    this.#maxTimestamp = count === 0 ? 0 : maxTimestamp;
    if (this.#isSealed) this.#writeHeader();
    return count;
  }

  /** Moves to a smaller buffer where there is one: of at most half the size. For batches that {@link compact} made small. */
  fit(): void {
    if (this.#byteLength * 2 > this.#buffer.length) return;
    const buffer = this.#allocate(this.#byteLength);
    const isSmaller = buffer.length < this.#buffer.length;
    if (isSmaller) this.#moveTo(buffer);
    else this.#release?.(buffer);
  }

  /**
   * The records of an open or sealed batch, as views of the buffer: read them before the next `append` or `compact`.
   *
   * @param from Index of the first record.
   * @param to Index after the last one.
   */
  *records(from = 0, to: number = this.#count): Generator<DecodedRecord, void, undefined> {
    const cursor = this.#cursor();
    while (cursor.next() && cursor.index < to) {
      if (cursor.index >= from) yield decodeRecord(cursor, this.#baseTimestamp + cursor.timestampDelta);
    }
  }

  /** A copy of the records so far, in a buffer of its own of just their size. */
  clone(): RecordBatchBuilder {
    const copy = new RecordBatchBuilder({ initialBytes: this.#byteLength });
    copy.#buffer.set(this.bytes);
    copy.#byteLength = this.#byteLength;
    copy.#count = this.#count;
    copy.#baseTimestamp = this.#baseTimestamp;
    copy.#maxTimestamp = this.#maxTimestamp;
    return copy;
  }

  /** {@link tryAppend} for numbers of any length and for a buffer that may have to grow. */
  #appendLong(record: EncodableRecord, delta: number, maxBytes: number): number {
    const { key, value, headers } = record;
    const start = this.#byteLength;
    const bodyBytes = this.#bodyBytes(record, delta);
    const end = start + varintBytes(bodyBytes) + bodyBytes;
    if (end > maxBytes) return 0;
    if (end > this.#capacityBytes) this.#grow(end);

    const buffer = this.#buffer;
    let position = writeVarint(buffer, start, bodyBytes);
    buffer[position] = 0; // attributes
    position = writeVarlong(buffer, position + 1, delta);
    position = writeVarint(buffer, position, this.#count);
    position = writeVarint(buffer, position, key === null ? -1 : key.length);
    if (key !== null) position = copy(key, buffer, position);
    position = writeVarint(buffer, position, value === null ? -1 : value.length);
    if (value !== null) position = copy(value, buffer, position);
    buffer.set(headers, position);

    return this.#advance(end, record.timestamp);
  }

  /** Counts the record that now ends there. */
  #advance(end: number, timestamp: number): number {
    const addedBytes = end - this.#byteLength;
    if (this.#count === 0) this.#baseTimestamp = this.#maxTimestamp = timestamp;
    else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    this.#count++;
    this.#byteLength = end;
    return addedBytes;
  }

  #bodyBytes({ key, value, headers }: EncodableRecord, delta: number): number {
    return 1 + varlongBytes(delta) + varintBytes(this.#count) +
      (key === null ? 1 : varintBytes(key.length) + key.length) +
      (value === null ? 1 : varintBytes(value.length) + value.length) + headers.length;
  }

  #grow(minBytes: number): void {
    if (this.#isSealed) throw new Error("Cannot append to a batch: it is sealed");
    let size = this.#buffer.length * 2;
    while (size < minBytes) size *= 2;
    this.#moveTo(this.#allocate(size));
  }

  #moveTo(buffer: Uint8Array): void {
    const former = this.#buffer;
    buffer.set(this.bytes);
    this.#buffer = buffer;
    if (!this.#isSealed) this.#capacityBytes = buffer.length;
    this.#release?.(former);
  }

  #writeHeader(): void {
    const view = this.#headerView();
    view.setBigInt64(BatchOffset.baseOffset, 0n);
    view.setInt32(BatchOffset.batchLength, this.#byteLength - LENGTH_PREFIX_BYTES);
    view.setInt32(BatchOffset.partitionLeaderEpoch, -1);
    view.setInt8(BatchOffset.magic, MAGIC);
    view.setInt16(BatchOffset.attributes, 0);
    view.setInt32(BatchOffset.lastOffsetDelta, this.#count - 1);
    writeSafeInt64(view, BatchOffset.baseTimestamp, this.#baseTimestamp);
    writeSafeInt64(view, BatchOffset.maxTimestamp, this.#maxTimestamp);
    view.setInt32(BatchOffset.recordCount, this.#count);
    this.#bodyCrc = crc32c(this.#buffer, RECORD_BATCH_OVERHEAD_BYTES, this.#byteLength);
  }

  #headerView(): DataView {
    return new DataView(this.#buffer.buffer, this.#buffer.byteOffset, RECORD_BATCH_OVERHEAD_BYTES);
  }

  #cursor(): RecordCursor {
    return new RecordCursor(this.#buffer, {
      start: RECORD_BATCH_OVERHEAD_BYTES,
      end: this.#byteLength,
      count: this.#count,
    });
  }
}

/**
 * Writes the record under the cursor at an earlier place with a smaller offset delta. Each part is written at or before
 * the place it is read from and after the parts before it, so nothing is overwritten before it was read.
 */
function moveRecord(buffer: Uint8Array, cursor: RecordCursor, target: { to: number; offsetDelta: number }): number {
  const timestampBytes = cursor.offsetStart - cursor.timestampStart;
  const contentBytes = cursor.end - cursor.contentStart;
  let position = writeVarint(
    buffer,
    target.to,
    1 + timestampBytes + varintBytes(target.offsetDelta) + contentBytes,
  );
  buffer[position++] = 0; // attributes
  buffer.copyWithin(position, cursor.timestampStart, cursor.offsetStart);
  position = writeVarint(buffer, position + timestampBytes, target.offsetDelta);
  buffer.copyWithin(position, cursor.contentStart, cursor.end);
  return position + contentBytes;
}

function copy(source: Uint8Array, target: Uint8Array, position: number): number {
  const length = source.length;
  if (length > LOOP_COPY_MAX_BYTES) target.set(source, position);
  else for (let i = 0; i < length; i++) target[position + i] = source[i]!;
  return position + length;
}

function allocateNew(minBytes: number): Uint8Array {
  return new Uint8Array(minBytes);
}
