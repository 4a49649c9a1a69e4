/**
 * ekaf beside librdkafka, kafkajs and @platformatic/kafka: runs in turn against one sink, medians, ratios.
 *
 * `deno run -A bench/peers/run.ts`; the peers are fetched once into `.work` beside this file, which git ignores.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import {
  formatTable,
  interleave,
  medianCpuSecondsPerMillion,
  medianRate,
  openTarget,
  type Run,
} from "../comparison.ts";
import { readFlags } from "../flags.ts";
import { describeMachine } from "../machine.ts";
import { printProgress } from "../produce.ts";
import { peerContestants, peerNames } from "./peers.ts";

const USAGE = `Usage: deno run -A bench/peers/run.ts [flags]
  --peers A,B         ${peerNames.join(",")} (ekaf,librdkafka,kafkajs,platformatic)
  --rounds N          runs of each (5)
  --seconds N         how long each run produces (4)
  --warmup N          seconds of the same before the clock starts (1)
  --value-bytes N     length of a value (100)
  --partitions N      of the sink's topic (3)
  --acks LEVEL        all | 1 | 0 (all: idempotent, for every client)
  --linger-ms N       of librdkafka, and of ekaf where 0 or more (5 and "auto")
  --delay-ms N        how long the sink holds each answer back (0)
  --crc               lets the sink check checksums, which slows it
  --bootstrap H:P     a broker of your own instead of a sink
  --topic NAME        its topic (bench)`;

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    peers: "ekaf,librdkafka,kafkajs,platformatic",
    rounds: 5,
    seconds: 4,
    warmup: 1,
    "value-bytes": 100,
    partitions: 3,
    acks: "all",
    "linger-ms": -1,
    "delay-ms": 0,
    crc: false,
    bootstrap: "",
    topic: "bench",
  }, { usage: USAGE });
  const contestants = await peerContestants(flags.peers.split(","), {
    topic: flags.topic,
    seconds: flags.seconds,
    warmup: flags.warmup,
    valueBytes: flags["value-bytes"],
    acks: flags.acks,
    lingerMs: flags["linger-ms"],
  });
  const sinkFlags = [`--partitions=${flags.partitions}`, `--delay-ms=${flags["delay-ms"]}`, `--crc=${flags.crc}`];
  await using target = await openTarget(flags.bootstrap, sinkFlags);
  console.log(describeMachine());
  const runs = await interleave(contestants, target, { rounds: flags.rounds, onRun: printProgress });
  console.log(`\n### ${flags["value-bytes"]} B, ${flags.partitions} partitions, acks ${flags.acks}\n`);
  console.log(formatTable(runs));
  console.log();
  for (const [name, list] of runs) console.log(`- ${name}: ${list[0]!.result.version}`);
  printRatios(runs);
}

function printRatios(runs: ReadonlyMap<string, readonly Run[]>): void {
  const [[ours, oursRuns], ...others] = [...runs] as [[string, Run[]], ...[string, Run[]][]];
  for (const [name, list] of others) {
    const rate = medianRate(oursRuns) / medianRate(list);
    const cpu = medianCpuSecondsPerMillion(oursRuns) / medianCpuSecondsPerMillion(list);
    console.log(`- ${ours} to ${name}: ${rate.toFixed(2)} x its rate at ${cpu.toFixed(2)} x its CPU a record`);
  }
}

if (import.meta.main) await main(Deno.args);
