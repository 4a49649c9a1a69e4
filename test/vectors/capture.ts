/**
 * Makes the golden frames of this folder anew, from real clients and a real broker. Needs java, mvn, kcat, node and npm.
 *
 *     deno run --allow-all test/vectors/capture.ts
 *
 * With the argument `dropped`, only those of the versions that Kafka 4 has dropped, which an older broker speaks.
 *
 * @module
 */

// deno-lint-ignore-file no-console

import { type ApiName, apis } from "../../protocol/apis.ts";
import { type Kafka, startKafka } from "../kafka/harness.ts";
import { runJava } from "../kafka/harness_java.ts";
import { CapturingProxy } from "./capturing_proxy.ts";
import { type CraftedExchange, exchangeCrafted } from "./crafted.ts";
import { type Vector, vectors as known } from "./mod.ts";

const KAFKA_VERSION = "4.3.1";
const KAFKAJS_VERSION = "2.2.4";
/** The last one that speaks the versions that Kafka 4 has dropped (KIP-896). */
const OLD_KAFKA_VERSION = "3.9.1";
/** The first version that Kafka 4 speaks, of those calls that it does not speak from 0 on. */
const KAFKA_4_SPEAKS_FROM: Partial<Record<ApiName, number>> = { Produce: 3, Fetch: 4, ListOffsets: 1, CreateTopics: 2 };

/** The Java clients of each version speak every version down to the oldest: one run a version, newest first. */
const RUN_COUNT = Math.max(...Object.values(apis).map(({ minVersion, maxVersion }) => maxVersion - minVersion)) + 1;

interface Capture {
  broker: { hostname: string; port: number };
  directory: string;
}

/** Frames by call, version, direction, client and what they are about: one of each is enough. */
class Vectors {
  readonly #vectors = new Map<string, Vector>();

  constructor(kept: readonly Vector[] = []) {
    for (const vector of kept) this.#vectors.set(keyOf(vector), vector);
  }

  add(client: string, exchange: Omit<CraftedExchange, "about">, about = ""): void {
    const { api, version } = exchange;
    const broker = `Kafka ${isDropped(api, version) ? OLD_KAFKA_VERSION : KAFKA_VERSION}`;
    for (const direction of ["request", "response"] as const) {
      const bytes = exchange[direction]?.toBase64();
      if (bytes === undefined) continue;
      const vector = { api, version, direction, client, broker, about, bytes };
      const key = keyOf(vector);
      const known = this.#vectors.get(key);
      // The longest says most: metadata with topics, batches with records.
      if (known !== undefined && known.bytes.length >= bytes.length) continue;
      this.#vectors.set(key, vector);
    }
  }

  of(api: ApiName): Vector[] {
    const vectors = this.#vectors.values().filter((vector) => vector.api === api).toArray();
    return vectors.sort((a, b) => a.version - b.version || (rank(a) < rank(b) ? -1 : 1));
  }
}

function keyOf({ api, version, direction, client, about }: Vector): string {
  return [api, version, direction, client, about].join();
}

/** Whether Kafka 4 does not speak it any more. */
function isDropped(api: ApiName, version: number): boolean {
  return version < (KAFKA_4_SPEAKS_FROM[api] ?? 0);
}

function rank({ client, about, direction }: Vector): string {
  return [client, about, direction].join();
}

async function captureJava({ broker, directory }: Capture, vectors: Vectors): Promise<void> {
  const proxies = Array.from({ length: RUN_COUNT }, (_, age) => {
    const capOf = ({ minVersion, maxVersion }: { minVersion: number; maxVersion: number }) =>
      Math.max(minVersion, maxVersion - age);
    const maxVersions = Object.fromEntries(Object.entries(apis).map(([name, api]) => [name, capOf(api)]));
    maxVersions.Metadata = Math.max(1, maxVersions.Metadata!); // with 0 alone, Kafka's clients give up
    return new CapturingProxy({ broker, maxVersions });
  });
  const bootstraps = proxies.map(({ port }) => `127.0.0.1:${port}`);
  const program = new URL("Clients.java", import.meta.url).pathname;
  await runJava(KAFKA_VERSION, { args: [program, ...bootstraps], directory, name: "clients" });
  for (const proxy of proxies) {
    await proxy[Symbol.asyncDispose]();
    for (const exchange of proxy.exchanges) vectors.add(`Java clients ${KAFKA_VERSION}`, exchange);
  }
}

/** librdkafka as it speaks to brokers that cannot be asked for their versions, in as many dialects as it has. */
async function captureOldKcat({ broker }: Capture, vectors: Vectors): Promise<void> {
  const version = await librdkafkaVersion();
  for (const release of ["0.8.2", "0.9.0", "0.10.0"]) {
    await using proxy = new CapturingProxy({ broker });
    const dialect = ["-X", "api.version.request=false", "-X", `broker.version.fallback=${release}`];
    const args = [...dialect, "-b", `127.0.0.1:${proxy.port}`, "-t", "vectors", "-p", "0"];
    await run("kcat", ["-P", ...args, "-k", "key"], "value\nsecond\n");
    await run("kcat", ["-P", ...args, "-z", "gzip"], "packed\npacked too\n");
    await run("kcat", ["-C", ...args, "-o", "beginning", "-c", "2"]);
    for (const exchange of proxy.exchanges) {
      if (!isDropped(exchange.api, exchange.version)) continue;
      vectors.add(`kcat, librdkafka ${version} for ${release}`, exchange);
    }
  }
}

async function librdkafkaVersion(): Promise<string | undefined> {
  return /librdkafka ([\d.]+)/.exec(await run("kcat", ["-V"]))?.[1];
}

async function captureKcat({ broker }: Capture, vectors: Vectors): Promise<void> {
  await using proxy = new CapturingProxy({ broker });
  const bootstrap = `127.0.0.1:${proxy.port}`;
  await run("kcat", ["-P", "-b", bootstrap, "-t", "vectors", "-p", "0", "-k", "key", "-H", "header=text"], "value\n");
  await run("kcat", ["-C", "-b", bootstrap, "-t", "vectors", "-p", "0", "-o", "beginning", "-c", "2"]);
  await run("kcat", ["-Q", "-b", bootstrap, "-t", "vectors:0:-1"]);
  const version = await librdkafkaVersion();
  for (const exchange of proxy.exchanges) vectors.add(`kcat, librdkafka ${version}`, exchange);
}

async function captureKafkajs({ broker, directory }: Capture, vectors: Vectors): Promise<void> {
  await using proxy = new CapturingProxy({ broker });
  await run("npm", ["install", "--prefix", directory, "--no-save", `kafkajs@${KAFKAJS_VERSION}`]);
  const program = new URL("kafkajs_client.cjs", import.meta.url).pathname;
  await run("node", [program, `127.0.0.1:${proxy.port}`, `${directory}/node_modules/kafkajs`]);
  for (const exchange of proxy.exchanges) vectors.add(`kafkajs ${KAFKAJS_VERSION}`, exchange);
}

async function captureCrafted({ broker }: Capture, vectors: Vectors, kafka: Kafka): Promise<void> {
  await kafka.createTopic("compacted", 1, { config: { "cleanup.policy": "compact" } });
  const topicNames = { ordinary: "vectors", compacted: "compacted" };
  const isWanted = (api: ApiName, version: number) => isDropped(api, version) === (kafka.version === OLD_KAFKA_VERSION);
  for (const { about, ...exchange } of await exchangeCrafted(broker, { topicNames, isWanted })) {
    vectors.add("ekaf", exchange, about);
  }
}

async function run(command: string, args: string[], input = ""): Promise<string> {
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`Cannot run ${command}: ${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

async function captureCurrent(directory: string, vectors: Vectors): Promise<void> {
  await using kafka = await startKafka(KAFKA_VERSION);
  await kafka.createTopic("vectors", 2);
  const capture = { broker: { hostname: "127.0.0.1", port: kafka.brokers[0]!.port }, directory };
  await captureJava(capture, vectors);
  await captureKcat(capture, vectors);
  await captureKafkajs(capture, vectors);
  await captureCrafted(capture, vectors, kafka);
}

async function captureDropped(directory: string, vectors: Vectors): Promise<void> {
  await using kafka = await startKafka(OLD_KAFKA_VERSION);
  await kafka.createTopic("vectors", 2);
  const capture = { broker: { hostname: "127.0.0.1", port: kafka.brokers[0]!.port }, directory };
  await captureOldKcat(capture, vectors);
  await captureCrafted(capture, vectors, kafka);
}

async function main(): Promise<void> {
  const directory = await Deno.makeTempDir();
  const isPartial = Deno.args[0] === "dropped";
  const vectors = new Vectors(isPartial ? known.filter(({ api, version }) => !isDropped(api, version)) : []);
  if (!isPartial) await captureCurrent(directory, vectors);
  await captureDropped(directory, vectors);
  await Deno.remove(directory, { recursive: true });
  for (const api of Object.keys(apis) as ApiName[]) {
    const file = `${api.replace(/\B[A-Z]/g, "_$&").toLowerCase()}.json`;
    const text = JSON.stringify(vectors.of(api), null, 2) + "\n";
    await Deno.writeTextFile(new URL(file, import.meta.url), text);
    console.log(`${file}: ${vectors.of(api).length} frames`);
  }
}

if (import.meta.main) await main();
