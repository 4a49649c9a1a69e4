/**
 * Writes message sets, what Kafka had before record batches: Produce 0 to 2. Benchmark: `bench/message_set_bench.ts`.
 *
 * @see https://kafka.apache.org/documentation/#messageset
 * @module
 */

import { crc32 } from "./crc32.ts";
import { ProtocolError } from "./errors.ts";
import {
  MESSAGE_LOG_APPEND_TIME_FLAG,
  type MessageMagic,
  MessageOffset,
  messageOverheadBytes,
  NO_TIMESTAMP,
} from "./message_layout.ts";
import { COMPRESSION_MASK, LOG_APPEND_TIME_FLAG, RECORD_BATCH_OVERHEAD_BYTES } from "./record_batch_layout.ts";
import { readBatchHeader } from "./record_batch_reader.ts";
import { RecordCursor } from "./record_cursor.ts";

/** A message to write. */
export interface MessageInput {
  /** Its offset: a producer counts from 0 in each set. */
  offset: bigint;
  /** Milliseconds since 1970, -1 for none. Format 0 has no place for it. */
  timestamp?: number;
  /** The key, null for none. */
  key: Uint8Array | null;
  /** The value, null for a tombstone. */
  value: Uint8Array | null;
  /** Codec and kind of timestamp; 0 if left out. */
  attributes?: number;
}

/** How to turn a batch into a message set. */
export interface MessageSetOptions {
  /** Format of the messages. */
  magic: MessageMagic;
  /** Largest set to make, in bytes. */
  maxBytes?: number;
}

/**
 * Writes messages, one after the other.
 *
 * @param messages The messages, in order.
 * @param magic Their format.
 * @returns The set.
 */
export function encodeMessageSet(messages: readonly MessageInput[], magic: MessageMagic): Uint8Array {
  const overheadBytes = messageOverheadBytes(magic);
  const length = messages.reduce(
    (sum, { key, value }) => sum + overheadBytes + (key?.length ?? 0) + (value?.length ?? 0),
    0,
  );
  const writer = new MessageWriter(new Uint8Array(length), magic);
  for (const { offset, timestamp = NO_TIMESTAMP, key, value, attributes = 0 } of messages) {
    writer.write({ offset, timestamp: BigInt(timestamp), attributes }, key, value);
  }
  return writer.bytes;
}

/**
 * The records of a batch as a message set. What the format lacks is left out: headers always, timestamps in format 0;
 * see {@linkcode headedRecords}. The batch's CRC is not looked at.
 *
 * @param batch Exactly one batch, not compressed.
 * @param options Format and limit.
 * @returns The set, null when it would be larger than `maxBytes`. The same bytes for the same batch, whenever it is asked.
 * @throws {ProtocolError} If the bytes are no such batch.
 */
export function messageSetOf(batch: Uint8Array, { magic, maxBytes = Infinity }: MessageSetOptions): Uint8Array | null {
  const length = messageSetBytes(batch, magic);
  if (length > maxBytes) return null;
  const { baseOffset, baseTimestamp, maxTimestamp, attributes } = readBatchHeader(batch);
  const isBrokersTime = (attributes & LOG_APPEND_TIME_FLAG) !== 0;
  const stamp = { offset: 0n, timestamp: maxTimestamp, attributes: 0 };
  if (isBrokersTime && magic === 1) stamp.attributes = MESSAGE_LOG_APPEND_TIME_FLAG;
  const writer = new MessageWriter(new Uint8Array(length), magic);
  const cursor = recordsOf(batch);
  while (cursor.next()) {
    stamp.offset = baseOffset + BigInt(cursor.offsetDelta);
    if (!isBrokersTime) stamp.timestamp = baseTimestamp + BigInt(cursor.timestampDelta);
    writer.write(stamp, cursor.key(), cursor.value());
  }
  return writer.bytes;
}

/**
 * How long {@linkcode messageSetOf} is.
 *
 * @param batch Exactly one batch, not compressed.
 * @param magic Format of the messages.
 * @throws {ProtocolError} If the bytes are no such batch.
 */
export function messageSetBytes(batch: Uint8Array, magic: MessageMagic): number {
  const overheadBytes = messageOverheadBytes(magic);
  const cursor = recordsOf(batch);
  let length = 0;
  while (cursor.next()) length += overheadBytes + Math.max(cursor.keyBytes, 0) + Math.max(cursor.valueBytes, 0);
  return length;
}

/**
 * The records that no message set can say: those with headers.
 *
 * @param batch Exactly one batch, not compressed.
 * @returns Their indexes in the batch, ascending.
 * @throws {ProtocolError} If the bytes are no such batch.
 */
export function headedRecords(batch: Uint8Array): number[] {
  const cursor = recordsOf(batch);
  const indexes: number[] = [];
  // One zero byte says that there are none.
  while (cursor.next()) if (batch[cursor.headersStart] !== 0) indexes.push(cursor.index);
  return indexes;
}

/**
 * Makes the one message that a compressed set is.
 *
 * @param compressed The set, compressed. In format 1 its offsets count from 0, in format 0 a broker's are those of its log.
 * @param wrapper `codec`: number of the codec; `offset`: that of the last message in it; `timestamp`: the greatest in it.
 * @returns A set of one message.
 */
export function wrapMessageSet(
  compressed: Uint8Array,
  wrapper: { magic: MessageMagic; codec: number; offset: bigint; timestamp: number },
): Uint8Array {
  const { magic, codec: attributes, offset, timestamp } = wrapper;
  return encodeMessageSet([{ offset, timestamp, key: null, value: compressed, attributes }], magic);
}

/** Writes one message after the other into memory of just the right size. */
class MessageWriter {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #magic: MessageMagic;
  #position = 0;

  constructor(bytes: Uint8Array, magic: MessageMagic) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#magic = magic;
  }

  write(
    { offset, timestamp, attributes }: { offset: bigint; timestamp: bigint; attributes: number },
    key: Uint8Array | null,
    value: Uint8Array | null,
  ): void {
    const view = this.#view;
    const start = this.#position;
    view.setBigInt64(start + MessageOffset.offset, offset);
    view.setInt8(start + MessageOffset.magic, this.#magic);
    view.setInt8(start + MessageOffset.attributes, attributes);
    let position = start + MessageOffset.timestamp;
    if (this.#magic === 1) {
      view.setBigInt64(position, timestamp);
      position += 8;
    }
    const end = this.#part(this.#part(position, key), value);
    view.setInt32(start + MessageOffset.size, end - start - MessageOffset.crc);
    view.setUint32(start + MessageOffset.crc, crc32(this.bytes, start + MessageOffset.magic, end));
    this.#position = end;
  }

  #part(position: number, part: Uint8Array | null): number {
    this.#view.setInt32(position, part === null ? -1 : part.length);
    if (part === null) return position + 4;
    this.bytes.set(part, position + 4);
    return position + 4 + part.length;
  }
}

function recordsOf(batch: Uint8Array): RecordCursor {
  const { attributes, recordCount } = readBatchHeader(batch);
  const codec = attributes & COMPRESSION_MASK;
  if (codec !== 0) {
    throw new ProtocolError(`Cannot make a message set of a record batch: it is compressed with codec ${codec}`);
  }
  return new RecordCursor(batch, { start: RECORD_BATCH_OVERHEAD_BYTES, end: batch.length, count: recordCount });
}
