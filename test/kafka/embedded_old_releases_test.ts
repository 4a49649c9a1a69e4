/**
 * Foreign clients get along with the embedded cluster when it acts as a release before 0.11: kcat in the dialect of each
 * release, kafkajs, and the Java clients of the time. And with a later one when they speak as if it were so old.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { EmbeddedCluster, type KafkaRelease } from "@ekaf/ekaf/embedded";
import { type ForeignRecord, produceWithKafkajs, produceWithKcat, readWithKafkajs } from "./harness_clients.ts";
import { kafkaJars, type OldKafkaVersion } from "./harness_jars.ts";
import { readWithKcat } from "./harness_text.ts";

const RECORD_COUNT = 50;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function records(): ForeignRecord[] {
  return Array.from({ length: RECORD_COUNT }, (_, i) => {
    return { key: encoder.encode(`key ${i}`), value: encoder.encode(`value ${i}`), headers: [] };
  });
}

function valuesOf(records: readonly { value: Uint8Array | null }[]): string[] {
  return records.map(({ value }) => decoder.decode(value!)).sort();
}

/** What the cluster acts as, and which release kcat takes it for; null for one that can be asked. */
const kcatCases: readonly (readonly [KafkaRelease, string | null])[] = [
  ["0.8", "0.8.0"],
  ["0.8", "0.8.2"],
  ["0.9", "0.9.0"],
  ["0.10", "0.9.0"],
  ["0.10", "0.10.0"],
  ["0.10", null],
  ["2.8", "0.8.2"],
  ["2.8", "0.9.0"],
  ["2.8", "0.10.0"],
];

for (const [versions, dialect] of kcatCases) {
  Deno.test(`EmbeddedCluster acts as ${versions} for kcat that ${dialect === null ? "asks" : `takes it for ${dialect}`}`, async () => {
    const settings = dialect === null ? [] : ["api.version.request=false", `broker.version.fallback=${dialect}`];
    for (const acks of [-1, 1, 0] as const) {
      await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { events: 3 }, versions });
      const { bootstrap } = cluster;

      const promise = { acks, idempotent: false, settings };
      await produceWithKcat({ bootstrap, topic: "events" }, { ...promise, records: records() });
      const stored = await cluster.waitFor("events", RECORD_COUNT);
      const read = await readWithKcat(bootstrap.join(","), "events", settings);

      assertEquals([valuesOf(stored), valuesOf(read)], [valuesOf(records()), valuesOf(records())], `acks ${acks}`);
      // What kcat says of a message without a timestamp depends on its version of Fetch.
      if (dialect === null) {
        assertEquals(
          read.map(({ timestamp }) => timestamp),
          stored.map(({ timestamp }) => timestamp),
        );
      }
    }
  });
}

for (const [versions, dialect] of kcatCases) {
  Deno.test(`EmbeddedCluster as ${versions} takes compressed messages of kcat${dialect === null ? "" : ` for ${dialect}`}`, async () => {
    const settings = dialect === null ? [] : ["api.version.request=false", `broker.version.fallback=${dialect}`];
    for (const codec of dialect === "0.8.0" ? ["gzip", "snappy"] : ["gzip", "snappy", "lz4"]) {
      await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 }, versions });
      const target = { bootstrap: cluster.bootstrap, topic: "events" };
      const promise = { acks: -1, idempotent: false, settings: [...settings, `compression.codec=${codec}`] } as const;

      await produceWithKcat(target, { ...promise, records: records() });
      await produceWithKcat(target, { ...promise, records: records() });
      const read = await readWithKcat(cluster.bootstrap.join(","), "events", settings);

      const twice = valuesOf([...records(), ...records()]);
      assertEquals([valuesOf(cluster.records("events")), valuesOf(read)], [twice, twice], codec);
    }
  });
}

Deno.test("EmbeddedCluster acts as 0.10 for kafkajs", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { events: 3 }, versions: "0.10" });
  const target = { bootstrap: cluster.bootstrap, topic: "events" };

  await produceWithKafkajs(target, { acks: -1, idempotent: false, records: records() });
  const stored = await cluster.waitFor("events", RECORD_COUNT);
  const read = await readWithKafkajs(target);

  assertEquals([valuesOf(stored), valuesOf(read)], [valuesOf(records()), valuesOf(records())]);
});

const javaCases: readonly (readonly [KafkaRelease, OldKafkaVersion])[] = [
  ["0.8", "0.8.2.2"],
  ["0.9", "0.8.2.2"],
  ["0.10", "0.10.2.2"],
  ["2.8", "0.10.2.2"],
];

for (const [versions, clients] of javaCases) {
  Deno.test(`EmbeddedCluster acts as ${versions} for the Java clients of ${clients}`, async () => {
    await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 }, versions });
    const place = ["--broker-list", cluster.bootstrap[0]!, "--topic", "events"];
    const lines = Array.from({ length: RECORD_COUNT }, (_, i) => `value ${i}`);

    await runTool(clients, ["kafka.tools.ConsoleProducer", ...place], lines.map((line) => `${line}\n`).join(""));
    const stored = await cluster.waitFor("events", RECORD_COUNT);
    const reading = ["--partition", "0", "--offset", "-2", "--no-wait-at-logend"];
    const output = await runTool(clients, ["kafka.tools.SimpleConsumerShell", ...place, ...reading]);

    assertEquals(stored.map((record) => record.text()), lines);
    assertEquals(output.split("\n").filter((line) => line.startsWith("value ")), lines);
  });
}

/** Runs a program of a release's own; resolves with what it printed. */
async function runTool(version: OldKafkaVersion, args: readonly string[], input = ""): Promise<string> {
  const java = new Deno.Command("java", {
    args: ["-cp", await kafkaJars(version), ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = new Blob([input]).stream().pipeTo(java.stdin).catch(() => {}); // If it has died, its code tells.
  const [{ code, stdout, stderr }] = await Promise.all([java.output(), fed]);
  if (code === 0) return decoder.decode(stdout);
  throw new Error(`Cannot run ${args[0]}: it ended with code ${code}: ${decoder.decode(stderr)}`);
}
