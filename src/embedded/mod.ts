/**
 * A Kafka cluster inside this process, for tests and demos.
 *
 * @module
 */

export { EmbeddedCluster } from "./cluster.ts";
export type {
  ConnectionEnd,
  Fault,
  NoAnswerFault,
  PartialFrameFault,
  RawBytesFault,
  WrongCorrelationIdFault,
} from "./fault.ts";
export type { FailureTarget } from "./faults.ts";
export type { InterceptedRequest, Interception, Interceptor, Next } from "./interceptors.ts";
export type { EmbeddedClusterOptions } from "./options.ts";
export type { WaitForOptions } from "./record_wait.ts";
export type { StoredBatch } from "./stored_batch.ts";
export type { PartitionLayout, TopicLayout } from "./topic_layout.ts";
export type { KafkaRelease, OfferedRange, OfferedRanges } from "./versions.ts";
export type { Api, ApiName, apis, RequestOf, ResponseInput, ResponseOf } from "../../protocol/apis.ts";
export type { Body, Input } from "../../protocol/schema.ts";
export type { StoredRecord } from "../record.ts";
export type { TimerHandle, Timers } from "../timers.ts";
