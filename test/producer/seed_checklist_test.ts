/**
 * Rows of `.github/SEED.md` that no other test is about.
 *
 * @module
 */

import { assertEquals, assertThrows } from "@std/assert";
import { Producer, type ProducerOptions } from "@ekaf/ekaf";
import { numbered, rig, texts, until } from "./rig.ts";

Deno.test("a topic that is used opens nothing for another", async () => {
  await using r = await rig({ brokers: 2, topics: { a: { partitions: [{ id: 0, replicas: [1] }] }, b: 2 } });

  await r.producer.send("a", "");

  assertEquals([r.producer.info("a").length, r.producer.info("b").length], [1, 0]);
  assertEquals(r.cluster.connectionCount(2) <= 1, true); // one may have been asked for metadata
  assertEquals(r.cluster.records("b"), []);
});

Deno.test("producers of two clusters do not meet", async () => {
  await using one = await rig({ topics: { t: 1 } });
  await using other = await rig({ topics: { t: 1 } });

  await Promise.all([one.producer.send("t", numbered("one", 5)), other.producer.send("t", numbered("other", 5))]);
  await one.cluster.stop();
  await other.producer.send("t", "last");

  assertEquals(texts(one.cluster.records("t")), numbered("one", 5));
  assertEquals(texts(other.cluster.records("t")), [...numbered("other", 5), "last"]);
});

Deno.test("enqueue() of a hundred keyed records to a new topic delivers a hundred", async () => {
  await using r = await rig();

  const { partitions } = await r.producer.enqueue("t", numbered("k", 100).map((key) => ({ key, value: key })));
  await r.producer.flush();

  assertEquals(partitions.includes(null), false);
  assertEquals(texts(r.cluster.records("t")).toSorted(), numbered("k", 100).toSorted());
});

Deno.test("acks, requestTimeoutMs and clientId stand in the requests", async () => {
  const seen: unknown[] = [];
  for (const acks of ["all", 1, 0] as const) {
    await using r = await rig({ topics: { t: 1 } }, { acks, requestTimeoutMs: 12_000, clientId: "desk-1" });
    using _ = r.cluster.intercept("Produce", (request, next) => {
      const { acks, timeoutMs } = request.body;
      seen.push([acks, timeoutMs, request.clientId]);
      return next(request);
    });

    await r.producer.send("t", "");
    await until(() => r.cluster.records("t").length > 0);
  }

  assertEquals(seen, [[-1, 7_000, "desk-1"], [1, 7_000, "desk-1"], [0, 7_000, "desk-1"]]);
});

Deno.test("a downtime keeps 100,000 records where the budget has room", async () => {
  await using r = await rig({ topics: { t: 1 } });
  await r.producer.send("t", "first");
  await r.cluster.stop();

  for (let i = 0; i < 100; i++) await r.producer.enqueue("t", numbered(`${i} `, 1_000));
  const { bufferedRecords } = r.producer.info("t")[0]!;
  await r.cluster.start();
  await r.producer.flush();

  assertEquals(bufferedRecords, 100_000);
  assertEquals(r.cluster.records("t").length, 100_001);
});

Deno.test("codes and offsets are those of partitions 0, 3, 255, 256 and 300", async () => {
  const ids = [0, 3, 255, 256, 300];
  await using r = await rig({ topics: { t: { partitions: ids } } }, { retryBackoffMs: { initial: 1, max: 5 } });
  await r.producer.send("t", ids.flatMap((partition, i) => new Array(i + 1).fill({ value: "", partition })));
  r.cluster.failNext("Produce", "INVALID_RECORD", 1, { topic: "t", partition: 256 });

  const outcomes = await r.producer.send("t", ids.map((partition) => ({ value: "", partition })))
    .catch((error) => error.outcomes);

  assertEquals(
    outcomes.map((each: { error?: Error; offset: bigint; partition: number }) =>
      each.error === undefined ? [each.partition, each.offset] : each.error.name
    ),
    [[0, 1n], [3, 2n], [255, 3n], "DeliveryError", [300, 5n]],
  );
});

Deno.test("correlation ids are used once on a connection", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const seen: number[] = [];
  using _ = r.cluster.intercept("Produce", (request, next) => {
    seen.push(request.correlationId);
    return next(request);
  });

  for (let i = 0; i < 1_000; i++) await r.producer.send("t", "");

  assertEquals(seen.length, 1_000);
  assertEquals(new Set(seen).size, 1_000);
});

for (const name of ["tls", "sasl"]) {
  Deno.test(`${name} is refused as long as there is none`, () => {
    const options = { bootstrap: "a", [name]: {} } as ProducerOptions;

    assertThrows(() => new Producer(options), TypeError, name);
  });
}

Deno.test("new Producer() without bootstrap is refused by name", () => {
  assertThrows(() => new Producer({} as ProducerOptions), TypeError, `"bootstrap" is missing`);
  assertThrows(() => new Producer({ bootstrap: undefined } as unknown as ProducerOptions), TypeError, `"bootstrap"`);
  assertThrows(() => new Producer(undefined as unknown as ProducerOptions), TypeError, "options");
});
