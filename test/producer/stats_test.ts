import { assertEquals, assertRejects } from "@std/assert";
import { Producer } from "@ekaf/ekaf";
import { heard, holdProduce, QUICK, rig, until } from "./rig.ts";

Deno.test("Producer.stats() has no topics before any is used", async () => {
  await using r = await rig({}, { bufferMaxBytes: 20_000_000 });

  assertEquals(r.producer.stats(), {
    bufferedBytes: 0,
    bufferMaxBytes: 20_000_000,
    waitingCalls: 0,
    waitedCalls: 0,
    waitedMs: 0,
    isReachable: false,
    topics: [],
  });
});

Deno.test("Producer.stats() tells what is buffered in lanes, and what became of the rest", async () => {
  await using r = await rig({ topics: { t: 2, u: 1 } });
  await r.producer.send("t", [{ value: "a", partition: 0 }, { value: "b", partition: 1 }]);
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");
  await assertRejects(() => r.producer.send("t", { value: "c", partition: 1 }));
  r.cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS");
  await r.producer.send("u", "d");
  const release = holdProduce(r.cluster);
  const held = r.producer.send("t", { value: "e", partition: 0 });
  await until(() => r.producer.info("t")[0]!.inFlightRequests === 1);

  const { bufferedBytes, topics: [t, u] } = r.producer.stats();

  assertEquals([t!.topic, t!.delivered, t!.failed, t!.retries, t!.bufferedRecords, t!.isDown], [
    "t",
    2,
    1,
    0,
    1,
    false,
  ]);
  assertEquals([u!.topic, u!.delivered, u!.failed, u!.retries, u!.bufferedRecords], ["u", 1, 0, 1, 0]);
  assertEquals(t!.lanes, r.producer.info("t"));
  assertEquals([t!.bufferedBytes, bufferedBytes], [t!.lanes[0]!.bufferedBytes, t!.lanes[0]!.bufferedBytes]);
  release();
  await held;
});

Deno.test("Producer.stats() counts records that wait for the topic's partitions", async () => {
  const producer = new Producer({ bootstrap: "127.0.0.1:1", logger: null, ...QUICK });
  const unreachable = heard(producer, "bootstrapunreachable");
  await producer.enqueue("t", ["a", "b"]);
  await until(() => unreachable.length > 0);

  const [before] = producer.stats().topics;
  await producer.abort();
  const [after] = producer.stats().topics;

  assertEquals([before!.bufferedRecords, before!.isDown, before!.lanes], [2, true, []]);
  assertEquals([after!.bufferedRecords, after!.bufferedBytes, after!.failed], [0, 0, 2]);
});
