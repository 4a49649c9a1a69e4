/**
 * What each codec costs and saves, and how long an uncompressed topic's records take beside a topic that compresses all
 * it can. All runs are in one process, in turn; the sink is a process of its own.
 *
 *     deno run -A bench/compression.ts --seconds 3 --rounds 3
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { type Compression, Producer } from "@ekaf/ekaf";
import { readFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { cpuSeconds } from "./process_usage.ts";
import { SinkProcess } from "./sink_process.ts";
import { jsonValue } from "./values.ts";

const SETTINGS: Compression[] = [
  "none",
  "gzip",
  { codec: "gzip", level: 1 },
  "snappy",
  "lz4",
  "zstd",
  { codec: "zstd", level: -5 },
];
/** In the second table also without threads, as `node:zlib` would do it. */
const THREADED = ["gzip", "zstd"];
/** Little, so that the other topic never waits for room. */
const PARTITION_MAX_BYTES = 1_500_000;
const CHUNK_RECORDS = 1_000;
const CHUNK_COUNT = 200;
const PROBE_EVERY_MS = 5;
const USAGE = "Usage: deno run -A bench/compression.ts [--seconds N (3)] [--rounds N (3)] [--partitions N (3)]";

interface Run {
  recordsPerSecond: number;
  megabytesPerSecond: number;
  ratio: number;
  cpuPerMillion: number;
  latencies: number[];
}

/** Produces for some seconds, with single uncompressed records beside when `isProbed`. */
async function run(
  bootstrap: string,
  chunks: readonly (readonly Uint8Array[])[],
  { compression, seconds, isProbed }: { compression: Compression; seconds: number; isProbed: boolean },
): Promise<Run> {
  await using producer = new Producer({
    bootstrap,
    topics: { bench: { compression, ...(isProbed && { partitionMaxBytes: PARTITION_MAX_BYTES }) } },
  });
  await Promise.all([producer.send("bench", [...chunks[0]!]), producer.send("plain", "warm")]);
  await load(producer, chunks, { seconds: 1, latencies: null }); // compiles, and starts what threads there are
  let sentBytes = 0;
  const count = (event: CustomEvent<{ topic: string; bytes: number }>) => {
    if (event.detail.topic === "bench") sentBytes += event.detail.bytes;
  };
  producer.addEventListener("flush", count);
  const latencies: number[] = [];
  const startMs = performance.now();
  const startCpu = cpuSeconds();
  const { records, bytes } = await load(producer, chunks, { seconds, latencies: isProbed ? latencies : null });
  const elapsed = (performance.now() - startMs) / 1000;
  return {
    recordsPerSecond: records / elapsed,
    megabytesPerSecond: bytes / elapsed / 1e6,
    ratio: bytes / sentBytes,
    cpuPerMillion: (cpuSeconds() - startCpu) / records * 1e6,
    latencies: latencies.sort((a, b) => a - b),
  };
}

async function load(
  producer: Producer,
  chunks: readonly (readonly Uint8Array[])[],
  { seconds, latencies }: { seconds: number; latencies: number[] | null },
): Promise<{ records: number; bytes: number }> {
  const endMs = performance.now() + seconds * 1000;
  const isOver = () => performance.now() >= endMs;
  const probing = latencies === null ? null : probe(producer, latencies, isOver);
  let records = 0;
  let bytes = 0;
  for (let i = 0; !isOver(); i = (i + 1) % chunks.length) {
    await producer.enqueue("bench", chunks[i]!);
    records += CHUNK_RECORDS;
    for (const value of chunks[i]!) bytes += value.length;
  }
  await producer.flush();
  await probing;
  return { records, bytes };
}

async function probe(producer: Producer, latencies: number[], isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const startMs = performance.now();
    await producer.send("plain", "a record by itself");
    const ms = performance.now() - startMs;
    latencies.push(ms);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, PROBE_EVERY_MS - ms)));
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function nameOf(compression: Compression): string {
  return typeof compression === "string" ? compression : `${compression.codec}:${compression.level}`;
}

async function withoutThreads<T>(work: () => Promise<T>): Promise<T> {
  const { Worker } = globalThis;
  globalThis.Worker = undefined as unknown as typeof Worker;
  try {
    return await work();
  } finally {
    globalThis.Worker = Worker;
  }
}

/** Runs all settings in turn and prints a table of medians. */
async function compare(
  bootstrap: string,
  chunks: readonly (readonly Uint8Array[])[],
  { rounds, seconds, isProbed }: { rounds: number; seconds: number; isProbed: boolean },
): Promise<void> {
  const runs = new Map<string, Run[]>();
  for (let round = 0; round < rounds; round++) {
    for (const compression of SETTINGS) {
      const name = nameOf(compression);
      const made = await run(bootstrap, chunks, { compression, seconds, isProbed });
      runs.set(name, [...runs.get(name) ?? [], made]);
      if (!isProbed || !THREADED.includes(name)) continue;
      const alone = await withoutThreads(() => run(bootstrap, chunks, { compression, seconds, isProbed }));
      runs.set(`${name} without threads`, [...runs.get(`${name} without threads`) ?? [], alone]);
    }
  }
  console.log(isProbed ? "\n### a record of another topic meanwhile, ms to its acknowledgement\n" : "\n### rates\n");
  const head = isProbed ? "p50 | p99 | max" : "records/s | MB/s of values | values : bytes sent | CPU-s a million";
  console.log(`| compression | ${head} |`);
  console.log(`| --- |${" ---: |".repeat(head.split("|").length)}`);
  for (const [name, made] of runs) {
    const of = (figure: (run: Run) => number) => median(made.map(figure));
    const at = (share: number) => of(({ latencies }) => latencies[Math.floor((latencies.length - 1) * share)]!);
    const figures = isProbed ? [0.5, 0.99, 1].map((share) => at(share).toFixed(1)) : [
      Math.round(of(({ recordsPerSecond }) => recordsPerSecond)).toLocaleString("en"),
      of(({ megabytesPerSecond }) => megabytesPerSecond).toFixed(0),
      of(({ ratio }) => ratio).toFixed(2),
      of(({ cpuPerMillion }) => cpuPerMillion).toFixed(2),
    ];
    console.log(`| ${name} | ${figures.join(" | ")} |`);
  }
}

const flags = readFlags(Deno.args, { seconds: 3, rounds: 3, partitions: 3 }, { usage: USAGE });
await using sink = await SinkProcess.start([`--partitions=${flags.partitions}`]);
const encoder = new TextEncoder();
const chunks = Array.from({ length: CHUNK_COUNT }, (_, chunk) => {
  return Array.from({ length: CHUNK_RECORDS }, (_, i) => encoder.encode(jsonValue(chunk * CHUNK_RECORDS + i)));
});
console.log(describeMachine());
for (const isProbed of [false, true]) await compare(sink.bootstrap, chunks, { ...flags, isProbed });
