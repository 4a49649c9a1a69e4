import { assertEquals, assertGreater } from "@std/assert";
import { Producer, type ProducerRecord } from "@ekaf/ekaf";
import { type Kafka, startKafka } from "./harness.ts";

const RECORD_COUNT = 1_000_000;
const CHUNK_RECORDS = 1_000;
const KEY_COUNT = 997;
const PARTITION_COUNT = 12;

/**
 * Chunks of records whose key says which series they belong to and whose value says which place they have in it.
 * `onChunk` sees how many records were asked for so far: backpressure makes that follow what is delivered.
 */
async function* series(onChunk: (recordCount: number) => Promise<void> | void): AsyncGenerator<ProducerRecord[]> {
  for (let begin = 0; begin < RECORD_COUNT; begin += CHUNK_RECORDS) {
    await onChunk(begin);
    yield Array.from({ length: CHUNK_RECORDS }, (_, i) => {
      const n = begin + i;
      return { key: `series-${n % KEY_COUNT}`, value: `${Math.floor(n / KEY_COUNT)} ${"x".repeat(90)}` };
    });
  }
}

/** Reads the topic back and counts what must not be there; keeps nothing, a million records are many. */
async function auditSeries(kafka: Kafka, topic: string) {
  const decoder = new TextDecoder();
  const next = new Map<string, number>();
  const partitionOf = new Map<string, number>();
  const audit = { records: 0, doubled: 0, skipped: 0, moved: 0 };
  for await (const records of kafka.read(topic)) {
    for (const { key, value, partition } of records) {
      const name = decoder.decode(key!);
      const place = parseInt(decoder.decode(value!));
      const expected = next.get(name) ?? 0;
      if (place < expected) audit.doubled++;
      if (place > expected) audit.skipped++;
      next.set(name, Math.max(place + 1, expected));
      if ((partitionOf.get(name) ?? partition) !== partition) audit.moved++;
      partitionOf.set(name, partition);
      audit.records++;
    }
  }
  return audit;
}

const WHOLE = { records: RECORD_COUNT, doubled: 0, skipped: 0, moved: 0 };

Deno.test("Producer loses, doubles and reorders nothing when a leader is killed while a million records flow", async () => {
  await using kafka = await startKafka("4.3.1", { brokers: 3, replication: 3, minInsync: 2 });
  await kafka.createTopic("series", PARTITION_COUNT);
  const killed = (await kafka.leaderOf("series", 0))!;
  let outage: Promise<void> | undefined;
  await using producer = new Producer({ bootstrap: kafka.bootstrap });
  let downCount = 0;
  producer.addEventListener("lanedown", () => downCount++);
  const chunks = series((recordCount) => {
    if (recordCount === 300_000) outage = kafka.kill(killed); // not awaited: records keep flowing
    if (recordCount === 800_000) outage = outage!.then(() => kafka.restart(killed));
  });

  await ReadableStream.from(chunks).pipeTo(producer.writable("series"));
  await outage;

  assertGreater(downCount, 0, "no lane noticed: the broker was killed too late to prove anything");
  assertEquals(await auditSeries(kafka, "series"), WHOLE);
});

Deno.test("Producer loses, doubles and reorders nothing when a leader freezes until another takes over", async () => {
  await using kafka = await startKafka("4.3.1", { brokers: 3, replication: 3, minInsync: 2 });
  await kafka.createTopic("series", PARTITION_COUNT);
  const frozen = (await kafka.leaderOf("series", 0))!;
  let thaw: Promise<void> | undefined;
  await using producer = new Producer({ bootstrap: kafka.bootstrap, requestTimeoutMs: 10_000 });
  const chunks = series((recordCount) => {
    if (recordCount === 300_000) {
      kafka.stop(frozen);
      thaw = kafka.leaderMoved("series", 0, frozen).then(() => kafka.cont(frozen));
    }
  });

  await ReadableStream.from(chunks).pipeTo(producer.writable("series"));
  await thaw;

  assertEquals(await auditSeries(kafka, "series"), WHOLE);
});
