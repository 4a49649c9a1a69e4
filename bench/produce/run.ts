/**
 * Runs one shape for some seconds in this process and prints one JSON line, a {@linkcode RunResult}. A process a shape,
 * so that each has its own peak of memory and its own compiled code.
 *
 * `deno run -A bench/produce/run.ts --bootstrap 127.0.0.1:9092 --shape writable-arrays --seconds 3`
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { Producer, type ProducerOptions } from "@ekaf/ekaf";
import { readFlags } from "../flags.ts";
import { cpuSeconds, peakRssBytes } from "../process_usage.ts";
import { byteValues, textValues } from "../values.ts";
import { measure, measures } from "./measures.ts";
import { shapes } from "./shapes.ts";

/** What one run of a client came to: the line that this file and the peers print. */
export interface RunResult {
  /** Version of the client. */
  version: string;
  /** Records acknowledged within {@linkcode seconds}. */
  records: number;
  /** Records acknowledged before the clock started. */
  warmupRecords: number;
  /** From the first call until the last acknowledgement. */
  seconds: number;
  /** CPU time of the process in that time, all threads. */
  cpuSeconds: number;
  /** Most memory the process held at once. */
  peakRssBytes: number;
  /** How long a call took, where the shape waits for each. */
  latencyMs?: { p50: number; p99: number };
}

const USAGE = `Usage: deno run -A bench/produce/run.ts --bootstrap HOST:PORT [flags]
  --shape NAME        ${Object.keys(shapes).join(" | ")}
  --topic NAME        topic, which must exist (bench)
  --seconds N         how long to produce (3)
  --warmup N          seconds of the same before the clock starts (1)
  --values KIND       string | bytes (bytes)
  --value-bytes N     length of a value (100)
  --acks LEVEL        all | 1 | 0 (all: idempotent)
  --measure NAME      ${measures.join(" | ")} (none)
  --options JSON      further producer options, e.g. '{"lingerMs":5}'`;

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    bootstrap: "",
    shape: "writable-arrays",
    topic: "bench",
    seconds: 3,
    warmup: 1,
    values: "bytes",
    "value-bytes": 100,
    acks: "all",
    measure: "none",
    options: "{}",
  }, { usage: USAGE });
  const shape = shapes[flags.shape];
  if (shape === undefined) throw new RangeError(`Cannot run the shape "${flags.shape}": there is none\n${USAGE}`);
  await using producer = new Producer({
    bootstrap: flags.bootstrap,
    acks: flags.acks === "all" ? "all" : flags.acks === "1" ? 1 : 0,
    ...flags.acks !== "all" && { idempotent: false },
    ...JSON.parse(flags.options) as Partial<ProducerOptions>,
  });
  await using _measurement = await measure(producer, flags.measure);
  await producer.prepare(flags.topic);
  const values = flags.values === "string" ? textValues(flags["value-bytes"]) : byteValues(flags["value-bytes"]);
  const latenciesMs: number[] = [];
  const runFor = (seconds: number) => {
    const endMs = performance.now() + seconds * 1000;
    return shape({
      producer,
      topic: flags.topic,
      values,
      isOver: () => performance.now() >= endMs,
      onLatency: (ms) => latenciesMs.push(ms),
    });
  };
  const warmupRecords = await runFor(flags.warmup);
  latenciesMs.length = 0;
  const startMs = performance.now();
  const startCpuSeconds = cpuSeconds();
  const records = await runFor(flags.seconds);
  const result: RunResult = {
    version: `deno ${Deno.version.deno}`,
    records,
    warmupRecords,
    seconds: (performance.now() - startMs) / 1000,
    cpuSeconds: cpuSeconds() - startCpuSeconds,
    peakRssBytes: peakRssBytes(),
  };
  if (latenciesMs.length > 0) result.latencyMs = percentiles(latenciesMs);
  console.log(JSON.stringify(result));
}

function percentiles(latenciesMs: number[]): { p50: number; p99: number } {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { p50: at(0.5), p99: at(0.99) };
}

if (import.meta.main) await main(Deno.args);
