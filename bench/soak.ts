/**
 * A producer for minutes or hours at a steady rate, against brokers with which something is always wrong: its memory, its
 * sockets and its timers must stay as they are.
 *
 * `deno task soak`, or `deno task soak --minutes 60`.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import "./soak/timer_count.ts";
import { delay } from "@std/async/delay";
import { TextLineStream } from "@std/streams/text-line-stream";
import { Producer } from "@ekaf/ekaf";
import { readFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { cpuSeconds } from "./process_usage.ts";
import { type ClusterFigures, SOAK_TOPIC } from "./soak/cluster_process.ts";
import { describeSamples, type Sample, takeSample } from "./soak/samples.ts";
import { textValues } from "./values.ts";

const USAGE = `Usage: deno task soak [flags]
  --minutes N          how long in all, half of it at each rate (5)
  --rate-1 N           records a second in the first half (30000)
  --rate-2 N           and in the second (50000)
  --value-bytes N      length of a value (100)`;

const TICK_MS = 10;
/** What was missed while the producer did not take records is made up for, up to so much. */
const MAX_TICK_MS = 1_000;
const SAMPLES_EACH = 300;
const CHART_COLUMNS = 60;
/** Compiling, and buffers that grow to their size, are not growth. */
const WARMUP_SHARE = 0.1;

/** What became of the records. */
interface Outcomes {
  sent: number;
  delivered: number;
  maybeDuplicate: number;
  failed: number;
}

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, { minutes: 5, "rate-1": 30_000, "rate-2": 50_000, "value-bytes": 100 }, {
    usage: USAGE,
    aliases: {},
  });
  console.log(describeMachine());
  await using cluster = await ClusterProcess.start();
  await using producer = new Producer({ bootstrap: cluster.bootstrap, requestTimeoutMs: 5_000, logger: null });
  const outcomes: Outcomes = { sent: 0, delivered: 0, maybeDuplicate: 0, failed: 0 };
  const { writable, readable } = producer.delivery(SOAK_TOPIC, { outcomes: "arrays", timeoutMs: Infinity });
  const reading = readOutcomes(readable, outcomes);
  const writer = writable.getWriter();
  const values = textValues(flags["value-bytes"]);
  let hasGrown = false;
  for (const rate of [flags["rate-1"], flags["rate-2"]]) {
    const samples = await soak({ producer, writer, values, outcomes, rate, seconds: flags.minutes * 30 });
    const { table, grown } = describeSamples(samples, CHART_COLUMNS);
    console.log(`${table}\n${grown.length === 0 ? "nothing grew" : `GREW: ${grown.join(", ")}`}`);
    hasGrown ||= grown.length > 0;
  }
  await writer.close();
  await reading;
  const { records, faults, connections } = await cluster.figures();
  console.log(`${JSON.stringify(outcomes)}, in the logs ${records}, faults ${faults}, connections ${connections}`);
  const { sent, delivered, maybeDuplicate, failed } = outcomes;
  const isExact = failed === 0 && delivered === sent && records >= delivered && records <= delivered + maybeDuplicate;
  if (!isExact) console.log("WRONG: the logs do not hold what was acknowledged");
  if (hasGrown || !isExact) Deno.exitCode = 1;
}

/** Sends at a rate for a while; resolves with samples of what the process held. */
async function soak(run: {
  producer: Producer;
  writer: WritableStreamDefaultWriter;
  values: readonly string[];
  outcomes: Outcomes;
  rate: number;
  seconds: number;
}): Promise<Sample[]> {
  const { producer, writer, values, outcomes, rate, seconds } = run;
  const samples: Sample[] = [];
  const startMs = performance.now();
  const startCpuSeconds = cpuSeconds();
  const startDelivered = outcomes.delivered;
  const warmupMs = seconds * 1000 * WARMUP_SHARE;
  const sampleMs = Math.max(250, (seconds * 1000 - warmupMs) / SAMPLES_EACH);
  let nextSampleMs = startMs + warmupMs;
  let lastMs = startMs;
  let owed = 0;
  for (let nowMs = startMs; nowMs < startMs + seconds * 1000; nowMs = performance.now()) {
    owed += Math.min(MAX_TICK_MS, nowMs - lastMs) * rate / 1000;
    lastMs = nowMs;
    const count = Math.floor(owed);
    owed -= count;
    if (count > 0) {
      await writer.write(Array.from({ length: count }, (_, i) => values[(outcomes.sent + i) % values.length]!));
    }
    outcomes.sent += count;
    if (nowMs >= nextSampleMs) {
      samples.push(takeSample(producer, SOAK_TOPIC));
      nextSampleMs += sampleMs;
    }
    await delay(TICK_MS);
  }
  const elapsed = (performance.now() - startMs) / 1000;
  const delivered = outcomes.delivered - startDelivered;
  const cpu = (cpuSeconds() - startCpuSeconds) / elapsed * 100;
  console.log(
    `\n${rate} records/s wanted, ${Math.round(delivered / elapsed)} delivered, ${elapsed.toFixed(0)} s, ` +
      `CPU ${cpu.toFixed(0)} % of one core, a sample every ${(sampleMs / 1000).toFixed(1)} s`,
  );
  return samples;
}

async function readOutcomes(
  readable: ReadableStream<readonly { error?: unknown; maybeDuplicate?: true }[]>,
  counts: Outcomes,
): Promise<void> {
  for await (const outcomes of readable) {
    for (const { error, maybeDuplicate } of outcomes) {
      if (error !== undefined) counts.failed++;
      else counts.delivered++;
      if (maybeDuplicate) counts.maybeDuplicate++;
    }
  }
}

/** The cluster's process, as its user sees it. */
class ClusterProcess implements AsyncDisposable {
  readonly bootstrap: readonly string[];
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #control: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess, lines: ReadableStreamDefaultReader<string>, bootstrap: string[]) {
    this.#child = child;
    this.#lines = lines;
    this.#control = child.stdin.getWriter();
    this.bootstrap = bootstrap;
  }

  /** Starts it; resolves when it listens. */
  static async start(): Promise<ClusterProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("./soak/cluster_process.ts", import.meta.url).href],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream()).getReader();
    const { value, done } = await lines.read();
    if (done) throw new Error("Cannot start the cluster: it ended at once");
    return new ClusterProcess(child, lines, JSON.parse(value));
  }

  async figures(): Promise<ClusterFigures> {
    await this.#control.write(new TextEncoder().encode("figures\n"));
    const { value, done } = await this.#lines.read();
    if (done) throw new Error("Cannot ask the cluster for its figures: it has ended");
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#control.close().catch(() => {}); // It has ended by itself.
    await this.#lines.cancel();
    await this.#child.status;
  }
}

if (import.meta.main) await main(Deno.args);
