import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import type { Delivery, Outcome, RecordInput } from "@ekaf/ekaf";
import { holdProduce, numbered, rig, texts, until } from "./rig.ts";

/** What a test looks at: partition and offset, or the failed record's text and why. */
function brief(outcome: Outcome): unknown {
  return outcome.error === undefined
    ? [outcome.partition, Number(outcome.offset)]
    : [outcome.record.text(), outcome.error.verdict];
}

Deno.test("delivery() gives one outcome a record in input order over several partitions", async () => {
  await using r = await rig();
  const inputs = Array.from({ length: 60 }, (_, i) => ({ value: String(i), partition: (i * 2) % 3 }));

  const outcomes = await Array.fromAsync(ReadableStream.from(inputs).pipeThrough(r.producer.delivery("t")));

  outcomes.forEach((outcome, i) => {
    const { partition, offset } = outcome as Delivery;
    assertEquals(partition, inputs[i]!.partition);
    assertEquals(r.cluster.records("t", partition)[Number(offset)]!.text(), String(i));
  });
  assertEquals(outcomes.length, 60);
});

Deno.test("delivery() takes arrays, and gives arrays of all that settled in a row", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const chunks: (string | string[])[] = [numbered("a", 10), [], "b", numbered("c", 5)];

  const pair = r.producer.delivery("t", { outcomes: "arrays" });
  const runs = await Array.fromAsync(ReadableStream.from(chunks).pipeThrough(pair));

  assert(runs.every((run) => run.length > 0));
  assertEquals(runs.flat().map(brief), Array.from({ length: 16 }, (_, i) => [0, i]));
  assertEquals(texts(r.cluster.records("t")), chunks.flat());
});

Deno.test("delivery() gives failures at their places", async () => {
  await using r = await rig();
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1, { partition: 1 });
  const inputs = Array.from({ length: 6 }, (_, i) => ({ value: String(i), partition: i % 3 }));

  const outcomes = await Array.fromAsync(ReadableStream.from([inputs]).pipeThrough(r.producer.delivery("t")));

  const failed = ["1", "4"].map((text) => [text, "notPersisted"]);
  assertEquals(outcomes.map(brief), [[0, 0], failed[0], [2, 0], [0, 1], failed[1], [2, 1]]);
});

Deno.test("delivery() gives a failure for a record that is too large or out of range, at its place", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxBytes: 1_000 });
  await r.producer.prepare("t");
  const large = "x".repeat(1_000);
  const inputs: RecordInput[] = [
    "a",
    large,
    "b",
    { value: "far", partition: 8 },
    { value: "old", timestamp: NaN },
    { value: "c", partition: 0 },
    large,
  ];

  for (const maxUnread of [1, 2, 100]) {
    const pair = r.producer.delivery("t", { maxUnread });
    const outcomes = await Array.fromAsync(ReadableStream.from([inputs, "d"]).pipeThrough(pair));

    const values = outcomes.map((each) => each.error === undefined ? "" : each.record.text());
    assertEquals(values, ["", large, "", "far", "old", "", large, ""]);
    assert(outcomes.every(({ error }) => error === undefined || error.cause instanceof RangeError));
  }

  assertEquals(texts(r.cluster.records("t")).join(""), "abcdabcdabcd");
});

Deno.test("delivery() ends with the error of a wrong input after the outcomes of what came before", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const { writable, readable } = r.producer.delivery("t");
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  const reader = readable.getReader();

  await writer.write(["a", "b"]);
  await assertRejects(
    () => writer.write(["c", 5 as unknown as string]),
    TypeError,
    "not 5; it has index 1 in the array",
  );

  assertEquals(brief((await reader.read()).value!), [0, 0]);
  assertEquals(brief((await reader.read()).value!), [0, 1]);
  await assertRejects(() => reader.read(), TypeError);
  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
});

for (const shape of ["one by one", "arrays"] as const) {
  Deno.test(`delivery() accepts at most maxUnread records that are not read, written ${shape}`, async () => {
    await using r = await rig({ topics: { t: 1 } });
    const { writable, readable } = r.producer.delivery("t", { maxUnread: 3 });
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const values = numbered("", 10);

    const written = shape === "arrays" ? writer.write(values) : Promise.all(values.map((value) => writer.write(value)));
    const closed = writer.close();
    const counts: number[] = [];
    for (let i = 0; i < 7; i++) {
      await r.cluster.waitFor("t", i + 3);
      await r.producer.flush();
      counts.push(r.cluster.records("t").length);
      assertEquals(brief((await reader.read()).value!), [0, i]);
    }
    const rest = [await reader.read(), await reader.read(), await reader.read()];
    const end = await reader.read();
    await Promise.all([written, closed]);

    assertEquals(counts, [3, 4, 5, 6, 7, 8, 9]);
    assertEquals(rest.map(({ value }) => brief(value!)), [[0, 7], [0, 8], [0, 9]]);
    assertEquals(end.done, true);
    assertEquals(texts(r.cluster.records("t")), values);
  });
}

Deno.test("delivery() closes its writable before the outcomes are read", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const { writable, readable } = r.producer.delivery("t");
  const writer = writable.getWriter();
  writer.write("a");

  await writer.close();

  assertEquals((await Array.fromAsync(readable)).map(brief), [[0, 0]]);
});

Deno.test("delivery() answers several reads at once", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const { writable, readable } = r.producer.delivery("t");
  const reader = readable.getReader();
  const reads = Array.from({ length: 6 }, () => reader.read());

  await ReadableStream.from([["a", "b"], "c", ["d", "e"]]).pipeTo(writable);

  const results = await Promise.all(reads);
  assertEquals(results.slice(0, 5).map(({ value }) => brief(value!)), [0, 1, 2, 3, 4].map((offset) => [0, offset]));
  assertEquals(results[5]!.done, true);
});

Deno.test("delivery() whose readable is cancelled errors the writable, and accepted records go out", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const { writable, readable } = r.producer.delivery("t");
  const writer = writable.getWriter();
  await writer.write(["a", "b"]);

  await readable.cancel("read enough");
  const reason = await writer.closed.catch((reason) => reason);
  release();
  await r.producer.flush();

  assertEquals(reason, "read enough");
  await writer.write("c").catch((error) => assertEquals(error, "read enough"));
  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
});

Deno.test("delivery() whose readable is cancelled ends a write that waits for outcomes to be read", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const { writable, readable } = r.producer.delivery("t", { maxUnread: 2 });
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  const waiting = writer.write(["a", "b", "c"]).catch((reason) => reason);
  await r.cluster.waitFor("t", 2);

  await readable.cancel("read enough");

  assertEquals(await waiting, "read enough");
  await r.producer.flush();
  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
});

Deno.test("delivery() whose readable is cancelled while it closes still closes", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const { writable, readable } = r.producer.delivery("t");
  const writer = writable.getWriter();
  writer.write("a");
  const closed = writer.close();
  await until(() => r.cluster.requests("Produce") === 1);

  await readable.cancel();
  release();
  await closed;

  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("delivery() that is aborted strikes out what was not sent and errors the readable", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000 });
  const { writable, readable } = r.producer.delivery("t");
  const reader = readable.getReader();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  await writer.write(["a", "b"]);

  const reading = reader.read().catch((reason) => reason);
  await writer.abort("stop");
  await r.producer.flush();

  assertEquals(await reading, "stop");
  assertEquals(await reader.closed.catch((reason) => reason), "stop");
  assertEquals(r.cluster.records("t"), []);
});

Deno.test("delivery() that is aborted while it closes rejects close() and errors the readable", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);
  const { writable, readable } = r.producer.delivery("t");
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  writer.write("a");
  const closed = writer.close().catch((reason) => reason);
  await until(() => r.cluster.requests("Produce") === 1);

  writer.abort("stop").catch(() => {});
  release();

  assertEquals(await closed, "stop");
  assertEquals(await readable.getReader().read().catch((reason) => reason), "stop");
});

Deno.test("delivery() with a signal ends like an abort, also while a write waits", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const controller = new AbortController();
  const { writable, readable } = r.producer.delivery("t", { signal: controller.signal, maxUnread: 1 });
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  const waiting = writer.write(["a", "b"]).catch((reason) => reason);
  await r.cluster.waitFor("t", 1);

  controller.abort("stop");

  assertEquals(await waiting, "stop");
  assertEquals(await readable.getReader().read().catch((reason) => reason), "stop");
});

Deno.test("delivery() with a signal that was aborted before is ended", async () => {
  await using r = await rig();
  const { writable, readable } = r.producer.delivery("t", { signal: AbortSignal.abort("stop") });

  assertEquals(await writable.getWriter().closed.catch((reason) => reason), "stop");
  assertEquals(await readable.getReader().read().catch((reason) => reason), "stop");
});

Deno.test("delivery() whose source fails errors the readable with that error", async () => {
  await using r = await rig();
  const source = new ReadableStream({ pull: () => Promise.reject(new Error("source")) });

  await assertRejects(() => Array.fromAsync(source.pipeThrough(r.producer.delivery("t"))), Error, "source");
});

Deno.test("delivery() with timeoutMs gives failures", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const release = holdProduce(r.cluster);

  const pair = r.producer.delivery("t", { timeoutMs: 8 });
  const outcomes = await Array.fromAsync(ReadableStream.from([["a", "b"]]).pipeThrough(pair));
  release();

  const failures = outcomes.map((each) => each.error && [each.record.text(), (each.error.cause as Error).name]);
  assertEquals(failures, [["a", "TimeoutError"], ["b", "TimeoutError"]]);
});

Deno.test("delivery() that is open when the producer closes reports what was accepted, then ends", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const { writable, readable } = r.producer.delivery("t");
  const writer = writable.getWriter();
  const ended = writer.closed.catch((error) => error);
  await writer.write(["a", "b"]);

  await r.producer.close();
  const reader = readable.getReader();

  assertInstanceOf(await ended, TypeError);
  assertEquals(brief((await reader.read()).value!), [0, 0]);
  assertEquals(brief((await reader.read()).value!), [0, 1]);
  await assertRejects(() => reader.read(), TypeError, "closed");
});

Deno.test("delivery() reports failures when the producer is aborted", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000 });
  const { writable, readable } = r.producer.delivery("t");
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  await writer.write(["a", "b"]);

  const failures = await r.producer.abort("over");
  const reader = readable.getReader();

  assertEquals(texts(failures.map(({ record }) => record)), ["a", "b"]);
  assertEquals(brief((await reader.read()).value!), ["a", "notPersisted"]);
  assertEquals(brief((await reader.read()).value!), ["b", "notPersisted"]);
  assertEquals(await reader.read().catch((reason) => reason), "over");
});

Deno.test("delivery() waits for room in the buffer", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  await using r = await rig({ topics: { t: 1 } }, sizes);
  const values = numbered("", 60).map((value) => value.padEnd(600));

  const outcomes = await Array.fromAsync(ReadableStream.from([values]).pipeThrough(r.producer.delivery("t")));

  assertEquals(outcomes.map(brief), values.map((_, i) => [0, i]));
  assertEquals(texts(r.cluster.records("t")), values);
});

Deno.test("delivery() gives budget back whether or not outcomes are read", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const { writable } = r.producer.delivery("t");
  const writer = writable.getWriter();

  await writer.write(numbered("", 100));
  await r.producer.flush();

  assertEquals(r.producer.info("t")[0]!.bufferedBytes, 0);
  await writer.close();
});

Deno.test("delivery() rejects wrong options and throws when the producer is closed", async () => {
  await using r = await rig();

  assertThrows(() => r.producer.delivery("t", { outcomes: "all" as "each" }), RangeError, "outcomes");
  for (const maxUnread of [0, 1.5, Infinity, NaN]) {
    assertThrows(() => r.producer.delivery("t", { maxUnread }), RangeError, "maxUnread");
  }
  assertThrows(() => r.producer.delivery("t", { maxUnread: "1" as unknown as number }), TypeError, "maxUnread");
  assertThrows(() => r.producer.delivery("t", { flush: true } as object), TypeError, "flush");
  await r.producer.close();
  assertThrows(() => r.producer.delivery("t"), TypeError, "closed");
});
