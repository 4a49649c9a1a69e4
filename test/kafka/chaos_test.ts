// deno-lint-ignore-file no-console

import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { describeReport } from "./chaos_report.ts";
import { runChaos } from "./chaos_run.ts";

const NONE = {
  ...{ missing: 0, doubled: 0, reordered: 0, scattered: 0, resurrected: 0, misplaced: 0 },
  ...{ unsettled: 0, settledTwice: 0, foreign: 0 },
};

Deno.test("Producer loses, doubles, reorders and misjudges nothing in chaos", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  console.log(`again: deno run -A test/kafka/chaos.ts --records 3000000 --kills 6 --burst-seconds 10 --seed ${seed}`);

  const report = await runChaos({
    seed,
    records: 3_000_000,
    recordsPerSecond: 40_000,
    kills: 6,
    burstSeconds: 10,
    version: "4.3.1",
    log: console.log,
  });

  const text = describeReport(report);
  console.log(text);
  assertEquals(report.faults, NONE, text);
  assertEquals(report.watched.dataLosses, 0, text);
  assertGreaterOrEqual(report.brokers.kills, 6);
  // Two producers with 32 MiB of records and their notes on them, and up to a million outcomes that nobody has read.
  assertLess(report.memory.peakMib, 384, text);
  // Buffers for the next batches, 32 MiB each.
  assertLess(report.memory.settledMib, report.memory.beforeMib + 128, text);
  for (const caller of ["delivery, alone", "delivery, mixed"]) {
    const { notPersisted, possiblyPersisted } = report.fates[caller]!;
    assertEquals({ notPersisted, possiblyPersisted }, { notPersisted: 0, possiblyPersisted: 0 }, text);
  }
});
