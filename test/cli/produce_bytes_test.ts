import { assertEquals } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { awkwardLines, fileOf, LineAudit } from "./awkward_lines.ts";
import { FakeShell } from "./fake_shell.ts";

const LINE_COUNT = 20_000;
const SHAPE = { maxBytes: 10_000, seed: 4 };
const CHUNK_BYTES = 64 * 1024;

async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function produce(cluster: EmbeddedCluster): Promise<{ code: number; shell: FakeShell }> {
  const shell = new FakeShell({ stdin: stream(fileOf(awkwardLines(LINE_COUNT, SHAPE), CHUNK_BYTES)) });
  const code = await runCommandLine(shell, ["produce", "--bootstrap", cluster.bootstrap.join(","), "--topic", "t"]);
  return { code, shell };
}

Deno.test(`ekaf produce brings ${LINE_COUNT} lines of any bytes into one partition as they are`, async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });

  const { code, shell } = await produce(cluster);

  assertEquals(code, 0, shell.stderr);
  const records = cluster.records("t");
  assertEquals(records.length, LINE_COUNT);
  let index = 0;
  for (const line of awkwardLines(LINE_COUNT, SHAPE)) assertEquals(records[index++]!.value, line);
});

Deno.test(`ekaf produce keeps the order of ${LINE_COUNT} lines in each partition while a broker restarts`, async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 3, replication: 3, topics: { t: 6 } });
  let requestsLeft = 20;
  let restarted: Promise<void> | undefined;
  using _hook = cluster.intercept("Produce", (request, next) => {
    if (--requestsLeft === 0) restarted = cluster.stop(2).then(() => cluster.start(2));
    return next(request);
  });

  const { code, shell } = await produce(cluster);
  await restarted;

  assertEquals(code, 0, shell.stderr);
  const audit = new LineAudit(awkwardLines(LINE_COUNT, SHAPE));
  audit.take(cluster.records("t"));
  assertEquals({ ...audit.found, missing: audit.missing }, {
    records: LINE_COUNT,
    foreign: 0,
    doubled: 0,
    outOfOrder: 0,
    missing: 0,
  });
});

Deno.test("LineAudit notices what is missing, foreign, doubled and out of order", () => {
  const lines = [..."abcd"].map((char) => new TextEncoder().encode(char));
  const audit = new LineAudit(lines);

  const value = (text: string, partition = 0) => ({ partition, value: new TextEncoder().encode(text) });
  audit.take([value("c"), value("a"), value("a"), value("x"), { partition: 0, value: null }]);
  audit.take([value("b", 1)]);

  assertEquals({ ...audit.found, missing: audit.missing }, {
    records: 6,
    foreign: 2,
    doubled: 1,
    outOfOrder: 1,
    missing: 1,
  });
});
