import { assertEquals, assertGreater } from "@std/assert";
import { Producer, type ProducerRecord } from "@ekaf/ekaf";
import { startKafka } from "./harness.ts";

const RECORD_COUNT = 1_000_000;
const CHUNK_RECORDS = 500;
const KEY_COUNT = 97;
/** No common divisor with the two lanes that always run, so that the keys of each partition use both. */
const PARTITION_COUNT = 5;

/** Chunks of numbered records, every other one with a key. */
async function* numbered(onChunk: (recordCount: number) => void): AsyncGenerator<ProducerRecord[]> {
  for (let begin = 0; begin < RECORD_COUNT; begin += CHUNK_RECORDS) {
    onChunk(begin);
    yield Array.from({ length: CHUNK_RECORDS }, (_, i) => {
      const number = begin + i;
      const value = `${number} ${"x".repeat(90)}`;
      return number % 2 === 0 ? { key: `k${number / 2 % KEY_COUNT}`, value } : { value };
    });
  }
}

Deno.test("several lanes lose, double and reorder nothing while they grow and a broker is killed and restarted", async () => {
  await using kafka = await startKafka("4.3.1", { brokers: 3, replication: 3, minInsync: 2 });
  await kafka.createTopic("lanes", PARTITION_COUNT);
  const killed = (await kafka.leaderOf("lanes", 0))!;
  await using producer = new Producer({
    bootstrap: kafka.bootstrap,
    lanesPerPartition: { min: 2, max: 4 },
    batchMaxBytes: 16_384,
    maxInFlight: 2,
  });
  const lanes = new Set<number>();
  let downCount = 0;
  producer.addEventListener("flush", ({ detail }) => lanes.add(detail.lane));
  producer.addEventListener("lanedown", () => downCount++);
  let outage: Promise<void> | undefined;
  const chunks = numbered((recordCount) => {
    if (recordCount === 500_000) outage = kafka.kill(killed);
    if (recordCount === 800_000) outage = outage!.then(() => kafka.restart(killed));
  });

  await producer.prepare("lanes");
  await ReadableStream.from(chunks).pipeTo(producer.writable("lanes"));
  await outage;

  assertGreater(downCount, 0, "no lane noticed: the broker was killed too late to prove anything");
  assertEquals([...lanes].sort(), [0, 1, 2, 3]);
  const decoder = new TextDecoder();
  const seen = new Uint8Array(RECORD_COUNT);
  const last = new Map<string, number>();
  const audit = { records: 0, doubled: 0, overtaken: 0 };
  for await (const records of kafka.read("lanes")) {
    for (const { key, value } of records) {
      const number = parseInt(decoder.decode(value!));
      audit.records++;
      if (seen[number]!++ > 0) audit.doubled++;
      if (key === null) continue;
      const name = decoder.decode(key);
      if ((last.get(name) ?? -1) > number) audit.overtaken++;
      last.set(name, number);
    }
  }
  assertEquals(audit, { records: RECORD_COUNT, doubled: 0, overtaken: 0 });
  assertEquals([seen.indexOf(0), last.size], [-1, KEY_COUNT]);
});
