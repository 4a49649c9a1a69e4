import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { CLICKS, demoBytes, demoRecords, type DemoText, LOG } from "../../src/cli/demo_lines.ts";
import { partitionTable, timeChart, verdictLines } from "../../src/cli/demo_report.ts";
import { DEMO_TOPIC, type DemoRun, type DemoSource, runDemo } from "../../src/cli/demo_run.ts";
import { DemoTally } from "../../src/cli/demo_tally.ts";
import { compareRecords, isWhole } from "../../src/cli/read_back.ts";

const LINE_COUNT = 6_000;

function listen(): Promise<EmbeddedCluster> {
  return EmbeddedCluster.listen({ brokers: 3, replication: 3, topics: { [DEMO_TOPIC]: 6 } });
}

function source(text: DemoText): DemoSource {
  return { text, lineCount: LINE_COUNT, body: ReadableStream.from(demoBytes(text, LINE_COUNT)) };
}

/** The demo on a small scale, and what it printed. */
async function run(cluster: EmbeddedCluster, signal?: AbortSignal): Promise<{ run: DemoRun; text: string }> {
  const lines: string[] = [];
  const run = await runDemo({
    cluster,
    sources: [source(CLICKS), source(LOG)],
    tally: new DemoTally(50),
    print: (line) => void lines.push(line),
    signal,
  });
  return { run, text: lines.join("\n") };
}

function compare(cluster: EmbeddedCluster) {
  const expected = [...demoRecords(CLICKS, LINE_COUNT), ...demoRecords(LOG, LINE_COUNT)];
  return compareRecords(expected, cluster.records(DEMO_TOPIC));
}

Deno.test("runDemo() brings every line into the log although a broker is stopped on the way", async () => {
  await using cluster = await listen();

  const { run: { tally, outage }, text } = await run(cluster);

  const comparison = compare(cluster);
  assert(isWhole(comparison), verdictLines(comparison).join("\n"));
  assertEquals([tally.passed, tally.acknowledged, tally.buffered], [2 * LINE_COUNT, 2 * LINE_COUNT, 0]);
  assertEquals(tally.settledBytes, 2 * LINE_COUNT * 50);
  assert(outage.stopMs! < outage.startMs!);
  assertMatch(text, /broker 2 stopped\n.*broker 2 started again\n12,000 lines acknowledged in/);
});

Deno.test("runDemo() shows a broker that acknowledges what it does not keep", async () => {
  await using cluster = await listen();
  let liesLeft = 1;
  using _lie = cluster.intercept("Produce", async (request, next) => {
    if (liesLeft-- <= 0) return await next(request);
    const responses = request.body.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: 0, baseOffset: 0n })),
    }));
    return { responses };
  });

  await run(cluster);

  const comparison = compare(cluster);
  assert(!isWhole(comparison));
  assertStringIncludes(verdictLines(comparison).join("\n"), "NOT whole.");
});

Deno.test("runDemo() ends with the reason of its signal", async () => {
  await using cluster = await listen();
  const controller = new AbortController();
  using _abort = cluster.intercept("Produce", (request, next) => {
    controller.abort(new DOMException("interrupted", "AbortError"));
    return next(request);
  });

  const error = await assertRejects(() => run(cluster, controller.signal), DOMException);

  assertEquals(error.message, "interrupted");
});

Deno.test("runDemo() gives up all sources when one breaks off", async () => {
  await using cluster = await listen();
  const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({ pull: (controller) => controller.error("no network") });
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({ cancel: () => void (isCancelled = true) });
  const sources = [{ ...source(CLICKS), body: broken }, { ...source(LOG), body: endless }];

  const reason = await runDemo({ cluster, sources, tally: new DemoTally(50), print: () => {} }).catch((error) => error);

  assertEquals([reason, isCancelled], ["no network", true]);
});

Deno.test("partitionTable() and timeChart() fit the terminal, and count what the logs hold", async () => {
  await using cluster = await listen();
  const { run: demoRun } = await run(cluster);
  const found = cluster.records(DEMO_TOPIC);

  for (const maxColumns of [Infinity, 100, 79, 60, 39, 30]) {
    const report = { cluster, found, run: demoRun, maxColumns };
    const table = partitionTable(report);

    assertEquals(table.length, 2 + 6 + 1);
    assertStringIncludes(table.at(-1)!, "12,000");
    assertMatch(table[2]!, /█|▏|▉|▊|▋|▌|▍|▎/);
    assert([...table, ...timeChart(report)].every((line) => line.length <= maxColumns), table.join("\n"));
  }
});

Deno.test("timeChart() marks the time without the broker", () => {
  const run: DemoRun = {
    tally: new DemoTally(1),
    beginMs: 0,
    endMs: 600,
    outage: { stopMs: 200, startMs: 405 },
  };
  const lines = timeChart({ run, maxColumns: 6, cluster: undefined as never, found: [] });

  assertEquals(lines[2], "  ^^^");
});
