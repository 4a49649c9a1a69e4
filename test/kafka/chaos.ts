/**
 * The chaos run at any size: `deno run -A test/kafka/chaos.ts --records 10000000 --kills 20 --burst-seconds 60 --seed 7`.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { readFlags } from "../../bench/flags.ts";
import { describeReport } from "./chaos_report.ts";
import { runChaos } from "./chaos_run.ts";
import type { KafkaVersion } from "./harness.ts";

const USAGE = `Usage: deno run -A test/kafka/chaos.ts [flags]
  --seed N             chooses what happens (random)
  --records N          records sent at a pace (10000000)
  --rate N             that pace, records a second (40000)
  --kills N            fewest brokers killed (20)
  --burst-seconds N    then at full speed for so long (60)
  --kafka VERSION      4.3.1 | 3.9.1 (4.3.1)`;

async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, {
    seed: crypto.getRandomValues(new Uint32Array(1))[0]!,
    records: 10_000_000,
    rate: 40_000,
    kills: 20,
    "burst-seconds": 60,
    kafka: "4.3.1",
  }, { usage: USAGE });
  const startMs = performance.now();
  console.log(`seed ${flags.seed}`);
  const report = await runChaos({
    seed: flags.seed,
    records: flags.records,
    recordsPerSecond: flags.rate,
    kills: flags.kills,
    burstSeconds: flags["burst-seconds"],
    version: flags.kafka as KafkaVersion,
    log: (line) => console.log(`${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${line}`),
  });
  console.log(describeReport(report));
  if (Object.values(report.faults).some((count) => count > 0)) Deno.exitCode = 1;
}

if (import.meta.main) await main(Deno.args);
