/**
 * The options of a producer and of its topics: types, defaults, and the only place where they are checked.
 *
 * @module
 */

import type { BatchTransform } from "./batch_transform.ts";
import { checkCompression, type Compression } from "./compression.ts";
import type { Logger } from "./logger.ts";
import type { Transport } from "./transport.ts";
import type { Partitioner } from "./partitioner.ts";
import {
  callable,
  callableOrNull,
  type Check,
  checkAll,
  checkBootstrap,
  checkLogger,
  checkOptions,
  checkRange,
  checkTopicNames,
  checkTopics,
  integer,
  milliseconds,
  oneOf,
  quote,
  typed,
  within,
} from "./option_checks.ts";

/** Who must have a record before it counts as acknowledged: all in-sync replicas, the leader, nobody. */
export type Acks = "all" | 1 | 0;

/**
 * What happens when there is no room for a record:
 *
 * - `"wait"`: its call waits.
 * - `"reject"`: its call rejects with a `BufferFullError`; nothing of the call is accepted.
 * - `"dropOldest"`: as many of the topic's oldest records are dropped as it takes, never one that was under way already.
 *   Where there are none to drop, the new record is dropped.
 * - `"dropNewest"`: the new record is dropped.
 *
 * A dropped record fails with a `DeliveryError`: `notPersisted`, its cause a `BufferFullError`. `send` and `delivery`
 * tell it to their caller. `enqueue` and `writable` go on as if it had been delivered, and `deliveryfailed` tells.
 */
export type Overflow = "wait" | "reject" | "dropOldest" | "dropNewest";

/** How Produce requests say it. */
export const ACKS_ON_WIRE: Readonly<Record<Acks, number>> = { all: -1, 1: 1, 0: 0 };

/** Options that hold for the producer and may be set apart for each topic. */
export interface TopicOptions {
  /**
   * Who must have a record before it is acknowledged. Kafka: `acks`.
   *
   * @default {"all"}
   */
  acks?: Acks;
  /**
   * How long a record may take from acceptance to acknowledgement, in milliseconds; `Infinity` for no limit. Unset:
   * 120 000 for `send` and `delivery`, no limit for `enqueue` and `writable`. Kafka: `delivery.timeout.ms`.
   */
  deliveryTimeoutMs?: number;
  /**
   * Most bytes of unsettled records a partition may hold. Kafka: none.
   *
   * @default {8_388_608}
   */
  partitionMaxBytes?: number;
  /**
   * What happens when there is no room for a record: see {@linkcode Overflow}.
   *
   * @default {"wait"}
   */
  overflow?: Overflow;
  /**
   * Most unsettled records of the topic while none of its partitions can be reached. Past it, `overflow` decides. Unset:
   * bytes alone count. Until it is known whether a broker answers, calls past it wait, but nothing is refused or
   * dropped. ekaf: `ekaf_max_downtime_buffer_size`.
   */
  downtimeMaxRecords?: number;
  /**
   * Longest time the first record of a batch waits for company, in milliseconds. `"auto"`: not at all while the
   * partition is idle; while a request is under way, until its answer or 5 ms. Kafka: `linger.ms`; ekaf:
   * `ekaf_buffer_ttl`.
   *
   * @default {"auto"}
   */
  lingerMs?: number | "auto";
  /** Longest silence after the last record of a batch before it goes out, in milliseconds. Unset: no such limit. */
  idleMs?: number;
  /**
   * Most records in a batch. ekaf: `ekaf_max_buffer_size`.
   *
   * @default {10_000}
   */
  batchMaxRecords?: number;
  /**
   * Most bytes of an encoded batch; a record that alone is larger is refused. Kafka: `batch.size` and
   * `max.request.size`.
   *
   * @default {1_000_000}
   */
  batchMaxBytes?: number;
  /**
   * How batches are compressed that are opened from now on: see {@linkcode Compression}. A batch that would become larger
   * goes out uncompressed. Sizes in other options are those of uncompressed records. Kafka: `compression.type`,
   * `compression.gzip.level`, `compression.zstd.level`.
   *
   * @default {"none"}
   */
  compression?: Compression;
  /**
   * Chooses the partition of each record. Kafka: `partitioner.class`; ekaf: `ekaf_partition_strategy`.
   *
   * @default {javaCompatible()}
   */
  partitioner?: Partitioner;
  /**
   * Rewrites the records of each batch before it goes out: see {@linkcode BatchTransform}. Null: none. Kafka: none; ekaf:
   * `ekaf_callback_massage_buffer`.
   *
   * @default {null}
   */
  transformBatch?: BatchTransform | null;
  /**
   * Lanes of each partition, 1 to 64: as many batches of a partition are sent side by side, over a connection each.
   * Records of one key keep to one lane, so their order holds; those without a key have no common order. `{ min, max }`:
   * under load that lasts, more lanes start for records without a key, and end when they are idle. Settled when the
   * topic is first used. ekaf: `ekaf_per_partition_workers` and `ekaf_per_partition_workers_max`.
   *
   * @default {1}
   */
  lanesPerPartition?: number | LaneRange;
}

/** Least and most lanes of a partition. */
export interface LaneRange {
  /** Lanes that always run. */
  min: number;
  /** Most lanes under load. */
  max: number;
}

/** Options of a producer. */
export interface ProducerOptions extends TopicOptions {
  /**
   * Where to begin: `host`, `host:port` or `[ipv6]:port`, each entry possibly a comma-separated list; the port is 9092
   * unless given. Kafka: `bootstrap.servers`.
   */
  bootstrap: string | readonly string[];
  /**
   * Name under which brokers log this client. Kafka: `client.id`.
   *
   * @default {"ekaf"}
   */
  clientId?: string;
  /**
   * Whether brokers recognise repeated and lost batches by sequence numbers. Unset: wherever acks is `"all"` and the
   * broker can. Kafka: `enable.idempotence`.
   */
  idempotent?: boolean;
  /**
   * What becomes of a batch whose outcome stayed unknown over a change of epoch: it is sent again, and its deliveries
   * carry `maybeDuplicate`; or it fails as `possiblyPersisted`.
   *
   * @default {"retry"}
   */
  onUnknown?: "retry" | "fail";
  /** Opens a connection. By default `Deno.connect`. */
  connect?: Transport;
  /**
   * Longest time to open a connection, in milliseconds. Kafka: `socket.connection.setup.timeout.ms`.
   *
   * @default {10_000}
   */
  connectTimeoutMs?: number;
  /**
   * Longest wait for an answer, in milliseconds; past it the connection is closed. Kafka: `request.timeout.ms`.
   *
   * @default {30_000}
   */
  requestTimeoutMs?: number;
  /**
   * How long `close()` waits for what is under way, in milliseconds.
   *
   * @default {30_000}
   */
  closeTimeoutMs?: number;
  /**
   * How long a topic may be unknown to the brokers before its records fail, in milliseconds.
   *
   * @default {30_000}
   */
  unknownTopicTimeoutMs?: number;
  /**
   * Bounds of the random pause before something is tried again, in milliseconds. Kafka: `retry.backoff.ms`,
   * `retry.backoff.max.ms`.
   *
   * @default {{ initial: 100, max: 1_000 }}
   */
  retryBackoffMs?: { initial?: number; max?: number };
  /**
   * Age at which metadata is fetched anew, in milliseconds. Kafka: `metadata.max.age.ms`.
   *
   * @default {60_000}
   */
  metadataMaxAgeMs?: number;
  /**
   * Most unanswered requests on a connection. Kafka: `max.in.flight.requests.per.connection`.
   *
   * @default {5}
   */
  maxInFlight?: number;
  /**
   * Most bytes of unsettled records in all. Kafka: `buffer.memory`.
   *
   * @default {33_554_432}
   */
  bufferMaxBytes?: number;
  /**
   * Most bytes of one produce request.
   *
   * @default {8_388_608}
   */
  requestMaxBytes?: number;
  /** Options of single topics, by name; what one leaves out comes from the producer. */
  topics?: Record<string, TopicOptions>;
  /** Topics to connect to as soon as the producer exists. */
  eagerTopics?: readonly string[];
  /**
   * Whether a broker may create a topic it does not know. Kafka: `allow.auto.create.topics`.
   *
   * @default {false}
   */
  autoCreateTopics?: boolean;
  /**
   * How old the brokers are: `"0.8"` and `"0.9"` cannot be asked for the versions they speak. With `"auto"` they are
   * asked, and one that hangs up on that is taken for one of 0.8 once it answers to nothing but the oldest request;
   * brokers of 0.9 do not hang up, they say nothing, so that it takes being told. Kafka: none.
   *
   * @default {"auto"}
   */
  protocol?: "auto" | "0.8" | "0.9";
  /** Where warnings go; null silences them. By default the console. */
  logger?: Logger | null;
}

/** {@linkcode TopicOptions} with every default filled in. */
export interface ResolvedTopicOptions {
  /** See {@linkcode TopicOptions.acks}. */
  acks: Acks;
  /** See {@linkcode TopicOptions.deliveryTimeoutMs}; undefined when unset. */
  deliveryTimeoutMs: number | undefined;
  /** See {@linkcode TopicOptions.partitionMaxBytes}. */
  partitionMaxBytes: number;
  /** See {@linkcode TopicOptions.overflow}. */
  overflow: Overflow;
  /** See {@linkcode TopicOptions.downtimeMaxRecords}; undefined when unset. */
  downtimeMaxRecords: number | undefined;
  /** See {@linkcode TopicOptions.lingerMs}. */
  lingerMs: number | "auto";
  /** See {@linkcode TopicOptions.idleMs}; undefined when unset. */
  idleMs: number | undefined;
  /** See {@linkcode TopicOptions.batchMaxRecords}. */
  batchMaxRecords: number;
  /** See {@linkcode TopicOptions.batchMaxBytes}. */
  batchMaxBytes: number;
  /** See {@linkcode TopicOptions.compression}. */
  compression: Compression;
  /** See {@linkcode TopicOptions.partitioner}; undefined for the default one. */
  partitioner: Partitioner | undefined;
  /** See {@linkcode TopicOptions.transformBatch}. */
  transformBatch: BatchTransform | null;
  /** See {@linkcode TopicOptions.lanesPerPartition}. */
  lanesPerPartition: LaneRange;
}

/** {@linkcode ProducerOptions} with every default filled in. */
export interface ResolvedOptions extends ResolvedTopicOptions {
  /** See {@linkcode ProducerOptions.bootstrap}. */
  bootstrap: string | readonly string[];
  /** See {@linkcode ProducerOptions.clientId}. */
  clientId: string;
  /** See {@linkcode ProducerOptions.idempotent}; undefined when unset. */
  idempotent: boolean | undefined;
  /** See {@linkcode ProducerOptions.onUnknown}. */
  onUnknown: "retry" | "fail";
  /** See {@linkcode ProducerOptions.connect}; undefined for `Deno.connect`. */
  connect: Transport | undefined;
  /** See {@linkcode ProducerOptions.connectTimeoutMs}. */
  connectTimeoutMs: number;
  /** See {@linkcode ProducerOptions.requestTimeoutMs}. */
  requestTimeoutMs: number;
  /** See {@linkcode ProducerOptions.closeTimeoutMs}. */
  closeTimeoutMs: number;
  /** See {@linkcode ProducerOptions.unknownTopicTimeoutMs}. */
  unknownTopicTimeoutMs: number;
  /** See {@linkcode ProducerOptions.retryBackoffMs}. */
  retryBackoffMs: { initial: number; max: number };
  /** See {@linkcode ProducerOptions.metadataMaxAgeMs}. */
  metadataMaxAgeMs: number;
  /** See {@linkcode ProducerOptions.maxInFlight}. */
  maxInFlight: number;
  /** See {@linkcode ProducerOptions.bufferMaxBytes}. */
  bufferMaxBytes: number;
  /** See {@linkcode ProducerOptions.requestMaxBytes}. */
  requestMaxBytes: number;
  /** See {@linkcode ProducerOptions.topics}. */
  topics: Readonly<Record<string, TopicOptions>>;
  /** See {@linkcode ProducerOptions.eagerTopics}. */
  eagerTopics: readonly string[];
  /** See {@linkcode ProducerOptions.autoCreateTopics}. */
  autoCreateTopics: boolean;
  /** See {@linkcode ProducerOptions.protocol}. */
  protocol: "auto" | "0.8" | "0.9";
  /** See {@linkcode ProducerOptions.logger}; undefined for the console. */
  logger: Logger | null | undefined;
}

/** Room a batch needs in a request beside its own bytes: request header, topic name, partition. */
const REQUEST_HEADROOM_BYTES = 4096;

/** Most lanes of a partition: each is a connection to every broker. */
const MAX_LANES = 64;

const topicDefaults: ResolvedTopicOptions = {
  acks: "all",
  deliveryTimeoutMs: undefined,
  partitionMaxBytes: 8 * 1024 * 1024,
  overflow: "wait",
  downtimeMaxRecords: undefined,
  lingerMs: "auto",
  idleMs: undefined,
  batchMaxRecords: 10_000,
  batchMaxBytes: 1_000_000,
  compression: "none",
  partitioner: undefined,
  transformBatch: null,
  lanesPerPartition: { min: 1, max: 1 },
};

const producerDefaults: Omit<ResolvedOptions, keyof ResolvedTopicOptions | "bootstrap"> = {
  clientId: "ekaf",
  idempotent: undefined,
  onUnknown: "retry",
  connect: undefined,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  closeTimeoutMs: 30_000,
  unknownTopicTimeoutMs: 30_000,
  retryBackoffMs: { initial: 100, max: 1_000 },
  metadataMaxAgeMs: 60_000,
  maxInFlight: 5,
  bufferMaxBytes: 32 * 1024 * 1024,
  requestMaxBytes: 8 * 1024 * 1024,
  topics: {},
  eagerTopics: [],
  autoCreateTopics: false,
  protocol: "auto",
  logger: undefined,
};

const topicChecks: Record<keyof TopicOptions, Check> = {
  acks: oneOf("all", 1, 0),
  deliveryTimeoutMs: milliseconds(1, { infinite: true }),
  partitionMaxBytes: integer(1),
  overflow: oneOf("wait", "reject", "dropOldest", "dropNewest"),
  downtimeMaxRecords: integer(1),
  lingerMs: (name, value) => value === "auto" || milliseconds(0)(name, value),
  idleMs: milliseconds(1),
  batchMaxRecords: integer(1, 1_000_000),
  batchMaxBytes: integer(128, 1024 * 1024 * 1024),
  compression: checkCompression,
  partitioner: callable,
  transformBatch: callableOrNull,
  lanesPerPartition: checkRange(1, MAX_LANES),
};

const producerChecks: Record<keyof ProducerOptions, Check> = {
  ...topicChecks,
  bootstrap: checkBootstrap,
  clientId: typed("string"),
  idempotent: typed("boolean"),
  onUnknown: oneOf("retry", "fail"),
  connect: callable,
  connectTimeoutMs: milliseconds(1),
  requestTimeoutMs: milliseconds(1),
  closeTimeoutMs: milliseconds(0, { infinite: true }),
  unknownTopicTimeoutMs: milliseconds(0),
  retryBackoffMs: checkBackoff,
  metadataMaxAgeMs: milliseconds(1),
  maxInFlight: integer(1, 1000),
  bufferMaxBytes: integer(1),
  requestMaxBytes: integer(1, 2 ** 31 - 1),
  topics: checkTopics,
  eagerTopics: checkTopicNames,
  autoCreateTopics: typed("boolean"),
  protocol: oneOf("auto", "0.8", "0.9"),
  logger: checkLogger,
};

/**
 * Checks options and fills in defaults.
 *
 * @param options What the caller passed.
 * @returns A copy with every default filled in.
 * @throws {TypeError} For a value of the wrong type or an unknown name, naming it.
 * @throws {RangeError} For a value out of bounds, or bounds that contradict each other.
 */
export function resolveOptions(options: ProducerOptions): ResolvedOptions {
  checkOptions("make a producer", options);
  checkAll(options, producerChecks, "option");
  if (options.bootstrap === undefined) throw new TypeError(`Cannot make a producer: "bootstrap" is missing`);
  const { retryBackoffMs, lanesPerPartition, ...rest } = defined(options);
  const resolved: ResolvedOptions = {
    ...topicDefaults,
    ...producerDefaults,
    ...rest,
    retryBackoffMs: backoff(retryBackoffMs),
    lanesPerPartition: range(lanesPerPartition ?? topicDefaults.lanesPerPartition),
  };
  checkSizes(resolved, resolved);
  for (const [name, topic] of Object.entries(resolved.topics)) checkTopic(resolved, name, topic);
  if (resolved.idempotent && resolved.acks !== "all") {
    throw new RangeError(`Cannot be idempotent: "acks" must be "all", not ${quote(resolved.acks)}`);
  }
  return resolved;
}

/**
 * Checks a topic's options and fills in the producer's for the rest.
 *
 * @param producer The producer's options.
 * @param options What the caller passed for the topic.
 * @returns A complete set.
 * @throws {TypeError} For a value of the wrong type or an unknown name, naming it.
 * @throws {RangeError} For a value out of bounds, or bounds that contradict each other.
 */
export function resolveTopicOptions(producer: ResolvedOptions, options: TopicOptions): ResolvedTopicOptions {
  checkOptions("configure a topic", options);
  checkAll(options, topicChecks, "topic option");
  const resolved = {
    ...pickTopicOptions(producer),
    ...defined(options),
    lanesPerPartition: range(options.lanesPerPartition ?? producer.lanesPerPartition),
  } as ResolvedTopicOptions;
  checkSizes(producer, resolved);
  if (producer.idempotent && resolved.acks !== "all") {
    throw new RangeError(`Cannot be idempotent: "acks" must be "all", not ${quote(resolved.acks)}`);
  }
  return resolved;
}

/** Checks an entry of `topics`; its errors name the topic, too. */
function checkTopic(producer: ResolvedOptions, name: string, options: TopicOptions): void {
  within(`it stands in "topics" for ${quote(name)}`, () => resolveTopicOptions(producer, options));
}

function pickTopicOptions(from: ResolvedTopicOptions): ResolvedTopicOptions {
  return Object.fromEntries(Object.keys(topicDefaults).map((name) => [name, from[name as keyof TopicOptions]])) as
    & object
    & ResolvedTopicOptions;
}

/** A copy without the properties that are undefined, so that `{ lingerMs: undefined }` means the default. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** The bounds of memory must leave room for the largest batch, or its records could never be admitted or sent. */
function checkSizes(producer: { bufferMaxBytes: number; requestMaxBytes: number }, topic: ResolvedTopicOptions): void {
  const { batchMaxBytes, partitionMaxBytes } = topic;
  const roomBytes = Math.min(partitionMaxBytes, producer.requestMaxBytes);
  if (batchMaxBytes + REQUEST_HEADROOM_BYTES > roomBytes) {
    throw new RangeError(
      `Cannot use "batchMaxBytes" ${batchMaxBytes}: with ${REQUEST_HEADROOM_BYTES} bytes of headroom it must fit ` +
        `"partitionMaxBytes" ${partitionMaxBytes} and "requestMaxBytes" ${producer.requestMaxBytes}`,
    );
  }
  if (partitionMaxBytes > producer.bufferMaxBytes) {
    throw new RangeError(
      `Cannot use "partitionMaxBytes" ${partitionMaxBytes}: it must fit "bufferMaxBytes" ${producer.bufferMaxBytes}`,
    );
  }
}

function range(given: number | LaneRange): LaneRange {
  return typeof given === "number" ? { min: given, max: given } : { min: given.min, max: given.max };
}

function backoff(given: { initial?: number; max?: number } | undefined): { initial: number; max: number } {
  const { initial, max } = producerDefaults.retryBackoffMs;
  return {
    initial: given?.initial ?? Math.min(initial, given?.max ?? initial),
    max: given?.max ?? Math.max(max, given?.initial ?? 0),
  };
}

function checkBackoff(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be { initial, max }`);
  }
  const checkEnd: Check = (end, each) => milliseconds(0)(`${name}.${end}`, each);
  checkAll(value, { initial: checkEnd, max: checkEnd }, `${quote(name)}'s`);
  const { initial, max } = backoff(value);
  if (initial > max) throw new RangeError(`Cannot use ${quote(name)} ${quote(value)}: initial must not be above max`);
}
