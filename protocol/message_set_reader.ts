/**
 * Reads message sets, what Kafka had before record batches: from a producer (Produce 0 to 2) or a broker (Fetch 0 to 3).
 *
 * @see https://kafka.apache.org/documentation/#messageset
 * @module
 */

import { crc32 } from "./crc32.ts";
import { ProtocolError } from "./errors.ts";
import {
  MESSAGE_CODEC_MASK,
  MESSAGE_LOG_APPEND_TIME_FLAG,
  MESSAGE_PREFIX_BYTES,
  type MessageMagic,
  MessageOffset,
  messageOverheadBytes,
  NO_TIMESTAMP,
} from "./message_layout.ts";

/** One message of a set. Key and value are views of its bytes, or of those it was compressed in. */
export interface DecodedMessage {
  /** Its offset. */
  offset: bigint;
  /** Its format. */
  magic: MessageMagic;
  /** Milliseconds since 1970, -1 for none. */
  timestamp: number;
  /** The key, null for none. */
  key: Uint8Array | null;
  /** The value, null for a tombstone. */
  value: Uint8Array | null;
}

/** The value of a message that is a set, compressed. */
export interface CompressedMessages {
  /** Number of the codec: 1 gzip, 2 snappy, 3 lz4. */
  codec: number;
  /** Format of the message. In format 0, lz4 has a header checksum of its own (KAFKA-3160). */
  magic: MessageMagic;
  /** The bytes. */
  bytes: Uint8Array;
}

/** Unpacks a compressed set. What it gives must be bounded by itself; errors other than `ProtocolError` go through. */
export type Decompress = (compressed: CompressedMessages) => Uint8Array;

/**
 * A position in a message set. {@link MessageCursor.next} moves it to the next message and fills the fields. Nothing is
 * believed: each length is checked against what is left. A message that is cut off is none: brokers end their answers so.
 */
export class MessageCursor {
  /** Index of the message's first byte. */
  start = 0;
  /** Index after the message. */
  end = 0;
  /** Its offset. */
  offset = 0n;
  /** Its format. */
  magic: MessageMagic = 0;
  /** Codec and kind of timestamp. */
  attributes = 0;
  /** Milliseconds since 1970, -1 for none. */
  timestamp: number = NO_TIMESTAMP;
  /** The key, a view. */
  key: Uint8Array | null = null;
  /** The value, a view. */
  value: Uint8Array | null = null;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /**
   * Stands before the first message.
   *
   * @param bytes The set.
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Number of the codec, 0 for none. */
  get codec(): number {
    return this.attributes & MESSAGE_CODEC_MASK;
  }

  /** Whether the timestamp is by the broker's clock. */
  get isLogAppendTime(): boolean {
    return this.magic === 1 && (this.attributes & MESSAGE_LOG_APPEND_TIME_FLAG) !== 0;
  }

  /** The message's bytes, a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.start, this.end);
  }

  /** Whether its CRC is that of its bytes. */
  get hasValidCrc(): boolean {
    const expected = this.#view.getUint32(this.start + MessageOffset.crc);
    return crc32(this.#bytes, this.start + MessageOffset.magic, this.end) === expected;
  }

  /**
   * Moves to the next message.
   *
   * @returns False after the last whole one.
   * @throws {ProtocolError} When the bytes are no message of format 0 or 1.
   */
  next(): boolean {
    const view = this.#view;
    const start = this.end;
    const left = view.byteLength - start;
    if (left < MESSAGE_PREFIX_BYTES) return false;
    const size = view.getInt32(start + MessageOffset.size);
    if (size < messageOverheadBytes(0) - MESSAGE_PREFIX_BYTES) throw this.#error(`its size is ${size}`, start);
    if (size > left - MESSAGE_PREFIX_BYTES) return false;
    const magic = view.getInt8(start + MessageOffset.magic);
    if (magic !== 0 && magic !== 1) throw this.#error(`its format is ${magic}, only 0 and 1 can be read`, start);
    const end = start + MESSAGE_PREFIX_BYTES + size;
    if (end - start < messageOverheadBytes(magic)) throw this.#error(`its size is ${size}`, start);
    this.start = start;
    this.end = end;
    this.magic = magic;
    this.offset = view.getBigInt64(start + MessageOffset.offset);
    this.attributes = view.getInt8(start + MessageOffset.attributes);
    this.timestamp = magic === 0 ? NO_TIMESTAMP : Number(view.getBigInt64(start + MessageOffset.timestamp));
    this.#readParts(start + MessageOffset.timestamp + (magic === 0 ? 0 : 8));
    return true;
  }

  #readParts(position: number): void {
    const key = this.#readPart(position, this.end - 4, "key");
    position += 4 + (key?.length ?? 0);
    const value = this.#readPart(position, this.end, "value");
    position += 4 + (value?.length ?? 0);
    if (position !== this.end) throw this.#error(`${this.end - position} bytes left after the value`, position);
    this.key = key;
    this.value = value;
  }

  #readPart(position: number, end: number, what: string): Uint8Array | null {
    const length = this.#view.getInt32(position);
    if (length < -1 || length > end - position - 4) throw this.#error(`${what} length is ${length}`, position);
    return length < 0 ? null : this.#bytes.subarray(position + 4, position + 4 + length);
  }

  #error(state: string, offset: number): ProtocolError {
    return new ProtocolError(`Cannot read a message: ${state}`, { api: "MessageSet", offset });
  }
}

/**
 * Reads the messages of a set, those inside compressed ones with the offsets that they have in the log. CRCs are not
 * looked at.
 *
 * @param bytes The set; its last message may be cut off, and is left out then.
 * @param decompress Unpacks what is compressed.
 * @throws {ProtocolError} While iterating, at the first byte that makes no sense, or at a compressed message when there is
 * no `decompress`.
 */
export function* readMessageSet(
  bytes: Uint8Array,
  decompress?: Decompress,
): Generator<DecodedMessage, void, undefined> {
  const cursor = new MessageCursor(bytes);
  while (cursor.next()) {
    if (cursor.codec === 0) yield decoded(cursor);
    else yield* unwrap(cursor, decompress);
  }
}

/** The messages inside a compressed one. */
function unwrap(wrapper: MessageCursor, decompress: Decompress | undefined): DecodedMessage[] {
  const { codec, magic, value, offset, start } = wrapper;
  const fail = (state: string) =>
    new ProtocolError(`Cannot read a compressed message: ${state}`, { api: "MessageSet", offset: start });
  if (decompress === undefined) throw fail(`its codec is ${codec}, and there is none to unpack it`);
  if (value === null) throw fail("it has no value");
  const cursor = new MessageCursor(decompress({ codec, magic, bytes: value }));
  const messages: DecodedMessage[] = [];
  while (cursor.next()) {
    if (cursor.codec !== 0) throw fail("what is in it is compressed again");
    if (cursor.magic !== magic) throw fail(`format ${cursor.magic} inside of format ${magic}`);
    const message = decoded(cursor);
    if (wrapper.isLogAppendTime) message.timestamp = wrapper.timestamp;
    messages.push(message);
  }
  const last = messages.at(-1);
  if (last === undefined) throw fail("nothing is in it");
  // Since format 1 they count from 0 (KIP-31), and the wrapper has the offset of the last one.
  const baseOffset = magic === 0 ? 0n : offset - last.offset;
  for (const message of messages) message.offset += baseOffset;
  return messages;
}

function decoded({ offset, magic, timestamp, key, value }: MessageCursor): DecodedMessage {
  return { offset, magic, timestamp, key, value };
}
