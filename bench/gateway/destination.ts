/**
 * Where the records of compared gateways go.
 *
 * @module
 */

import { startKafka } from "../../test/kafka/harness.ts";
import { SinkProcess } from "../sink_process.ts";

/** A real Kafka, or a sink that reads, counts and forgets. */
export interface Destination extends AsyncDisposable {
  /** What it is. */
  readonly name: string;
  /** `host:port`. */
  readonly bootstrap: string;
  /** Makes a topic, of which {@linkcode stored} is asked until the next one is made. */
  createTopic(topic: string): Promise<void>;
  /** Records of it that have come. */
  stored(topic: string): Promise<number>;
}

const PARTITIONS = 3;

/** The destinations by name. */
export const DESTINATIONS: Readonly<Record<string, () => Promise<Destination>>> = { kafka, sink };

async function kafka(): Promise<Destination> {
  const cluster = await startKafka("4.3.1");
  return {
    name: "Kafka 4.3.1, acks all",
    bootstrap: cluster.bootstrap[0]!,
    createTopic: (topic) => cluster.createTopic(topic, PARTITIONS),
    stored: async (topic) =>
      (await cluster.ranges(topic)).reduce((sum, { begin, end }) => sum + Number(end - begin), 0),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function sink(): Promise<Destination> {
  const process = await SinkProcess.start(["--partitions", String(PARTITIONS)]);
  return {
    name: "a sink",
    bootstrap: process.bootstrap,
    createTopic: () => process.reset(),
    stored: async () => (await process.figures()).records,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
