/**
 * `deno task demo`: a download and a file into an embedded Kafka cluster, read back and compared. Exit code 0 only if
 * whole.
 *
 * @module
 */

import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { DemoFile, DemoServer } from "./demo_input.ts";
import { CLICKS, demoRecords, type ExpectedRecord, LOG } from "./demo_lines.ts";
import { DEMO_TOPIC, type DemoRun, type DemoRunOptions, type DemoSource, runDemo } from "./demo_run.ts";
import { partitionTable, timeChart, verdictLines } from "./demo_report.ts";
import { DemoTally } from "./demo_tally.ts";
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from "./exit_code.ts";
import { Interruption } from "./interruption.ts";
import { ProgressBar } from "./progress_bar.ts";
import { compareRecords, isWhole } from "./read_back.ts";
import { ProcessShell, type Shell } from "./shell.ts";
import { formatCount, formatMegabytes } from "./text_table.ts";

const CLICK_COUNT = 375_000;
const LOG_COUNT = 125_000;
const BROKER_COUNT = 3;
const PARTITION_COUNT = 6;
/** What is open is closed within this time after Ctrl-C, or the process ends without. */
const CLEANUP_MS = 5_000;

/** One run of the demo. */
class Demo {
  readonly #shell: Shell;
  readonly #canMixOutputs: boolean;
  readonly #maxColumns: number;
  #bar: ProgressBar | null = null;

  /**
   * Does nothing yet.
   *
   * @param shell The process around it.
   * @param isTerminal Whether standard output is one; a pipe has no width.
   */
  constructor(shell: Shell, isTerminal: boolean) {
    this.#shell = shell;
    this.#canMixOutputs = isTerminal;
    // The last column stays free: some terminals wrap as soon as it is written.
    this.#maxColumns = isTerminal ? shell.columns - 1 : Infinity;
  }

  /** Resolves with the exit code; rejects when it is interrupted. */
  async execute(signal: AbortSignal): Promise<number> {
    await using server = new DemoServer(CLICKS, CLICK_COUNT);
    await using file = await DemoFile.write(LOG, LOG_COUNT);
    await using cluster = await EmbeddedCluster.listen({
      brokers: BROKER_COUNT,
      replication: BROKER_COUNT,
      topics: { [DEMO_TOPIC]: PARTITION_COUNT },
    });
    this.#print(`Kafka: ${BROKER_COUNT} brokers, ${PARTITION_COUNT} partitions`);
    this.#print(`Download: ${formatCount(CLICK_COUNT)} lines, ${formatMegabytes(server.sizeBytes)}`);
    this.#print(`File: ${formatCount(LOG_COUNT)} lines, ${formatMegabytes(file.sizeBytes)}`);
    const totalBytes = server.sizeBytes + file.sizeBytes;

    const response = await fetch(server.url, { signal });
    const sources: DemoSource[] = [
      { text: CLICKS, lineCount: CLICK_COUNT, body: response.body! },
      { text: LOG, lineCount: LOG_COUNT, body: await file.open() },
    ];
    const run = await this.#run({ cluster, sources, totalBytes, signal });
    signal.throwIfAborted();
    return this.#report(cluster, { sources, run });
  }

  /** Takes the bar off the terminal, if there is one. */
  stopBar(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  async #run(
    { totalBytes, ...options }: Pick<DemoRunOptions, "cluster" | "sources" | "signal"> & { totalBytes: number },
  ): Promise<DemoRun> {
    const tally = new DemoTally(totalBytes / (CLICK_COUNT + LOG_COUNT));
    if (this.#shell.canRedraw) this.#bar = await ProgressBar.start(this.#shell, { tally, totalBytes });
    try {
      const print = (line: string) => this.#print(line);
      return await runDemo({ ...options, tally, print, onProgress: () => this.#bar?.tick() });
    } finally {
      this.stopBar();
    }
  }

  #report(cluster: EmbeddedCluster, { sources, run }: { sources: readonly DemoSource[]; run: DemoRun }): number {
    const found = cluster.records(DEMO_TOPIC);
    const report = { cluster, found, run, maxColumns: this.#maxColumns };
    for (const line of ["", ...partitionTable(report), "", ...timeChart(report), ""]) this.#print(line);
    const comparison = compareRecords(expectedOf(sources), found);
    for (const line of verdictLines(comparison)) this.#print(line);
    return isWhole(comparison) ? EXIT_OK : EXIT_FAILED;
  }

  #print(line: string): void {
    if (this.#bar !== null && this.#canMixOutputs) this.#bar.printAbove(`${line}\n`);
    else this.#shell.print(`${line}\n`);
  }
}

function* expectedOf(sources: readonly DemoSource[]): Generator<ExpectedRecord, void, undefined> {
  for (const { text, lineCount } of sources) yield* demoRecords(text, lineCount);
}

async function main(shell: Shell): Promise<number> {
  const demo = new Demo(shell, Deno.stdout.isTerminal());
  using interruption = new Interruption(shell, {
    drainMs: CLEANUP_MS,
    onFirst: () => {},
    onTimeout: () => shell.exit(EXIT_INTERRUPTED),
    onSecond: () => demo.stopBar(),
  });
  try {
    return await demo.execute(interruption.signal);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT_FAILED; // Nobody reads on.
    if (!interruption.signal.aborted) throw error;
    shell.printError("interrupted\n");
    return EXIT_INTERRUPTED;
  }
}

// The exit code alone: that the process ends by itself is part of what the demo shows.
if (import.meta.main) Deno.exitCode = await main(new ProcessShell());
