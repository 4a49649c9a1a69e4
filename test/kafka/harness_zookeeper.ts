/**
 * An old Kafka for tests: one broker and the ZooKeeper it needs, both from its own jars, read back by programs of its own
 * time and by kcat.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { freePorts } from "./harness_broker.ts";
import { type OldKafkaVersion, requireTool } from "./harness_jars.ts";
import { launchJava, logTail } from "./harness_java.ts";
import { readWithKcat } from "./harness_text.ts";
import type { ReadRecord } from "./harness_witness.ts";

export type { OldKafkaVersion };

const START_TIMEOUT_MS = 60_000;
const BROKER_ID = 1;
/** The oldest ZooKeeper serves them all. */
const ZOOKEEPER_OF: OldKafkaVersion = "0.8.2.2";
/** These cannot tell kcat their versions. */
const KCAT_SETTINGS: Partial<Record<OldKafkaVersion, readonly string[]>> = {
  "0.9.0.1": ["api.version.request=false", "broker.version.fallback=0.9.0.1"],
  "0.8.2.2": ["api.version.request=false", "broker.version.fallback=0.8.2.2"],
};

/** What an old broker keeps of a batch on disk, as its own tool prints it. */
export interface DumpedLog {
  /** Magic bytes of the batches or messages, each once, ascending. */
  magics: number[];
  /** Codecs by name, each once, sorted: `"none"`, `"gzip"`, … */
  codecs: string[];
}

/** Starts ZooKeeper and a broker; resolves when it answers. */
export async function startOldKafka(
  version: OldKafkaVersion,
  config: Readonly<Record<string, string | number | boolean>> = {},
): Promise<OldKafka> {
  await requireTool("kcat");
  const directory = await Deno.makeTempDir({ prefix: "ekaf_kafka_" });
  const kafka = new OldKafka(version, { directory, config });
  try {
    await kafka.start();
    return kafka;
  } catch (error) {
    await kafka[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running broker of an old version. Disposing of it kills the processes and deletes their files. */
export class OldKafka implements AsyncDisposable {
  /** `host:port`. */
  readonly bootstrap: readonly string[];
  readonly #port: number;
  readonly #zookeeperPort: number;
  readonly #directory: string;
  readonly #config: Readonly<Record<string, string | number | boolean>>;
  /** Names and their numbers of partitions. */
  readonly #topics = new Map<string, number>();
  readonly #processes = new Map<"zookeeper" | "broker", Deno.ChildProcess>();

  /** Nothing runs yet. */
  constructor(
    readonly version: OldKafkaVersion,
    parts: { directory: string; config: Readonly<Record<string, string | number | boolean>> },
  ) {
    [this.#port, this.#zookeeperPort] = freePorts(2) as [number, number];
    this.bootstrap = [`127.0.0.1:${this.#port}`];
    this.#directory = parts.directory;
    this.#config = parts.config;
  }

  /** Starts ZooKeeper, then the broker. */
  async start(): Promise<void> {
    await Deno.writeTextFile(`${this.#directory}/zookeeper.properties`, this.#zookeeperProperties());
    await Deno.writeTextFile(`${this.#directory}/broker.properties`, this.#brokerProperties());
    const zookeeper = await launchJava(ZOOKEEPER_OF, {
      args: [
        "org.apache.zookeeper.server.quorum.QuorumPeerMain",
        `${this.#directory}/zookeeper.properties`,
      ],
      directory: this.#directory,
      name: "zookeeper",
    });
    this.#processes.set("zookeeper", zookeeper);
    await this.#awaitListener(this.#zookeeperPort, "zookeeper");
    await this.startBroker();
  }

  /** Starts the broker, again on its port and log after {@linkcode kill}; resolves when it leads all there is. */
  async startBroker(): Promise<void> {
    const broker = await launchJava(this.version, {
      args: ["kafka.Kafka", `${this.#directory}/broker.properties`],
      directory: this.#directory,
      name: "broker",
      heap: "512m",
    });
    this.#processes.set("broker", broker);
    await this.#awaitListener(this.#port, "broker");
    // Only then is it in the metadata, which in 0.8 stay empty until there is a topic.
    await this.#poll("see the broker in ZooKeeper", () => this.#isRegistered());
    for (const topic of this.#topics.keys()) await this.#awaitLeaders(topic);
  }

  /** Kills the broker with SIGKILL; resolves when ZooKeeper has forgotten it, or it could not come again. */
  async kill(): Promise<void> {
    await this.#end("broker");
    await this.#poll("see the broker leave ZooKeeper", async () => !await this.#isRegistered());
  }

  /** Creates a topic; resolves when each of its partitions has a leader. */
  async createTopic(topic: string, partitions: number, config: Record<string, string | number> = {}): Promise<void> {
    await this.#run("kafka.admin.TopicCommand", [
      ...["--zookeeper", `127.0.0.1:${this.#zookeeperPort}`, "--create", "--topic", topic],
      ...["--partitions", String(partitions), "--replication-factor", "1"],
      ...Object.entries(config).flatMap(([name, value]) => ["--config", `${name}=${value}`]),
    ]);
    this.#topics.set(topic, partitions);
    await this.#awaitLeaders(topic);
  }

  /** All records of a topic as kcat reads them, by partition. Header values as text. */
  kcatRead(topic: string): Promise<ReadRecord[]> {
    return readWithKcat(this.bootstrap[0]!, topic, this.#kcatSettings());
  }

  /** The values of `count` records of a topic, as text, as the broker's own console consumer prints them. */
  async consoleValues(topic: string, count: number): Promise<string[]> {
    const hasNewConsumer = !this.version.startsWith("0.8") && !this.version.startsWith("0.9");
    const place = hasNewConsumer
      ? ["--bootstrap-server", this.bootstrap[0]!]
      : ["--zookeeper", `127.0.0.1:${this.#zookeeperPort}`];
    const text = await this.#run("kafka.tools.ConsoleConsumer", [
      ...place,
      ...["--topic", topic, "--from-beginning", "--max-messages", String(count)],
      ...(hasNewConsumer ? ["--timeout-ms", "30000"] : []),
    ]);
    return text.split("\n").slice(0, -1);
  }

  /** What lies on the broker's disk for a partition, by the broker's own tool. */
  async dump(topic: string, partition: number): Promise<DumpedLog> {
    const files = `${this.#directory}/broker/${topic}-${partition}/00000000000000000000.log`;
    const text = await this.#run("kafka.tools.DumpLogSegments", ["--files", files]);
    const values = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, value]) => value!))].sort();
    return {
      magics: values(/magic: (\d)/g).map(Number),
      // 0.8 has names of its own, such as NoCompressionCodec.
      codecs: values(/compress(?:ion)?codec: (\w+)/g)
        .map((name) => name.replace("CompressionCodec", "").toLowerCase())
        .map((name) => name === "no" ? "none" : name),
    };
  }

  /** Where a partition ends, as kcat is told. */
  async endOffset(topic: string, partition: number): Promise<number> {
    const place = `${topic}:${partition}:-1`;
    const { code, stdout } = await new Deno.Command("kcat", {
      args: ["-Q", "-b", this.bootstrap[0]!, "-t", place, ...this.kcatArguments],
      stdin: "null",
      stderr: "null",
    }).output();
    const offset = / offset (\d+)$/m.exec(new TextDecoder().decode(stdout).trim())?.[1];
    if (code !== 0 || offset === undefined) throw new Error(`Cannot see the end of ${place}: kcat ended with ${code}`);
    return Number(offset);
  }

  /** What kcat has to be told to talk to it. */
  get kcatArguments(): string[] {
    return this.#kcatSettings().flatMap((setting) => ["-X", setting]);
  }

  /** The end of the broker's log. */
  log(): Promise<string> {
    return logTail({ directory: this.#directory, name: "broker" });
  }

  /** Kills both processes and deletes their files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((name) => this.#end(name)));
    await Deno.remove(this.#directory, { recursive: true });
  }

  #zookeeperProperties(): string {
    return `dataDir=${this.#directory}/zookeeper\nclientPort=${this.#zookeeperPort}\n` +
      "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\ntickTime=500\n";
  }

  #brokerProperties(): string {
    const properties: Record<string, string | number | boolean> = {
      "broker.id": BROKER_ID,
      // Up to 0.9 a listener is a host and a port, and 0.8 knows nothing else.
      ...(this.version === "0.8.2.2"
        ? { "host.name": "127.0.0.1", "port": this.#port, "advertised.host.name": "127.0.0.1" }
        : { "listeners": `PLAINTEXT://127.0.0.1:${this.#port}` }),
      "log.dirs": `${this.#directory}/broker`,
      "zookeeper.connect": `127.0.0.1:${this.#zookeeperPort}`,
      // A killed broker has to be gone from ZooKeeper before it may come again.
      "zookeeper.session.timeout.ms": 2_000,
      "auto.create.topics.enable": false,
      "offsets.topic.num.partitions": 1,
      "offsets.topic.replication.factor": 1,
      "log.retention.hours": 1_000_000,
      "controlled.shutdown.enable": false,
      ...this.#config,
    };
    return Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join("");
  }

  /** Runs one of the version's own programs; resolves with what it printed. */
  async #run(mainClass: string, args: readonly string[]): Promise<string> {
    const name = mainClass.split(".").at(-1)!;
    const process = await launchJava(this.version, {
      args: [mainClass, ...args],
      directory: this.#directory,
      name,
      isPiped: true,
    });
    const [text] = await Promise.all([new Response(process.stdout).text(), process.stdin.close()]);
    const { code } = await process.status;
    if (code === 0) return text;
    const log = await logTail({ directory: this.#directory, name });
    throw new Error(`Cannot run ${mainClass} of ${this.version}: it ended with code ${code}:\n${text}${log}`);
  }

  async #end(name: "zookeeper" | "broker"): Promise<void> {
    const process = this.#processes.get(name);
    this.#processes.delete(name);
    if (process === undefined) return;
    try {
      process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await process.status;
  }

  #kcatSettings(): readonly string[] {
    return KCAT_SETTINGS[this.version] ?? [];
  }

  async #awaitLeaders(topic: string): Promise<void> {
    await this.#poll(`see leaders of ${JSON.stringify(topic)}`, async () => {
      const { topics } = await this.#kcatMetadata(topic);
      const partitions = topics[0]?.partitions ?? [];
      return partitions.length === this.#topics.get(topic) && partitions.every(({ leader }) => leader === BROKER_ID);
    });
  }

  /** Whether ZooKeeper has a session of the broker. */
  async #isRegistered(): Promise<boolean> {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: this.#zookeeperPort });
    await socket.write(new TextEncoder().encode("dump"));
    return (await new Response(socket.readable).text()).includes(`/brokers/ids/${BROKER_ID}`);
  }

  async #kcatMetadata(topic: string): Promise<{ topics: { partitions: { leader: number }[] }[] }> {
    const { code, stdout } = await new Deno.Command("kcat", {
      args: [
        ...["-L", "-J", "-b", this.bootstrap[0]!, "-m", "2", "-t", topic],
        ...this.kcatArguments,
      ],
      stdin: "null",
      stderr: "null",
    }).output();
    return code === 0 ? JSON.parse(new TextDecoder().decode(stdout)) : { topics: [] };
  }

  async #awaitListener(port: number, name: "zookeeper" | "broker"): Promise<void> {
    await this.#poll(`start ${name} of Kafka ${this.version}`, async () => {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        return false;
      }
    });
  }

  async #poll(what: string, isDone: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < end) {
      if (await isDone()) return;
      await delay(20);
    }
    throw new Error(`Cannot ${what}:\n${await this.log()}`);
  }
}
