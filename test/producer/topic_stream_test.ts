import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { type DeliveryError, refuse } from "@ekaf/ekaf";
import { heard, holdProduce, numbered, type Rig, rig, texts, until } from "./rig.ts";

/** Room for little: five records of a kilobyte. */
const SCARCE = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
const LARGE = "x".repeat(900);

Deno.test("writable() resolves write() when a record is buffered and close() when it is acknowledged", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const writer = r.producer.writable("t").getWriter();

  await writer.write("a");
  let isClosed = false;
  const closed = writer.close().then(() => isClosed = true);
  await until(() => r.cluster.requests("Produce") === 1);
  const wasClosedEarly = isClosed;
  release();
  await closed;

  assertEquals(wasClosedEarly, false);
  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("writable() takes records and arrays of records, in order", async () => {
  await using r = await rig({ topics: { t: 1 } });

  await ReadableStream.from(["a", ["b", { value: "c" }], [], new Uint8Array([100])]).pipeTo(r.producer.writable("t"));

  assertEquals(texts(r.cluster.records("t")), ["a", "b", "c", "d"]);
});

Deno.test("writable() keeps the order of a long pipe over batches and requests", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxRecords: 7 });
  const values = numbered("", 500);

  await ReadableStream.from(values).pipeTo(r.producer.writable("t"));

  assertEquals(texts(r.cluster.records("t")), values);
});

Deno.test("writable() closes at once when nothing was written", async () => {
  await using r = await rig();

  await r.producer.writable("t").close();

  assertEquals(r.cluster.requests(), 0);
});

Deno.test("writable() makes close() reject when a record was lost meanwhile", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");
  const writer = r.producer.writable("t").getWriter();
  writer.closed.catch(() => {});
  writer.write("a");

  const error = await writer.close().catch((error) => error) as DeliveryError;

  assertEquals([error.name, error.verdict, error.topic], ["DeliveryError", "notPersisted", "t"]);
});

Deno.test("writable() that lost a record errors, and no other stream of the topic", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");
  const lost = r.producer.writable("t").getWriter();
  const other = r.producer.writable("t").getWriter();

  await lost.write("a");
  const error = await lost.closed.catch((error) => error);
  await other.write("b");
  await other.close();

  assertEquals(error.name, "DeliveryError");
  await assertRejects(() => lost.write("c"));
  assertEquals(texts(r.cluster.records("t")), ["b"]);
});

Deno.test("writable() with onFailure report tells of lost records and goes on", async () => {
  await using r = await rig({ topics: { t: 1 } }, { partitioner: ({ bytes }) => bytes === 3 ? refuse("three") : 0 });
  const failed = heard(r.producer, "deliveryfailed");
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");
  const writer = r.producer.writable("t", { onFailure: "report" }).getWriter();

  await writer.write(["a", "b"]);
  await until(() => failed.length === 1);
  await writer.write(["c", "ddd"]);
  await writer.close();

  assertEquals(failed.map(({ count }) => count), [2, 1]);
  assertEquals(texts(r.cluster.records("t")), ["c"]);
});

Deno.test("writable() rejects what is no record and delivers what came before", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const writer = r.producer.writable("t").getWriter();
  writer.closed.catch(() => {});
  await writer.write("a");

  await assertRejects(() => writer.write(["b", 5 as unknown as string]), TypeError);
  await r.producer.flush();

  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("writable() rejects a record over the limit", async () => {
  await using r = await rig({}, SCARCE);
  const writer = r.producer.writable("t").getWriter();
  writer.closed.catch(() => {});

  await assertRejects(() => writer.write("x".repeat(1_000)), RangeError, `"batchMaxBytes" 1000`);
});

Deno.test("writable() rejects a record of a partition the topic does not have", async () => {
  await using r = await rig();
  await r.producer.prepare("t");

  const late = r.producer.writable("t").getWriter();
  late.closed.catch(() => {});

  await assertRejects(() => late.write({ value: "", partition: 9 }), RangeError);
});

Deno.test("writable() of which one is aborted leaves the other one's pipe alone", async () => {
  await using r = await rig({ topics: { t: 1 } }, { maxInFlight: 1 });
  const release = holdProduce(r.cluster);
  const kept = r.producer.writable("t").getWriter();
  const aborted = r.producer.writable("t").getWriter();
  aborted.closed.catch(() => {});
  await kept.write("k0");
  await until(() => r.cluster.requests("Produce") === 1);

  for (let i = 1; i < 10; i++) {
    await kept.write(`k${i}`);
    await aborted.write([`a${i}`, `b${i}`]);
  }
  await aborted.abort("enough");
  release();
  await kept.close();

  assertEquals(texts(r.cluster.records("t")), numbered("k", 10));
  assertEquals(r.producer.info("t")[0]!.bufferedBytes, 0);
});

Deno.test("writable() aborted while its records are in flight lets them go on", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const writer = r.producer.writable("t").getWriter();
  writer.closed.catch(() => {});
  await writer.write("a");
  await until(() => r.cluster.requests("Produce") === 1);

  await writer.abort("enough");
  release();
  await r.producer.flush();

  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("writable() aborted while a write waits for room ends that write", async () => {
  await using r = await rig({ topics: { t: 1 } }, SCARCE);
  const release = holdProduce(r.cluster);
  const writer = r.producer.writable("t").getWriter();
  writer.closed.catch(() => {});
  const writes = numbered(LARGE, 20).map((value) => writer.write(value));
  const outcomes = Promise.allSettled(writes);
  await until(() => r.cluster.requests("Produce") >= 1);

  await writer.abort("enough");
  release();
  await r.producer.flush();

  assertEquals((await outcomes).filter(({ status }) => status === "rejected").length, 15);
  assert(r.cluster.records("t").length < 5);
  assertEquals(r.producer.info("t")[0]!.bufferedBytes, 0);
});

Deno.test("writable() aborted while it closes rejects close() with the reason", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const writer = r.producer.writable("t").getWriter();
  writer.closed.catch(() => {});
  await writer.write("a");
  const closed = writer.close().catch((error) => error);
  await until(() => r.cluster.requests("Produce") === 1);

  writer.abort("enough").catch(() => {});

  assertEquals(await closed, "enough");
  release();
});

Deno.test("writable() with a signal ends a pipe in its last phase", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const controller = new AbortController();
  const stream = r.producer.writable("t", { signal: controller.signal });
  const piped = ReadableStream.from(["a"]).pipeTo(stream).catch((error) => error);
  await until(() => r.cluster.requests("Produce") === 1);

  controller.abort("enough");

  assertEquals(await piped, "enough");
  release();
});

Deno.test("writable() with an aborted signal takes nothing", async () => {
  await using r = await rig();
  const writer = r.producer.writable("t", { signal: AbortSignal.abort("no") }).getWriter();

  assertEquals(await writer.closed.catch((error) => error), "no");
  assertEquals(await writer.write("a").catch((error) => error), "no");
});

Deno.test("writable() with timeoutMs errors when a record takes longer", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);

  const piped = ReadableStream.from(["a"]).pipeTo(r.producer.writable("t", { timeoutMs: 8 }));
  const error = await piped.catch((error) => error);
  release();

  assertEquals([error.name, error.cause.name], ["DeliveryError", "TimeoutError"]);
});

Deno.test("writable() carries a failure to the pipe's source", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");
  let cancelReason: unknown;
  const source = new ReadableStream<string>({
    pull: (controller) => controller.enqueue("a".repeat(10_000)),
    cancel: (reason) => void (cancelReason = reason),
  });

  const error = await source.pipeTo(r.producer.writable("t")).catch((error) => error);

  assertEquals(error.name, "DeliveryError");
  assertEquals(cancelReason, error);
});

Deno.test("writable() strikes out what was not sent when the pipe's source fails", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000 });
  const source = new ReadableStream<string>({
    start(controller) {
      controller.enqueue("a");
      setTimeout(() => controller.error(new Error("source")), 2);
    },
  });

  await assertRejects(() => source.pipeTo(r.producer.writable("t")), Error, "source");
  await r.producer.flush();

  assertEquals(r.cluster.records("t"), []);
});

Deno.test("writable() counts its queue in bytes", async () => {
  await using r = await rig({ topics: { t: 1 } }, SCARCE);
  const release = holdProduce(r.cluster);
  const writer = r.producer.writable("t").getWriter();
  const before = writer.desiredSize!;

  const writes = numbered(LARGE, 10).map((value) => writer.write(value));
  await until(() => r.cluster.requests("Produce") === 1);
  writes.push(writer.write(["y".repeat(1), "z".repeat(3)]));

  const queued = before - writer.desiredSize!;
  assert(queued >= 5 * 900 && queued < 10 * 1_000, `${queued} bytes`);
  release();
  await Promise.all(writes);
  assertEquals(writer.desiredSize, before);
});

Deno.test("writable() reads no further from its source while the budget is full", async () => {
  await using r = await rig({ topics: { t: 1 } }, SCARCE);
  const release = holdProduce(r.cluster);
  let pulled = 0;
  const source = new ReadableStream<string>({
    pull(controller) {
      controller.enqueue(LARGE);
      if (++pulled === 300) controller.close();
    },
  }, { highWaterMark: 0 });

  const piped = source.pipeTo(r.producer.writable("t"));
  await until(() => pulled >= 6);
  await new Promise((resolve) => setTimeout(resolve, 10));
  const atStandstill = pulled;
  release();
  await piped;

  // Five in the budget, one in the stream's queue, and those on their way.
  assert(atStandstill < 12, `${atStandstill} chunks`);
  assertEquals(r.cluster.records("t").length, 300);
});

Deno.test("writable() rejects wrong options and throws when the producer is closed", async () => {
  await using r = await rig();

  assertThrows(() => r.producer.writable("t", { onFailure: "ignore" as "error" }), RangeError, "onFailure");
  assertThrows(() => r.producer.writable("t", { onFailur: "error" } as object), TypeError, "onFailur");
  assertThrows(() => r.producer.writable("t", { timeoutMs: -1 }), RangeError, "timeoutMs");
  assertThrows(() => r.producer.writable(""), RangeError);
  await r.producer.close();
  assertThrows(() => r.producer.writable("t"), TypeError, "closed");
});

Deno.test("writable() that is open when the producer closes errors, and its records go out", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000 });
  const writer = r.producer.writable("t").getWriter();
  const closed = writer.closed.catch((error) => error);
  await writer.write(["a", "b"]);

  await r.producer.close();

  assertInstanceOf(await closed, TypeError);
  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
});

Deno.test("writable() that is closing when the producer closes is closed in peace", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const writer = r.producer.writable("t").getWriter();
  await writer.write("a");
  const closed = writer.close();

  await Promise.all([r.producer.close(), closed]);

  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("writable() of a handle encodes each value", async () => {
  await using r: Rig = await rig({ topics: { t: 1 } });
  const topic = r.producer.topic<{ n: number }>("t", { encode: (value) => JSON.stringify(value) });

  await ReadableStream.from([{ n: 1 }, [{ n: 2 }, { n: 3 }]]).pipeTo(topic.writable());

  assertEquals(texts(r.cluster.records("t")), ['{"n":1}', '{"n":2}', '{"n":3}']);
});

Deno.test("writable() of a handle errors when encode throws", async () => {
  await using r = await rig();
  const topic = r.producer.topic<string>("t", {
    encode: () => {
      throw new Error("cannot encode");
    },
  });

  await assertRejects(() => ReadableStream.from(["a"]).pipeTo(topic.writable()), Error, "cannot encode");
});
