/**
 * Foreign clients as processes: kcat and kafkajs, for brokers that are not Kafka's.
 *
 * @module
 */

import { requireTool } from "./harness_jars.ts";
import type { ReadRecord } from "./harness_witness.ts";

const KAFKAJS_VERSION = "2.2.4";
const workFolder = new URL(".work/", import.meta.url).pathname;

/** A record to be sent. */
export interface ForeignRecord {
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: [string, Uint8Array][];
}

/** How a foreign client is to send. */
export interface ForeignPromise {
  acks: -1 | 0 | 1;
  idempotent: boolean;
  /** More settings of kcat's, `name=value`. */
  settings?: readonly string[];
  /** kafkajs has no zstd. By default none. */
  compression?: "gzip" | "snappy" | "lz4" | "zstd";
}

/** Where to send or to read. */
export interface ForeignTarget {
  bootstrap: readonly string[];
  topic: string;
}

/** Produces with kcat. Keys and values must not hold the bytes 0x1e and 0x1f; all records get the first one's headers. */
export async function produceWithKcat(
  { bootstrap, topic }: ForeignTarget,
  options: ForeignPromise & { records: readonly ForeignRecord[] },
): Promise<void> {
  await requireTool("kcat");
  const { acks, idempotent, records, compression = "none", settings = [] } = options;
  const decoder = new TextDecoder();
  const headers = records[0]!.headers.flatMap(([name, value]) => ["-H", `${name}=${decoder.decode(value)}`]);
  const lines = records.flatMap(({ key, value }) => [key ?? [], [0x1f], value ?? [], [0x1e]]);
  await run("kcat", {
    args: [
      ...[
        "-P",
        "-b",
        bootstrap.join(","),
        "-t",
        topic,
        "-K",
        "\x1f",
        "-D",
        "\x1e",
        "-Z",
        "-z",
        compression,
        ...headers,
      ],
      ...["-X", `request.required.acks=${acks}`, "-X", `enable.idempotence=${idempotent}`, "-X", "linger.ms=2"],
      ...settings.flatMap((setting) => ["-X", setting]),
    ],
    input: new Uint8Array(lines.flatMap((bytes) => [...bytes])),
  });
}

/** Produces with kafkajs. */
export async function produceWithKafkajs(
  target: ForeignTarget,
  options: ForeignPromise & { records: readonly ForeignRecord[] },
): Promise<void> {
  const { acks, idempotent, records, compression } = options;
  const messages = records.map(({ key, value, headers }) => ({
    key: key?.toBase64() ?? null,
    value: value?.toBase64() ?? null,
    headers: headers.map(([name, bytes]) => [name, bytes.toBase64()]),
  }));
  const input = new TextEncoder().encode(JSON.stringify({ acks, idempotent, compression, messages }));
  await run("node", { args: await kafkajsArgs(target, "produce"), input });
}

/** Reads a topic with kafkajs: by partition, then in the order of its log. */
export async function readWithKafkajs(target: ForeignTarget): Promise<ReadRecord[]> {
  const output = await run("node", { args: await kafkajsArgs(target, "read") });
  const toBytes = (text: string | null) => text === null ? null : Uint8Array.fromBase64(text);
  type Printed = { [K in keyof ReadRecord]: K extends "headers" ? [string, string | null][] : string | null };
  const printed = JSON.parse(new TextDecoder().decode(output)) as Printed[];
  return printed.sort((a, b) => Number(a.partition) - Number(b.partition)).map((record) => ({
    partition: Number(record.partition),
    offset: BigInt(record.offset!),
    timestamp: Number(record.timestamp),
    key: toBytes(record.key),
    value: toBytes(record.value),
    headers: record.headers.map(([name, text]) => [name, toBytes(text)]),
  }));
}

async function kafkajsArgs({ bootstrap, topic }: ForeignTarget, command: "produce" | "read"): Promise<string[]> {
  const client = new URL("kafkajs_client.cjs", import.meta.url).pathname;
  return [client, await installKafkajs(), bootstrap.join(","), topic, command];
}

/** Installs kafkajs and codecs for it into a git-ignored folder, once; resolves with the path of its module. */
async function installKafkajs(): Promise<string> {
  await requireTool("node");
  const folder = `${workFolder}kafkajs-${KAFKAJS_VERSION}-codecs`;
  const path = `${folder}/node_modules/kafkajs`;
  if (await Deno.stat(`${folder}/node_modules/.package-lock.json`).then(() => true, () => false)) return path; // comes last
  await Deno.mkdir(folder, { recursive: true });
  const flags = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  const packages = [`kafkajs@${KAFKAJS_VERSION}`, "kafkajs-snappy@1.1.0", "lz4js@0.2.0"];
  await run("npm", { args: ["install", "--prefix", folder, ...flags, ...packages] });
  return path;
}

/** Runs a program to its end; resolves with its output, rejects with its complaints. */
async function run(program: string, options: { args: string[]; input?: Uint8Array<ArrayBuffer> }): Promise<Uint8Array> {
  const process = new Deno.Command(program, {
    args: options.args,
    env: { KAFKAJS_NO_PARTITIONER_WARNING: "1" },
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = options.input === undefined
    ? Promise.resolve()
    : new Blob([options.input]).stream().pipeTo(process.stdin).catch(() => {}); // If it has died, its code tells.
  const [{ code, stdout, stderr }] = await Promise.all([process.output(), fed]);
  if (code === 0) return stdout;
  throw new Error(`Cannot run ${program}: it ended with code ${code}: ${new TextDecoder().decode(stderr)}`);
}
