/**
 * What stands behind a gateway in a long run: a real Kafka, or the embedded one of this process.
 *
 * @module
 */

import { EmbeddedCluster, FaultProxy } from "@ekaf/ekaf/embedded";
import { type Kafka, startKafka } from "../../test/kafka/harness.ts";

/** A record as it is read back. */
export interface BrokerRecord {
  partition: number | null;
  value: Uint8Array | null;
}

/** A cluster of one broker, read back by others than who wrote. */
export interface LongRunBroker extends AsyncDisposable {
  /** What it is. */
  readonly name: string;
  /** `host:port`. */
  readonly bootstrap: string;
  createTopic(topic: string, partitionCount: number): Promise<void>;
  /** Answers nothing and reads nothing until {@linkcode resume}; sockets stay open. */
  stall(): void;
  resume(): void;
  /** All records of a topic, those of a partition in the order of its log. */
  read(topic: string): AsyncIterable<readonly BrokerRecord[]>;
}

/** Which brokers there are. */
export const BROKERS: Readonly<Record<string, () => Promise<LongRunBroker>>> = {
  kafka: async () => realKafka(await startKafka("4.3.1")),
  embedded: embeddedKafka,
};

/** Starts a broker by its name in {@linkcode BROKERS}. */
export async function startBroker(name: string): Promise<LongRunBroker> {
  const start = BROKERS[name];
  if (start === undefined) {
    throw new RangeError(`Cannot start "${name}": there are ${Object.keys(BROKERS).join(", ")}`);
  }
  return await start();
}

/** A Kafka of one broker, frozen with SIGSTOP, read by Kafka's own consumer; disposing of either ends both. */
export function realKafka(kafka: Kafka): LongRunBroker {
  return {
    name: `Kafka ${kafka.version}`,
    bootstrap: kafka.bootstrap[0]!,
    createTopic: (topic, partitionCount) => kafka.createTopic(topic, partitionCount),
    stall: () => kafka.stop(1),
    resume: () => kafka.cont(1),
    read: (topic) => kafka.read(topic),
    [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
  };
}

/** The embedded broker behind a proxy, read by looking into its logs. */
async function embeddedKafka(): Promise<LongRunBroker> {
  const cluster = await EmbeddedCluster.listen();
  const proxy = await FaultProxy.listen({ to: cluster.bootstrap[0]! });
  cluster.advertise(1, proxy.address);
  const partitionCounts = new Map<string, number>();
  return {
    name: "the embedded broker",
    bootstrap: proxy.address,
    createTopic: (topic, partitionCount) => {
      cluster.addTopic(topic, partitionCount);
      partitionCounts.set(topic, partitionCount);
      return Promise.resolve();
    },
    stall: () => proxy.stall(),
    resume: () => proxy.resume(),
    read: async function* (topic) {
      for (let partition = 0; partition < partitionCounts.get(topic)!; partition++) {
        yield await Promise.resolve(cluster.records(topic, partition));
      }
    },
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}
