/**
 * Where the fields of a message are: formats 0 (until Kafka 0.9) and 1 (0.10). All are big-endian.
 *
 * Messages stand one after the other in a *message set*, which has no header of its own. A compressed one is a message
 * whose value is a message set, compressed.
 *
 * @see https://kafka.apache.org/documentation/#messageset and KIP-32
 * @module
 */

/** A format of messages: 1 has timestamps, 0 has none. */
export type MessageMagic = 0 | 1;

/** Attribute bits 0-2: the compression codec, 0 for none. */
export const MESSAGE_CODEC_MASK = 0x07;
/** Attribute bit 3 of format 1: the timestamp is by the broker's clock. */
export const MESSAGE_LOG_APPEND_TIME_FLAG = 0x08;
/** Bytes that the size field does not count: the offset and the size itself. */
export const MESSAGE_PREFIX_BYTES = 12;
/** What stands for the timestamp of a message that has none. */
export const NO_TIMESTAMP = -1;

/** Offset of each field from the message's first byte. */
export const MessageOffset = {
  /** int64 */
  offset: 0,
  /** int32, of what follows it */
  size: 8,
  /** uint32, of everything from `magic` to the end */
  crc: 12,
  /** int8 */
  magic: 16,
  /** int8 */
  attributes: 17,
  /** int64, in format 1 alone; key and value follow, each an int32 length, -1 for null, and that many bytes */
  timestamp: 18,
} as const;

/**
 * Bytes that a message takes besides key and value.
 *
 * @param magic Its format.
 */
export function messageOverheadBytes(magic: MessageMagic): 26 | 34 {
  return magic === 0 ? 26 : 34;
}
