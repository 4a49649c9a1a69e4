import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { BrokerError, type Delivery, type DeliveryError } from "@ekaf/ekaf";
import { heard, holdProduce, numbered, refuseTwo, rig, texts, until } from "./rig.ts";

/** Errors that the broker means before it appended anything: the batch is sent again. */
const REFUSALS = [
  "NOT_LEADER_OR_FOLLOWER",
  "LEADER_NOT_AVAILABLE",
  "NOT_ENOUGH_REPLICAS",
  "FENCED_LEADER_EPOCH",
  "KAFKA_STORAGE_ERROR",
  "THROTTLING_QUOTA_EXCEEDED",
  "CORRUPT_MESSAGE",
  "UNKNOWN_TOPIC_OR_PARTITION",
];

for (const name of REFUSALS) {
  Deno.test(`send() is delivered after ${name}`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    r.cluster.failNext("Produce", name);

    const delivery = await r.producer.send("t", "a");

    assertEquals([delivery.offset, delivery.maybeDuplicate, delivery.duplicate], [0n, undefined, undefined]);
    assertEquals(texts(r.cluster.records("t")), ["a"]);
    assertEquals(r.producer.info("t")[0]!.retries, 1);
  });
}

for (const name of ["REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"]) {
  Deno.test(`send() after ${name} is recognised as a duplicate`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    r.cluster.failNext("Produce", name);

    const delivery = await r.producer.send("t", "a");

    assertEquals(texts(r.cluster.records("t")), ["a"]);
    assertEquals(delivery.maybeDuplicate, undefined);
  });
}

/** Errors for good, and what is known of the record then. */
const FINAL = [
  ["TOPIC_AUTHORIZATION_FAILED", 29, "notPersisted"],
  ["INVALID_TOPIC_EXCEPTION", 17, "notPersisted"],
  ["INVALID_REQUIRED_ACKS", 21, "notPersisted"],
  ["UNSUPPORTED_FOR_MESSAGE_FORMAT", 43, "notPersisted"],
  ["INVALID_RECORD", 87, "notPersisted"],
  ["UNKNOWN_SERVER_ERROR", -1, "possiblyPersisted"],
] as const;

for (const [name, code, verdict] of FINAL) {
  Deno.test(`send() fails as ${verdict} after ${name}, and the next one is delivered`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    await r.producer.send("t", "before");
    r.cluster.failNext("Produce", name);

    const error = await r.producer.send("t", "a").catch((error) => error) as DeliveryError;
    await r.producer.send("t", "after");

    assertEquals([error.name, error.verdict, error.attempts], ["DeliveryError", verdict, 1]);
    assertInstanceOf(error.cause, BrokerError);
    assertEquals([error.cause.code, error.cause.errorName], [code, name]);
    assertEquals(texts(r.cluster.records("t")), ["before", "after"]);
  });
}

Deno.test("send() fails after CORRUPT_MESSAGE twice", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.cluster.failNext("Produce", "CORRUPT_MESSAGE", 2);

  const error = await r.producer.send("t", "a").catch((error) => error);

  assertEquals([error.verdict, error.attempts, error.cause.code], ["notPersisted", 2, 2]);
});

Deno.test("send() of a batch that is MESSAGE_TOO_LARGE is delivered in parts", async () => {
  await using r = await rig({ topics: { t: 1 } });
  await r.producer.prepare("t");
  r.cluster.failNext("Produce", "MESSAGE_TOO_LARGE", 2);
  const values = numbered("", 9);

  const deliveries = await r.producer.send("t", values);

  assertEquals(deliveries.map(({ offset }) => Number(offset)), values.map((_, i) => i));
  assertEquals(texts(r.cluster.records("t")), values);
});

Deno.test("send() of what the broker really finds too large: parts, and a failure for the record that is", async () => {
  await using r = await rig({ topics: { t: 1 }, maxMessageBytes: 400 });
  await r.producer.prepare("t");
  const values = ["a".repeat(150), "b".repeat(500), "c".repeat(150), "d".repeat(150)];

  const error = await r.producer.send("t", values).catch((error) => error) as DeliveryError;

  const outcomes = error.outcomes!.map((each) => each.error ? (each.error.cause as BrokerError).code : each.offset);
  assertEquals(outcomes, [0n, 10, 1n, 2n]);
  assertEquals(r.cluster.records("t").length, 3);
});

Deno.test("send() fails only the records an INVALID_RECORD answer names", async () => {
  await using r = await rig({ topics: { t: 1 } });
  await r.producer.prepare("t");
  refuseTwo(r.cluster);

  const error = await r.producer.send("t", numbered("", 5)).catch((error) => error) as DeliveryError;

  const outcomes = error.outcomes!.map((each) => each.error ? [each.record.text(), each.error.verdict] : each.offset);
  assertEquals(outcomes, [0n, ["1", "notPersisted"], 1n, ["3", "notPersisted"], 2n]);
  assert(error.outcomes![1]!.error!.message.includes("bad 1"));
  assertEquals(texts(r.cluster.records("t")), ["0", "2", "4"]);
  assertEquals((await r.producer.send("t", "after")).offset, 3n);
});

Deno.test("send() of a partition that an answer leaves out is sent again over another connection", async () => {
  await using r = await rig({ topics: { t: 2 } });
  let isFirst = true;
  using _hook = r.cluster.intercept("Produce", async (request, next) => {
    const answer = await next(request);
    if (!isFirst || typeof answer === "string") return answer;
    isFirst = false;
    const responses = answer.responses.map((topic) => ({
      ...topic,
      partitionResponses: topic.partitionResponses.filter(({ index }) => index !== 1),
    }));
    return { ...answer, responses };
  });

  const deliveries = await r.producer.send("t", [{ value: "a", partition: 0 }, { value: "b", partition: 1 }]);

  assertEquals(deliveries.map(({ partition }) => partition), [0, 1]);
  assertEquals(r.cluster.records("t").length, 2);
});

Deno.test("send() to a topic that stays unknown fails after unknownTopicTimeoutMs, and then at once", async () => {
  await using r = await rig({}, { unknownTopicTimeoutMs: 10 });

  const first = await r.producer.send("nope", "a").catch((error) => error) as DeliveryError;
  const second = await r.producer.send("nope", "b").catch((error) => error) as DeliveryError;

  for (const error of [first, second]) {
    assertEquals([error.name, error.verdict], ["DeliveryError", "notPersisted"]);
    assertEquals((error.cause as BrokerError).code, 3);
  }
});

Deno.test("writable() and enqueue() of a topic that stays unknown fail although they have no time-out", async () => {
  await using r = await rig({}, { unknownTopicTimeoutMs: 10 });
  const failed = heard(r.producer, "deliveryfailed");

  await r.producer.enqueue("nope", "a");
  const piped = await ReadableStream.from(["b"]).pipeTo(r.producer.writable("nope")).catch((error) => error);
  const again = await ReadableStream.from(["c"]).pipeTo(r.producer.writable("nope")).catch((error) => error);
  const enqueued = await r.producer.enqueue("nope", "d").catch((error) => error);

  for (const error of [piped, again, enqueued]) assertEquals(error.cause.code, 3);
  assertEquals(failed.length, 1);
});

Deno.test("send() to a topic that comes into being later is delivered", async () => {
  await using r = await rig();
  const sent = r.producer.send("late", ["a", "b"]);
  await until(() => r.cluster.requests("Metadata") > 2);

  r.cluster.addTopic("late", 2);

  assertEquals((await sent).length, 2);
});

Deno.test("send() to a topic given up and made then is delivered", async () => {
  await using r = await rig({}, { unknownTopicTimeoutMs: 2, retryBackoffMs: { initial: 1, max: 2 } });
  await r.producer.send("late", "a").catch(() => {});
  r.cluster.addTopic("late", 1);

  let delivery: Delivery | null = null;
  while (delivery === null) {
    delivery = await r.producer.send("late", "b").catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }

  assertEquals(delivery.offset, 0n);
});

Deno.test("send() to a topic that was deleted fails as notPersisted", async () => {
  await using r = await rig({ topics: { t: 1 } }, { unknownTopicTimeoutMs: 10 });
  await r.producer.send("t", "a");

  r.cluster.deleteTopic("t");
  const error = await r.producer.send("t", "b").catch((error) => error) as DeliveryError;

  assertEquals([error.name, error.verdict], ["DeliveryError", "notPersisted"]);
});

Deno.test("send() to a topic that was made anew is delivered", async () => {
  await using r = await rig({ topics: { t: 1 } });
  await r.producer.send("t", ["a", "b"]);

  r.cluster.deleteTopic("t");
  r.cluster.addTopic("t", 1);
  const delivery = await r.producer.send("t", "c");

  assertEquals(delivery.offset, 0n);
  assertEquals(texts(r.cluster.records("t")), ["c"]);
});

Deno.test("send() uses partitions that were added", async () => {
  await using r = await rig({ topics: { t: 1 } }, { metadataMaxAgeMs: 5 });
  await r.producer.send("t", "a");

  r.cluster.addPartitions("t", 2);
  const changed = heard(r.producer, "metadatachanged");
  await until(() => changed.length > 0);

  assertEquals((await r.producer.send("t", { value: "b", partition: 1 })).partition, 1);
});

Deno.test("writable() follows a leader that moves, with nothing missing, doubled or out of order", async () => {
  await using r = await rig({ brokers: 3, replication: 3, topics: { t: 1 } }, { batchMaxRecords: 5 });
  const values = numbered("", 400);
  let moves = 0;
  using _hook = r.cluster.intercept("Produce", (request, next) => {
    if (r.cluster.requests("Produce") % 10 === 0) r.cluster.moveLeader("t", 0, 1 + (++moves % 3));
    return next(request);
  });

  await ReadableStream.from(values).pipeTo(r.producer.writable("t"));

  assert(moves > 2);
  assertEquals(texts(r.cluster.records("t")), values);
});

Deno.test("writable() rides over brokers that stop and start, with nothing missing, doubled or out of order", async () => {
  await using r = await rig({ brokers: 3, replication: 3, topics: { t: 3 } }, { batchMaxRecords: 10 });
  const values = numbered("", 900);
  const stops = (async () => {
    for (let id = 1; id <= 3; id++) {
      await r.cluster.waitFor("t", id * 200);
      await r.cluster.stop(id);
      await r.cluster.waitFor("t", id * 200 + 50);
      await r.cluster.start(id);
    }
  })();

  await ReadableStream.from(values.map((value, i) => ({ value, key: `k${i % 20}` }))).pipeTo(r.producer.writable("t"));
  await stops;

  const stored = r.cluster.records("t");
  assertEquals(texts(stored).sort(), values.toSorted());
  for (const partition of [0, 1, 2]) {
    const numbers = texts(r.cluster.records("t", partition)).map(Number);
    assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  }
});

Deno.test("writable() waits while the only broker is away, and goes on when it is back", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const downs = heard(r.producer, "lanedown");
  const writer = r.producer.writable("t").getWriter();
  await writer.write("a");
  await r.cluster.waitFor("t", 1);

  await r.cluster.stop(1);
  await writer.write(["b", "c"]);
  await until(() => downs.length > 0);
  await r.cluster.start(1);
  await writer.close();

  assertEquals(texts(r.cluster.records("t")), ["a", "b", "c"]);
});

Deno.test("send() answered by a closed connection after the append is not stored twice", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxRecords: 3 });
  let count = 0;
  using _hook = r.cluster.intercept("Produce", async (request, next) => {
    const answer = await next(request);
    return ++count % 2 === 1 && count < 8 ? "close" : answer;
  });

  const deliveries = await r.producer.send("t", numbered("", 20));

  assertEquals(deliveries.length, 20);
  assertEquals(texts(r.cluster.records("t")), numbered("", 20));
});

Deno.test("send() rides over a broker that forgot all producers", async () => {
  await using r = await rig({ topics: { t: 1 } });
  await r.producer.send("t", "a");

  r.cluster.forgetProducers();
  await r.producer.send("t", "b");

  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
});

Deno.test("send() to one partition goes on while another one is refused", async () => {
  await using r = await rig({ topics: { t: 2 } });
  await r.producer.prepare("t");
  r.cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS", 1_000_000, { partition: 1 });
  const stuck = r.producer.send("t", { value: "a", partition: 1 }).catch((error) => error);

  for (let i = 0; i < 20; i++) await r.producer.send("t", { value: String(i), partition: 0 });
  await r.producer.abort();

  assertEquals((await stuck).name, "DeliveryError");
  assertEquals(r.cluster.records("t", 0).length, 20);
});

Deno.test("abort() of a stream strikes out records behind a batch in flight, which goes on", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxRecords: 2 });
  await r.producer.send("t", "first");
  const release = holdProduce(r.cluster);
  const writer = r.producer.writable("t").getWriter();
  writer.closed.catch(() => {});
  await writer.write(numbered("", 30));
  await until(() => r.producer.info("t")[0]!.inFlightRequests === 5);

  await writer.abort();
  release();
  await r.producer.flush();

  assertEquals(texts(r.cluster.records("t")), ["first", ...numbered("", 10)]);
});

Deno.test("a batch whose waiting records have all timed out is not sent again, and its numbers go on", async () => {
  await using r = await rig({ topics: { t: 1 } }, { retryBackoffMs: { initial: 60_000, max: 60_000 } });
  await r.producer.send("t", "first");
  r.cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS");

  const error = await r.producer.send("t", "a", { timeoutMs: 10 }).catch((error) => error) as DeliveryError;
  const next = await r.producer.send("t", "b");

  assertEquals(error.verdict, "notPersisted");
  assert(error.message.includes("NOT_ENOUGH_REPLICAS"), error.message);
  assertEquals([next.offset, next.maybeDuplicate], [1n, undefined]);
  assertEquals(texts(r.cluster.records("t")), ["first", "b"]);
});
