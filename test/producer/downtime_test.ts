import { assert, assertAlmostEquals, assertEquals, assertInstanceOf } from "@std/assert";
import { type DeliveryError, Producer, type ProducerOptions } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { heard, numbered, QUICK, texts, until } from "./rig.ts";

/** A port where nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A producer for a port where nobody listens, and what starts a broker there with `partitions` of topic `t`. */
function downed(options: Partial<ProducerOptions> = {}, partitions = 1): [Producer, () => Promise<EmbeddedCluster>] {
  const port = closedPort();
  const producer = new Producer({ bootstrap: `127.0.0.1:${port}`, logger: null, ...QUICK, ...options });
  return [producer, () => EmbeddedCluster.listen({ topics: { t: partitions }, ports: [port] })];
}

function sum(details: Record<string, unknown>[], name: "records" | "bytes"): number {
  return details.reduce((total, detail) => total + (detail[name] as number), 0);
}

Deno.test("records wait from the start, and are replayed in order, once, when a broker comes", async () => {
  const [producer, start] = downed();
  const saved = heard(producer, "downtimesaved");
  const replayed = heard(producer, "downtimereplayed");
  const down = heard(producer, "timedown");
  const order: string[] = [];
  for (const type of ["downtimesaved", "timedown", "laneup", "downtimereplayed"] as const) {
    producer.addEventListener(type, () => order.push(type));
  }
  const values = numbered("", 20);

  for (const value of values) await producer.enqueue("t", value);
  const savedBeforeStart = saved.length;
  await using cluster = await start();
  await producer.flush();
  await producer.close();

  assertEquals(texts(cluster.records("t")), values);
  assertEquals([savedBeforeStart, sum(saved, "records")], [20, 20]);
  assertEquals(replayed, [{ topic: "t", records: 20, bytes: sum(saved, "bytes") }]);
  assertEquals([down.length, down[0]!.topic], [1, "t"]);
  assertEquals(order.slice(-3), ["laneup", "timedown", "downtimereplayed"]);
});

Deno.test("a topic that is lost later keeps what it had and what comes, and replays both in order", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const producer = new Producer({ bootstrap: cluster.bootstrap, logger: null, ...QUICK });
  const saved = heard(producer, "downtimesaved");
  const replayed = heard(producer, "downtimereplayed");
  await producer.send("t", "0");
  {
    // Nothing is answered any more: what is sent stays unsettled.
    using _silence = cluster.intercept("Produce", () => "silent");
    await producer.enqueue("t", ["1", "2"]);
    await until(() => producer.info("t")[0]!.inFlightRequests > 0);
    await cluster.stop(1);
    await until(() => saved.length === 1);
  }

  await producer.enqueue("t", ["3", "4"]);
  await producer.enqueue("t", "5");
  await cluster.start(1);
  await producer.flush();
  await producer.close();

  assertEquals(texts(cluster.records("t")), ["0", "1", "2", "3", "4", "5"]);
  assertEquals(saved.map(({ records }) => records), [2, 2, 1]);
  assertEquals(replayed, [{ topic: "t", records: 5, bytes: sum(saved, "bytes") }]);
});

Deno.test("every outage is an episode of its own, and a lost connection alone, with nothing to send, is none", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const producer = new Producer({ bootstrap: cluster.bootstrap, logger: null, ...QUICK });
  const down = heard(producer, "timedown");
  const saved = heard(producer, "downtimesaved");
  await producer.send("t", "warm");

  await cluster.stop(1);
  await until(() => producer.info("t")[0]!.state !== "up");
  await cluster.start(1);
  await producer.send("t", "idle");
  const afterIdle = down.length;
  for (const value of ["first", "second"]) {
    await cluster.stop(1);
    await until(() => producer.info("t")[0]!.state !== "up");
    const episodes = saved.length;
    await producer.enqueue("t", value);
    await until(() => saved.length > episodes);
    await cluster.start(1);
    await producer.flush();
  }
  await producer.close();

  assertEquals(afterIdle, 0);
  assertEquals(down.length, 2);
  assertEquals(saved.map(({ records }) => records), [1, 1]);
});

Deno.test("timedown tells how long the outage was", async () => {
  const [producer, start] = downed();
  const down = heard(producer, "timedown");
  const beginMs = performance.now();
  await producer.enqueue("t", "a");
  for (let i = 0; i < 15; i++) await new Promise((resolve) => setTimeout(resolve, 20));

  await using _cluster = await start();
  await until(() => down.length === 1);
  const outageMs = performance.now() - beginMs;
  await producer.close();

  assertAlmostEquals(down[0]!.ms as number, outageMs, outageMs * 0.2);
});

Deno.test("each key is replayed to its own partition, in its order", async () => {
  const [producer, start] = downed({}, 6);
  const keys = numbered("key", 12);
  const values = keys.flatMap((key) => numbered(`${key}-`, 20));

  for (const value of values) await producer.enqueue("t", { key: value.split("-")[0]!, value });
  await using cluster = await start();
  await producer.close();

  const again = new Producer({ bootstrap: cluster.bootstrap });
  for (const key of keys) {
    const { partition } = await again.pick("t", { key, value: "" });
    const stored = texts(cluster.records("t", partition)).filter((text) => text.startsWith(`${key}-`));
    assertEquals(stored, numbered(`${key}-`, 20));
  }
  await again.close();
  assertEquals(cluster.records("t").length, values.length);
});

Deno.test("a replay goes out in requests within the bounds", async () => {
  const requestMaxBytes = 64 * 1024;
  const [producer, start] = downed({ requestMaxBytes, batchMaxBytes: 16 * 1024 }, 3);
  const values = numbered("", 20_000).map((value) => value.padStart(50, "."));

  await producer.enqueue("t", values);
  await using cluster = await start();
  const sizes: number[] = [];
  using _hook = cluster.intercept("Produce", (request, next) => {
    const bytes = request.body.topicData.flatMap(({ partitionData }) => partitionData.map(({ records }) => records));
    sizes.push(bytes.reduce((total, each) => total + (each?.length ?? 0), 0));
    return next(request);
  });
  await producer.close();

  assertEquals(texts(cluster.records("t")).toSorted(), values);
  assert(sizes.length > 10);
  assert(Math.max(...sizes) <= requestMaxBytes, String(Math.max(...sizes)));
});

Deno.test("one dead partition stops neither the others nor records without a key, and is no downtime", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 3, replication: 1, topics: { t: 3 } });
  const producer = new Producer({ bootstrap: cluster.bootstrap, logger: null, ...QUICK });
  const saved = heard(producer, "downtimesaved");
  const { partitions } = await producer.prepare("t");
  for (const { partition } of partitions) await producer.send("t", { value: "warm", partition });
  const dead = partitions.find(({ leader }) => leader === 3)!.partition;
  await cluster.stop(3);
  await until(() => producer.info("t").some(({ state }) => state !== "up"));

  await producer.enqueue("t", { value: "waits", partition: dead });
  const living = partitions.filter(({ partition }) => partition !== dead);
  for (const { partition } of living) await producer.send("t", { value: "keyed", partition });
  const unkeyed = await Promise.all(numbered("", 50).map((value) => producer.send("t", value.padStart(10_000))));
  await cluster.start(3);
  await producer.close();

  assert(unkeyed.every(({ partition }) => partition !== dead));
  assertEquals(texts(cluster.records("t", dead)), ["warm", "waits"]);
  assertEquals(saved, []);
});

Deno.test("send() in a downtime waits until delivered, or is over at its time or signal and never sent later", async () => {
  const [producer, start] = downed();
  const controller = new AbortController();
  const reason = new Error("enough");

  const outcomes = {
    timedOut: producer.send("t", "timed out", { timeoutMs: 10 }).catch((error) => error),
    aborted: producer.send("t", "aborted", { signal: controller.signal }).catch((error) => error),
    many: producer.send("t", ["timed out 1", "timed out 2"], { timeoutMs: 10 }).catch((error) => error),
    delivered: producer.send("t", "delivered"),
  };
  controller.abort(reason);
  const errors: DeliveryError[] = [await outcomes.timedOut, await outcomes.aborted, await outcomes.many];
  await using cluster = await start();
  const { offset } = await outcomes.delivered;
  await producer.send("t", "later");
  await producer.close();

  for (const error of errors) assertEquals([error.name, error.verdict], ["DeliveryError", "notPersisted"]);
  assertEquals(errors[1]!.cause, reason);
  assertEquals(offset, 0n);
  assertEquals(texts(cluster.records("t")), ["delivered", "later"]);
});

Deno.test("abort() of a writable and of the producer give back what a downtime kept, and it is never sent", async () => {
  const [producer, start] = downed();
  const writer = producer.writable("t").getWriter();
  writer.closed.catch(() => {});
  await writer.write(["stream 1", "stream 2"]);
  await producer.enqueue("t", ["kept 1", "kept 2"]);

  await writer.abort("purged");
  const heldAfterAbort = await producer.enqueue("t", "kept 3");
  const failures = await producer.abort("over");
  await using cluster = await start();

  assertEquals(heldAfterAbort.buffered, 3);
  assertEquals(
    failures.map(({ record, error }) => [record.text(), error.verdict, error.cause]),
    ["kept 1", "kept 2", "kept 3"].map((text) => [text, "notPersisted", "over"]),
  );
  assertEquals(cluster.records("t"), []);
});

Deno.test("an idle producer connects again by itself when its downtime was noticed", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const producer = new Producer({ bootstrap: cluster.bootstrap, logger: null, ...QUICK });
  const down = heard(producer, "timedown");
  const still = heard(producer, "lanestilldown");
  await producer.send("t", "a");
  await cluster.stop(1);
  await until(() => producer.info("t")[0]!.state !== "up");
  const error = await producer.send("t", "b", { timeoutMs: 10 }).catch((error) => error);
  const attempts = still.length;
  await until(() => still.length > attempts + 1);

  await cluster.start(1);
  await until(() => down.length === 1);
  await producer.close();

  assertInstanceOf(error, Error);
  assertEquals(texts(cluster.records("t")), ["a"]);
});

Deno.test("many records leave the waiting room some at a time, in order, and before what comes meanwhile", async () => {
  const [producer, start] = downed({ batchMaxRecords: 1_000 });
  const values = numbered("", 35_000);
  await producer.enqueue("t", values);
  const accepted = () => producer.info("t").reduce((sum, lane) => sum + lane.bufferedRecords + lane.delivered, 0);

  await using cluster = await start();
  const steps = new Set<number>();
  while (accepted() < 35_000) {
    await new Promise((resolve) => setImmediate(resolve));
    if (accepted() > 0 && steps.add(accepted()).size === 1) producer.enqueue("t", "meanwhile");
  }
  await producer.flush();
  await producer.close();

  assert(steps.size >= 3, `${[...steps]}`);
  assertEquals(texts(cluster.records("t")), [...values, "meanwhile"]);
});
