import { assert, assertEquals, assertRejects } from "@std/assert";
import { BufferFullError, Producer, type ProducerOptions, refuse } from "@ekaf/ekaf";
import { holdProduce, numbered, rig, texts } from "./rig.ts";
import { scriptedBroker } from "../scripted_broker.ts";

Deno.test("enqueue() resolves with the partition and what waits there", async () => {
  await using r = await rig();
  const release = holdProduce(r.cluster);

  const first = await r.producer.enqueue("t", { value: "a", partition: 2 });
  const second = await r.producer.enqueue("t", { value: "b", partition: 2 });
  release();

  assertEquals([first, second], [{ partition: 2, buffered: 1 }, { partition: 2, buffered: 2 }]);
});

Deno.test("enqueue() of an array resolves with the partitions in input order", async () => {
  await using r = await rig();
  const release = holdProduce(r.cluster);
  const inputs = [2, 0, 1, 0].map((partition) => ({ value: "", partition }));

  const early = await r.producer.enqueue("t", inputs);
  const late = await r.producer.enqueue("t", inputs.slice(0, 1));
  release();

  assertEquals(early, { partitions: [2, 0, 1, 0], buffered: 4 });
  assertEquals(late, { partitions: [2], buffered: 2 });
});

Deno.test("enqueue() of an empty array resolves at once", async () => {
  await using r = await rig();

  assertEquals(await r.producer.enqueue("t", []), { partitions: [], buffered: 0 });

  assertEquals(r.cluster.requests(), 0);
});

Deno.test("enqueue() delivers in the background and in order", async () => {
  await using r = await rig({ topics: { t: 1 } });

  for (const value of numbered("", 20)) await r.producer.enqueue("t", value);

  assertEquals(texts(await r.cluster.waitFor("t", 20)), numbered("", 20));
});

Deno.test("enqueue() resolves without a partition while no broker answers, and then at once", async () => {
  const { producer } = unreachable();

  const first = await producer.enqueue("t", "a");
  const second = await producer.enqueue("t", ["b", "c"]);

  assertEquals(first, { partition: null, buffered: 1 });
  assertEquals(second, { partitions: [null, null], buffered: 3 });
  assertEquals((await producer.abort()).length, 3);
});

Deno.test("enqueue() that waits for the first answer ends when the producer is aborted", async () => {
  const { producer } = unreachable(() => new Promise(() => {}));

  const waiting = producer.enqueue("t", "a");
  await producer.abort();

  assertEquals(await waiting, { partition: null, buffered: 0 });
});

Deno.test("enqueue() tells a later failure as one event a batch", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const events: CustomEvent[] = [];
  r.producer.addEventListener("deliveryfailed", (event) => events.push(event));
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");

  await r.producer.enqueue("t", numbered("", 5));
  await r.producer.flush();

  assertEquals(events.length, 1);
  const { topic, partition, count, error, failures } = events[0]!.detail;
  assertEquals([topic, partition, count, error.cause.code], ["t", 0, 5, 29]);
  assertEquals(texts(failures().map((failure: { record: { text(): string } }) => failure.record)), numbered("", 5));
});

Deno.test("enqueue() rejects a record that the partitioner refuses, and tells of those in an array", async () => {
  await using r = await rig({}, { partitioner: ({ bytes }) => bytes === 1 ? refuse("too short") : 1 });
  const counts: number[] = [];
  r.producer.addEventListener("deliveryfailed", ({ detail }) => counts.push(detail.count));

  await assertRejects(() => r.producer.enqueue("t", "a"), Error, "too short");
  await assertRejects(() => r.producer.enqueue("t", "b"), Error, "too short");
  const many = await r.producer.enqueue("t", ["aa", "b", "cc", "d"]);

  assertEquals(many.partitions, [1, null, 1, null]);
  assertEquals(counts, [1, 1]);
});

Deno.test("enqueue() rejects with BufferFullError when there is no room and overflow is reject", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  await using r = await rig({ topics: { t: 1 } }, { ...sizes, overflow: "reject" });
  const release = holdProduce(r.cluster);
  const value = "x".repeat(900);

  const results = await Promise.allSettled(Array.from({ length: 10 }, () => r.producer.enqueue("t", value)));
  release();

  const rejected = results.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  assertEquals(rejected.length, 5);
  assert(rejected.every(({ reason }) => reason instanceof BufferFullError));
});

Deno.test("enqueue() waits for room until its signal aborts, and leaves no trace of it", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  await using r = await rig({ topics: { t: 1 } }, sizes);
  const release = holdProduce(r.cluster);
  const value = "x".repeat(900);
  await Promise.all(Array.from({ length: 5 }, () => r.producer.enqueue("t", value)));
  const controller = new AbortController();

  const waiting = r.producer.enqueue("t", value, { signal: controller.signal }).catch((error) => error);
  controller.abort("enough");
  const reason = await waiting;
  const small = await r.producer.enqueue("t", "small");
  release();
  await r.producer.flush();

  assertEquals(reason, "enough");
  assertEquals(small.partition, 0);
  assertEquals(r.cluster.records("t").length, 6);
});

Deno.test("enqueue() with flush sends at once, without it waits for lingerMs", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000 });

  await r.producer.enqueue("t", "a");
  assertEquals(r.cluster.requests("Produce"), 0);
  await r.producer.enqueue("t", "b", { flush: true });

  assertEquals(texts(await r.cluster.waitFor("t", 2)), ["a", "b"]);
  assertEquals(r.cluster.requests("Produce"), 1);
});

Deno.test("enqueue() of a record that waits for partitions and names none of them rejects", async () => {
  await using r = await rig();

  await assertRejects(() => r.producer.enqueue("t", { value: "a", partition: 7 }), RangeError, "7");
});

function unreachable(dial = () => Promise.reject(new Error("connection refused"))): { producer: Producer } {
  const { accept } = { accept: () => dial() as Promise<void> };
  const options: ProducerOptions = { bootstrap: "a:1", connect: scriptedBroker({}, { accept }), logger: null };
  return { producer: new Producer({ ...options, retryBackoffMs: { initial: 1, max: 5 } }) };
}
