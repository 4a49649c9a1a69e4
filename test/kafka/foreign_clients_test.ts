import { assertEquals } from "@std/assert";
import { EmbeddedCluster, type StoredRecord } from "@ekaf/ekaf/embedded";
import {
  type ForeignPromise,
  type ForeignRecord,
  type ForeignTarget,
  produceWithKafkajs,
  produceWithKcat,
  readWithKafkajs,
} from "./harness_clients.ts";
import { readWithKcat } from "./harness_text.ts";
import { type ReadRecord, Witness } from "./harness_witness.ts";

const encoder = new TextEncoder();
const RECORD_COUNT = 1_000;
const KEY_COUNT = 37;

/** Records of which each has its own value, with nulls, empty and larger ones between; all with the same headers. */
function foreignRecords(): ForeignRecord[] {
  return Array.from({ length: RECORD_COUNT }, (_, i) => ({
    key: i % 10 === 0 ? null : encoder.encode(`key-${i % KEY_COUNT}`),
    value: i === 7 ? null : encoder.encode(i % 100 === 50 ? `${i} ${"x".repeat(50_000)}` : `value ${i} ✓`),
    headers: [["client", encoder.encode("foreign")]],
  }));
}

/** What two readings must have in common. */
function contentsOf(records: (StoredRecord | ReadRecord)[]): unknown[] {
  return records.map(({ partition, offset, key, value, headers, timestamp }) => ({
    place: `${partition} ${offset}`,
    key: key?.toHex(),
    value: value?.toHex(),
    headers: headers.map(([name, bytes]) => `${name}=${bytes?.toHex()}`),
    timestamp,
  }));
}

/** Shows the first record that differs: the difference of thousands would bury it. */
function assertSame(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  const different = actual.findIndex((record, i) => JSON.stringify(record) !== JSON.stringify(expected[i]));
  if (different >= 0) assertEquals(actual[different], expected[different], `${what}: record ${different}`);
  assertEquals(actual.length, expected.length, what);
}

/** Each key's values, in the order given. */
function seriesOf(records: { key: Uint8Array | null; value: Uint8Array | null }[]): Map<string, string[]> {
  const series = new Map<string, string[]>();
  for (const { key, value } of records) {
    if (key === null) continue; // no common order
    const values = series.get(key.toHex()) ?? [];
    values.push(value?.toHex() ?? "null");
    series.set(key.toHex(), values);
  }
  return series;
}

const promises: Record<string, ForeignPromise> = {
  "acks all, idempotent": { acks: -1, idempotent: true },
  "acks all": { acks: -1, idempotent: false },
  "acks 1": { acks: 1, idempotent: false },
  "acks 0": { acks: 0, idempotent: false },
};

const producers: Record<string, typeof produceWithKcat> = { kcat: produceWithKcat, kafkajs: produceWithKafkajs };

for (const [name, produce] of Object.entries(producers)) {
  Deno.test(`EmbeddedCluster stores what ${name} produces, and foreign readers read it`, async (t) => {
    for (const [promise, options] of Object.entries(promises)) {
      await t.step(promise, async () => {
        await using cluster = await EmbeddedCluster.listen({ brokers: 3, topics: { events: 6 } });
        const target: ForeignTarget = { bootstrap: cluster.bootstrap, topic: "events" };
        const records = foreignRecords();

        await produce(target, { ...options, records });
        const stored = await cluster.waitFor("events", RECORD_COUNT);
        const byKcat = await readWithKcat(cluster.bootstrap.join(","), "events");
        const byKafkajs = await readWithKafkajs(target);

        const valuesOf = (records: { value: Uint8Array | null }[]) =>
          records.map(({ value }) => `${value?.toHex()}`).sort();
        assertSame(valuesOf(stored), valuesOf(records), "values");
        assertEquals(seriesOf(stored), seriesOf(records));
        assertEquals(stored.every(({ headers }) => headers[0]?.[0] === "client"), true);
        assertSame(contentsOf(byKcat), contentsOf(stored), "read by kcat");
        assertSame(contentsOf(byKafkajs), contentsOf(stored), "read by kafkajs");
      });
    }
  });
}

Deno.test("EmbeddedCluster answers Kafka's own consumer and producer", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { events: 4 } });
  const directory = await Deno.makeTempDir({ prefix: "ekaf_java_" }); // Java deletes it at its end.
  await using java = await Witness.start("4.3.1", { bootstrap: cluster.bootstrap.join(","), directory });
  const keys = Array.from({ length: 200 }, (_, i) => encoder.encode(`key-${i}`));

  const places = await java.produce("events", keys);
  const records = (await Array.fromAsync(java.read("events"))).flat().sort((a, b) => a.partition - b.partition);

  const stored = cluster.records("events");
  assertEquals(stored.length, 200);
  assertSame(contentsOf(records), contentsOf(stored), "read by Kafka's consumer");
  const keyAt = new Map(stored.map(({ partition, offset, key }) => [`${partition} ${offset}`, key!.toHex()]));
  assertEquals(places.map(({ partition, offset }) => keyAt.get(`${partition} ${offset}`)), keys.map((k) => k.toHex()));
});
