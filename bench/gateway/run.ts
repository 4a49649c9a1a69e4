/**
 * Gateways side by side: small JSON bodies over HTTP into one real Kafka, or a sink, in turn, medians.
 *
 * `deno task bench:gateway`
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { delay } from "@std/async/delay";
import { readFlags } from "../flags.ts";
import { describeMachine } from "../machine.ts";
import { type GatewayContestant, GATEWAYS } from "./contestants.ts";
import { DESTINATIONS } from "./destination.ts";
import { load, type LoadResult } from "./load.ts";
import { Server } from "./server.ts";

const USAGE = `Usage: deno task bench:gateway [flags]
  --gateways A,B      ${Object.keys(GATEWAYS).join(",")}
                      (all of them)
  --rounds N          runs of each (3)
  --seconds N         how long each is under load (8)
  --warmup N          seconds of the same before that (2)
  --connections N     of wrk (100)
  --body-bytes N      length of a body (100)
  --into NAME         kafka, or sink: a process that only reads, so that no Kafka takes its share of the cores (kafka)
Needs wrk, java and mvn; Go builds Telegraf the first time, or TELEGRAF names its program.`;

const SETTLE_MS = 500;
/** Records whose answer wrk did not stay to read. */
const IS_CLOSE = 1;

interface Flags {
  seconds: number;
  warmup: number;
  connections: number;
  "body-bytes": number;
}

/** One run of one gateway. */
interface Run extends LoadResult {
  cpuMicrosEach: number;
  peakRssBytes: number;
  /** Records in the log for each 2xx answer, NaN where there need be none. */
  stored: number;
}

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    gateways: Object.keys(GATEWAYS).join(","),
    rounds: 3,
    seconds: 8,
    warmup: 2,
    connections: 100,
    "body-bytes": 100,
    into: "kafka",
  }, { usage: USAGE });
  const start = DESTINATIONS[flags.into];
  if (start === undefined) throw new RangeError(`Cannot write into "${flags.into}": only ${Object.keys(DESTINATIONS)}`);
  await using destination = await start();
  console.log(describeMachine());
  const runs = new Map<string, Run[]>();
  let topicNumber = 0;
  for (let round = 0; round < flags.rounds; round++) {
    for (const name of flags.gateways.split(",")) {
      const gateway = GATEWAYS[name];
      if (gateway === undefined) throw new RangeError(`Cannot run "${name}": only ${Object.keys(GATEWAYS).join(", ")}`);
      const topic = `bench-${topicNumber++}`;
      await destination.createTopic(topic);
      const place = { port: 20_000 + topicNumber, bootstrap: destination.bootstrap, topic };
      const run = await measure(gateway, { place, flags, stored: () => destination.stored(topic) });
      runs.set(name, [...runs.get(name) ?? [], run]);
      console.log(`${name}: ${Math.round(run.requestsPerSecond)}/s`);
    }
  }
  console.log(`\n### ${flags["body-bytes"]} B of JSON, ${flags.connections} connections, into ${destination.name}\n`);
  console.log(tableOf(runs));
}

async function measure(
  gateway: GatewayContestant,
  { place, flags, stored }: {
    place: { port: number; bootstrap: string; topic: string };
    flags: Flags;
    stored: () => Promise<number>;
  },
): Promise<Run> {
  const options = {
    url: `http://127.0.0.1:${place.port}${gateway.path(place.topic)}`,
    connections: flags.connections,
    body: bodyOf(flags["body-bytes"]),
    contentType: "application/json",
  };
  const server = await Server.start(await gateway.start(place), place.port);
  let answered = 0;
  let run: Run;
  {
    await using running = server;
    const warmup = await load({ ...options, seconds: flags.warmup });
    const cpuSeconds = running.cpuSeconds();
    const result = await load({ ...options, seconds: flags.seconds });
    await delay(SETTLE_MS); // What is answered before it is sent costs its share of the CPU as well.
    const cpuMicrosEach = (running.cpuSeconds() - cpuSeconds) * 1e6 / result.requests;
    answered = warmup.requests + result.requests - warmup.refused - result.refused;
    run = { ...result, cpuMicrosEach, peakRssBytes: running.peakRssBytes(), stored: NaN };
  }
  if (gateway.isFloor) return run;
  run.stored = await stored() / answered;
  if (gateway.isAcknowledged && run.stored < IS_CLOSE) throw new Error(`Cannot go on: an answered record is missing`);
  return run;
}

/** JSON of a length. */
function bodyOf(bytes: number): string {
  const start = '{"event":"click","page":"/","user":12345678901234567890,"text":"';
  return `${start}${"x".repeat(Math.max(0, bytes - start.length - 2))}"}`;
}

function tableOf(runs: ReadonlyMap<string, readonly Run[]>): string {
  const columns = ["requests/s", "p50 ms", "p99 ms", "CPU us each", "peak RSS MB", "refused", "records an answer"];
  const rows = [...runs].map(([name, list]) => {
    const cells = [
      median(list, (run) => run.requestsPerSecond).toFixed(0),
      median(list, (run) => run.p50Ms).toFixed(1),
      median(list, (run) => run.p99Ms).toFixed(1),
      median(list, (run) => run.cpuMicrosEach).toFixed(1),
      (median(list, (run) => run.peakRssBytes) / 1e6).toFixed(0),
      String(list.reduce((sum, { refused, failed }) => sum + refused + failed, 0)),
      list.some(({ stored }) => Number.isNaN(stored)) ? "" : median(list, (run) => run.stored).toFixed(4),
    ];
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  return [`| gateway | ${columns.join(" | ")} |`, `|---|${"---:|".repeat(columns.length)}`, ...rows].join("\n");
}

function median(runs: readonly Run[], of: (run: Run) => number): number {
  return runs.map(of).sort((a, b) => a - b)[Math.floor(runs.length / 2)]!;
}

if (import.meta.main) await main(Deno.args);
