/**
 * A real Kafka for tests: one or three brokers on 127.0.0.1, read back by programs that share no code with this project.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Broker, type Entrance, type KafkaBroker } from "./harness_broker.ts";
import { type KafkaVersion, requireTool } from "./harness_jars.ts";
import { launchJava, logTail, runJava } from "./harness_java.ts";
import { askLeaderWithKcat, readWithConsoleConsumer, readWithKcat, type TextRecord } from "./harness_text.ts";
import { type PartitionRange, type ReadRecord, Witness } from "./harness_witness.ts";

export type { Entrance, KafkaBroker, KafkaVersion, PartitionRange, ReadRecord, TextRecord };
export { requireTool };

/** How to start a cluster. */
export interface KafkaOptions {
  /** How many; each is a controller as well. By default 1. */
  brokers?: 1 | 3;
  /** Replicas of a topic unless its creation says otherwise. By default, one a broker. */
  replication?: number;
  /** `min.insync.replicas`. By default 1. */
  minInsync?: number;
  /** Heap of a broker. By default `KAFKA_HEAP` of the environment, or `"512m"`. */
  heap?: string;
  /** Whether brokers tell clients that come by an entrance the address of a proxy: see {@linkcode Kafka.entrances}. */
  isProxied?: boolean;
  /** More lines of `server.properties`. */
  config?: Record<string, string | number | boolean>;
}

/** Options of {@linkcode Kafka.createTopic}. */
export interface TopicOptions {
  replicationFactor?: number;
  config?: Record<string, string | number>;
}

const START_TIMEOUT_MS = 120_000;
const MOVE_TIMEOUT_MS = 60_000;

/** Starts a cluster; resolves when all its brokers are up. Fails, naming the tool, where Java, Maven or kcat is missing. */
export async function startKafka(version: KafkaVersion, options: KafkaOptions = {}): Promise<Kafka> {
  await requireTool("kcat");
  const directory = await Deno.makeTempDir({ prefix: "ekaf_kafka_" });
  let kafka: Kafka | undefined;
  try {
    kafka = await Kafka.prepare(version, { ...options, directory });
    await kafka.startAll();
    return kafka;
  } catch (error) {
    await kafka?.[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true }).catch(() => {});
    throw error;
  }
}

/** A running cluster. Disposing of it kills the brokers and deletes their files; so does the end of the test's process. */
export class Kafka implements AsyncDisposable {
  /** Version of the brokers and of the clients that read back. */
  readonly version: KafkaVersion;
  /** The brokers, by ascending id, from 1. */
  readonly brokers: readonly KafkaBroker[];
  /** `host:port` of every broker. */
  readonly bootstrap: readonly string[];
  /** Where clients come in, broker by broker, when there are to be proxies between. The tests start these themselves. */
  readonly entrances: readonly Entrance[];
  readonly #brokers: readonly Broker[];
  readonly #options: Required<KafkaOptions>;
  readonly #directory: string;
  readonly #witness: Witness;

  private constructor(
    version: KafkaVersion,
    parts: { brokers: Broker[]; options: Required<KafkaOptions>; directory: string; witness: Witness },
  ) {
    this.version = version;
    this.brokers = this.#brokers = parts.brokers;
    this.bootstrap = parts.brokers.map(({ port }) => `127.0.0.1:${port}`);
    this.entrances = parts.brokers.map(({ entrance }) => entrance);
    this.#options = parts.options;
    this.#directory = parts.directory;
    this.#witness = parts.witness;
  }

  /** A cluster with its configuration written, but no broker running yet. */
  static async prepare(version: KafkaVersion, given: KafkaOptions & { directory: string }): Promise<Kafka> {
    const { directory, ...rest } = given;
    const brokerCount = rest.brokers ?? 1;
    const options = {
      brokers: brokerCount,
      replication: brokerCount,
      minInsync: 1,
      heap: Deno.env.get("KAFKA_HEAP") ?? "512m",
      isProxied: false,
      config: {},
      ...rest,
    };
    const brokers = Broker.several(brokerCount);
    const bootstrap = brokers.map(({ port }) => `127.0.0.1:${port}`).join(",");
    const witness = await Witness.start(version, { bootstrap, directory });
    return new Kafka(version, { brokers, options, directory, witness });
  }

  /** Formats and starts every broker. */
  async startAll(): Promise<void> {
    const id = crypto.getRandomValues(new Uint8Array(16));
    id[0]! &= 0x7f; // With a dash in front it would be taken for an option.
    const clusterId = id.toBase64({ alphabet: "base64url", omitPadding: true });
    await Promise.all(this.#brokers.map(async (broker) => {
      const settings = { ...this.#options, brokers: this.#brokers, directory: this.#directory };
      await Deno.writeTextFile(this.#propertiesPath(broker), broker.propertiesOf(settings));
      await runJava(this.version, {
        args: ["kafka.tools.StorageTool", "format", "-t", clusterId, "-c", this.#propertiesPath(broker)],
        directory: this.#directory,
        name: `format-${broker.id}`,
      });
      await this.#launch(broker);
    }));
    await this.#awaitUp(this.#brokers);
  }

  /** Creates a topic; resolves when all its partitions have a leader and all replicas in sync. */
  async createTopic(topic: string, partitions: number, options: TopicOptions = {}): Promise<void> {
    const { replicationFactor = this.#options.replication, config = {} } = options;
    await this.#witness.createTopic(topic, { partitions, replicationFactor, config });
  }

  /** Gives a topic more partitions: `count` in all. */
  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#witness.addPartitions(topic, count);
  }

  /**
   * Makes a broker the leader of partitions: it becomes their preferred replica and is elected. Rejects when it is not in
   * sync.
   */
  async moveLeaders(topic: string, id: number, partitions: readonly number[]): Promise<void> {
    await this.#witness.moveLeaders(topic, id, partitions);
  }

  /** Resolves when all partitions of a topic have a leader that answers and all replicas in sync. */
  async awaitInSync(topic: string): Promise<void> {
    await this.#witness.awaitInSync(topic, START_TIMEOUT_MS);
  }

  /** Kills a broker with SIGKILL; resolves when it is gone. */
  kill(id: number): Promise<void> {
    return this.#end(id, "SIGKILL");
  }

  /** Has a broker shut down in order: its leaderships move first. Resolves when it is gone. */
  shutDown(id: number): Promise<void> {
    return this.#end(id, "SIGTERM");
  }

  /** Freezes a broker with SIGSTOP: its sockets stay open and silent. */
  stop(id: number): void {
    const broker = this.#broker(id);
    this.#processOf(broker).kill("SIGSTOP");
    broker.isFrozen = true;
  }

  /** Thaws a broker with SIGCONT. */
  cont(id: number): void {
    const broker = this.#broker(id);
    this.#processOf(broker).kill("SIGCONT");
    broker.isFrozen = false;
  }

  /** Starts a killed broker again, on the same port and log; resolves when the cluster lists it. */
  async restart(id: number): Promise<void> {
    const broker = this.#broker(id);
    if (broker.process !== null) await this.kill(id);
    await this.#launch(broker);
    await this.#awaitUp([broker]);
  }

  /** Id of the leader of a partition, null while there is none. */
  leaderOf(topic: string, partition: number): Promise<number | null> {
    // Java's client waits for a frozen broker by the minute.
    const awake = this.#brokers.filter(({ process, isFrozen }) => process !== null && !isFrozen);
    return askLeaderWithKcat(awake.map(({ port }) => `127.0.0.1:${port}`).join(","), topic, partition);
  }

  /** Resolves once a broker other than `formerId` leads a partition. */
  async leaderMoved(topic: string, partition: number, formerId: number): Promise<void> {
    const end = Date.now() + MOVE_TIMEOUT_MS;
    while (Date.now() < end) {
      const id = await this.leaderOf(topic, partition);
      if (id !== null && id !== formerId) return;
      await delay(20);
    }
    throw new Error(`Cannot see the leader of "${topic}" ${partition} move: it is still broker ${formerId}`);
  }

  /** Where the log of each partition begins and ends. */
  ranges(topic: string): Promise<PartitionRange[]> {
    return this.#witness.ranges(topic);
  }

  /** All records of a topic as Kafka's own consumer reads them, in runs: for topics too large for {@linkcode readAll}. */
  read(topic: string): AsyncGenerator<ReadRecord[]> {
    return this.#witness.read(topic);
  }

  /** All records of a topic as Kafka's own consumer reads them: by partition, then in the order of its log. */
  async readAll(topic: string): Promise<ReadRecord[]> {
    const byPartition: ReadRecord[][] = [];
    for await (const records of this.read(topic)) {
      for (const record of records) (byPartition[record.partition] ??= []).push(record);
    }
    return byPartition.flat();
  }

  /** Sends one small record a key with Kafka's own producer at its defaults, and tells where each went. */
  javaProduce(
    topic: string,
    keys: readonly (Uint8Array | null)[],
  ): Promise<{ partition: number; offset: bigint }[]> {
    return this.#witness.produce(topic, keys);
  }

  /** All records of a topic as Kafka's console consumer prints them. For text without tabs and line breaks. */
  async consoleConsumer(topic: string): Promise<TextRecord[]> {
    const ranges = await this.ranges(topic);
    const recordCount = ranges.reduce((sum, { begin, end }) => sum + Number(end - begin), 0);
    return await readWithConsoleConsumer(this.version, {
      bootstrap: this.bootstrap.join(","),
      topic,
      recordCount,
      directory: this.#directory,
    });
  }

  /** All records of a topic as kcat reads them. Header values as text; without those, binary is fine. */
  kcatRead(topic: string): Promise<ReadRecord[]> {
    return readWithKcat(this.bootstrap.join(","), topic);
  }

  /** The end of a broker's log. */
  logOf(id: number): Promise<string> {
    return logTail({ directory: this.#directory, name: this.#broker(id).name });
  }

  /** Kills every process and deletes every file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#brokers.map(async (broker) => {
      const process = broker.process;
      broker.process = null;
      if (process === null) return;
      try {
        process.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await process.status;
    }));
    await this.#witness[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true }).catch(() => {}); // The witness was faster.
  }

  async #end(id: number, signal: Deno.Signal): Promise<void> {
    const broker = this.#broker(id);
    const process = this.#processOf(broker);
    broker.process = null;
    broker.isFrozen = false;
    process.kill(signal);
    await process.status;
    await this.#witness.forget(process.pid);
  }

  async #launch(broker: Broker): Promise<void> {
    broker.process = await launchJava(this.version, {
      args: ["kafka.Kafka", this.#propertiesPath(broker)],
      directory: this.#directory,
      name: broker.name,
      heap: this.#options.heap,
    });
    await this.#witness.watch(broker.pid);
  }

  /** Resolves when the cluster lists `brokers`; rejects with the log of one that has died instead. */
  async #awaitUp(brokers: readonly Broker[]): Promise<void> {
    const deaths = brokers.map(async (broker) => {
      const { code } = await this.#processOf(broker).status;
      // Killed on purpose, at the end of the test or in its course.
      if (broker.process === null) return await new Promise<never>(() => {});
      throw new Error(
        `Cannot start Kafka: broker ${broker.id} ended with code ${code}:\n${await this.logOf(broker.id)}`,
      );
    });
    const ids = brokers.map(({ id }) => id);
    await Promise.race([this.#witness.awaitBrokers(ids, START_TIMEOUT_MS), ...deaths]);
    for (const death of deaths) death.catch(() => {}); // From here on the test finds out by itself.
  }

  #broker(id: number): Broker {
    const broker = this.#brokers.find((broker) => broker.id === id);
    if (broker === undefined) throw new RangeError(`Cannot find broker ${id}: there are ${this.#brokers.length}`);
    return broker;
  }

  #processOf(broker: Broker): Deno.ChildProcess {
    if (broker.process === null) throw new TypeError(`Cannot reach broker ${broker.id}: it does not run`);
    return broker.process;
  }

  #propertiesPath(broker: Broker): string {
    return `${this.#directory}/${broker.name}.properties`;
  }
}
