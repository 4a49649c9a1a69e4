/**
 * ekaf: a Kafka producer for Deno, made of web streams.
 *
 * @module
 */

export { Producer } from "./src/producer/producer.ts";
export { Topic, type TopicHandleOptions } from "./src/producer/topic.ts";
export type { ChangeableOption, TopicChanges } from "./src/producer/topic_settings.ts";
export type { Enqueued, EnqueuedMany, EnqueueOptions, Pick, SendOptions } from "./src/producer/topic_core.ts";
export type { WritableOptions } from "./src/producer/topic_stream.ts";
export type { DeliveryOptions, DeliveryPair, Outcome } from "./src/producer/delivery_stream.ts";
export { ekafDefaults } from "./src/producer/ekaf_defaults.ts";
export { phash2 } from "./protocol/phash2.ts";
export {
  javaCompatible,
  keyed,
  random,
  refuse,
  stickyRoundRobin,
  strictRoundRobin,
} from "./src/producer/partitioners.ts";
export { asOneJsonRecord } from "./src/producer/batch_transforms.ts";
export type { BatchContext, BatchRecord, BatchTransform } from "./src/batch_transform.ts";
export type { Partitioner, PartitionInput, Refusal, TopicView } from "./src/partitioner.ts";
export type { Compression, CompressionCodec } from "./src/compression.ts";
export type { Acks, LaneRange, Overflow, ProducerOptions, TopicOptions } from "./src/options.ts";
export type {
  Bytes,
  Delivery,
  DeliveryFailure,
  LaneInfo,
  ProducerRecord,
  RecordHeaders,
  RecordInput,
  StoredRecord,
} from "./src/record.ts";
export {
  BrokerError,
  type BrokerErrorCode,
  BufferFullError,
  ConnectionError,
  DeliveryError,
  type DeliveryErrorContext,
  KafkaError,
  ProtocolError,
  type ProtocolErrorContext,
  type Verdict,
} from "./src/errors.ts";
export { ProducerEvents } from "./src/events.ts";
export type {
  DowntimeDetail,
  FlushDetail,
  LaneDetail,
  ProducerEventMap,
  ProducerEventType,
  ProducerListener,
} from "./src/events.ts";
export type { ProducerStats, TopicStats } from "./src/stats.ts";
export type { Logger } from "./src/logger.ts";
export type { Duplex, Transport } from "./src/transport.ts";
export type { TopicMetadata } from "./src/cluster/metadata.ts";
