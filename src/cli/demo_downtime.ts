/**
 * `deno task demo:downtime`: 20 records for a port where nobody listens, then a broker that starts there. Exit code 0
 * only if all 20 are in its log, once and in order.
 *
 * @module
 */

import { Producer, type ProducerEventMap, type ProducerEventType } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import type { Timers } from "../timers.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit_code.ts";
import { ProcessShell, type Shell } from "./shell.ts";

/** The topic of the demo. */
const TOPIC = "events";
const REQUEST_COUNT = 20;
const REQUEST_PAUSE_MS = 100;
/** What is not there that long after the broker has started is lost, and the demo has failed. */
const REPLAY_TIMEOUT_MS = 10_000;

/** What the demo works with. */
export interface DowntimeDemoOptions {
  /** Shows a line of text. */
  readonly print: (line: string) => void;
  /** Clock and timers. */
  readonly timers: Timers;
  /** Milliseconds between two requests. */
  readonly pauseMs: number;
}

/** How each event is shown. */
const SHOWN: { [K in ProducerEventType]?: (detail: ProducerEventMap[K]) => string } = {
  bootstrapunreachable: ({ addresses }) => `nobody answers at ${addresses.join(", ")}`,
  downtimesaved: ({ records, bytes }) => `${records} of ${bytes} bytes`,
  downtimefull: ({ records, policy }) => `at ${records}: ${policy}`,
  timetoconnect: ({ address, ms }) => `${address} in ${ms.toFixed(1)} ms`,
  laneup: ({ topic, partition, broker }) => `${topic} partition ${partition}: broker ${broker}`,
  timedown: ({ ms }) => `${ms.toFixed(0)} ms`,
  downtimereplayed: ({ records, bytes }) => `${records} of ${bytes} bytes`,
  flush: ({ records, bytes }) => `${records} of ${bytes} bytes`,
  flushreplied: ({ records, ms, error }) => `${records} in ${ms.toFixed(1)} ms: ${error?.message ?? "acknowledged"}`,
  deliveryfailed: ({ count, error }) => `${count}: ${error.message}`,
};

/**
 * Sends, starts the broker, reads back, and prints what happens.
 *
 * @param options What to work with.
 * @returns Whether every record is in the log: once, and in order.
 */
export async function runDowntimeDemo({ print, timers, pauseMs }: DowntimeDemoOptions): Promise<boolean> {
  await using cluster = await EmbeddedCluster.listen({ topics: { [TOPIC]: 1 } });
  await cluster.stop(1); // Its port is kept for it, and closed.
  await using producer = new Producer({
    bootstrap: cluster.bootstrap,
    logger: null, // Events tell.
    deliveryTimeoutMs: REQUEST_COUNT * pauseMs + REPLAY_TIMEOUT_MS,
  });
  for (const [type, show] of Object.entries(SHOWN) as [ProducerEventType, (detail: unknown) => string][]) {
    producer.addEventListener(type, ({ detail }) => print(`    ${type.padEnd(20)}  ${show(detail)}`));
  }
  print(`${cluster.bootstrap[0]} is closed`);
  const sent = Array.from({ length: REQUEST_COUNT }, (_, i) => `request ${i + 1}`);
  for (const value of sent) {
    print(value);
    await producer.enqueue(TOPIC, value);
    await new Promise<void>((resolve) => void timers.set(resolve, pauseMs));
  }
  print(`a broker starts at ${cluster.bootstrap[0]}`);
  await cluster.start(1);
  await producer.flush();
  const stored = cluster.records(TOPIC).map((record) => record.text());
  const isWhole = stored.length === sent.length && stored.every((text, i) => text === sent[i]);
  print(`read back: ${stored.length} of ${sent.length}, ${isWhole ? "in order" : `NOT whole: ${stored.join(", ")}`}`);
  return isWhole;
}

async function main(shell: Shell): Promise<number> {
  const print = (line: string) => shell.print(`${line}\n`);
  return await runDowntimeDemo({ print, timers: shell.timers, pauseMs: REQUEST_PAUSE_MS }) ? EXIT_OK : EXIT_FAILED;
}

if (import.meta.main) Deno.exitCode = await main(new ProcessShell());
