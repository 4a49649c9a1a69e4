/**
 * `deno task demo`: a file of NDJSON into an embedded Kafka cluster, read back and compared. Exit code 0 only if whole.
 *
 * @module
 */

// deno-lint-ignore-file no-console

import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { demoBytes } from "./demo_lines.ts";
import { DEMO_TOPIC, runDemo } from "./demo_run.ts";
import { formatCount, formatMegabytes } from "./text_table.ts";

const LINE_COUNT = 200_000;
const BROKER_COUNT = 3;
const PARTITION_COUNT = 6;
/** What shells report for a program that Ctrl-C ended: 128 and the number of the signal. */
const INTERRUPTED_EXIT_CODE = 130;

/** A file that is gone when its scope is left. */
class TemporaryFile implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<TemporaryFile> {
    // Beside the project, not where the system keeps such files: one folder is all the demo needs access to.
    return new TemporaryFile(await Deno.makeTempFile({ dir: ".", prefix: ".demo-", suffix: ".ndjson" }));
  }

  /** Writes the file anew and returns its size. */
  async write(chunks: Iterable<Uint8Array<ArrayBuffer>>, signal: AbortSignal): Promise<number> {
    const file = await Deno.open(this.path, { write: true });
    await ReadableStream.from(chunks).pipeTo(file.writable, { signal });
    return (await Deno.stat(this.path)).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}

/** Windows has no SIGTERM. */
const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** Aborted by Ctrl-C, and by whoever ends the process in an orderly way. */
class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSignal = () => this.#controller.abort(new DOMException("interrupted", "AbortError"));

  constructor() {
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#onSignal);
  }
}

async function main(signal: AbortSignal): Promise<boolean> {
  const print = (line: string) => console.log(line);
  await using file = await TemporaryFile.create();
  const bytes = await file.write(demoBytes(LINE_COUNT), signal);
  print(`${formatCount(LINE_COUNT)} lines of NDJSON, ${formatMegabytes(bytes)}, in a temporary file`);
  await using cluster = await EmbeddedCluster.listen({
    brokers: BROKER_COUNT,
    replication: BROKER_COUNT,
    topics: { [DEMO_TOPIC]: PARTITION_COUNT },
  });
  print(`embedded cluster of ${BROKER_COUNT} brokers at ${cluster.bootstrap.join(", ")}`);
  const { readable: source } = await Deno.open(file.path);
  return await runDemo({ cluster, source, lineCount: LINE_COUNT, print, signal });
}

if (import.meta.main) {
  using interruption = new Interruption();
  try {
    // The exit code alone: that the process ends by itself is part of what the demo shows.
    Deno.exitCode = await main(interruption.signal) ? 0 : 1;
  } catch (error) {
    Deno.exitCode = interruption.signal.aborted ? INTERRUPTED_EXIT_CODE : 1;
    console.error(interruption.signal.aborted ? "interrupted" : error);
  }
}
