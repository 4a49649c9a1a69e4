/**
 * The tests of ekaf that say something about a broker, against Kafka 4.3.1; all of them, against the embedded broker, are
 * in `test/producer/seed_test.ts`. One broker, one topic, one partition, one after the other, as there.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { Producer } from "@ekaf/ekaf";
import { startKafka } from "./harness.ts";

Deno.test("ekaf's own tests hold against Kafka 4.3.1", async (t) => {
  await using kafka = await startKafka("4.3.1");
  await kafka.createTopic("ekaf", 1);
  await using producer = new Producer({
    bootstrap: kafka.bootstrap,
    lingerMs: 10,
    downtimeMaxRecords: 5,
    logger: null,
  });
  const events: string[] = [];
  for (const type of ["laneup", "lanedown", "downtimefull"] as const) {
    producer.addEventListener(type, () => void events.push(type));
  }
  const expected: string[] = [];
  const texts = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix} ${i}`);
  const lasting = async (test: () => Promise<unknown>, ...values: string[]) => {
    expected.push(...values);
    await test();
  };

  await t.step("t_pick_from_new_pool", async () => {
    assertEquals(producer.info("ekaf"), []);
    await producer.prepare("ekaf");
    assertEquals(await producer.pick("ekaf"), { partition: 0, lane: 0 });
  });

  await t.step("t_request_metadata", async () => {
    const metadata = await producer.metadata("ekaf");
    assertEquals(await producer.metadata("ekaf"), metadata);
    assertEquals([metadata.brokers.length, metadata.partitions.length], [1, 1]);
  });

  await t.step("t_produce_sync_to_topic", () =>
    lasting(async () => {
      const { partition, offset } = await producer.send("ekaf", "sync");
      assertEquals([partition, offset, events], [0, 0n, ["laneup"]]);
    }, "sync"));

  await t.step("t_produce_sync_multi_to_topic", () =>
    lasting(async () => {
      const deliveries = await producer.send("ekaf", texts("sync", 3));
      assertEquals(deliveries.map(({ offset }) => offset), [1n, 2n, 3n]);
    }, ...texts("sync", 3)));

  await t.step("t_produce_sync_in_batch_to_topic", () =>
    lasting(async () => {
      assertEquals(await producer.enqueue("ekaf", "batched"), { partition: 0, buffered: 1 });
      await producer.flush();
    }, "batched"));

  await t.step("t_produce_sync_multi_in_batch_to_topic", () =>
    lasting(async () => {
      const { buffered } = await producer.enqueue("ekaf", texts("batched", 11));
      assertEquals(buffered, 11);
      await producer.flush();
    }, ...texts("batched", 11)));

  await t.step("t_produce_async_to_topic, t_produce_async_multi_to_topic", () =>
    lasting(
      async () => {
        producer.enqueue("ekaf", "async", { flush: true });
        producer.enqueue("ekaf", texts("async", 3), { flush: true });
        await producer.flush();
      },
      "async",
      ...texts("async", 3),
    ));

  await t.step("t_produce_async_in_batch_to_topic, t_produce_async_multi_in_batch_to_topic", () =>
    lasting(
      async () => {
        producer.enqueue("ekaf", "later");
        producer.enqueue("ekaf", texts("later", 11));
        await producer.flush();
      },
      "later",
      ...texts("later", 11),
    ));

  await t.step("t_request_worker_state", () => {
    const [lane] = producer.info("ekaf");
    assertEquals([lane!.state, lane!.delivered], ["up", expected.length]);
  });

  await t.step("t_restart_kafka_broker, t_max_messages_to_save_during_kafka_downtime", () =>
    lasting(
      async () => {
        const topic = producer.topic("ekaf");
        topic.configure({ overflow: "dropNewest" });
        events.length = 0;
        const lost = new Promise<void>((resolve) => topic.addEventListener("lanedown", () => resolve()));
        const back = new Promise<void>((resolve) => topic.addEventListener("laneup", () => resolve()));

        await kafka.kill(1);
        await lost;
        await topic.enqueue(texts("kept", 10));
        await kafka.restart(1);
        await back; // Until the producer has noticed, one more is too many as well.
        await topic.send("after");

        assertEquals(events, ["lanedown", "downtimefull", "laneup"]);
        assertGreater(topic.info()[0]!.delivered, 0);
      },
      ...texts("kept", 5),
      "after",
    ));

  await t.step("what Kafka's consumer reads", async () => {
    const read = await kafka.consoleConsumer("ekaf");
    assertEquals(read.map(({ value }) => value), expected);
  });
});
