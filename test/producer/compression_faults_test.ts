import { assert, assertEquals, assertRejects } from "@std/assert";
import { DeliveryError } from "@ekaf/ekaf";
import { HeldWorkers } from "./held_worker.ts";
import { holdProduce, numbered, rig, texts, until } from "./rig.ts";

/** Large enough for a thread. */
const VALUES = numbered("a value that repeats itself, number ", 5_000);
const GZIP = { compression: "gzip" } as const;
const ONE = { topics: { t: 1 } };

Deno.test("a batch that is being compressed holds back those behind it", async () => {
  using workers = new HeldWorkers();
  await using made = await rig(ONE, { ...GZIP, batchMaxRecords: 5_000 });
  await made.producer.prepare("t");

  const first = made.producer.send("t", VALUES);
  await until(() => workers.jobs.length === 1);
  const second = made.producer.send("t", "small enough to be compressed at once");
  await new Promise((resolve) => setTimeout(resolve, 5));
  const before = made.cluster.records("t").length;
  workers.open();
  await Promise.all([first, second]);

  assertEquals(before, 0);
  assertEquals(texts(made.cluster.records("t")), [...VALUES, "small enough to be compressed at once"]);
});

Deno.test("one topic's compression does not hold up another's records", async () => {
  using workers = new HeldWorkers();
  await using made = await rig({ topics: { t: 1, plain: 1 } }, { topics: { t: GZIP } });

  const slow = made.producer.send("t", VALUES);
  await until(() => workers.jobs.length === 1);
  await made.producer.send("plain", "at once");

  assertEquals(workers.jobs.length, 1);
  workers.open();
  await slow;
});

Deno.test("flush() and close() wait for what is being compressed", async () => {
  using workers = new HeldWorkers();
  await using made = await rig(ONE, GZIP);
  await made.producer.enqueue("t", VALUES);
  const done: string[] = [];
  const flushed = made.producer.flush().then(() => done.push("flush"));
  const closed = made.producer.close().then(() => done.push("close"));

  await until(() => workers.jobs.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const before = [...done];
  workers.open();
  await Promise.all([flushed, closed]);

  assertEquals(before, []);
  assertEquals(texts(made.cluster.records("t")), VALUES);
});

Deno.test("abort() gives back what is being compressed, and warns of nothing", async () => {
  using workers = new HeldWorkers();
  await using made = await rig(ONE, GZIP);
  await made.producer.enqueue("t", VALUES);
  await until(() => workers.jobs.length === 1);

  const failures = await made.producer.abort();

  assertEquals(failures.map(({ record }) => record.text()), VALUES);
  assert(failures.every(({ error }) => error.verdict === "notPersisted"));
  assertEquals([made.cluster.records("t"), made.warnings], [[], []]);
});

Deno.test("close() that has no more time gives back what is being compressed", async () => {
  using workers = new HeldWorkers();
  await using made = await rig(ONE, { ...GZIP, closeTimeoutMs: 20 });
  await made.producer.enqueue("t", VALUES);
  await until(() => workers.jobs.length === 1);

  const error = await assertRejects(() => made.producer.close(), DeliveryError);

  assertEquals([error.outcomes?.length, error.verdict], [VALUES.length, "notPersisted"]);
  assertEquals(made.warnings, []);
});

Deno.test("send() that is given up while its batch is being compressed is never sent", async () => {
  using workers = new HeldWorkers();
  await using made = await rig(ONE, GZIP);
  const giveUp = new AbortController();
  const sent = made.producer.send("t", VALUES, { signal: giveUp.signal });
  await until(() => workers.jobs.length === 1);

  giveUp.abort();
  const error = await assertRejects(() => sent, DeliveryError);
  workers.open();
  await made.producer.send("t", "next");

  assertEquals(error.verdict, "notPersisted");
  assertEquals(texts(made.cluster.records("t")), ["next"]);
});

for (const moment of ["while it is being compressed", "after it was compressed"]) {
  Deno.test(`records leave a batch ${moment}: the others go out compressed`, async () => {
    using workers = new HeldWorkers();
    await using made = await rig(ONE, { ...GZIP, batchMaxRecords: 6_000 });
    await made.producer.prepare("t");
    const letGo = holdProduce(made.cluster);
    const blocker = made.producer.send("t", "under way"); // so that what follows is sealed when it is full, and waits
    await until(() => made.cluster.requests("Produce") === 1);
    const giveUp = new AbortController();
    const kept = made.producer.enqueue("t", VALUES);
    const left = made.producer.send("t", numbered("not wanted ", 1_000), { signal: giveUp.signal });
    const leftRejects = assertRejects(() => left, DeliveryError);
    const last = made.producer.enqueue("t", "in a batch of its own");
    await until(() => workers.jobs.length === 1);

    if (moment.startsWith("after")) workers.open();
    await new Promise((resolve) => setTimeout(resolve, 2));
    giveUp.abort();
    await leftRejects;
    workers.open();
    letGo();
    await Promise.all([blocker, kept, last]);
    await made.producer.flush();

    assertEquals(texts(made.cluster.records("t")), ["under way", ...VALUES, "in a batch of its own"]);
    assertEquals(made.cluster.batches("t").map(({ isCompressed }) => isCompressed), [false, true, false]);
  });
}

Deno.test("a compressed batch that is too large is halved, and its halves are compressed", async () => {
  await using made = await rig({ ...ONE, maxMessageBytes: 30_000 }, GZIP);
  const noisy = Array.from({ length: 200 }, (_, i) => `${i} ${crypto.randomUUID().repeat(20)} ${crypto.randomUUID()}`);
  const many = Array.from({ length: 2_000 }, (_, i) => noisy[i % 200]! + i);

  await made.producer.send("t", many);

  assertEquals(texts(made.cluster.records("t")), many);
  const batches = made.cluster.batches("t");
  assert(batches.length > 1 && batches.every(({ isCompressed, sizeBytes }) => isCompressed && sizeBytes <= 30_000));
});

Deno.test("records that a broker refuses leave a compressed batch, the others go on", async () => {
  await using made = await rig(ONE, GZIP);
  const again = "again and ".repeat(50);
  let refusals = 0;
  using _hook = made.cluster.intercept("Produce", (request, next) => {
    if (refusals++ > 0) return next(request);
    const recordErrors = [{ batchIndex: 1, batchIndexErrorMessage: "not this one" }];
    const partitionResponses = [{ index: 0, errorCode: 87, baseOffset: -1n, recordErrors }];
    const { name, topicId } = request.body.topicData[0]!;
    return { responses: [{ name, topicId, partitionResponses }] };
  });

  const error = await assertRejects(
    () => made.producer.send("t", [`${again}0`, `${again}1`, `${again}2`]),
    DeliveryError,
  );

  assertEquals(error.outcomes!.map((outcome) => outcome.error === undefined), [true, false, true]);
  assertEquals(texts(made.cluster.records("t")), [`${again}0`, `${again}2`]);
  assertEquals(made.cluster.batches("t").map(({ isCompressed }) => isCompressed), [true]);
});

Deno.test("a compressed batch is the same, byte for byte, when it is sent again", async () => {
  await using made = await rig(ONE, GZIP);
  const seen: string[] = [];
  using _hook = made.cluster.intercept("Produce", (request, next) => {
    seen.push(request.body.topicData[0]!.partitionData[0]!.records!.toHex());
    return next(request);
  });
  made.cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS", 2);

  const [delivery] = await made.producer.send("t", VALUES);

  assertEquals([seen.length, new Set(seen).size], [3, 1]);
  assertEquals([delivery!.offset, texts(made.cluster.records("t"))], [0n, VALUES]);
});

Deno.test("a compressed batch is numbered anew under another identity", async () => {
  await using made = await rig(ONE, GZIP);
  await made.producer.send("t", "first");
  made.cluster.failNext("Produce", "UNKNOWN_PRODUCER_ID");

  await made.producer.send("t", VALUES);

  assertEquals(texts(made.cluster.records("t")), ["first", ...VALUES]);
  assertEquals(made.cluster.batches("t").at(-1)!.isCompressed, true);
});

Deno.test("a codec that fails leaves the batch uncompressed, with a warning", async () => {
  using workers = new HeldWorkers();
  await using made = await rig(ONE, GZIP);
  const sent = made.producer.send("t", VALUES);
  await until(() => workers.jobs.length === 1);

  workers.fail("Error: no memory");
  await sent;

  assertEquals(texts(made.cluster.records("t")), VALUES);
  assertEquals(made.cluster.batches("t").map(({ isCompressed }) => isCompressed), [false]);
  assertEquals(made.warnings, ["A batch goes out uncompressed, gzip failed: Error: no memory"]);
});

Deno.test("configure() changes the compression of batches opened from then on", async () => {
  await using made = await rig(ONE);
  const topic = made.producer.topic("t");
  const again = "again and ".repeat(50);

  await topic.send(again);
  topic.configure({ compression: "lz4" });
  await topic.send(again);
  topic.configure({ compression: { codec: "zstd", level: 9 } });
  await topic.send(again);
  topic.configure({ compression: undefined });
  await topic.send(again);

  assertEquals(made.cluster.batches("t").map(({ isCompressed }) => isCompressed), [false, true, true, false]);
});

Deno.test("batches that become full while others are being compressed are sent once each, in order", async () => {
  await using made = await rig({ topics: { t: 2 } }, { ...GZIP, batchMaxRecords: 500, lingerMs: 0 });
  const sent: string[] = [];
  for (let i = 0; i < 300; i++) {
    const values = numbered(`{"chunk":${i},"text":"a value that repeats itself","number":`, 100);
    sent.push(...values);
    await made.producer.enqueue("t", values.map((value) => ({ value, partition: i % 2 })));
    if (i % 7 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  await made.producer.flush();

  const chunkOf = (text: string) => Number(/"chunk":(\d+)/.exec(text)![1]);
  for (const partition of [0, 1]) {
    const expected = sent.filter((text) => chunkOf(text) % 2 === partition);
    assertEquals(texts(made.cluster.records("t", partition)), expected);
  }
});

Deno.test("batches that transformBatch rewrites are compressed too, also in halves", async () => {
  await using made = await rig({ ...ONE, maxMessageBytes: 20_000 }, {
    ...GZIP,
    transformBatch: (records) => records.map((record) => `${record.text()} rewritten`),
  });
  const many = Array.from({ length: 2_000 }, (_, i) => `${i} ${"again ".repeat(20)}${crypto.randomUUID()}`);

  await made.producer.send("t", many);

  assertEquals(texts(made.cluster.records("t")), many.map((text) => `${text} rewritten`));
  const batches = made.cluster.batches("t");
  assert(batches.length > 1 && batches.every(({ isCompressed }) => isCompressed));
});

Deno.test("a batch that transformBatch rewrites is compressed before it is first sent", async () => {
  await using made = await rig(ONE, {
    ...GZIP,
    transformBatch: (records) => records.map((record) => `${record.text()} rewritten`),
  });

  await made.producer.send("t", VALUES);

  assertEquals(made.cluster.batches("t").map(({ isCompressed }) => isCompressed), [true]);
});

Deno.test("a compressed batch that was damaged on the way is sent again", async () => {
  await using made = await rig(ONE, GZIP);
  made.cluster.failNext("Produce", "CORRUPT_MESSAGE");

  const [delivery] = await made.producer.send("t", VALUES);

  assertEquals([delivery!.offset, texts(made.cluster.records("t"))], [0n, VALUES]);
});
