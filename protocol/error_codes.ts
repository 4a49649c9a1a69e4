/**
 * The codes a broker answers with, and what a producer makes of them in an answer to Produce, Metadata or
 * InitProducerId.
 *
 * @see {@link https://kafka.apache.org/protocol#protocol_error_codes}
 * @module
 */

/**
 * What becomes of a batch whose append a broker answered with a code.
 *
 * - `"done"`: it was appended.
 * - `"fail"`: it was refused, for good.
 * - `"failUnknown"`: it failed for good, and may have been appended all the same.
 * - `"retry"`: it was refused for now.
 * - `"retryUnknown"`: for now it failed, and may have been appended all the same.
 * - `"retryOnce"`: its bytes arrived damaged; to be sent again if they are whole on this side.
 * - `"unknownTopic"`: the broker does not know the topic; to be sent again until the time for unknown topics is over.
 * - `"split"`: too large; to be sent in parts.
 * - `"duplicate"`: it was appended before, at an offset the broker no longer knows.
 * - `"sequence"`: the broker and the producer disagree on its sequence numbers.
 * - `"invalidRecords"`: it was refused for the sake of some of its records.
 * - `"fatal"`: it was refused, and so will be everything else of this producer id.
 */
export type ProduceRule =
  | "done"
  | "fail"
  | "failUnknown"
  | "retry"
  | "retryUnknown"
  | "retryOnce"
  | "unknownTopic"
  | "split"
  | "duplicate"
  | "sequence"
  | "invalidRecords"
  | "fatal";

/**
 * What becomes of a topic whose metadata a broker answered with a code.
 *
 * - `"use"`: it is described.
 * - `"retry"`: it is being made, or has no leaders yet; to be asked for again.
 * - `"unknownTopic"`: the broker does not know it, or fails at it; to be asked for again until the time for unknown
 *   topics is over.
 * - `"final"`: asking again is of no use. It is probed now and then all the same: rights and configurations change.
 */
export type TopicRule = "use" | "retry" | "unknownTopic" | "final";

/**
 * What becomes of an answer to Metadata that has a code of its own.
 *
 * - `"use"`: it is one.
 * - `"askAnother"`: this broker has none to give, the next one is asked.
 * - `"rebootstrap"`: the cluster is another one now. The brokers known are forgotten, the addresses that the user gave
 *   are asked (KIP-1102).
 */
export type MetadataRule = "use" | "askAnother" | "rebootstrap";

/**
 * What becomes of a request for a producer id that a broker answered with a code.
 *
 * - `"use"`: it was given.
 * - `"retry"`: it is to be asked for again.
 * - `"fail"`: it was refused. What waits for it fails, and what comes later asks again.
 */
export type ProducerIdRule = "use" | "retry" | "fail";

/** One code. */
export interface ErrorCode {
  /** Number on the wire. */
  readonly code: number;
  /** Kafka's name of it. */
  readonly name: string;
  /** Whether asking again may help, by the class of the exception in Kafka's Java client. */
  readonly retriable: boolean;
  /** Whether it says that the leaders known here are out of date. */
  readonly refreshMetadata: boolean;
  /** What becomes of a batch whose append was answered with it. */
  readonly rule: ProduceRule;
  /** What becomes of a topic whose metadata was answered with it. */
  readonly topicRule: TopicRule;
  /** What becomes of an answer to Metadata that has it as its own. */
  readonly metadataRule: MetadataRule;
  /** What becomes of a request for a producer id that was answered with it. */
  readonly producerIdRule: ProducerIdRule;
}

type Row = readonly [code: number, name: string, rule: ProduceRule, ...flags: ("retriable" | "refresh")[]];

const rows: readonly Row[] = [
  [-1, "UNKNOWN_SERVER_ERROR", "failUnknown"],
  [0, "NONE", "done"],
  [1, "OFFSET_OUT_OF_RANGE", "fail"],
  [2, "CORRUPT_MESSAGE", "retryOnce", "retriable"],
  [3, "UNKNOWN_TOPIC_OR_PARTITION", "unknownTopic", "retriable", "refresh"],
  [4, "INVALID_FETCH_SIZE", "fail"],
  [5, "LEADER_NOT_AVAILABLE", "retry", "retriable", "refresh"],
  [6, "NOT_LEADER_OR_FOLLOWER", "retry", "retriable", "refresh"],
  [7, "REQUEST_TIMED_OUT", "retryUnknown", "retriable"],
  [8, "BROKER_NOT_AVAILABLE", "retry", "refresh"],
  [9, "REPLICA_NOT_AVAILABLE", "retry", "retriable", "refresh"],
  [10, "MESSAGE_TOO_LARGE", "split"],
  [11, "STALE_CONTROLLER_EPOCH", "fail"],
  [12, "OFFSET_METADATA_TOO_LARGE", "fail"],
  [13, "NETWORK_EXCEPTION", "retryUnknown", "retriable", "refresh"],
  [14, "COORDINATOR_LOAD_IN_PROGRESS", "retry", "retriable"],
  [15, "COORDINATOR_NOT_AVAILABLE", "retry", "retriable"],
  [16, "NOT_COORDINATOR", "retry", "retriable"],
  [17, "INVALID_TOPIC_EXCEPTION", "fail"],
  [18, "RECORD_LIST_TOO_LARGE", "split"],
  [19, "NOT_ENOUGH_REPLICAS", "retry", "retriable"],
  [20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "retryUnknown", "retriable"],
  [21, "INVALID_REQUIRED_ACKS", "fail"],
  [22, "ILLEGAL_GENERATION", "fail"],
  [23, "INCONSISTENT_GROUP_PROTOCOL", "fail"],
  [24, "INVALID_GROUP_ID", "fail"],
  [25, "UNKNOWN_MEMBER_ID", "fail"],
  [26, "INVALID_SESSION_TIMEOUT", "fail"],
  [27, "REBALANCE_IN_PROGRESS", "fail"],
  [28, "INVALID_COMMIT_OFFSET_SIZE", "fail"],
  [29, "TOPIC_AUTHORIZATION_FAILED", "fail"],
  [30, "GROUP_AUTHORIZATION_FAILED", "fail"],
  [31, "CLUSTER_AUTHORIZATION_FAILED", "fatal"],
  [32, "INVALID_TIMESTAMP", "invalidRecords"],
  [33, "UNSUPPORTED_SASL_MECHANISM", "fail"],
  [34, "ILLEGAL_SASL_STATE", "fail"],
  [35, "UNSUPPORTED_VERSION", "fail"],
  [36, "TOPIC_ALREADY_EXISTS", "fail"],
  [37, "INVALID_PARTITIONS", "fail"],
  [38, "INVALID_REPLICATION_FACTOR", "fail"],
  [39, "INVALID_REPLICA_ASSIGNMENT", "fail"],
  [40, "INVALID_CONFIG", "fail"],
  [41, "NOT_CONTROLLER", "retry", "retriable"],
  [42, "INVALID_REQUEST", "fail"],
  [43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", "fail"],
  [44, "POLICY_VIOLATION", "fail"],
  [45, "OUT_OF_ORDER_SEQUENCE_NUMBER", "sequence"],
  [46, "DUPLICATE_SEQUENCE_NUMBER", "duplicate"],
  [47, "INVALID_PRODUCER_EPOCH", "sequence"],
  [48, "INVALID_TXN_STATE", "fail"],
  [49, "INVALID_PRODUCER_ID_MAPPING", "sequence"],
  [50, "INVALID_TRANSACTION_TIMEOUT", "fail"],
  [51, "CONCURRENT_TRANSACTIONS", "retry", "retriable"],
  [52, "TRANSACTION_COORDINATOR_FENCED", "fail"],
  [53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "fatal"],
  [54, "SECURITY_DISABLED", "fail"],
  [55, "OPERATION_NOT_ATTEMPTED", "fail"],
  [56, "KAFKA_STORAGE_ERROR", "retryUnknown", "retriable", "refresh"],
  [57, "LOG_DIR_NOT_FOUND", "fail"],
  [58, "SASL_AUTHENTICATION_FAILED", "fail"],
  [59, "UNKNOWN_PRODUCER_ID", "sequence"],
  [60, "REASSIGNMENT_IN_PROGRESS", "fail"],
  [61, "DELEGATION_TOKEN_AUTH_DISABLED", "fail"],
  [62, "DELEGATION_TOKEN_NOT_FOUND", "fail"],
  [63, "DELEGATION_TOKEN_OWNER_MISMATCH", "fail"],
  [64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", "fail"],
  [65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", "fail"],
  [66, "DELEGATION_TOKEN_EXPIRED", "fail"],
  [67, "INVALID_PRINCIPAL_TYPE", "fail"],
  [68, "NON_EMPTY_GROUP", "fail"],
  [69, "GROUP_ID_NOT_FOUND", "fail"],
  [70, "FETCH_SESSION_ID_NOT_FOUND", "retry", "retriable"],
  [71, "INVALID_FETCH_SESSION_EPOCH", "retry", "retriable"],
  [72, "LISTENER_NOT_FOUND", "retry", "retriable", "refresh"],
  [73, "TOPIC_DELETION_DISABLED", "fail"],
  [74, "FENCED_LEADER_EPOCH", "retry", "retriable", "refresh"],
  [75, "UNKNOWN_LEADER_EPOCH", "retry", "retriable", "refresh"],
  [76, "UNSUPPORTED_COMPRESSION_TYPE", "fail"],
  [77, "STALE_BROKER_EPOCH", "fail"],
  [78, "OFFSET_NOT_AVAILABLE", "retry", "retriable", "refresh"],
  [79, "MEMBER_ID_REQUIRED", "fail"],
  [80, "PREFERRED_LEADER_NOT_AVAILABLE", "retry", "retriable", "refresh"],
  [81, "GROUP_MAX_SIZE_REACHED", "fail"],
  [82, "FENCED_INSTANCE_ID", "fail"],
  [83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", "retry", "retriable", "refresh"],
  [84, "ELECTION_NOT_NEEDED", "retry", "retriable", "refresh"],
  [85, "NO_REASSIGNMENT_IN_PROGRESS", "fail"],
  [86, "GROUP_SUBSCRIBED_TO_TOPIC", "fail"],
  [87, "INVALID_RECORD", "invalidRecords"],
  [88, "UNSTABLE_OFFSET_COMMIT", "retry", "retriable"],
  [89, "THROTTLING_QUOTA_EXCEEDED", "retry", "retriable"],
  [90, "PRODUCER_FENCED", "fatal"],
  [91, "RESOURCE_NOT_FOUND", "fail"],
  [92, "DUPLICATE_RESOURCE", "fail"],
  [93, "UNACCEPTABLE_CREDENTIAL", "fail"],
  [94, "INCONSISTENT_VOTER_SET", "fail"],
  [95, "INVALID_UPDATE_VERSION", "fail"],
  [96, "FEATURE_UPDATE_FAILED", "fail"],
  [97, "PRINCIPAL_DESERIALIZATION_FAILURE", "fail"],
  [98, "SNAPSHOT_NOT_FOUND", "fail"],
  [99, "POSITION_OUT_OF_RANGE", "fail"],
  [100, "UNKNOWN_TOPIC_ID", "unknownTopic", "retriable", "refresh"],
  [101, "DUPLICATE_BROKER_REGISTRATION", "fail"],
  [102, "BROKER_ID_NOT_REGISTERED", "fail"],
  [103, "INCONSISTENT_TOPIC_ID", "unknownTopic", "retriable", "refresh"],
  [104, "INCONSISTENT_CLUSTER_ID", "fail"],
  [105, "TRANSACTIONAL_ID_NOT_FOUND", "fail"],
  [106, "FETCH_SESSION_TOPIC_ID_ERROR", "retry", "retriable"],
  [107, "INELIGIBLE_REPLICA", "fail"],
  [108, "NEW_LEADER_ELECTED", "fail"],
  [109, "OFFSET_MOVED_TO_TIERED_STORAGE", "fail"],
  [110, "FENCED_MEMBER_EPOCH", "fail"],
  [111, "UNRELEASED_INSTANCE_ID", "fail"],
  [112, "UNSUPPORTED_ASSIGNOR", "fail"],
  [113, "STALE_MEMBER_EPOCH", "fail"],
  [114, "MISMATCHED_ENDPOINT_TYPE", "fail"],
  [115, "UNSUPPORTED_ENDPOINT_TYPE", "fail"],
  [116, "UNKNOWN_CONTROLLER_ID", "fail"],
  [117, "UNKNOWN_SUBSCRIPTION_ID", "fail"],
  [118, "TELEMETRY_TOO_LARGE", "fail"],
  [119, "INVALID_REGISTRATION", "fail"],
  [120, "TRANSACTION_ABORTABLE", "fail"],
  [121, "INVALID_RECORD_STATE", "fail"],
  [122, "SHARE_SESSION_NOT_FOUND", "retry", "retriable"],
  [123, "INVALID_SHARE_SESSION_EPOCH", "retry", "retriable"],
  [124, "FENCED_STATE_EPOCH", "fail"],
  [125, "INVALID_VOTER_KEY", "fail"],
  [126, "DUPLICATE_VOTER", "fail"],
  [127, "VOTER_NOT_FOUND", "fail"],
  [128, "INVALID_REGULAR_EXPRESSION", "fail"],
  [129, "REBOOTSTRAP_REQUIRED", "fail"],
  [130, "STREAMS_INVALID_TOPOLOGY", "fail"],
  [131, "STREAMS_INVALID_TOPOLOGY_EPOCH", "fail"],
  [132, "STREAMS_TOPOLOGY_FENCED", "fail"],
  [133, "SHARE_SESSION_LIMIT_REACHED", "retry", "retriable"],
];

/**
 * Codes that will be the same the next time a topic or a producer id is asked for: rights, versions, names,
 * configurations. `retriable` would not do: UNKNOWN_SERVER_ERROR ends an append, which may have happened; a question
 * that changes nothing can just be put again.
 */
const lasting: ReadonlySet<string> = new Set([
  "INVALID_TOPIC_EXCEPTION",
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
  "UNSUPPORTED_VERSION",
  "INVALID_REQUEST",
  "POLICY_VIOLATION",
  "INVALID_PRODUCER_EPOCH",
  "INVALID_TRANSACTION_TIMEOUT",
  "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
  "SECURITY_DISABLED",
  "SASL_AUTHENTICATION_FAILED",
  "PRODUCER_FENCED",
]);

const codes: readonly ErrorCode[] = rows.map(([code, name, rule, ...flags]) => {
  const retriable = flags.includes("retriable");
  return {
    code,
    name,
    retriable,
    refreshMetadata: flags.includes("refresh"),
    rule,
    topicRule: topicRule(name, { rule, retriable }),
    metadataRule: rule === "done" ? "use" : name === "REBOOTSTRAP_REQUIRED" ? "rebootstrap" : "askAnother",
    producerIdRule: rule === "done" ? "use" : lasting.has(name) ? "fail" : "retry",
  };
});

function topicRule(name: string, { rule, retriable }: { rule: ProduceRule; retriable: boolean }): TopicRule {
  if (rule === "done") return "use";
  if (lasting.has(name)) return "final";
  // What is neither known to pass nor known to last is given the time that an unknown topic has.
  return rule !== "unknownTopic" && (retriable || rule === "retry") ? "retry" : "unknownTopic";
}

const byCode: ReadonlyMap<number, ErrorCode> = new Map(codes.map((row) => [row.code, row]));
const byName: ReadonlyMap<string, ErrorCode> = new Map(codes.map((row) => [row.name, row]));

/** Every code of Kafka 4.3, in their order. */
export const errorCodes: readonly ErrorCode[] = codes;

/**
 * Finds a code by its number.
 *
 * @param code Number on the wire.
 * @returns Its row. A code newer than the table gets a row named `UNKNOWN_<code>` that is otherwise the one of UNKNOWN_SERVER_ERROR.
 */
export function errorCode(code: number): ErrorCode {
  return byCode.get(code) ?? { ...byCode.get(-1)!, code, name: `UNKNOWN_${code}` };
}

/**
 * Finds a code by its name.
 *
 * @param name Kafka's name, e.g. `"NOT_LEADER_OR_FOLLOWER"`.
 * @returns Its row.
 * @throws {RangeError} If there is no such name.
 */
export function errorCodeByName(name: string): ErrorCode {
  const row = byName.get(name);
  if (row === undefined) throw new RangeError(`Cannot find an error code: ${JSON.stringify(name)} is none of Kafka's`);
  return row;
}
