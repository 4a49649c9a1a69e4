import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type Kafka, type KafkaVersion, type ReadRecord, startKafka } from "./harness.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);

async function kcatProduce(kafka: Kafka, topic: string, lines: string[], ...args: string[]): Promise<void> {
  const kcat = new Deno.Command("kcat", {
    args: ["-P", "-b", kafka.bootstrap.join(","), "-t", topic, "-K", ":", "-Z", ...args],
    stdin: "piped",
    stderr: "null",
  }).spawn();
  await ReadableStream.from(lines.map((line) => encode(`${line}\n`))).pipeTo(kcat.stdin);
  assertEquals((await kcat.status).code, 0);
}

function withoutTimestamps(records: ReadRecord[]): unknown[] {
  return records.map(({ partition, offset, key, value, headers }) => ({
    partition,
    offset,
    key: decode(key),
    value: decode(value),
    headers: headers.map(([name, value]) => [name, decode(value)]),
  }));
}

for (const version of ["4.3.1", "3.9.1"] as KafkaVersion[]) {
  Deno.test(`startKafka() reads back by three foreign consumers what kcat produced into ${version}`, async () => {
    await using kafka = await startKafka(version);
    await kafka.createTopic("clicks", 3);
    await kafka.createTopic("java", 3);
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i % 7}`);
    await kcatProduce(kafka, "clicks", [...keys.map((key, i) => `${key}:value ${i}`), "tomb:"], "-H", "h=1");

    const records = await kafka.readAll("clicks");
    const byConsole = await kafka.consoleConsumer("clicks");
    const byKcat = await kafka.kcatRead("clicks");
    const byJava = await kafka.javaProduce("java", keys.map(encode));

    assertEquals(records.length, 31);
    assertEquals(new Set(records.map(({ value }) => decode(value))).size, 31);
    assertEquals(records.find(({ key }) => decode(key) === "tomb")!.value, null);
    assertEquals(records[0]!.headers, [["h", encode("1")]]);
    assert(Math.abs(records[0]!.timestamp - Date.now()) < 600_000);
    assertEquals(withoutTimestamps(byKcat), withoutTimestamps(records));
    assertEquals(
      byConsole,
      records.map(({ partition, offset, timestamp, key, value }) => (
        { partition, offset, timestamp, key: decode(key), value: decode(value) }
      )),
    );
    assertEquals(new Set(byJava.map(({ partition }, i) => `${keys[i]} ${partition}`)).size, 7);
  });
}

Deno.test("Kafka.kill() moves leaders, restart() brings the broker back with its log", async () => {
  await using kafka = await startKafka("4.3.1", { brokers: 3, minInsync: 2 });
  await kafka.createTopic("clicks", 1);
  await kcatProduce(kafka, "clicks", ["a:1"]);
  const first = (await kafka.leaderOf("clicks", 0))!;
  const { pid } = kafka.brokers[first - 1]!;

  await kafka.kill(first);
  await kcatProduce(kafka, "clicks", ["a:2"]);
  const second = await kafka.leaderOf("clicks", 0);
  await kafka.restart(first);

  assertNotEquals(second, first);
  assertNotEquals(kafka.brokers[first - 1]!.pid, pid);
  assertEquals((await kafka.readAll("clicks")).map(({ value }) => decode(value)), ["1", "2"]);
});

Deno.test("Kafka.createTopic() names Kafka's reason when it refuses", async () => {
  await using kafka = await startKafka("4.3.1");
  await kafka.createTopic("clicks", 1);

  await assertRejects(() => kafka.createTopic("clicks", 1), Error, "TopicExistsException");
});
