import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { awkwardLines, fileOf, LineAudit } from "../cli/awkward_lines.ts";
import { type Kafka, startKafka } from "./harness.ts";

/** About 50 MB. The whole promise is a million lines. */
const LINE_COUNT = 100_000;
const SHAPE = { maxBytes: 100_000, usualMaxBytes: 1_000, seed: 20_261_122 };
const CHUNK_BYTES = 256 * 1024;
const PARTITION_COUNT = 6;

const root = new URL("../../", import.meta.url).pathname;

/** The command line as `deno task ekaf` runs it. */
function ekaf(stdin: "null" | "piped", ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net",
      "--allow-read",
      "--allow-env=TERM",
      "src/cli/main.ts",
      ...args,
    ],
    cwd: root,
    stdin,
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** Reads the topic back with Kafka's own consumer and compares it with the lines that were sent. */
async function audit(kafka: Kafka, topic: string): Promise<Record<string, number>> {
  const audit = new LineAudit(awkwardLines(LINE_COUNT, SHAPE));
  for await (const records of kafka.read(topic)) audit.take(records);
  return { ...audit.found, missing: audit.missing };
}

const WHOLE = { records: LINE_COUNT, foreign: 0, doubled: 0, outOfOrder: 0, missing: 0 };

async function recordCount(kafka: Kafka, topic: string): Promise<number> {
  const ranges = await kafka.ranges(topic);
  return ranges.reduce((sum, { end }) => sum + Number(end), 0);
}

Deno.test(`ekaf produce brings a file of ${LINE_COUNT} lines of any bytes into Kafka as they are`, async () => {
  await using kafka = await startKafka("4.3.1");
  await kafka.createTopic("lines", PARTITION_COUNT);
  const path = await Deno.makeTempFile({ prefix: "ekaf_cli_" });
  try {
    await Deno.writeFile(path, ReadableStream.from(fileOf(awkwardLines(LINE_COUNT, SHAPE), CHUNK_BYTES)));

    const process = ekaf("null", "produce", "--bootstrap", kafka.bootstrap.join(), "--topic", "lines", path);
    const { code, stderr } = await process.output();

    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertStringIncludes(new TextDecoder().decode(stderr), "ekaf: 100,000 records acknowledged");
  } finally {
    await Deno.remove(path);
  }
  assertEquals(await audit(kafka, "lines"), WHOLE);
});

Deno.test("ekaf produce loses, doubles and reorders nothing when the broker is killed and restarted", async () => {
  await using kafka = await startKafka("4.3.1");
  await kafka.createTopic("lines", PARTITION_COUNT);
  const process = ekaf("piped", "produce", "--bootstrap", kafka.bootstrap.join(), "--topic", "lines");
  const ended = new Response(process.stderr).text().then(async (stderr) => ({ stderr, ...await process.status }));
  let restarted: Promise<void> | undefined;
  let killedAt = 0;
  let lineCount = 0;
  async function* killing(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (const line of fileOf(countedLines(), CHUNK_BYTES)) {
      yield line;
      if (restarted !== undefined || lineCount < LINE_COUNT / 3) continue;
      while ((killedAt = await recordCount(kafka, "lines")) === 0) await delay(20);
      await kafka.kill(1);
      restarted = kafka.restart(1); // not awaited: lines keep coming
    }
  }
  function* countedLines(): Generator<Uint8Array> {
    for (const line of awkwardLines(LINE_COUNT, SHAPE)) {
      lineCount++;
      yield line;
    }
  }

  await ReadableStream.from(killing()).pipeTo(process.stdin);
  const { code, stderr } = await ended;
  await restarted;

  assertEquals(code, 0, stderr);
  assertGreater(killedAt, 0);
  assertGreater(LINE_COUNT, killedAt);
  assertEquals(await audit(kafka, "lines"), WHOLE);
});
