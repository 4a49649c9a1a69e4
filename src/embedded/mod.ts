/**
 * A Kafka cluster inside this process, for tests and demos, and a proxy that spoils connections.
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
export { type CutOptions, FaultProxy, type FaultProxyOptions } from "./fault_proxy.ts";
export type { FailureTarget } from "./faults.ts";
export type { InterceptedRequest, Interception, Interceptor, Next } from "./interceptors.ts";
export type { EmbeddedClusterOptions } from "./options.ts";
export type { ProxyDirection } from "./proxied_connection.ts";
export type { WaitForOptions } from "./record_wait.ts";
export type { StoredBatch } from "./stored_batch.ts";
export type { CutEnd } from "./stream_faults.ts";
export type { PartitionLayout, TopicLayout } from "./topic_layout.ts";
export type { KafkaRelease, OfferedRange, OfferedRanges } from "./versions.ts";
export type { Api, ApiName, apis, RequestOf, ResponseInput, ResponseOf } from "../../protocol/apis.ts";
// What the bodies of intercepted requests are made of. `@ekaf/ekaf/protocol` has the same tables as values.
export type {
  apiVersionsRequest,
  apiVersionsResponse,
  createTopicsRequest,
  createTopicsResponse,
  fetchRequest,
  fetchResponse,
  initProducerIdRequest,
  initProducerIdResponse,
  listOffsetsRequest,
  listOffsetsResponse,
  metadataRequest,
  metadataResponse,
  produceRequest,
  produceResponse,
} from "../../protocol/messages/mod.ts";
export type {
  Body,
  DefaultValue,
  Field,
  FieldBase,
  FieldInput,
  FieldValue,
  Input,
  IsOptional,
  MessageSchema,
  Primitive,
  PrimitiveField,
  PrimitiveValues,
  StructField,
  StructInput,
  StructValue,
  Versions,
} from "../../protocol/schema.ts";
export type { StoredRecord } from "../record.ts";
export type { Duplex, Transport } from "../transport.ts";
export type { TimerHandle, Timers } from "../timers.ts";
