/**
 * Kafka's wire protocol: bytes to values and back, without sockets, timers or streams.
 *
 * For those who build tools around the protocol. Outside of semantic versioning: tables and codecs change with Kafka.
 *
 * @module
 */

export * from "./apis.ts";
export { splitBatch } from "./batch_split.ts";
export * from "./byte_reader.ts";
export * from "./byte_writer.ts";
export * from "./codec.ts";
export * from "./compression.ts";
export * from "./crc32.ts";
export * from "./crc32c.ts";
export * from "./error_codes.ts";
export * from "./errors.ts";
export * from "./frame.ts";
export { type MessageMagic, messageOverheadBytes } from "./message_layout.ts";
export {
  encodeMessageSet,
  headedRecords,
  type MessageInput,
  messageSetBytes,
  messageSetOf,
  type MessageSetOptions,
  wrapMessageSet,
} from "./message_set.ts";
export * from "./message_set_reader.ts";
export * from "./messages/mod.ts";
export * from "./murmur2.ts";
export * from "./phash2.ts";
export * from "./record_batch.ts";
export {
  type DecodedRecord,
  hasValidCrc,
  readBatchHeader,
  readRecords,
  type RecordBatchHeader,
  splitBatches,
} from "./record_batch_reader.ts";
export * from "./schema.ts";
