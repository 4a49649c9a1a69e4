/**
 * A gateway under a constant load for a while, looked at all the time, and all that it took read back.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import type { LongRunBroker } from "./brokers.ts";
import { isWhole, type LedgerReport, LineLedger } from "./numbered_lines.ts";
import { type GatewaySample, ObservedGateway } from "./observed_gateway.ts";
import type { LoadEnd, LoadPlan, LoadSecond } from "./soak_load.ts";

/** How long and how much. */
export interface SoakOptions extends Omit<LoadPlan, "url" | "topic"> {
  broker: LongRunBroker;
  /** Samples, spread over all of the run. */
  sampleCount: number;
}

/** A sample, and what the load did since the one before. */
export interface SoakSample extends GatewaySample {
  /** Since the beginning. */
  elapsedMs: number;
  /** Lines that the sockets took. */
  sent: number;
  lagMs: number;
  postMs: number[];
}

/** What was seen. */
export interface SoakReport {
  samples: SoakSample[];
  load: LoadEnd;
  /** Of the gateway, when all was sent. */
  exitCode: number;
  /** Lines in all. */
  lineCount: number;
  /** Time from the first line to the last answer. */
  elapsedMs: number;
  ledger: LedgerReport;
}

const TOPIC = "soak";
const PARTITION_COUNT = 6;
/** A run that takes so much longer than its schedule has not held its rate. */
const LATE_SHARE = 0.01;
const LATE_MS = 2_000;
/** Nor has one in which lines went this long after they were due, though all were made up for later. */
const MAX_LAG_MS = 5_000;

/** Runs it. */
export async function soakGateway({ broker, sampleCount, ...plan }: SoakOptions): Promise<SoakReport> {
  await broker.createTopic(TOPIC, PARTITION_COUNT);
  await using gateway = await ObservedGateway.start(broker.bootstrap);
  const load = LoadProcess.start({ ...plan, url: gateway.url, topic: TOPIC });
  const samples: SoakSample[] = [];
  const startMs = performance.now();
  const everyMs = plan.seconds * 1000 / sampleCount;
  for await (const second of load.seconds()) {
    const elapsedMs = performance.now() - startMs;
    // What comes after the end of the schedule shows connections that end.
    if (samples.length > 0 && (elapsedMs < samples.length * everyMs || elapsedMs > plan.seconds * 1000)) {
      const last = samples.at(-1)!;
      last.sent += second.sent;
      last.lagMs = Math.max(last.lagMs, second.lagMs);
      last.postMs.push(...second.postMs);
    } else samples.push({ ...await gateway.sample(), elapsedMs, ...second });
  }
  const elapsedMs = performance.now() - startMs;
  const exitCode = await gateway.end();
  const end = load.end();
  const ledger = new LineLedger(end.lineCounts, plan.lineBytes);
  for await (const records of broker.read(TOPIC)) for (const record of records) ledger.note(record);
  const lineCount = end.lineCounts.reduce((sum, count) => sum + count, 0);
  return { samples, load: end, exitCode, lineCount, elapsedMs, ledger: ledger.report() };
}

/** What is wrong with it besides what grew; nothing when it is as it should be. */
export function soakWrongs({ load, ledger, exitCode }: SoakReport): string[] {
  const refused = Object.keys(load.statuses).filter((status) => status !== "200");
  return [
    refused.length === 0 ? "" : `answers: ${JSON.stringify(load.statuses)}`,
    load.wrongs.length === 0 ? "" : `answers: ${load.wrongs.join(", ")}`,
    exitCode === 0 ? "" : `the gateway ended with code ${exitCode}`,
    isWhole(ledger) ? "" : `the topic has ${JSON.stringify(ledger)}`,
  ].filter((text) => text !== "");
}

/** How long after they were due lines were taken, at most. */
export function longestLagMs({ samples }: Pick<SoakReport, "samples">): number {
  return samples.reduce((most, { lagMs }) => Math.max(most, lagMs), 0);
}

/** Whether all was sent when it was due. */
export function isOnTime(report: Pick<SoakReport, "samples" | "elapsedMs">, seconds: number): boolean {
  return longestLagMs(report) <= MAX_LAG_MS && report.elapsedMs <= seconds * 1000 * (1 + LATE_SHARE) + LATE_MS;
}

/** The process that makes the load. */
class LoadProcess {
  readonly #child: Deno.ChildProcess;
  #end: LoadEnd | null = null;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  static start(plan: LoadPlan): LoadProcess {
    const program = new URL("soak_load.ts", import.meta.url).href;
    const args = ["run", "--quiet", "--no-check", "--allow-net=127.0.0.1", program, JSON.stringify(plan)];
    return new LoadProcess(
      new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "inherit" }).spawn(),
    );
  }

  /** What it tells each second, to its end. */
  async *seconds(): AsyncGenerator<LoadSecond> {
    const lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    for await (const line of lines) {
      const told = JSON.parse(line) as LoadSecond | LoadEnd;
      if ("lineCounts" in told) this.#end = told;
      else yield told;
    }
    await this.#child.status;
  }

  /** What it told at last. */
  end(): LoadEnd {
    if (this.#end === null) throw new Error("Cannot go on: the load ended before its time, see above");
    return this.#end;
  }
}
