/**
 * Runs clients in turn (A B C A B C ...) against one broker and tabulates medians, so that whatever drifts on the
 * machine meets all of them.
 *
 * @module
 */

import type { RunResult } from "./produce/run.ts";
import { type SinkFigures, SinkProcess } from "./sink_process.ts";

/** A client and how to start it: it prints one line of JSON, a {@linkcode RunResult}. */
export interface Contestant {
  /** Name in the table. */
  name: string;
  /** Program. */
  command: string;
  /** Its arguments, given the broker's address. */
  args(bootstrap: string): string[];
  /** Working directory, the present one by default. */
  cwd?: string;
  /** False where nothing reaches the broker: then it is not asked how much did. */
  reachesBroker?: boolean;
}

/** One run of one client. */
export interface Run {
  /** What the client said. */
  result: RunResult;
  /** What the sink counted; null with a broker of another kind, or none. */
  sink: SinkFigures | null;
}

/** Where the clients produce to. */
export interface Target {
  /** `host:port`. */
  bootstrap: string;
  /** The sink behind that address, if it is one. */
  sink: SinkProcess | null;
}

/** Starts a sink unless an address is given. */
export async function openTarget(bootstrap: string, sinkFlags: readonly string[]): Promise<Target & AsyncDisposable> {
  if (bootstrap !== "") return { bootstrap, sink: null, [Symbol.asyncDispose]: () => Promise.resolve() };
  const sink = await SinkProcess.start(sinkFlags);
  return { bootstrap: sink.bootstrap, sink, [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose]() };
}

/**
 * Lets every contestant run `rounds` times in turn.
 *
 * @param contestants Who runs, in order.
 * @param target Where to.
 * @param options How often; told of each run as it ends.
 * @returns The runs of each contestant, by name.
 * @throws {Error} If a client fails, or the sink did not count what it says it delivered.
 */
export async function interleave(
  contestants: readonly Contestant[],
  target: Target,
  options: { rounds: number; onRun?: (name: string, run: Run) => void },
): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const contestant of contestants) {
      const run = await runOnce(contestant, target);
      runs.get(contestant.name)!.push(run);
      options.onRun?.(contestant.name, run);
    }
  }
  return runs;
}

async function runOnce({ name, command, args, cwd, reachesBroker = true }: Contestant, target: Target): Promise<Run> {
  await target.sink?.reset();
  const { success, stdout } = await new Deno.Command(command, {
    args: args(target.bootstrap),
    ...cwd !== undefined && { cwd },
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot run "${name}": it failed`);
  const result: RunResult = JSON.parse(new TextDecoder().decode(stdout));
  const sink = reachesBroker ? await target.sink?.figures() ?? null : null;
  if (sink !== null) checkDelivery(name, result, sink);
  return { result, sink };
}

function checkDelivery(name: string, { records, warmupRecords }: RunResult, sink: SinkFigures): void {
  const delivered = records + warmupRecords;
  if (sink.records !== delivered) {
    throw new Error(
      `Cannot trust "${name}": it says ${delivered} records were delivered, the sink got ${sink.records}`,
    );
  }
  if (sink.sequenceFaults !== 0 || (sink.crcFaults ?? 0) !== 0) {
    throw new Error(`Cannot trust "${name}": ${sink.sequenceFaults} sequence and ${sink.crcFaults} checksum faults`);
  }
}

/** A Markdown table of the runs: medians, the range of the rates, and what the sink counted. */
export function formatTable(runs: ReadonlyMap<string, readonly Run[]>): string {
  const rows = [
    [
      "client",
      "records/s, median",
      "min - max",
      "client CPU-s a million",
      "peak RSS MB",
      "records/batch",
      "records/request",
      "sink CPU-s a million",
      "call p50 / p99 ms",
    ],
    ["---", ...Array(8).fill("--:")],
  ];
  for (const [name, list] of runs) rows.push([name, ...formatRow(list)]);
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function formatRow(runs: readonly Run[]): string[] {
  const rates = runs.map(({ result }) => result.records / result.seconds);
  const over = (pick: (run: Run) => number | undefined, digits: number) => {
    const values = runs.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? "" : median(values).toFixed(digits);
  };
  const p50 = over(({ result }) => result.latencyMs?.p50, 2);
  return [
    formatCount(median(rates)),
    `${formatCount(Math.min(...rates))} - ${formatCount(Math.max(...rates))}`,
    over(({ result }) => result.cpuSeconds / result.records * 1e6, 3),
    over(({ result }) => result.peakRssBytes / 1e6, 0),
    over(({ sink }) => sink === null ? undefined : sink.records / sink.batches, 0),
    over(({ sink }) => sink === null ? undefined : sink.records / sink.requests, 0),
    over(({ sink }) => sink === null ? undefined : sink.cpuSeconds / sink.records * 1e6, 3),
    p50 === "" ? "" : `${p50} / ${over(({ result }) => result.latencyMs?.p99, 2)}`,
  ];
}

/** Median of the records/s of some runs. */
export function medianRate(runs: readonly Run[]): number {
  return median(runs.map(({ result }) => result.records / result.seconds));
}

/** Median of the CPU-seconds a million records of some runs. */
export function medianCpuSecondsPerMillion(runs: readonly Run[]): number {
  return median(runs.map(({ result }) => result.cpuSeconds / result.records * 1e6));
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}
