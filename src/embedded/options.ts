/**
 * Options of an embedded cluster, checked.
 *
 * @module
 */

import type { ApiName } from "../../protocol/apis.ts";
import { platformTimers, type Timers } from "../timers.ts";
import { type OfferedRange, OfferedVersions } from "./versions.ts";

/** Options of `EmbeddedCluster.listen()`. */
export interface EmbeddedClusterOptions {
  /**
   * How many brokers; their ids are 1, 2, ….
   *
   * @default {1}
   */
  brokers?: number;
  /**
   * How many partitions each topic has, by name.
   *
   * @default {{}}
   */
  topics?: Readonly<Record<string, number>>;
  /** Port of each broker on 127.0.0.1; 0 or left out for any free one. */
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
  /** First and last version offered of an api, to act as an older broker; null takes the api away. */
  versions?: Partial<Record<ApiName, OfferedRange>>;
  /** Clock and timers; for tests. */
  timers?: Timers;
}

/** Options with nothing left out. */
export interface ResolvedOptions {
  /** Number of brokers. */
  brokers: number;
  /** Partitions of each topic. */
  topics: Readonly<Record<string, number>>;
  /** Ports, undefined for any. */
  ports: readonly (number | undefined)[];
  /** Replicas of each partition. */
  replication: number;
  /** Whether metadata requests create topics. */
  autoCreateTopics: boolean;
  /** Partitions of such a topic. */
  defaultPartitions: number;
  /** Largest batch, in bytes. */
  maxMessageBytes: number;
  /** What is offered. */
  versions: OfferedVersions;
  /** Clock and timers. */
  timers: Timers;
}

/** Room for a record batch of 1 MiB of records and what Kafka adds: its default. */
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588;
const MAX_BROKER_COUNT = 100;

const NAMES: ReadonlySet<string> = new Set<keyof EmbeddedClusterOptions>([
  "brokers",
  "topics",
  "ports",
  "replication",
  "autoCreateTopics",
  "defaultPartitions",
  "maxMessageBytes",
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
  const brokers = count("brokers", options.brokers ?? 1, MAX_BROKER_COUNT);
  const ports = options.ports ?? [];
  if (ports.length > brokers) {
    throw new RangeError(`Cannot start an embedded cluster: ${ports.length} ports for ${brokers} brokers`);
  }
  return {
    brokers,
    topics: options.topics ?? {},
    ports: Array.from({ length: brokers }, (_, i) => ports[i] || undefined),
    replication: count("replication", options.replication ?? 1, brokers),
    autoCreateTopics: options.autoCreateTopics ?? false,
    defaultPartitions: count("defaultPartitions", options.defaultPartitions ?? 1, Number.MAX_SAFE_INTEGER),
    maxMessageBytes: count("maxMessageBytes", options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES, 2 ** 31 - 1),
    versions: new OfferedVersions(options.versions),
    timers: options.timers ?? platformTimers,
  };
}

function count(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(`Cannot start an embedded cluster: ${name} must be from 1 to ${max}, but is ${value}`);
}
