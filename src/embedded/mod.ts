/**
 * A Kafka cluster inside this process, for tests and demos.
 *
 * @module
 */

export { EmbeddedCluster, type WaitForOptions } from "./cluster.ts";
export type { FailureTarget } from "./faults.ts";
export type { InterceptedRequest, Interception, Interceptor, Next } from "./interceptors.ts";
export type { EmbeddedClusterOptions } from "./options.ts";
export type { OfferedRange } from "./versions.ts";
export type { ApiName, RequestOf, ResponseInput, ResponseOf } from "../../protocol/apis.ts";
export type { StoredRecord } from "../record.ts";
export type { TimerHandle, Timers } from "../timers.ts";
