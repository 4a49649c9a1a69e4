/**
 * Where the fields of a record batch's header are (format 2, since Kafka 0.11). All are big-endian.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch and KIP-98
 * @module
 */

/** The only record batch format this package writes and reads; 0 and 1 are the message sets before it. */
export const MAGIC = 2;
/** Bytes of an empty batch: everything before the first record. */
export const RECORD_BATCH_OVERHEAD_BYTES = 61;
/** Bytes that the length field does not count: the base offset and the length field itself. */
export const LENGTH_PREFIX_BYTES = 12;
/** Bytes of the shortest record: six one-byte fields and the length. */
export const MIN_RECORD_BYTES = 7;
/** Attribute bits 0-2: the compression codec, 0 for none. */
export const COMPRESSION_MASK = 0x07;
/** Attribute bit 3: the broker's clock has replaced all timestamps by the greatest one. */
export const LOG_APPEND_TIME_FLAG = 0x08;

/** Offset of each header field from the batch's first byte. */
export const BatchOffset = {
  /** int64 */
  baseOffset: 0,
  /** int32 */
  batchLength: 8,
  /** int32 */
  partitionLeaderEpoch: 12,
  /** int8 */
  magic: 16,
  /** uint32, of everything from `attributes` to the end */
  crc: 17,
  /** int16 */
  attributes: 21,
  /** int32 */
  lastOffsetDelta: 23,
  /** int64 */
  baseTimestamp: 27,
  /** int64 */
  maxTimestamp: 35,
  /** int64 */
  producerId: 43,
  /** int16 */
  producerEpoch: 51,
  /** int32 */
  baseSequence: 53,
  /** int32 */
  recordCount: 57,
} as const;
