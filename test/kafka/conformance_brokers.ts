/**
 * The brokers of the conformance suite: every release of Kafka that it runs against, behind one face.
 *
 * @module
 */

import { startKafka } from "./harness.ts";
import type { KafkaVersion, OldKafkaVersion } from "./harness_jars.ts";
import type { ReadRecord } from "./harness_witness.ts";
import { startOldKafka } from "./harness_zookeeper.ts";

/** A single broker under the suite. */
export interface ConformanceBroker extends AsyncDisposable {
  readonly version: KafkaVersion | OldKafkaVersion;
  readonly bootstrap: readonly string[];
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

/** A release as one number that can be compared: 8 for 0.8, 10 for 0.10, 101 for 1.1, 403 for 4.3. */
export function releaseOf(version: string): number {
  const [major, minor] = version.split(".").map(Number);
  return major! * 100 + minor!;
}
