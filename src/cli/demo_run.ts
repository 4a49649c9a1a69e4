/**
 * The demo itself: lines into a cluster whose brokers do not all stay, read back and compared.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { Producer } from "@ekaf/ekaf";
import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { demoRecord, demoRecords } from "./demo_lines.ts";
import { compareRecords, type Comparison, isWhole } from "./read_back.ts";
import { formatCount, formatMegabytes, textTable } from "./text_table.ts";

/** The topic of the demo. */
export const DEMO_TOPIC = "clicks";
/** The broker that is stopped after a third of the lines, and started again after two thirds. */
export const STOPPED_BROKER = 2;
/** Brokers take their time, so that requests are under way when one of them goes. */
const BROKER_DELAY_MS = 5;
/** Far below the defaults: the file does not fit the buffer, so backpressure slows the reading of it. */
const TIGHT_BOUNDS = { bufferMaxBytes: 2 * 1024 * 1024, partitionMaxBytes: 512 * 1024, batchMaxBytes: 64 * 1024 };
/** A record that takes longer is lost, and the demo has failed: it must not hang. */
const RECORD_TIMEOUT_MS = 30_000;

/** What the demo works with. */
export interface DemoRunOptions {
  /** Where records go; it has the topic {@linkcode DEMO_TOPIC} and a broker {@linkcode STOPPED_BROKER}. */
  cluster: EmbeddedCluster;
  /** The lines of `demo_lines.ts`, as bytes. */
  source: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** How many lines that is. */
  lineCount: number;
  /** Shows a line of text. */
  print: (line: string) => void;
  /** Ends the run early. */
  signal?: AbortSignal | undefined;
}

/** What was acknowledged for one partition. */
interface PartitionTally {
  batches: number;
  bytes: number;
}

/**
 * Pipes the lines into the cluster, reads them back, compares, and prints what it found.
 *
 * @param options What to work with.
 * @returns Whether every record is there: once, unchanged and in order.
 * @throws The reason of the signal, if that ended the run.
 */
export async function runDemo(options: DemoRunOptions): Promise<boolean> {
  const { cluster, source, lineCount, print, signal } = options;
  cluster.delay(BROKER_DELAY_MS, "Produce");
  await using producer = new Producer({ bootstrap: cluster.bootstrap, ...TIGHT_BOUNDS });
  const tallies = tallyBatches(producer);
  const clicks = producer.topic<string>(DEMO_TOPIC, { encode: demoRecord });

  const startMs = performance.now();
  await source
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream())
    .pipeThrough(interruptions(options))
    .pipeTo(clicks.writable({ timeoutMs: RECORD_TIMEOUT_MS, ...(signal && { signal }) }));
  const seconds = (performance.now() - startMs) / 1_000;

  print(`${formatCount(lineCount)} lines in: all acknowledged, after ${seconds.toFixed(2)} s`);
  for (const line of ["", ...partitionTable(cluster, { producer, tallies, seconds }), ""]) print(line);
  signal?.throwIfAborted();
  const comparison = compareRecords(demoRecords(lineCount), cluster.records(DEMO_TOPIC));
  for (const line of verdictLines(comparison)) print(line);
  return isWhole(comparison);
}

/** Passes lines on, and stops and starts a broker on the way: what is under way to it is lost and sent again. */
function interruptions({ cluster, lineCount, print }: DemoRunOptions): TransformStream<string, string> {
  const stopAfter = Math.floor(lineCount / 3);
  const startAfter = Math.floor(lineCount * 2 / 3);
  let lines = 0;
  const interrupt = async (what: "stop" | "start") => {
    await cluster[what](STOPPED_BROKER);
    const done = what === "stop" ? "stopped" : "started again";
    print(`${formatCount(lines)} lines in: broker ${STOPPED_BROKER} ${done}`);
  };
  return new TransformStream({
    // A promise only where there is something to wait for: one for each line would cost as much as the line.
    transform(line, controller) {
      controller.enqueue(line);
      lines++;
      if (lines === stopAfter) return interrupt("stop");
      if (lines === startAfter) return interrupt("start");
    },
  });
}

/** Counts acknowledged batches by partition. */
function tallyBatches(producer: Producer): Map<number, PartitionTally> {
  const tallies = new Map<number, PartitionTally>();
  producer.addEventListener("flushreplied", ({ detail: { partition, bytes, error } }) => {
    if (error !== null) return;
    const tally = tallies.get(partition) ?? { batches: 0, bytes: 0 };
    tally.batches++;
    tally.bytes += bytes;
    tallies.set(partition, tally);
  });
  return tallies;
}

function partitionTable(
  cluster: EmbeddedCluster,
  { producer, tallies, seconds }: { producer: Producer; tallies: Map<number, PartitionTally>; seconds: number },
): string[] {
  const sum = { records: 0, batches: 0, bytes: 0, retries: 0 };
  const figures = ({ records, batches, bytes, retries }: typeof sum) => [
    formatCount(records),
    formatCount(batches),
    formatCount(retries),
    formatMegabytes(bytes),
    formatCount(records / seconds),
    `${formatMegabytes(bytes / seconds)}/s`,
  ];
  const rows = producer.info(DEMO_TOPIC).map(({ partition, broker, retries }) => {
    const tally = tallies.get(partition) ?? { batches: 0, bytes: 0 };
    const row = { ...tally, retries, records: cluster.records(DEMO_TOPIC, partition).length };
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += row[name];
    return [String(partition), String(broker ?? "none"), ...figures(row)];
  });
  const head = ["partition", "leader", "records", "batches", "sent again", "bytes", "records/s", "throughput"];
  return [
    ...textTable(head, [...rows, ["all", "", ...figures(sum)]]),
    "",
    `${formatCount(cluster.requests("Produce"))} Produce requests, each delayed by ${BROKER_DELAY_MS} ms. ` +
    "Client and brokers share this process: no benchmark, see bench/README.md.",
  ];
}

function verdictLines(comparison: Comparison): string[] {
  const { expected, found, missing, doubled, foreign, outOfOrder, scatteredKeys } = comparison;
  return [
    `Read back ${formatCount(found)} records of ${formatCount(expected)}: ${formatCount(missing)} missing, ` +
    `${formatCount(doubled)} doubled, ${formatCount(outOfOrder)} out of order, ${formatCount(foreign)} changed, ` +
    `${formatCount(scatteredKeys)} keys in two partitions`,
    isWhole(comparison) ? "Whole." : "NOT whole.",
  ];
}
