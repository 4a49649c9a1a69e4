/**
 * Options of an embedded cluster, checked.
 *
 * @module
 */

import { platformTimers, type Timers } from "../timers.ts";
import type { TopicLayout } from "./topic_layout.ts";
import { type KafkaRelease, type OfferedRanges, OfferedVersions } from "./versions.ts";

/** Options of `EmbeddedCluster.listen()`. */
export interface EmbeddedClusterOptions {
  /**
   * How many brokers, with the ids 1, 2, …; or the id of each, e.g. `[0, 7, 1001]`.
   *
   * @default {1}
   */
  brokers?: number | readonly number[];
  /**
   * How many partitions each topic has, by name, or its layout: `{ events: 6, audit: { partitions: [0, 1, 3] } }`.
   *
   * @default {{}}
   */
  topics?: Readonly<Record<string, number | TopicLayout>>;
  /** Port of each broker on 127.0.0.1, in the order of `brokers`; 0 or left out for any free one. */
  ports?: readonly number[];
  /**
   * How many brokers hold each partition. With 1, a partition has no leader while its broker is stopped.
   *
   * @default {1}
   */
  replication?: number;
  /**
   * Whether asking for the metadata of an unknown topic creates it.
   *
   * @default {false}
   */
  autoCreateTopics?: boolean;
  /**
   * How many partitions a topic gets that is created on demand.
   *
   * @default {1}
   */
  defaultPartitions?: number;
  /**
   * Largest batch taken, in bytes. Kafka: `max.message.bytes`.
   *
   * @default {1_048_588}
   */
  maxMessageBytes?: number;
  /**
   * Most bytes of batches that a partition keeps, one batch at least: the oldest are forgotten. Kafka: `retention.bytes`.
   *
   * @default {Infinity}
   */
  retentionBytes?: number;
  /**
   * To act as an older broker: a release, e.g. `"2.8"`; or the first and last version offered of single apis, e.g.
   * `{ Produce: [3, 7], InitProducerId: null }`, where null takes the api away.
   *
   * @default {Everything that can be spoken: what Kafka 4.3 offers.}
   */
  versions?: KafkaRelease | OfferedRanges;
  /** Clock and timers; for tests. */
  timers?: Timers;
}

/** Options with nothing left out. */
export interface ResolvedOptions {
  /** Ids and ports of the brokers; port undefined for any. */
  brokers: readonly { id: number; port: number | undefined }[];
  /** Layout of each topic. */
  topics: Readonly<Record<string, number | TopicLayout>>;
  /** Replicas of each partition. */
  replication: number;
  /** Whether metadata requests create topics. */
  autoCreateTopics: boolean;
  /** Partitions of such a topic. */
  defaultPartitions: number;
  /** Largest batch, in bytes. */
  maxMessageBytes: number;
  /** Most bytes that a partition keeps. */
  retentionBytes: number;
  /** What is offered. */
  versions: OfferedVersions;
  /** Clock and timers. */
  timers: Timers;
}

/** Room for a record batch of 1 MiB of records and what Kafka adds: its default. */
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;
const MAX_BROKER_COUNT = 100;
const MAX_BROKER_ID = 2 ** 31 - 1;

const NAMES: ReadonlySet<string> = new Set<keyof EmbeddedClusterOptions>([
  "brokers",
  "topics",
  "ports",
  "replication",
  "autoCreateTopics",
  "defaultPartitions",
  "maxMessageBytes",
  "retentionBytes",
  "versions",
  "timers",
]);

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError} When there is no such option.
 * @throws {RangeError} When a value is out of bounds.
 */
export function resolveOptions(options: EmbeddedClusterOptions): ResolvedOptions {
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) throw new TypeError(`Cannot start an embedded cluster: there is no option "${name}"`);
  }
  const ids = brokerIds(options.brokers ?? 1);
  const ports = options.ports ?? [];
  if (ports.length > ids.length) {
    throw new RangeError(`Cannot start an embedded cluster: ${ports.length} ports for ${ids.length} brokers`);
  }
  return {
    brokers: ids.map((id, i) => ({ id, port: ports[i] || undefined })),
    topics: options.topics ?? {},
    replication: count("replication", options.replication ?? 1, ids.length),
    autoCreateTopics: options.autoCreateTopics ?? false,
    defaultPartitions: count("defaultPartitions", options.defaultPartitions ?? 1, Number.MAX_SAFE_INTEGER),
    maxMessageBytes: count("maxMessageBytes", options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES, 2 ** 31 - 1),
    retentionBytes: options.retentionBytes === undefined || options.retentionBytes === Infinity
      ? Infinity
      : count("retentionBytes", options.retentionBytes, Number.MAX_SAFE_INTEGER),
    versions: new OfferedVersions(options.versions),
    timers: options.timers ?? platformTimers,
  };
}

function brokerIds(brokers: number | readonly number[]): readonly number[] {
  if (typeof brokers === "number") {
    return Array.from({ length: count("brokers", brokers, MAX_BROKER_COUNT) }, (_, i) => i + 1);
  }
  count("the number of brokers", brokers.length, MAX_BROKER_COUNT);
  if (new Set(brokers).size === brokers.length && brokers.every(isBrokerId)) return brokers;
  throw new RangeError(`Cannot start an embedded cluster: brokers are [${brokers.join(", ")}], not ids from 0 on`);
}

/** Whether Kafka takes it for the id of a broker. */
export function isBrokerId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= MAX_BROKER_ID;
}

function count(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`Cannot start an embedded cluster: ${name} must be from 1 to ${max}, but is ${value}`);
}
