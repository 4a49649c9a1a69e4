import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { BufferFullError, type DeliveryError, type RecordInput } from "@ekaf/ekaf";
import { holdProduce, numbered, rig, texts, until } from "./rig.ts";

Deno.test("send() resolves with the delivery of one record", async () => {
  await using r = await rig({ topics: { t: 1 } });

  const first = await r.producer.send("t", "a");
  const second = await r.producer.send("t", { key: "k", value: "b", timestamp: 5 });

  assertEquals([first.topic, first.partition, first.offset, first.error], ["t", 0, 0n, undefined]);
  assertEquals(second, { topic: "t", partition: 0, offset: 1n, timestamp: 5 });
  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
});

Deno.test("send() keeps key, value, headers, timestamp and partition of a record", async () => {
  await using r = await rig();
  const headers: [string, string | null][] = [["h", "1"], ["h", null], ["", "x"]];

  const { partition } = await r.producer.send("t", { key: "é", value: null, headers, timestamp: 7, partition: 2 });

  const [stored] = r.cluster.records("t", 2);
  assertEquals(partition, 2);
  assertEquals(new TextDecoder().decode(stored!.key!), "é");
  assertEquals([stored!.value, stored!.timestamp], [null, 7]);
  const decoded = stored!.headers.map(([name, value]) => [name, value && new TextDecoder().decode(value)]);
  assertEquals(decoded, headers);
});

Deno.test("send() of an array resolves with the deliveries in input order over several partitions", async () => {
  await using r = await rig();
  const inputs = Array.from({ length: 100 }, (_, i) => ({ value: String(i), partition: (i * 7) % 3, timestamp: i }));

  const deliveries = await r.producer.send("t", inputs);

  assertEquals(
    deliveries.map(({ partition, timestamp }) => [partition, timestamp]),
    inputs.map((x, i) => [x.partition, i]),
  );
  deliveries.forEach(({ partition, offset }, i) => {
    assertEquals(r.cluster.records("t", partition)[Number(offset)]!.text(), String(i));
  });
});

Deno.test("send() of an empty array resolves at once without a broker", async () => {
  await using r = await rig();

  assertEquals(await r.producer.send("t", []), []);

  assertEquals(r.cluster.requests(), 0);
});

Deno.test("send() a hundred times in Promise.all shares a few requests", async () => {
  await using r = await rig();
  await r.producer.prepare("t");

  await Promise.all(numbered("", 100).map((value) => r.producer.send("t", value)));

  assert(r.cluster.requests("Produce") <= 4, `${r.cluster.requests("Produce")} requests`);
  assertEquals(r.cluster.records("t").length, 100);
});

Deno.test("send() that is not awaited is delivered, in order", async () => {
  await using r = await rig({ topics: { t: 1 } });

  for (const value of numbered("", 50)) r.producer.send("t", value);
  await r.producer.close();

  assertEquals(texts(r.cluster.records("t")), numbered("", 50));
});

Deno.test("send() that is not awaited keeps its order while room is scarce", async () => {
  await using r = await rig({}, { batchMaxBytes: 1000, partitionMaxBytes: 5096, bufferMaxBytes: 5096 });
  const values = numbered("", 200).map((value) => ({ value: value.padEnd(150, "."), partition: Number(value) % 3 }));

  const deliveries = await Promise.all(values.map((value) => r.producer.send("t", value)));

  assertEquals(deliveries.length, 200);
  for (const partition of [0, 1, 2]) {
    const expected = values.filter((each) => each.partition === partition).map((each) => each.value);
    assertEquals(texts(r.cluster.records("t", partition)), expected);
  }
});

Deno.test("send() accepts records of 1 byte and of 100 KB", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const large = new Uint8Array(100_000).map((_, i) => i * 31);

  await r.producer.send("t", [new Uint8Array([7]), large, ""]);

  assertEquals(r.cluster.records("t").map(({ value }) => value), [new Uint8Array([7]), large, new Uint8Array()]);
});

Deno.test("send() accepts a record that fits batchMaxBytes exactly, and no larger one", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxBytes: 2_000 });
  // Record: attributes 1, timestamp 1, offset 1, no key 1, value length 2, headers 1; its own length 2; the batch 61.
  const largest = 2_000 - 61 - 2 - 7;

  await r.producer.send("t", new Uint8Array(largest));
  const error = await assertRejects(() => r.producer.send("t", new Uint8Array(largest + 1)), RangeError);

  assertEquals(r.cluster.records("t").length, 1);
  assertStringIncludes(error.message, "2001");
  assertStringIncludes(error.message, `"batchMaxBytes" 2000`);
});

Deno.test("send() of an array with a record over the limit accepts none of it", async () => {
  await using r = await rig({}, { batchMaxBytes: 2_000 });
  const tooLarge: RecordInput[] = ["a", "x".repeat(2_000), { key: "k".repeat(2_000), value: null }];

  await assertRejects(() => r.producer.send("t", tooLarge), RangeError);

  assertEquals(r.producer.info("t"), []);
});

const wrongInputs: [string, unknown, ErrorConstructor, string][] = [
  ["a number", 5, TypeError, "5"],
  ["undefined", undefined, TypeError, "undefined"],
  ["null", null, TypeError, "null"],
  ["an array in an array", [["a"]], TypeError, "must be"],
  ["another typed array", new Uint16Array(1), TypeError, "Uint16Array"],
  ["no value", { key: "a" }, TypeError, `"value"`],
  ["a value that is a number", { value: 1 }, TypeError, `"value"`],
  ["a key that is an object", { key: {}, value: "" }, TypeError, `"key"`],
  ["headers that are text", { value: "", headers: "a" }, TypeError, `"headers"`],
  ["headers of three parts", { value: "", headers: [["a", "b", "c"]] }, TypeError, `"headers"`],
  ["a header that is a number", { value: "", headers: { a: 1 } }, TypeError, `"headers.a"`],
  ["a timestamp that is text", { value: "", timestamp: "now" }, TypeError, `"timestamp"`],
  ["a timestamp that is no date", { value: "", timestamp: new Date(NaN) }, RangeError, `"timestamp"`],
  ["a negative timestamp", { value: "", timestamp: -1 }, RangeError, `"timestamp"`],
  ["a partition that is text", { value: "", partition: "0" }, TypeError, `"partition"`],
  ["a fractional partition", { value: "", partition: 0.5 }, RangeError, `"partition"`],
  ["a negative partition", { value: "", partition: -1 }, RangeError, `"partition"`],
  ["a partition that is NaN", { value: "", partition: NaN }, RangeError, `"partition"`],
];

for (const [what, input, error, text] of wrongInputs) {
  Deno.test(`send() rejects ${what}`, async () => {
    await using r = await rig();

    const given = await assertRejects(() => r.producer.send("t", input as string), error);

    assertStringIncludes(given.message, text);
    assertEquals(r.cluster.requests(), 0);
  });
}

Deno.test("send() of an array says which record is wrong, and what it has instead of a value", async () => {
  await using r = await rig();
  const message = async (inputs: unknown[]) => {
    return (await assertRejects(() => r.producer.send("t", inputs as RecordInput[]), TypeError)).message;
  };
  const missing = 'Cannot accept a record: "value" is missing (null is a tombstone); ';

  assertEquals(
    await message(["a", { key: "k", vlaue: "b" }]),
    `${missing}there is "key", "vlaue"; it has index 1 in the array`,
  );
  assertEquals(await message([{}]), `${missing}there is no field`);
  assertEquals(r.cluster.requests(), 0);
});

Deno.test("send() rejects a partition the topic does not have", async () => {
  await using r = await rig();

  const early = await assertRejects(() => r.producer.send("t", { value: "", partition: 3 }), RangeError);
  const late = await assertRejects(() => r.producer.send("t", { value: "", partition: 3 }), RangeError);

  for (const error of [early, late]) {
    assertStringIncludes(error.message, 'Cannot accept a record: "partition" 3 is no partition of "t"');
  }
});

const wrongOptions: [object, ErrorConstructor][] = [
  [{ timeout: 5 }, TypeError],
  [{ timeoutMs: "5" }, TypeError],
  [{ timeoutMs: 0 }, RangeError],
  [{ timeoutMs: NaN }, RangeError],
  [{ flush: 1 }, TypeError],
  [{ lingerMs: "5" }, TypeError],
  [{ lingerMs: -1 }, RangeError],
  [{ lingerMs: NaN }, RangeError],
  [{ signal: {} }, TypeError],
];

for (const [options, error] of wrongOptions) {
  Deno.test(`send() rejects the options ${Deno.inspect(options)} and accepts nothing`, async () => {
    await using r = await rig();

    await assertRejects(() => r.producer.send("t", "a", options), error);

    assertEquals(r.producer.info("t"), []);
  });
}

Deno.test("send() never throws synchronously", async () => {
  await using r = await rig();

  const promises = [r.producer.send("", "a"), r.producer.send("t", 5 as unknown as string)];

  for (const { status } of await Promise.allSettled(promises)) assertEquals(status, "rejected");
});

Deno.test("send() with a signal that aborts before it was sent strikes the record out", async () => {
  await using r = await rig({ topics: { t: 1 } }, { maxInFlight: 1 });
  await r.producer.send("t", "first");
  const release = holdProduce(r.cluster);
  const controller = new AbortController();
  const sent = r.producer.send("t", "in flight");
  await until(() => r.cluster.requests("Produce") === 2);

  const rejected = r.producer.send("t", ["never", "sent"], { signal: controller.signal }).catch((error) => error);
  const other = r.producer.send("t", "other");
  controller.abort(new Error("changed my mind"));
  const error = await rejected as DeliveryError;
  release();
  await Promise.all([sent, other]);

  assertEquals([error.name, error.verdict, (error.cause as Error).message], [
    "DeliveryError",
    "notPersisted",
    "changed my mind",
  ]);
  assertEquals(error.outcomes!.map((outcome) => outcome.error?.verdict), ["notPersisted", "notPersisted"]);
  assertEquals(texts(r.cluster.records("t")), ["first", "in flight", "other"]);
});

Deno.test("send() with a signal that aborts while the record is in flight is possiblyPersisted", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const controller = new AbortController();
  const rejected = r.producer.send("t", "a", { signal: controller.signal }).catch((error) => error);
  await until(() => r.cluster.requests("Produce") === 1);

  controller.abort();
  const error = await rejected as DeliveryError;
  release();
  await r.producer.flush();

  assertEquals([error.verdict, error.attempts], ["possiblyPersisted", 1]);
  assertEquals(error.cause, controller.signal.reason);
  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("send() with a signal that is aborted already accepts nothing", async () => {
  await using r = await rig();

  const error = await r.producer.send("t", "a", { signal: AbortSignal.abort("why") }).catch((error) => error);

  assertEquals([error.name, error.verdict, error.cause], ["DeliveryError", "notPersisted", "why"]);
  assertEquals(r.cluster.requests(), 0);
});

Deno.test("send() ends with a TimeoutError after timeoutMs", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);

  const error = await r.producer.send("t", "a", { timeoutMs: 10 }).catch((error) => error);
  release();

  assertEquals([error.name, error.cause.name], ["DeliveryError", "TimeoutError"]);
});

Deno.test("send() whose time ends while the topic is unknown says so", async () => {
  await using r = await rig({}, { unknownTopicTimeoutMs: 60_000 });
  const first = r.producer.send("nowhere", "a").catch(() => {});
  await until(() => r.cluster.requests("Metadata") >= 2); // By then the first has been answered.

  const error = await r.producer.send("nowhere", "b", { timeoutMs: 10 }).catch((error) => error);

  assertStringIncludes(error.message, 'Cannot deliver to "nowhere": the time for it is over: ');
  assertEquals([error.verdict, error.cause.errorName], ["notPersisted", "UNKNOWN_TOPIC_OR_PARTITION"]);
  await r.producer.abort();
  await first;
});

Deno.test("send() ends after deliveryTimeoutMs of the producer or the topic", async () => {
  await using r = await rig({ topics: { t: 1, u: 1 } }, {
    deliveryTimeoutMs: 60_000,
    topics: { u: { deliveryTimeoutMs: 8 } },
  });
  const release = holdProduce(r.cluster);

  const quick = await r.producer.send("u", "a").catch((error) => error);
  const slow = r.producer.send("t", "a");
  release();

  assertEquals(quick.cause.name, "TimeoutError");
  assertEquals((await slow).offset, 0n);
});

Deno.test("send() of an array rejects with an outcome for each record when some fail", async () => {
  await using r = await rig();
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1, { partition: 1 });
  const inputs = Array.from({ length: 9 }, (_, i) => ({ value: String(i), partition: i % 3, key: `k${i}` }));

  const error = await r.producer.send("t", inputs).catch((error) => error) as DeliveryError;

  assertEquals([error.name, error.topic, error.verdict], ["DeliveryError", "t", "notPersisted"]);
  assertEquals(error.outcomes!.map((outcome) => outcome.error !== undefined), inputs.map((_, i) => i % 3 === 1));
  error.outcomes!.forEach((outcome, i) => {
    assertEquals(outcome.partition, i % 3);
    if (outcome.error === undefined) return;
    assertEquals([outcome.record.text(), outcome.record.offset, outcome.record.partition], [String(i), null, 1]);
    assertEquals(new TextDecoder().decode(outcome.record.key!), `k${i}`);
  });
  assertEquals(r.cluster.records("t").length, 6);
});

Deno.test("send() leaves the caller's buffer alone and does not need it afterwards", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const buffer = new Uint8Array(50);

  const sent = [];
  for (let i = 0; i < 20; i++) {
    buffer.fill(i);
    await r.producer.enqueue("t", buffer);
    buffer.fill(255);
    sent.push(new Uint8Array(50).fill(i));
  }
  await r.producer.flush();

  assertEquals(r.cluster.records("t").map(({ value }) => value), sent);
});

Deno.test("send() with overflow reject takes an array whole or not at all", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  await using r = await rig({ topics: { t: 1 } }, { ...sizes, overflow: "reject" });
  await r.producer.prepare("t");
  const release = holdProduce(r.cluster);
  const kilobytes = (count: number) => Array.from({ length: count }, () => "x".repeat(800));

  const fits = r.producer.send("t", kilobytes(4));
  const error = await r.producer.send("t", kilobytes(3)).catch((error) => error);
  const small = r.producer.send("t", "small");
  release();
  await Promise.all([fits, small]);

  assertInstanceOf(error, BufferFullError);
  assert(error.neededBytes > error.freeBytes);
  assertEquals(r.cluster.records("t").length, 5);
});

Deno.test("send() with overflow wait admits arrays piece by piece", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  await using r = await rig({ topics: { t: 1 } }, sizes);
  const values = numbered("", 100).map((value) => value.padEnd(500));

  const deliveries = await r.producer.send("t", values);

  assertEquals(deliveries.map(({ offset }) => Number(offset)), values.map((_, i) => i));
  assertEquals(texts(r.cluster.records("t")), values);
});

Deno.test("send() after close rejects with a TypeError", async () => {
  await using r = await rig();
  await r.producer.close();

  const error = await assertRejects(() => r.producer.send("t", "a"), TypeError);

  assertEquals(error.message, "Cannot send: the producer is closed");
});
