/**
 * `ekaf produce`: lines of files or of standard input into a topic.
 *
 * @module
 */

import { ConnectionError, Producer, type TopicMetadata } from "@ekaf/ekaf";
import { abortable } from "@std/async/abortable";
import { EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE } from "./exit_code.ts";
import { UsageError } from "./flags.ts";
import { Interruption } from "./interruption.ts";
import { parseProduceArguments, type ProduceSettings } from "./produce_arguments.ts";
import { ProduceRun } from "./produce_run.ts";
import { PRODUCE_HELP } from "./produce_help.ts";
import { ProgressBar } from "./progress_bar.ts";
import type { InputFile, Shell } from "./shell.ts";
import { formatCount } from "./text_table.ts";

/** Largest batch and so, less its framing, the largest record; what Kafka accepts by default is a little more. */
const BATCH_MAX_BYTES = 1_000_000;
/** JSON may write each byte of a record as six, as in `\u0001`. */
const JSON_LINE_FACTOR = 7;
/** How long what was read may take to be acknowledged after Ctrl-C or SIGTERM. */
const DRAIN_MS = 10_000;
/** How long a topic may be unknown: one that was just made is known to every broker by then. */
const UNKNOWN_TOPIC_TIMEOUT_MS = 5_000;
/** How long a record may take without `--wait`; what `producer.delivery()` takes by default. */
const DELIVERY_TIMEOUT_MS = 120_000;
/** Pause between two attempts to reach a broker with `--wait`. */
const RETRY_MS = 1_000;

/**
 * Runs the command.
 *
 * @param shell The process around it.
 * @param args What was written behind `produce`.
 * @returns The exit code.
 * @throws {UsageError} When the arguments make no sense.
 */
export async function produce(shell: Shell, args: readonly string[]): Promise<number> {
  const settings = parseProduceArguments(args);
  if (settings !== null) return await new ProduceCommand(shell, settings).execute();
  shell.print(PRODUCE_HELP);
  return EXIT_OK;
}

/** One call of the command. */
class ProduceCommand {
  readonly #shell: Shell;
  readonly #settings: ProduceSettings;
  readonly #producer: Producer;
  #bar: ProgressBar | null = null;
  #run: ProduceRun | null = null;
  /** Whether brokers could be reached when the producer was aborted, null while it was not. */
  #wasUnreachable: boolean | null = null;
  /** While a broker is looked for, its absence is the result and need not be warned of too. */
  #isQuiet: boolean;

  constructor(shell: Shell, settings: ProduceSettings) {
    this.#shell = shell;
    this.#settings = settings;
    this.#isQuiet = !settings.isPatient;
    const warn = (message: string) => this.#isQuiet || this.#report(message);
    this.#producer = new Producer({
      bootstrap: settings.bootstrap,
      clientId: "ekaf-cli",
      acks: settings.acks,
      protocol: settings.protocol,
      compression: settings.compression,
      batchMaxBytes: BATCH_MAX_BYTES,
      unknownTopicTimeoutMs: UNKNOWN_TOPIC_TIMEOUT_MS,
      logger: { warn, error: warn },
    });
  }

  async execute(): Promise<number> {
    using interruption = this.#watchSignals();
    try {
      const files = await this.#findFiles();
      const metadata = await this.#connect(interruption.signal);
      if (metadata === null) return EXIT_UNREACHABLE;
      this.#checkPartition(metadata);
      return await this.#send(files, interruption.signal);
    } finally {
      this.#isQuiet = true;
      await this.#producer.abort();
    }
  }

  #watchSignals(): Interruption {
    return new Interruption(this.#shell, {
      drainMs: DRAIN_MS,
      onFirst: () => {
        const buffered = this.#run?.tally.buffered ?? 0;
        if (buffered === 0) return;
        const seconds = DRAIN_MS / 1000;
        this.#report(
          `interrupted: up to ${seconds} s for ${countRecords(buffered)} on their way; again to give them up`,
        );
      },
      onTimeout: () => {
        this.#wasUnreachable = this.#areLanesDown(); // Afterwards all are.
        this.#producer.abort(
          new DOMException(`not acknowledged ${DRAIN_MS / 1000} s after the signal`, "TimeoutError"),
        );
      },
      onSecond: () => this.#stopBar(),
    });
  }

  async #findFiles(): Promise<InputFile[]> {
    const { stdin } = this.#shell;
    const files: InputFile[] = [];
    for (const path of this.#settings.paths) {
      const isStdin = path === "-";
      files.push(isStdin ? { ...stdin, open: () => Promise.resolve(stdin) } : await this.#shell.find(path));
    }
    return files;
  }

  /** Resolves with the topic's metadata, or with null when no broker can be reached. */
  async #connect(signal: AbortSignal): Promise<TopicMetadata | null> {
    while (true) {
      try {
        const metadata = await this.#producer.prepare(this.#settings.topic, { signal });
        this.#isQuiet = false;
        return metadata;
      } catch (error) {
        if (signal.aborted) return null;
        if (!(error instanceof ConnectionError)) throw error;
        if (!this.#settings.isPatient || !error.retriable) {
          this.#report(error.message);
          return null;
        }
      }
      await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { timers } = this.#shell;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = timers.set(resolve, RETRY_MS);
    await abortable(promise, signal).catch(() => {}); // The next attempt finds out.
    timers.clear(timer);
  }

  #checkPartition({ topic, partitions }: TopicMetadata): void {
    const { partition } = this.#settings;
    if (partition === undefined || partitions.some((known) => known.partition === partition)) return;
    const ids = partitions.map((known) => known.partition);
    const known = ids.length > 10 ? `${ids.length} partitions up to ${ids.at(-1)}` : `partitions ${ids.join(", ")}`;
    throw new UsageError(`Cannot use --partition ${partition}: ${JSON.stringify(topic)} has ${known}`);
  }

  async #send(files: readonly InputFile[], stop: AbortSignal): Promise<number> {
    const { settings, run } = this.#prepareRun(stop);
    const beganMs = this.#shell.timers.now();
    if (this.#shell.canRedraw && !(this.#shell.isInputTerminal && settings.paths.includes("-"))) {
      const sizes = files.map(({ sizeBytes }) => sizeBytes);
      const totalBytes = sizes.reduce((sum, size) => sum === null || size === null ? null : sum + size, 0);
      this.#bar = await ProgressBar.start(this.#shell, { tally: run.tally, totalBytes });
    }
    try {
      await run.run(files);
    } finally {
      this.#stopBar();
    }
    this.#reportFailures(run);
    this.#reportSummary(run, (this.#shell.timers.now() - beganMs) / 1000);
    if (run.isComplete) return EXIT_OK;
    return this.#isUnreachable(run) ? EXIT_UNREACHABLE : EXIT_FAILED;
  }

  #prepareRun(stop: AbortSignal): { settings: ProduceSettings; run: ProduceRun } {
    const settings = this.#settings;
    const run = new ProduceRun({
      producer: this.#producer,
      topic: settings.topic,
      format: settings.format,
      maxLineBytes: settings.isJson ? JSON_LINE_FACTOR * BATCH_MAX_BYTES : BATCH_MAX_BYTES,
      batchMaxBytes: BATCH_MAX_BYTES,
      timeoutMs: settings.isPatient ? Infinity : DELIVERY_TIMEOUT_MS,
      stop,
      timers: this.#shell.timers,
      onProgress: () => this.#bar?.tick(),
    });
    this.#run = run;
    return { settings, run };
  }

  /** What is left are records whose brokers cannot be reached, and nothing else went wrong. */
  #isUnreachable({ tally, inputError }: ProduceRun): boolean {
    if (inputError !== null || tally.acknowledged === tally.submitted) return false;
    return this.#wasUnreachable ?? this.#areLanesDown();
  }

  #areLanesDown(): boolean {
    const lanes = this.#producer.info(this.#settings.topic);
    return lanes.length > 0 && lanes.every(({ state }) => state !== "up");
  }

  #reportFailures(run: ProduceRun): void {
    const { tally, inputError, streamError, stoppedAt } = run;
    for (const { place, error } of tally.failedLines) this.#report(`${place}: ${error.message}`);
    const more = tally.failed - tally.failedLines.length;
    if (more > 0) this.#report(`and ${formatCount(more)} more`);
    if (inputError !== null) this.#report(inputError.message);
    if (tally.failed === 0 && streamError !== null) this.#report(messageOf(streamError));
    if (stoppedAt !== null) this.#report(`stopped reading at ${stoppedAt}`);
  }

  #reportSummary({ tally }: ProduceRun, seconds: number): void {
    const { acknowledged, submitted, settledBytes } = tally;
    const done = this.#settings.acks === 0 ? "sent (acks 0)" : "acknowledged";
    const time = `${seconds.toFixed(1)} s`;
    if (acknowledged < submitted) {
      return this.#report(`${formatCount(acknowledged)} of ${countRecords(submitted)} ${done} in ${time}`);
    }
    const rate = (amount: number) => amount / Math.max(seconds, 0.001);
    const rates = `${formatCount(rate(acknowledged))} records/s, ${formatBytes(rate(settledBytes))}/s`;
    this.#report(`${countRecords(acknowledged)} ${done}: ${formatBytes(settledBytes)} in ${time} (${rates})`);
  }

  #report(message: string): void {
    const text = `ekaf: ${message}\n`;
    if (this.#bar === null) this.#shell.printError(text);
    else this.#bar.printAbove(text);
  }

  #stopBar(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}

/** Bytes in the decimal units that networks and disks are sold in. */
function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function countRecords(count: number): string {
  return `${formatCount(count)} ${count === 1 ? "record" : "records"}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
