import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { prometheus, type PrometheusMetrics } from "@ekaf/ekaf/metrics";
import { Counter, Registry } from "prom-client";
import { heard, holdProduce, numbered, rig, until } from "../producer/rig.ts";
import { assertExposition, samplesOf } from "./exposition.ts";

/** The value of a sample as it is scraped, undefined when there is none. */
async function value(metrics: PrometheusMetrics, sample: string): Promise<number | undefined> {
  return samplesOf(await metrics.text()).get(sample);
}

Deno.test("prometheus() counts records, bytes and batches that were sent and acknowledged", async () => {
  await using r = await rig({ topics: { t: 1 } });
  using metrics = prometheus(r.producer);
  const flushed = heard(r.producer, "flush");

  await r.producer.send("t", numbered("a", 20));
  await r.producer.send("t", "b");
  await until(() => flushed.length === 2);

  const samples = samplesOf(await metrics.text());
  const bytes = flushed.map((detail) => detail.bytes as number);
  assertEquals(samples.get('ekaf_records_sent_total{topic="t"}'), 21);
  assertEquals(samples.get('ekaf_sent_bytes_total{topic="t"}'), bytes[0]! + bytes[1]!);
  assertEquals(samples.get('ekaf_batches_sent_total{topic="t"}'), 2);
  assertEquals(samples.get('ekaf_records_delivered_total{topic="t"}'), 21);
  assertEquals(samples.get('ekaf_records_failed_total{topic="t"}'), 0);
  assertEquals(samples.get('ekaf_batch_records_bucket{le="1",topic="t"}'), 1);
  assertEquals(samples.get('ekaf_batch_records_bucket{le="100",topic="t"}'), 2);
  assertEquals(samples.get('ekaf_batch_records_sum{topic="t"}'), 21);
  assertEquals(samples.get('ekaf_batch_size_bytes_sum{topic="t"}'), bytes[0]! + bytes[1]!);
  assertEquals(samples.get('ekaf_batch_queue_seconds_count{topic="t"}'), 2);
  const queuedMs = flushed.reduce((sum, detail) => sum + (detail.queuedMs as number), 0);
  assertAlmostEquals(samples.get('ekaf_batch_queue_seconds_sum{topic="t"}')!, queuedMs / 1_000, 1e-9);
});

Deno.test("prometheus() has request durations by broker, once a batch", async () => {
  await using r = await rig({ topics: { t: 1 } });
  using metrics = prometheus(r.producer);
  const replied = heard(r.producer, "flushreplied");

  await r.producer.send("t", "a");
  await until(() => replied.length === 1);

  assertEquals(await value(metrics, 'ekaf_request_duration_seconds_count{broker="1"}'), 1);
  const sum = await value(metrics, 'ekaf_request_duration_seconds_sum{broker="1"}');
  assertEquals(sum, (replied[0]!.ms as number) / 1_000);
});

Deno.test("prometheus() counts errors by code, and the retries after them", async () => {
  await using r = await rig({ topics: { t: 1 } });
  using metrics = prometheus(r.producer);
  r.cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS", 2);
  r.cluster.failNext("Produce", "NOT_LEADER_OR_FOLLOWER");

  await r.producer.send("t", "a");
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");
  await assertRejects(() => r.producer.send("t", ["b", "c"]));

  const samples = samplesOf(await metrics.text());
  assertEquals(samples.get('ekaf_errors_total{topic="t",code="NOT_ENOUGH_REPLICAS"}'), 2);
  assertEquals(samples.get('ekaf_errors_total{topic="t",code="NOT_LEADER_OR_FOLLOWER"}'), 1);
  assertEquals(samples.get('ekaf_errors_total{topic="t",code="TOPIC_AUTHORIZATION_FAILED"}'), 1);
  assertEquals(samples.get('ekaf_retries_total{topic="t"}'), 3);
  assertEquals(samples.get('ekaf_records_delivered_total{topic="t"}'), 1);
  assertEquals(samples.get('ekaf_records_failed_total{topic="t"}'), 2);
  assertEquals(samples.get('ekaf_batch_records_count{topic="t"}'), 2); // at first sends only
  assertEquals(samples.get('ekaf_batches_sent_total{topic="t"}'), 5);
});

Deno.test("prometheus() counts connections, and those that were lost and made again", async () => {
  await using r = await rig({ topics: { t: 1 } });
  using metrics = prometheus(r.producer);
  await r.producer.send("t", "a");
  assertEquals(await value(metrics, "ekaf_reconnects_total"), 0);
  const connects = (await value(metrics, "ekaf_connects_total"))!;
  r.cluster.failNext("Produce", "close");

  await r.producer.send("t", "b");

  assertEquals(await value(metrics, "ekaf_reconnects_total"), 1);
  assert((await value(metrics, "ekaf_connects_total"))! > connects);
  assertEquals(await value(metrics, 'ekaf_errors_total{topic="t",code="ConnectionError"}'), 1);
  assertEquals(await value(metrics, "ekaf_connect_seconds_count"), await value(metrics, "ekaf_connects_total"));
});

Deno.test("prometheus() counts pauses that a broker asks for, and their length", async () => {
  await using r = await rig({ topics: { t: 1 } });
  using metrics = prometheus(r.producer);
  using _throttling = r.cluster.intercept("Produce", async (request, next) => {
    const response = await next(request);
    return { ...response, throttleTimeMs: 15 };
  });

  await r.producer.send("t", "a");

  assertEquals(await value(metrics, 'ekaf_throttles_total{broker="1"}'), 1);
  assertEquals(await value(metrics, 'ekaf_throttle_seconds_total{broker="1"}'), 0.015);
});

Deno.test("prometheus() shows what is buffered, in flight and waiting while it is", async () => {
  await using r = await rig({ topics: { t: 1 } }, {
    bufferMaxBytes: 20_000,
    partitionMaxBytes: 20_000,
    batchMaxBytes: 10_000,
  });
  using metrics = prometheus(r.producer);
  await r.producer.prepare("t");
  const release = holdProduce(r.cluster);

  const sent = ["a", "b", "c"].map((letter) => r.producer.send("t", letter.repeat(9_000))); // two have room
  await until(() => r.producer.info("t")[0]?.inFlightRequests === 1);

  const samples = samplesOf(await metrics.text());
  assertEquals(samples.get('ekaf_buffered_records{topic="t"}'), 2);
  assertEquals(samples.get('ekaf_buffered_bytes{topic="t"}'), r.producer.info("t")[0]!.bufferedBytes);
  assertEquals(samples.get("ekaf_buffer_used_bytes"), r.producer.info("t")[0]!.bufferedBytes);
  assertEquals(samples.get("ekaf_buffer_max_bytes"), 20_000);
  assertEquals(samples.get('ekaf_in_flight_batches{topic="t"}'), 1);
  assertEquals(samples.get("ekaf_waiting_calls"), 1);
  assertEquals(samples.get('ekaf_lanes{topic="t",state="up"}'), 1);
  release();
  await Promise.all(sent);
  assertEquals(await value(metrics, 'ekaf_buffered_records{topic="t"}'), 0);
  assertEquals(await value(metrics, "ekaf_waiting_calls"), 0);
});

Deno.test("prometheus() shows a downtime while it lasts and counts it when it is over", async () => {
  await using r = await rig({ topics: { t: 1 } });
  using metrics = prometheus(r.producer);
  await r.producer.send("t", "a");
  const still = heard(r.producer, "lanestilldown");
  await r.cluster.stop(1);

  await r.producer.enqueue("t", ["b", "c"]);
  await until(() => still.length > 0);
  const during = samplesOf(await metrics.text());
  await r.cluster.start(1);
  await r.producer.flush();

  assertEquals(during.get('ekaf_topics_down{topic="t"}'), 1);
  assertEquals(during.get('ekaf_buffered_records{topic="t"}'), 2);
  assertEquals(during.get('ekaf_lanes{topic="t",state="down"}'), 1);
  assertEquals(await value(metrics, 'ekaf_topics_down{topic="t"}'), 0);
  assertEquals(await value(metrics, 'ekaf_downtimes_total{topic="t"}'), 1);
  assert((await value(metrics, 'ekaf_down_seconds_total{topic="t"}'))! > 0);
});

Deno.test("prometheus() gives topics beyond maxTopics one label together", async () => {
  const names = numbered("t", 4);
  await using r = await rig({ topics: Object.fromEntries(names.map((name) => [name, 1])) });
  using metrics = prometheus(r.producer, { maxTopics: 2 });

  for (const name of names) await r.producer.send(name, "a");

  const samples = samplesOf(await metrics.text());
  const values = ["t0", "t1", "other", "t2"].map((topic) => samples.get(`ekaf_records_sent_total{topic="${topic}"}`));
  assertEquals(values, [1, 1, 2, undefined]);
  assertEquals(samples.get('ekaf_records_delivered_total{topic="other"}'), 2);
});

Deno.test("prometheus() text is well-formed, with metrics of others in the same registry", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const registry = new Registry();
  new Counter({ name: "orders_total", help: "Orders", registers: [registry] }).inc(3);
  using metrics = prometheus(r.producer, { registry, prefix: "kafka_" });
  await r.producer.send("t", "a");

  const text = await metrics.text();

  assertExposition(text);
  assertEquals(samplesOf(text).get("orders_total"), 3);
  assertEquals(samplesOf(text).get('kafka_records_sent_total{topic="t"}'), 1);
  assertEquals(metrics.contentType, "text/plain; version=0.0.4; charset=utf-8");
  assertEquals(metrics.registry, registry);
});

Deno.test("prometheus() refuses a registry that measures a producer already, and leaves it as it is", async () => {
  await using r = await rig({ topics: { t: 1 } });
  using metrics = prometheus(r.producer);

  assertThrows(() => prometheus(r.producer, { registry: metrics.registry }), TypeError, "ekaf_records_sent_total");

  await r.producer.send("t", "a");
  assertEquals(await value(metrics, 'ekaf_records_sent_total{topic="t"}'), 1);
});

Deno.test("prometheus() measures no more once it is closed, and its registry may be used again", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const metrics = prometheus(r.producer);
  await r.producer.send("t", "a");

  metrics.close();
  metrics.close();
  await r.producer.send("t", "b");

  assertEquals((await metrics.text()).trim(), "");
  using again = prometheus(r.producer, { registry: metrics.registry });
  await r.producer.send("t", "c");
  assertEquals(await value(again, 'ekaf_records_sent_total{topic="t"}'), 1);
  assertEquals(await value(again, 'ekaf_records_delivered_total{topic="t"}'), 3); // the producer's own count
});

Deno.test("prometheus() refuses options of the wrong type, out of bounds or unknown, naming them", async () => {
  await using r = await rig();
  for (
    const [options, error, text] of [
      [{ maxTopics: "1" }, TypeError, '"maxTopics"'],
      [{ maxTopics: 0 }, RangeError, '"maxTopics"'],
      [{ maxBrokers: 1.5 }, RangeError, '"maxBrokers"'],
      [{ registry: {} }, TypeError, '"registry"'],
      [{ prefix: 1 }, TypeError, '"prefix"'],
      [{ prefix: "my app_" }, RangeError, 'Cannot use "prefix" "my app_"'],
      [{ prefix: "1_" }, RangeError, '"prefix"'],
      [{ topics: 1 }, TypeError, '"topics"'],
    ] as const
  ) {
    // deno-lint-ignore no-explicit-any
    assertThrows(() => prometheus(r.producer, options as any), error, text);
  }
  for (const wrong of [null, 5, []]) {
    // deno-lint-ignore no-explicit-any
    assertThrows(() => prometheus(r.producer, wrong as any), TypeError, "options must be an object");
  }
  // deno-lint-ignore no-explicit-any
  assertThrows(() => prometheus({} as any), TypeError, "Cannot measure {}: it must be a producer");
});
