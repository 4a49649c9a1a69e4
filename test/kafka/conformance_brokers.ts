/**
 * The brokers of the conformance suite: every release of Kafka that it runs against, behind one face.
 *
 * @module
 */

import { EmbeddedCluster, type KafkaRelease } from "@ekaf/ekaf/embedded";
import { startKafka } from "./harness.ts";
import type { KafkaVersion, OldKafkaVersion } from "./harness_jars.ts";
import { readWithKcat } from "./harness_text.ts";
import type { ReadRecord } from "./harness_witness.ts";
import { startOldKafka } from "./harness_zookeeper.ts";

/** A single broker under the suite. */
export interface ConformanceBroker extends AsyncDisposable {
  readonly version: KafkaVersion | OldKafkaVersion | KafkaRelease;
  readonly bootstrap: readonly string[];
  /** What a producer has to be told of it, if anything: 0.9 is silent when asked. */
  readonly protocol?: "0.9";
  /** Creates a topic; resolves when it can be produced to. */
  createTopic(topic: string, partitions: number, config?: Record<string, string | number>): Promise<void>;
  /** All records of a topic as a foreign program reads them, by partition. */
  read(topic: string): Promise<ReadRecord[]>;
  /** The values, as text, as Kafka's own console consumer of that release prints them. */
  consoleValues(topic: string, count: number): Promise<string[]>;
  /** Kills the broker with SIGKILL and starts it again. */
  killAndRestart(): Promise<void>;
}

/** The releases, newest first. */
export const CONFORMANCE_VERSIONS = ["4.3.1", "3.9.1", "2.8.2", "1.1.1", "0.10.2.2", "0.8.2.2"] as const;

/** Starts a broker of a release; no topic exists, and none comes into being by itself. */
export async function startConformanceBroker(
  version: typeof CONFORMANCE_VERSIONS[number],
): Promise<ConformanceBroker> {
  return version === "4.3.1" || version === "3.9.1" ? await newBroker(version) : await oldBroker(version);
}

async function newBroker(version: KafkaVersion): Promise<ConformanceBroker> {
  const kafka = await startKafka(version);
  return {
    version,
    bootstrap: kafka.bootstrap,
    createTopic: (topic, partitions, config = {}) => kafka.createTopic(topic, partitions, { config }),
    read: (topic) => kafka.readAll(topic),
    consoleValues: async (topic) => (await kafka.consoleConsumer(topic)).map(({ value }) => value!),
    killAndRestart: async () => {
      await kafka.kill(1);
      await kafka.restart(1);
    },
    [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
  };
}

async function oldBroker(version: OldKafkaVersion): Promise<ConformanceBroker> {
  const kafka = await startOldKafka(version);
  return {
    version,
    bootstrap: kafka.bootstrap,
    createTopic: (topic, partitions, config) => kafka.createTopic(topic, partitions, config),
    read: (topic) => kafka.kcatRead(topic),
    consoleValues: (topic, count) => kafka.consoleValues(topic, count),
    killAndRestart: async () => {
      await kafka.kill();
      await kafka.startBroker();
    },
    [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
  };
}

/** The releases that the embedded cluster is tried as, newest first. */
export const EMBEDDED_VERSIONS = [
  "4.3",
  "3.9",
  "2.8",
  "2.0",
  "1.1",
  "0.11",
  "0.10",
  "0.9",
  "0.8",
] as const satisfies readonly KafkaRelease[];

/** What kcat has to be told about those that cannot tell it their versions. */
const KCAT_SETTINGS: Partial<Record<KafkaRelease, readonly string[]>> = {
  "0.9": ["api.version.request=false", "broker.version.fallback=0.9.0"],
  "0.8": ["api.version.request=false", "broker.version.fallback=0.8.2"],
};

/** Starts an embedded cluster of one broker that acts as a release. */
export async function startEmbeddedBroker(version: typeof EMBEDDED_VERSIONS[number]): Promise<ConformanceBroker> {
  const cluster = await EmbeddedCluster.listen({ versions: version });
  const read = (topic: string) => readWithKcat(cluster.bootstrap[0]!, topic, KCAT_SETTINGS[version]);
  return {
    version,
    bootstrap: cluster.bootstrap,
    ...(version === "0.9" ? { protocol: "0.9" } : {}),
    createTopic: (topic, partitions, config = {}) => {
      const size = config["max.message.bytes"];
      cluster.addTopic(topic, { partitions, ...(size === undefined ? {} : { maxMessageBytes: Number(size) }) });
      return Promise.resolve();
    },
    read,
    consoleValues: async (topic) => (await read(topic)).map(({ value }) => new TextDecoder().decode(value!)),
    killAndRestart: async () => {
      await cluster.stop();
      await cluster.start();
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** A release as one number that can be compared: 8 for 0.8, 10 for 0.10, 101 for 1.1, 403 for 4.3. */
export function releaseOf(version: string): number {
  const [major, minor] = version.split(".").map(Number);
  return major! * 100 + minor!;
}
