/**
 * The embedded cluster of the soak run, in a process of its own: things go wrong in it every few seconds, and what it has
 * counted it forgets, so that it can run for days.
 *
 * Its first line on stdout is a JSON array, the bootstrap addresses; after that each line on stdin is answered with one of
 * {@linkcode ClusterFigures}. It ends with its standard input.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { delay } from "@std/async/delay";
import { TextLineStream } from "@std/streams/text-line-stream";
import { EmbeddedCluster, type Fault } from "@ekaf/ekaf/embedded";

/** Topic of the soak run. */
export const SOAK_TOPIC = "soak";

/** What the cluster has counted. */
export interface ClusterFigures {
  /** Records in the logs so far, those that were deleted since too. */
  records: number;
  /** Connections open now. */
  connections: number;
  /** Faults so far. */
  faults: number;
}

const BROKER_IDS = [1, 2, 3];
const PARTITION_COUNT = 12;
const TRIM_MS = 250;
const LONGEST_PAUSE_MS = 4_000;
const LONGEST_DOWN_MS = 3_000;
const FAILURES: readonly (string | Fault)[] = [
  ...["NOT_ENOUGH_REPLICAS", "NOT_LEADER_OR_FOLLOWER", "REQUEST_TIMED_OUT", "close", "silent"] as const,
  { fault: "close", handled: true },
  { fault: "partialFrame", bytes: 7 },
  { fault: "wrongCorrelationId" },
];

const below = (limit: number) => Math.floor(Math.random() * limit);
const pick = <T>(values: readonly T[]): T => values[below(values.length)]!;

async function main(): Promise<void> {
  await using cluster = await EmbeddedCluster.listen({
    brokers: BROKER_IDS,
    topics: { [SOAK_TOPIC]: PARTITION_COUNT },
    replication: BROKER_IDS.length,
  });
  const figures: ClusterFigures = { records: 0, connections: 0, faults: 0 };
  console.log(JSON.stringify(cluster.bootstrap));
  const ending = new AbortController();
  const working = Promise.all([
    forever(ending.signal, () => TRIM_MS, () => trim(cluster, figures)),
    forever(ending.signal, () => below(LONGEST_PAUSE_MS), () => spoil(cluster, figures)),
  ]);
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const _ of lines) {
    trim(cluster, figures);
    figures.connections = cluster.connectionCount();
    console.log(JSON.stringify(figures));
  }
  ending.abort();
  await working;
}

async function forever(signal: AbortSignal, pauseMs: () => number, step: () => Promise<void> | void): Promise<void> {
  while (!signal.aborted) {
    await step();
    await delay(pauseMs(), { signal }).catch(() => {}); // The end of the run.
  }
}

/** Counts what came since the last time, and deletes it. */
function trim(cluster: EmbeddedCluster, figures: ClusterFigures): void {
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const batches = cluster.batches(SOAK_TOPIC, partition);
    const last = batches.at(-1);
    if (last === undefined) continue;
    figures.records += batches.reduce((sum, { recordCount }) => sum + recordCount, 0);
    cluster.deleteRecords(SOAK_TOPIC, partition, last.baseOffset + BigInt(last.recordCount));
  }
}

async function spoil(cluster: EmbeddedCluster, figures: ClusterFigures): Promise<void> {
  figures.faults++;
  const id = pick(BROKER_IDS);
  switch (below(3)) {
    case 0:
      await cluster.stop(id);
      await delay(below(LONGEST_DOWN_MS));
      return await cluster.start(id);
    case 1:
      for (let i = 0; i < 4; i++) cluster.moveLeader(SOAK_TOPIC, below(PARTITION_COUNT), pick(BROKER_IDS));
      return;
    default:
      cluster.failNext("Produce", pick(FAILURES), 1 + below(3), { broker: id });
  }
}

if (import.meta.main) await main();
