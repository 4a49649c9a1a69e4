/**
 * The demo itself: two streams of lines into a cluster whose brokers do not all stay.
 *
 * @module
 */

import { Producer } from "@ekaf/ekaf";
import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { LineStream } from "@ekaf/ekaf/lines";
import type { DemoText } from "./demo_lines.ts";
import type { DemoTally } from "./demo_tally.ts";
import { formatCount } from "./text_table.ts";

/** The topic of the demo. */
export const DEMO_TOPIC = "clicks";
/** The broker that is stopped after a third of the lines, and started again after two thirds. */
export const STOPPED_BROKER = 2;
/** Brokers take their time, so that requests are under way when one of them goes. */
const BROKER_DELAY_MS = 5;
/** Far below the defaults: the input does not fit the buffer, so backpressure slows the reading of it. */
const TIGHT_BOUNDS = { bufferMaxBytes: 2 * 1024 * 1024, partitionMaxBytes: 512 * 1024, batchMaxBytes: 64 * 1024 };
/** A record that takes longer is lost, and the demo has failed: it must not hang. */
const RECORD_TIMEOUT_MS = 10_000;

/** Lines to be sent, as bytes. */
export interface DemoSource {
  /** Whose lines. */
  readonly text: DemoText;
  /** How many. */
  readonly lineCount: number;
  /** Their bytes, as they come. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** What the demo works with. */
export interface DemoRunOptions {
  /** Where records go; it has the topic {@linkcode DEMO_TOPIC} and a broker {@linkcode STOPPED_BROKER}. */
  readonly cluster: EmbeddedCluster;
  /** What is sent, all at the same time. */
  readonly sources: readonly DemoSource[];
  /** Counts what becomes of it. */
  readonly tally: DemoTally;
  /** Shows a line of text. */
  readonly print: (line: string) => void;
  /** Called whenever records were acknowledged. */
  readonly onProgress?: () => void;
  /** Ends the run early. */
  readonly signal?: AbortSignal | undefined;
}

/** How a run went. */
export interface DemoRun {
  /** What was acknowledged when. */
  readonly tally: DemoTally;
  /** When the first record was read, by the clock of `performance`. */
  readonly beginMs: number;
  /** When the last was acknowledged. */
  readonly endMs: number;
  /** When the broker was stopped and when it was started again. */
  readonly outage: Outage;
}

/** When a broker was away, by the clock of `performance`; null for never. */
export interface Outage {
  /** Stopped. */
  stopMs: number | null;
  /** Started again. */
  startMs: number | null;
}

/**
 * Pipes all sources into the cluster, and stops and starts a broker meanwhile.
 *
 * @param options What to work with.
 * @returns How it went, once every record is acknowledged.
 * @throws The reason of the signal, or what ended the run.
 */
export async function runDemo(options: DemoRunOptions): Promise<DemoRun> {
  const { cluster, sources, tally, print, onProgress = () => {}, signal } = options;
  const lineCount = sources.reduce((sum, source) => sum + source.lineCount, 0);
  cluster.delay(BROKER_DELAY_MS, "Produce");
  // What it would warn of, a broker that is lost, is what is being shown.
  await using producer = new Producer({ bootstrap: cluster.bootstrap, logger: null, ...TIGHT_BOUNDS });
  tally.follow(producer, onProgress);
  const outage: Outage = { stopMs: null, startMs: null };
  const interruptions = new Interruptions(options, { outage, lineCount });

  const beginMs = performance.now();
  const failed = new AbortController();
  const stop = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);
  const pipes = sources.map(async (source) => {
    try {
      await source.body
        .pipeThrough(new LineStream())
        .pipeThrough(interruptions.stream())
        .pipeTo(writableFor(producer, source.text, stop), { signal: stop });
    } catch (error) {
      failed.abort(error); // One is not whole without the other.
      throw error;
    }
  });
  await Promise.allSettled(pipes); // What is open is closed then.
  await Promise.all(pipes);
  const endMs = performance.now();
  print(`${formatCount(lineCount)} lines acknowledged in ${((endMs - beginMs) / 1_000).toFixed(2)} s`);
  return { tally, beginMs, endMs, outage };
}

/** Each text has a handle of the topic, with an `encode` of its own; a line without a key is a record as it is. */
function writableFor(
  producer: Producer,
  { keyOf }: DemoText,
  signal: AbortSignal,
): WritableStream<Uint8Array | readonly Uint8Array[]> {
  const decoder = new TextDecoder();
  const topic = producer.topic<Uint8Array>(DEMO_TOPIC, {
    encode: (line) => {
      const key = keyOf(decoder.decode(line));
      return key === null ? line : { key, value: line };
    },
  });
  return topic.writable({ timeoutMs: RECORD_TIMEOUT_MS, signal });
}

/** Passes lines on, and stops and starts a broker on the way: what is under way to it is lost and sent again. */
class Interruptions {
  readonly #options: DemoRunOptions;
  readonly #outage: Outage;
  readonly #lineCount: number;
  /** One change after the other, whichever source brought it about; nothing is passed on meanwhile. */
  #change: Promise<void> = Promise.resolve();

  constructor(options: DemoRunOptions, { outage, lineCount }: { outage: Outage; lineCount: number }) {
    this.#options = options;
    this.#outage = outage;
    this.#lineCount = lineCount;
  }

  stream(): TransformStream<Uint8Array[], Uint8Array[]> {
    return new TransformStream({
      transform: async (lines, controller) => {
        await this.#change;
        controller.enqueue(lines);
        const { tally } = this.#options;
        tally.passed += lines.length;
        if (this.#outage.stopMs === null && tally.passed >= this.#lineCount / 3) this.#change = this.#stop();
        else if (this.#outage.startMs === null && tally.passed >= this.#lineCount * 2 / 3) this.#change = this.#start();
        await this.#change;
      },
    });
  }

  async #stop(): Promise<void> {
    this.#outage.stopMs = performance.now();
    await this.#options.cluster.stop(STOPPED_BROKER);
    this.#announce("stopped");
  }

  async #start(): Promise<void> {
    this.#outage.startMs = performance.now();
    await this.#options.cluster.start(STOPPED_BROKER);
    this.#announce("started again");
  }

  #announce(done: string): void {
    const { tally, print } = this.#options;
    print(`${formatCount(tally.passed)} lines in: broker ${STOPPED_BROKER} ${done}`);
  }
}
