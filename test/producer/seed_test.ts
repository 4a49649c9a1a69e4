/**
 * The tests of ekaf 1.5.4, under their own names, in the terms of today: its fixture (a topic `ekaf` of one partition on
 * one broker, batches that go out after 10 ms, 5 messages kept in a downtime), its calls, what it asserted.
 *
 * A `produce_sync` is a `send()`; `produce_sync_batched` an awaited `enqueue()`; `produce_async` an `enqueue()` with
 * `flush: true` that is not awaited; `produce_async_batched` an `enqueue()` that is not awaited.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Producer, ProducerOptions } from "@ekaf/ekaf";
import { resolveOptions, type TopicOptions } from "../../src/options.ts";
import { ProducerCore } from "../../src/producer/producer_core.ts";
import { heard, numbered, type Rig, rig, texts, until } from "./rig.ts";

async function fixture(options: Partial<ProducerOptions> = {}): Promise<Rig> {
  return await rig({ topics: { ekaf: 1 } }, { lingerMs: 10, downtimeMaxRecords: 5, ...options });
}

/** The types of events, as they come. */
function eventsOf(producer: Producer, ...types: ("laneup" | "lanedown" | "downtimefull")[]): string[] {
  const seen: string[] = [];
  for (const type of types) producer.addEventListener(type, () => void seen.push(type));
  return seen;
}

async function received({ cluster }: Rig, count: number): Promise<string[]> {
  return texts(await cluster.waitFor("ekaf", count));
}

Deno.test("t_reading_topic_specific_envs", () => {
  const optionOf = (topic: string, options: Partial<ProducerOptions>) => {
    const core = new ProducerCore(resolveOptions({ bootstrap: "a", logger: null, ...options }), () => {});
    return core.topic(topic).options.partitioner;
  };
  const [one, other] = [() => 1, () => 2];
  const topics: Record<string, TopicOptions> = { ekaf: { partitioner: one } };

  assertEquals([optionOf("ekaf", { partitioner: one }), optionOf("any", { partitioner: one })], [one, one]);
  assertEquals(optionOf("ekaf", { topics, partitioner: other }), one);
  assertEquals(optionOf("any", { topics, partitioner: other }), other);
  assertEquals(optionOf("any", { topics }), undefined);
  assertEquals(optionOf("ekaf", {}), undefined);
});

Deno.test("t_pick_from_new_pool", async () => {
  await using r = await fixture();
  const up = heard(r.producer, "laneup");
  assertEquals(r.producer.info("ekaf"), []);

  const { partitions } = await r.producer.prepare("ekaf");
  const picked = await r.producer.pick("ekaf", "an event");
  await r.producer.send("ekaf", { value: "an event", partition: picked.partition });

  assertEquals(partitions.length, 1);
  assertEquals(picked, { partition: 0, lane: 0 });
  assertEquals(r.producer.info("ekaf")[0]!.state, "up");
  assertEquals(up.length, 1);
});

Deno.test("t_request_metadata", async () => {
  await using r = await fixture();

  const first = await r.producer.metadata("ekaf");
  const second = await r.producer.metadata("ekaf");

  assertEquals(second, first);
  assertEquals(first.brokers.length, 1);
});

Deno.test("t_request_worker_state", async () => {
  await using r = await fixture();
  await r.producer.send("ekaf", "an event");

  const [lane] = r.producer.info("ekaf");

  assertEquals([lane!.partition, lane!.broker, lane!.state, lane!.delivered], [0, 1, "up", 1]);
});

Deno.test("t_produce_sync_to_topic", async () => {
  await using r = await fixture();

  const delivery = await r.producer.send("ekaf", "sync");

  assertEquals([delivery.topic, delivery.partition, delivery.offset, delivery.error], ["ekaf", 0, 0n, undefined]);
  assertEquals(texts(r.cluster.records("ekaf")), ["sync"]);
});

Deno.test("t_produce_sync_multi_to_topic", async () => {
  await using r = await fixture();

  const deliveries = await r.producer.send("ekaf", ["a", "b", "c"]);

  assertEquals(deliveries.map(({ partition, offset }) => [partition, offset]), [[0, 0n], [0, 1n], [0, 2n]]);
  assertEquals(texts(r.cluster.records("ekaf")), ["a", "b", "c"]);
  assertEquals(r.cluster.requests("Produce"), 1);
});

Deno.test("t_produce_sync_in_batch_to_topic", async () => {
  await using r = await fixture();
  await r.producer.prepare("ekaf");

  const result = await r.producer.enqueue("ekaf", "batched");

  assertEquals(result, { partition: 0, buffered: 1 });
  assertEquals(r.cluster.requests("Produce"), 0);
  assertEquals(await received(r, 1), ["batched"]);
});

Deno.test("t_produce_sync_multi_in_batch_to_topic", async () => {
  await using r = await fixture();
  await r.producer.prepare("ekaf");
  const events = numbered("event ", 11);

  const result = await r.producer.enqueue("ekaf", events);

  assertEquals(result, { partitions: new Array(11).fill(0), buffered: 11 });
  assertEquals(await received(r, 11), events);
});

Deno.test("t_produce_async_to_topic", async () => {
  await using r = await fixture({ lingerMs: 60_000 });

  r.producer.enqueue("ekaf", "async", { flush: true });

  assertEquals(await received(r, 1), ["async"]);
});

Deno.test("t_produce_async_multi_to_topic", async () => {
  await using r = await fixture({ lingerMs: 60_000 });

  r.producer.enqueue("ekaf", ["a", "b", "c"], { flush: true });

  assertEquals(await received(r, 3), ["a", "b", "c"]);
});

Deno.test("t_produce_async_in_batch_to_topic", async () => {
  await using r = await fixture();

  r.producer.enqueue("ekaf", "batched");

  assertEquals(await received(r, 1), ["batched"]);
});

Deno.test("t_produce_async_multi_in_batch_to_topic", async () => {
  await using r = await fixture();
  const events = numbered("event ", 11);

  for (const event of events) r.producer.enqueue("ekaf", event);

  assertEquals(await received(r, 11), events);
});

Deno.test("t_max_messages_to_save_during_kafka_downtime", async () => {
  await using r = await fixture({ overflow: "dropNewest" });
  await r.producer.send("ekaf", "before");
  const events = eventsOf(r.producer, "laneup", "lanedown", "downtimefull");

  await r.cluster.stop();
  await until(() => events.includes("lanedown"));
  r.producer.enqueue("ekaf", numbered("", 10));
  await until(() => events.includes("downtimefull"));
  await r.cluster.start();
  await r.producer.flush();

  assertEquals(events, ["lanedown", "downtimefull", "laneup"]);
  assertEquals(texts(r.cluster.records("ekaf")), ["before", "0", "1", "2", "3", "4"]);
});

Deno.test("t_restart_kafka_broker", async () => {
  await using r = await fixture();
  await r.producer.send("ekaf", "before");
  const events = eventsOf(r.producer, "laneup", "lanedown");

  await r.cluster.stop();
  await until(() => events.includes("lanedown"));
  await r.cluster.start();
  await r.producer.send("ekaf", "after");

  assertEquals(events, ["lanedown", "laneup"]);
  assertEquals(texts(r.cluster.records("ekaf")), ["before", "after"]);
});

Deno.test("t_change_kafka_config", async () => {
  await using r = await fixture({ metadataMaxAgeMs: 20, partitioner: (_record, { partitions }) => partitions.at(-1)! });
  const changed = heard(r.producer, "metadatachanged");
  await r.producer.send("ekaf", "before");

  await r.cluster.addBroker();
  await r.cluster.addBroker();
  r.cluster.addPartitions("ekaf", [1, 3]);
  const { brokers, partitions } = await r.producer.metadata("ekaf");
  await until(() => changed.some((detail) => detail.partitions === 3));
  const { partition } = await r.producer.send("ekaf", "after");

  assertEquals(brokers.length, 3);
  assertEquals(partitions.map((each) => each.partition), [0, 1, 3]);
  assertEquals(partition, 3);
});

Deno.test("t_massage_buffer_encode_messages_as_one_large_message", async () => {
  await using r = await fixture();
  const topic = r.producer.topic("ekaf");
  await topic.prepare();

  topic.configure({ transformBatch: (records) => [JSON.stringify(records.map((record) => record.text()))] });
  topic.enqueue("event 1");
  topic.enqueue("event 2");
  await topic.flush();
  topic.configure({ transformBatch: undefined });
  topic.enqueue("event 3");
  topic.enqueue("event 4");
  await topic.flush();

  assertEquals(texts(r.cluster.records("ekaf")), ['["event 1","event 2"]', "event 3", "event 4"]);
});
