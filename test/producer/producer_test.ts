import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type DeliveryError, Producer, type ProducerOptions, refuse } from "@ekaf/ekaf";
import { heard, holdProduce, numbered, rig, texts, until } from "./rig.ts";

Deno.test("new Producer() opens nothing", async () => {
  await using r = await rig();

  await r.producer.close();

  assertEquals(r.cluster.requests(), 0);
});

Deno.test("new Producer() with eagerTopics connects in the background", async () => {
  await using r = await rig({ topics: { t: 1 } }, { eagerTopics: ["t"] });
  const up = heard(r.producer, "timetoconnect");

  await until(() => up.length > 0);

  assertEquals(r.cluster.requests("Produce"), 0);
});

const wrongOptions: [string, unknown, ErrorConstructor][] = [
  ["bootstrap", 5, TypeError],
  ["bootstrap", [], RangeError],
  ["bootstrap", [5], TypeError],
  ["bootstrap", "", RangeError],
  ["bootstrap", "host:99999", RangeError],
  ["bootstrap", "host:port", RangeError],
  ["clientId", 5, TypeError],
  ["acks", 2, RangeError],
  ["acks", "none", RangeError],
  ["acks", true, TypeError],
  ["idempotent", "yes", TypeError],
  ["onUnknown", "ignore", RangeError],
  ["protocol", "0.10", RangeError],
  ["protocol", 0.8, TypeError],
  ["connect", {}, TypeError],
  ["connectTimeoutMs", 0, RangeError],
  ["requestTimeoutMs", "1", TypeError],
  ["deliveryTimeoutMs", 0, RangeError],
  ["closeTimeoutMs", -1, RangeError],
  ["unknownTopicTimeoutMs", NaN, RangeError],
  ["retryBackoffMs", 5, TypeError],
  ["retryBackoffMs", { initial: 5, max: 1 }, RangeError],
  ["retryBackoffMs", { first: 5 }, TypeError],
  ["retryBackoffMs", { initial: -1 }, RangeError],
  ["retryBackoffMs", [], TypeError],
  ["metadataMaxAgeMs", -1, RangeError],
  ["maxInFlight", 0, RangeError],
  ["maxInFlight", 1.5, RangeError],
  ["bufferMaxBytes", 1_000, RangeError],
  ["partitionMaxBytes", 1_000, RangeError],
  ["requestMaxBytes", 1_000, RangeError],
  ["batchMaxBytes", 8 * 1024 * 1024, RangeError],
  ["batchMaxRecords", 0, RangeError],
  ["lingerMs", "soon", TypeError],
  ["lingerMs", -1, RangeError],
  ["idleMs", 0, RangeError],
  ["overflow", "drop", RangeError],
  ["partitioner", "random", TypeError],
  ["lanesPerPartition", "2", TypeError],
  ["lanesPerPartition", null, TypeError],
  ["lanesPerPartition", [1, 2], TypeError],
  ["lanesPerPartition", 0, RangeError],
  ["lanesPerPartition", 1.5, RangeError],
  ["lanesPerPartition", 65, RangeError],
  ["lanesPerPartition", { min: 1, max: 65 }, RangeError],
  ["lanesPerPartition", { min: 3, max: 2 }, RangeError],
  ["lanesPerPartition", { min: 0, max: 2 }, RangeError],
  ["lanesPerPartition", { min: 2 }, TypeError],
  ["lanesPerPartition", { max: 2 }, TypeError],
  ["lanesPerPartition", { min: 1, max: 2, most: 3 }, TypeError],
  ["topics", [], TypeError],
  ["topics", { t: { batchMaxRecords: 0 } }, RangeError],
  ["topics", { t: { bootstrap: "a" } }, TypeError],
  ["topics", { t: [] }, TypeError],
  ["topics", { "a name": {} }, RangeError],
  ["eagerTopics", "t", TypeError],
  ["eagerTopics", ["t", "a name"], RangeError],
  ["autoCreateTopics", 1, TypeError],
  ["logger", 5, TypeError],
  ["logger", [], TypeError],
  ["logger", { warn: "loudly" }, TypeError],
  ["bootstrapServers", "a", TypeError],
  ["compression", "brotli", RangeError],
  ["compression", 4, TypeError],
  ["compression", null, TypeError],
  ["compression", { level: 3 }, TypeError],
  ["compression", { codec: "brotli" }, RangeError],
  ["compression", { codec: "gzip", level: 0 }, RangeError],
  ["compression", { codec: "gzip", level: 10 }, RangeError],
  ["compression", { codec: "gzip", level: "9" }, TypeError],
  ["compression", { codec: "zstd", level: 23 }, RangeError],
  ["compression", { codec: "zstd", level: -8 }, RangeError],
  ["compression", { codec: "zstd", level: 2.5 }, RangeError],
  ["compression", { codec: "lz4", level: 1 }, RangeError],
  ["compression", { codec: "none", level: 1 }, RangeError],
  ["compression", { codec: "gzip", window: 9 }, TypeError],
];

for (const [name, value, error] of wrongOptions) {
  Deno.test(`new Producer() rejects ${name}: ${Deno.inspect(value)}`, () => {
    const options = { bootstrap: "localhost", [name]: value } as ProducerOptions;

    const thrown = assertThrows(() => new Producer(options), error);

    const inner = name === "topics" ? Object.keys((value as { t?: object }).t ?? {})[0] ?? name : name;
    const related = /MaxBytes/.test(name) ? /(buffer|partition|request|batch)MaxBytes/ : new RegExp(inner);
    assert(related.test(thrown.message), thrown.message);
  });
}

const wrongOptionTexts: [string, unknown, string][] = [
  ["bootstrap", 5, `Cannot use "bootstrap" 5: it must be a string or an array of strings`],
  ["bootstrap", " , ", `Cannot use "bootstrap" " , ": it holds no address`],
  ["acks", NaN, `Cannot use "acks" NaN: it must be one of "all", 1, 0`],
  ["clientId", Infinity, `Cannot use "clientId" Infinity: it must be a string`],
  ["lingerMs", Infinity, `Cannot use "lingerMs" Infinity: it must be at least 0 milliseconds, and finite`],
  ["retryBackoffMs", { max: -1 }, `Cannot use "retryBackoffMs.max" -1: it must be at least 0 milliseconds`],
  ["logger", { warn: 5 }, `Cannot use "logger.warn" 5: it must be a function`],
  ["topics", { "a b": {} }, `Cannot use a topic named "a b": it must be 1 to 249 letters`],
  ["topics", { "a b": {} }, `; it stands in "topics"`],
  ["eagerTopics", [""], `; it stands in "eagerTopics"`],
];
for (const [name, value, text] of wrongOptionTexts) {
  Deno.test(`new Producer() says of ${name} ${Deno.inspect(value)}: ${text}`, () => {
    const error = assertThrows(() => new Producer({ bootstrap: "a", [name]: value } as ProducerOptions), Error);

    assertStringIncludes(error.message, text);
  });
}

Deno.test("new Producer() and topic() refuse options that are no object", async () => {
  await using r = await rig();
  const text = "options must be an object";

  for (const options of [null, 5, "localhost", []] as unknown as ProducerOptions[]) {
    assertThrows(() => new Producer(options), TypeError, text);
    assertThrows(() => r.producer.topic("t", options), TypeError, text);
  }
});

Deno.test("new Producer() rejects idempotent with acks 0 and 1", () => {
  for (const acks of [0, 1] as const) {
    assertThrows(() => new Producer({ bootstrap: "a", idempotent: true, acks }), RangeError, "idempotent");
  }
});

Deno.test("new Producer() rejects a topic's acks that idempotent does not allow", () => {
  assertThrows(
    () => new Producer({ bootstrap: "a", idempotent: true, topics: { t: { acks: 1 } } }),
    RangeError,
    "idempotent",
  );
});

Deno.test("Producer.topic() rejects an options value that differs from an earlier one", async () => {
  await using r = await rig();
  r.producer.writable("t");

  r.producer.topic("t", { lingerMs: 5 });
  r.producer.topic("t", { lingerMs: 5 });
  r.producer.topic("t");

  assertThrows(() => r.producer.topic("t", { lingerMs: 6 }), TypeError, "lingerMs");
  assertThrows(() => r.producer.topic("t", { batchMaxRecords: 0 }), RangeError, "batchMaxRecords");
  assertThrows(() => r.producer.topic("t", { linger: 6 } as object), TypeError, "linger");
  assertThrows(() => r.producer.topic("u", { encode: 5 } as unknown as object), TypeError, "encode");
});

Deno.test("Producer rejects names that are no topic's", async () => {
  await using r = await rig();

  for (const name of ["", ".", "..", "a/b", "ä", "x".repeat(250)]) {
    await assertRejects(() => r.producer.send(name, "a"), RangeError);
  }
  await assertRejects(() => r.producer.send(5 as unknown as string, "a"), TypeError);
});

Deno.test("Producer.prepare() connects to every leader and resolves with the metadata", async () => {
  await using r = await rig({ brokers: 2, topics: { t: 2 } });

  const metadata = await r.producer.prepare("t");
  const requests = r.cluster.requests();
  const again = await r.producer.prepare("t");

  assertEquals(metadata.partitions.map(({ partition, error }) => [partition, error]), [[0, null], [1, null]]);
  assertEquals(new Set(metadata.partitions.map(({ leader }) => leader)).size, 2);
  assertEquals(metadata.brokers.map(({ id }) => id), [1, 2]);
  assertEquals([again.topic, r.cluster.requests()], ["t", requests], "at once when it is ready");
});

Deno.test("Producer.metadata() is fresh from a broker", async () => {
  await using r = await rig();
  await r.producer.metadata("t");

  r.cluster.addPartitions("t", 5);

  assertEquals((await r.producer.metadata("t")).partitions.length, 5);
});

Deno.test("Producer.metadata() of an unknown topic rejects after unknownTopicTimeoutMs", async () => {
  await using r = await rig({}, { unknownTopicTimeoutMs: 5 });

  const error = await r.producer.metadata("nope").catch((error) => error);

  assertEquals([error.name, error.code], ["BrokerError", 3]);
});

Deno.test("Producer.metadata(), prepare(), pick() and flush() end with their signal's reason", async () => {
  await using r = await rig();
  const release = holdProduce(r.cluster);
  const metadata = r.cluster.intercept("Metadata", () => "silent");
  const controller = new AbortController();
  const { signal } = controller;
  r.producer.enqueue("t", "a");

  const waits = [
    r.producer.metadata("t", { signal }),
    r.producer.prepare("t", { signal }),
    r.producer.pick("t", "a", { signal }),
    r.producer.flush({ signal }),
  ].map((promise) => promise.catch((reason) => reason));
  await until(() => r.cluster.requests("Metadata") > 0);
  controller.abort("enough");

  assertEquals(await Promise.all(waits), ["enough", "enough", "enough", "enough"]);
  for (const call of ["metadata", "prepare"] as const) {
    assertEquals(await r.producer[call]("t", { signal }).catch((reason) => reason), "enough");
  }
  metadata[Symbol.dispose]();
  release();
});

Deno.test("Producer.info() shows the lanes in use", async () => {
  await using r = await rig();
  assertEquals(r.producer.info("t"), []);
  const release = holdProduce(r.cluster);

  await r.producer.enqueue("t", [{ value: "a", partition: 2 }, { value: "b", partition: 0 }]);
  await until(() => r.cluster.requests("Produce") > 0);
  const during = r.producer.info("t");
  release();
  await r.producer.flush();
  const after = r.producer.info("t");

  assertEquals(during.map(({ partition, state, broker }) => [partition, state, broker]), [[0, "up", 1], [2, "up", 1]]);
  assertEquals(during.map(({ bufferedRecords, inFlightRequests }) => [bufferedRecords, inFlightRequests]), [[1, 1], [
    1,
    1,
  ]]);
  assertEquals(during[0]!.address, r.cluster.bootstrap[0]);
  assert(during[0]!.bufferedBytes > 0);
  assertEquals(after.map(({ delivered, bufferedBytes, failed }) => [delivered, bufferedBytes, failed]), [[1, 0, 0], [
    1,
    0,
    0,
  ]]);
});

Deno.test("Producer.pick() asks the strategy and counts as a pick", async () => {
  let picks = 0;
  await using r = await rig({}, { partitioner: () => picks++ % 3 });

  const first = await r.producer.pick("t");
  const second = await r.producer.pick("t", { key: "a", value: "b" });
  const sent = await r.producer.send("t", "c");

  assertEquals([first, second, sent.partition], [{ partition: 0, lane: 0 }, { partition: 1, lane: 0 }, 2]);
  assertEquals((await r.producer.pick("t", { value: "", partition: 2 })).partition, 2);
});

Deno.test("Producer.pick() agrees with where a keyed record goes", async () => {
  await using r = await rig();

  for (const key of ["a", "b", "c", "d"]) {
    const { partition } = await r.producer.pick("t", { key, value: "" });
    assertEquals((await r.producer.send("t", { key, value: "x" })).partition, partition);
  }
});

Deno.test("Producer.pick() rejects what the strategy refuses", async () => {
  await using r = await rig({}, { partitioner: () => refuse("not today") });

  await assertRejects(() => r.producer.pick("t"), Error, "not today");
  await assertRejects(() => r.producer.pick("t", { value: "", partition: 9 }), RangeError);
});

Deno.test("Producer.flush() resolves when all accepted before is settled, whatever came of it", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000 });
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");
  await r.producer.enqueue("t", "lost");
  await r.producer.flush();
  await r.producer.enqueue("t", ["a", "b"]);

  await r.producer.flush();

  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
  await r.producer.flush();
});

Deno.test("Producer.flush() covers records that wait for partitions", async () => {
  await using r = await rig({ topics: { t: 2 } }, { lingerMs: 60_000 });
  const enqueued = r.producer.enqueue("t", numbered("", 10).map((value, i) => ({ value, partition: i % 2 })));

  await r.producer.flush();
  await enqueued;

  assertEquals(r.cluster.records("t").length, 10);
});

Deno.test("Producer.flush() does not wait for what came later", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000 });
  await r.producer.enqueue("t", "a");
  const flushed = r.producer.flush();
  await until(() => r.cluster.requests("Produce") === 1);

  await r.producer.enqueue("t", "b");
  await flushed;

  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("Topic.flush() waits for its topic alone", async () => {
  await using r = await rig({ topics: { t: 1, u: 1 } }, { lingerMs: 60_000 });
  await r.producer.enqueue("u", "a");
  const topic = r.producer.topic("t");
  await topic.enqueue("b");

  await topic.flush();

  assertEquals([r.cluster.records("t").length, r.cluster.records("u").length], [1, 0]);
});

Deno.test("Producer.close() delivers what was accepted, during traffic, and is idempotent", async () => {
  await using r = await rig();
  const sends: Promise<unknown>[] = [];
  for (let i = 0; i < 500; i++) {
    sends.push(r.producer.send("t", String(i)));
    if (i % 100 === 0) await Promise.resolve();
  }

  const first = r.producer.close();
  const second = r.producer.close();
  await Promise.all([first, second]);

  await Promise.all(sends);
  assertEquals(r.cluster.records("t").length, 500);
  await r.producer.close();
});

Deno.test("Producer.close() refuses new records at once", async () => {
  await using r = await rig();
  const closed = r.producer.close();

  await assertRejects(() => r.producer.send("t", "a"), TypeError, "closed");
  await assertRejects(() => r.producer.enqueue("t", "a"), TypeError, "closed");
  for (const call of ["prepare", "metadata", "pick"] as const) {
    await assertRejects(() => r.producer[call]("t"), TypeError, "closed");
  }
  for (const call of ["writable", "delivery"] as const) {
    assertThrows(() => r.producer[call]("t"), TypeError, "closed");
  }
  await closed;
  await r.producer.flush();
});

Deno.test("Producer.close() after closeTimeoutMs rejects with the outcomes of what was not delivered", async () => {
  await using r = await rig({ topics: { t: 1 } }, { closeTimeoutMs: 8, maxInFlight: 1 });
  await r.producer.send("t", "before");
  const release = holdProduce(r.cluster);
  const sent = r.producer.send("t", "a").catch((error) => error);
  await until(() => r.cluster.requests("Produce") === 2);
  await r.producer.enqueue("t", ["b", "c"]);

  const error = await r.producer.close().catch((error) => error) as DeliveryError;
  release();

  assertEquals([error.name, error.verdict], ["DeliveryError", "possiblyPersisted"]);
  const outcomes = error.outcomes!.map((outcome) => outcome.error && [outcome.record.text(), outcome.error.verdict]);
  assertEquals(outcomes, [["a", "possiblyPersisted"], ["b", "notPersisted"], ["c", "notPersisted"]]);
  assertEquals((await sent).name, "DeliveryError");
});

Deno.test("Producer.close() ends with its signal's reason", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  await r.producer.enqueue("t", "a");
  const controller = new AbortController();

  const closed = r.producer.close({ signal: controller.signal }).catch((reason) => reason);
  controller.abort("enough");

  assertEquals(await closed, "enough");
  release();
});

Deno.test("Producer.close() ends calls that wait for room", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  await using r = await rig({ topics: { t: 1 } }, sizes);
  const release = holdProduce(r.cluster);
  const calls = Array.from({ length: 8 }, () => r.producer.enqueue("t", "x".repeat(900)));
  const results = Promise.allSettled(calls);
  await until(() => r.cluster.requests("Produce") > 0);

  const closed = r.producer.close();
  release();
  await closed;

  assertEquals((await results).filter(({ status }) => status === "rejected").length, 3);
  assertEquals(r.cluster.records("t").length, 5);
});

Deno.test("Producer.abort() resolves with each record and its verdict", async () => {
  await using r = await rig({ topics: { t: 1 } }, { maxInFlight: 1 });
  await r.producer.send("t", "before");
  const release = holdProduce(r.cluster);
  const sent = r.producer.send("t", "in flight").catch((error) => error);
  await until(() => r.cluster.requests("Produce") === 2);
  const many = r.producer.send("t", ["b", "c"]).catch((error) => error);

  const failures = await r.producer.abort(new Error("power cut"));
  release();

  assertEquals(failures.map(({ record, error }) => [record.text(), error.verdict, (error.cause as Error).message]), [
    ["in flight", "possiblyPersisted", "power cut"],
    ["b", "notPersisted", "power cut"],
    ["c", "notPersisted", "power cut"],
  ]);
  assertEquals((await sent).verdict, "possiblyPersisted");
  assertEquals((await many).outcomes.length, 2);
  assertEquals(await r.producer.abort(), []);
  await r.producer.close();
});

Deno.test("Producer.abort() ends a close() under way", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  await r.producer.enqueue("t", "a");

  const closed = r.producer.close();
  const failures = await r.producer.abort();
  await closed.catch(() => {});
  release();

  assertEquals(failures.length, 1);
});

Deno.test("Producer closes at the end of await using", async () => {
  await using r = await rig();
  {
    await using producer = new Producer({ bootstrap: r.cluster.bootstrap });
    producer.send("t", "a");
  }

  assertEquals(r.cluster.records("t").length, 1);
});

Deno.test("Producer events reach listeners of the producer and of the topic's handles", async () => {
  await using r = await rig({ topics: { t: 1, u: 1 } });
  const topic = r.producer.topic("t");
  const all = { flush: heard(r.producer, "flush"), replied: heard(r.producer, "flushreplied") };
  const own = heard(topic, "flush");
  const ups = heard(topic, "laneup");

  await r.producer.send("t", ["a", "b"]);
  await r.producer.send("u", "c");

  assertEquals(own.map(({ topic, records, partition, broker }) => [topic, records, partition, broker]), [[
    "t",
    2,
    0,
    1,
  ]]);
  assertEquals(all.flush.map(({ topic }) => topic), ["t", "u"]);
  assertEquals(all.replied.map(({ error }) => error), [null, null]);
  assertEquals(ups.length, 1);
});

Deno.test("Producer logs listeners that throw or reject, and goes on", async () => {
  await using r = await rig();
  r.producer.addEventListener("flush", () => {
    throw new Error("thrown");
  });
  r.producer.addEventListener("laneup", () => Promise.reject(new Error("rejected")));

  await r.producer.send("t", "a");

  assertEquals(r.warnings.length, 1, "one kind of warning in ten seconds");
  assertStringIncludes(r.warnings[0]!, "listener");
});

Deno.test("Producer with acks 1 and acks 0 delivers, without an offset for acks 0", async () => {
  await using r = await rig({ topics: { all: 1, one: 1, zero: 1 } }, {
    topics: { one: { acks: 1 }, zero: { acks: 0 } },
  });

  const [all, one, zero] = await Promise.all(
    ["all", "one", "zero"].map((topic) => r.producer.send(topic, ["a", "b"])),
  );

  assertEquals([all, one, zero].map((each) => each!.map(({ offset }) => offset)), [[0n, 1n], [0n, 1n], [null, null]]);
  assertEquals(texts(await r.cluster.waitFor("zero", 2)), ["a", "b"]);
});

Deno.test("Producer with acks 0 keeps the order of many sends", async () => {
  await using r = await rig({ topics: { t: 1 } }, { acks: 0, batchMaxRecords: 3 });

  await Promise.all(numbered("", 100).map((value) => r.producer.send("t", value)));

  assertEquals(texts(await r.cluster.waitFor("t", 100)), numbered("", 100));
});

Deno.test("Producer without idempotence keeps one request in flight a partition", async () => {
  await using r = await rig({ topics: { t: 1 } }, { idempotent: false, batchMaxRecords: 1 });
  let inFlight = 0;
  let most = 0;
  using _hook = r.cluster.intercept("Produce", async (request, next) => {
    most = Math.max(most, ++inFlight);
    const answer = await next(request);
    inFlight--;
    return answer;
  });

  await r.producer.send("t", numbered("", 20));

  assertEquals(most, 1);
  assertEquals(texts(r.cluster.records("t")), numbered("", 20));
});

Deno.test("Producer that insists on idempotence fails on brokers without producer ids", async () => {
  await using r = await rig({ versions: { InitProducerId: null } }, { idempotent: true });

  const error = await r.producer.send("t", "a").catch((error) => error) as DeliveryError;

  assertEquals(error.verdict, "notPersisted");
  assertInstanceOf(error.cause, Error);
  assertStringIncludes(error.message, "idempotent");
});

Deno.test("Producer warns once on brokers without producer ids, and delivers", async () => {
  await using r = await rig({ topics: { t: 2 }, versions: { InitProducerId: null } });

  await r.producer.send("t", [{ value: "a", partition: 0 }, { value: "b", partition: 1 }]);

  assertEquals(r.warnings.length, 1);
  assertEquals(r.cluster.records("t").length, 2);
});

Deno.test("methods that take only a signal refuse one that is none, and close nothing", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const { producer } = r;
  const wrong = { signal: "soon" } as unknown as { signal: AbortSignal };

  await assertRejects(() => producer.close(wrong), TypeError, `"signal"`);
  await assertRejects(() => producer.flush(wrong), TypeError, `"signal"`);
  await assertRejects(() => producer.prepare("t", wrong), TypeError, `"signal"`);
  await assertRejects(() => producer.metadata("t", wrong), TypeError, `"signal"`);
  await assertRejects(() => producer.pick("t", "x", wrong), TypeError, `"signal"`);

  assertEquals((await producer.send("t", "still open")).offset, 0n);
});
