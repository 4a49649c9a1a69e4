import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  BufferFullError,
  Producer,
  stickyRoundRobin,
  strictRoundRobin,
  type TopicChanges,
  type TopicOptions,
} from "@ekaf/ekaf";
import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { heard, holdProduce, numbered, QUICK, rig, texts, until } from "./rig.ts";

/** Records of each batch of a topic, in order. */
function counts(cluster: EmbeddedCluster, topic = "t"): number[] {
  return cluster.batches(topic).map(({ recordCount }) => recordCount);
}

Deno.test("Topic.configure() changes the strategy of one topic while it runs", async () => {
  await using r = await rig({ topics: { t: 3, u: 3 } }, { partitioner: () => 2 });
  const place = async (topic: string) => {
    const deliveries = await r.producer.send(topic, numbered("", 7));
    return deliveries.map(({ partition }) => partition);
  };
  const topic = r.producer.topic("t");

  const before = await place("t");
  topic.configure({ partitioner: strictRoundRobin() });
  const strict = await place("t");
  topic.configure({ partitioner: stickyRoundRobin(2) });
  const sticky = await place("t");
  topic.configure({ partitioner: stickyRoundRobin(4) });
  const stickier = await place("t");

  assertEquals(before, [2, 2, 2, 2, 2, 2, 2]);
  assertEquals(strict, [0, 1, 2, 0, 1, 2, 0]);
  assertEquals(sticky, [0, 0, 1, 1, 2, 2, 0]);
  assertEquals(stickier, [0, 0, 0, 0, 1, 1, 1]);
  assertEquals(await place("u"), before);
});

Deno.test("Topic.configure() changes the strategy for records that wait for the topic's partitions", async () => {
  await using r = await rig({ topics: { t: 3 } }, { partitioner: () => 2 });
  await r.cluster.stop();
  await r.producer.enqueue("t", "early");

  r.producer.topic("t").configure({ partitioner: () => 1 });
  await r.cluster.start();
  await r.producer.flush();

  assertEquals(texts(r.cluster.records("t", 1)), ["early"]);
});

Deno.test("Topic.configure() holds for batches opened from then on", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 60_000, batchMaxRecords: 100 });
  const topic = r.producer.topic("t");

  await topic.enqueue(numbered("", 5));
  topic.configure({ batchMaxRecords: 3 });
  await topic.enqueue(numbered("", 6));
  await topic.flush();
  await topic.enqueue(numbered("", 7));
  await topic.flush();

  assertEquals(counts(r.cluster), [11, 3, 3, 1]);
});

Deno.test("Topic.configure() refuses records above a lower batchMaxBytes, and keeps those it accepted", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxRecords: 1_000 });
  const topic = r.producer.topic("t");
  await r.cluster.stop();
  await topic.enqueue(["x".repeat(5_000), "small", "y".repeat(5_000)]); // without partitions yet

  topic.configure({ batchMaxBytes: 1_000 });
  await assertRejects(() => topic.enqueue("z".repeat(5_000)), RangeError, "batchMaxBytes");
  await topic.enqueue("last");
  await r.cluster.start();
  await topic.flush();

  assertEquals(texts(r.cluster.records("t")).map((text) => text.length), [5_000, 5, 5_000, 4]);
  assertEquals(counts(r.cluster), [1, 1, 1, 1]);
});

Deno.test("Topic.configure() keeps a record that waits for room above a lower batchMaxBytes", async () => {
  const sizes = { batchMaxBytes: 6_000, partitionMaxBytes: 12_000 };
  await using r = await rig({ topics: { t: 1 } }, sizes);
  const topic = r.producer.topic("t");
  await topic.prepare();
  const release = holdProduce(r.cluster);
  await topic.enqueue(["x".repeat(5_000), "y".repeat(5_000)]);
  const waiting = topic.enqueue("z".repeat(5_000));

  topic.configure({ batchMaxBytes: 500 });
  release();
  await waiting;
  await topic.flush();

  assertEquals(texts(r.cluster.records("t")).map((text) => text[0]), ["x", "y", "z"]);
});

Deno.test("Topic.configure() keeps a record that waits for room above it also before there are partitions", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxBytes: 6_000, partitionMaxBytes: 12_000 });
  const topic = r.producer.topic("t");
  await r.cluster.stop();
  const withdrawal = new AbortController();
  const withdrawn = topic.send("x".repeat(5_000), { signal: withdrawal.signal });
  await topic.enqueue("y".repeat(5_000));
  const waiting = topic.enqueue("z".repeat(5_000));

  topic.configure({ batchMaxBytes: 500 });
  withdrawal.abort();
  await assertRejects(() => withdrawn);
  await r.cluster.start();
  await waiting;
  await topic.flush();

  assertEquals(texts(r.cluster.records("t")).map((text) => text[0]), ["y", "z"]);
});

Deno.test("Topic.configure() changes what happens when there is no room", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096 };
  await using r = await rig({ topics: { t: 1 } }, { ...sizes, partitioner: () => 0 });
  const topic = r.producer.topic("t");
  const lost: string[] = [];
  topic.addEventListener("deliveryfailed", ({ detail }) => {
    lost.push(...detail.failures().map(({ record }) => record.text()[0]!));
  });
  await topic.send("first");
  await r.cluster.stop();
  const record = (letter: string) => letter.repeat(700);
  for (const letter of "abcdefg") await topic.enqueue(record(letter));

  topic.configure({ overflow: "reject" });
  await assertRejects(() => topic.enqueue(record("h")), BufferFullError);
  topic.configure({ overflow: "dropNewest" });
  await topic.enqueue(record("i"));
  topic.configure({ overflow: "dropOldest" });
  await topic.enqueue(record("j"));
  topic.configure({ overflow: "wait" });
  let isIn = false;
  const waiting = topic.enqueue(record("k")).then(() => isIn = true);
  await topic.pick();
  assertEquals(isIn, false);
  await r.cluster.start();
  await waiting;
  await topic.flush();

  assertEquals(lost[0], "i");
  assertEquals(lost.length, 2);
  const stored = texts(r.cluster.records("t")).map((text) => text[0]).join("");
  assertEquals(stored, `f${"abcdefg".replace(lost[1]!, "")}jk`);
});

Deno.test("Topic.configure() has a call that waits for room go on waiting under a policy that drops", async () => {
  await using r = await rig({ topics: { t: 1 } }, { batchMaxBytes: 1_000, partitionMaxBytes: 5_096 });
  const topic = r.producer.topic("t");
  await topic.prepare();
  const release = holdProduce(r.cluster);
  const waiting = topic.enqueue(numbered("", 30).map((value) => value.padEnd(700)));

  topic.configure({ overflow: "dropNewest" });
  release();
  const { partitions } = await waiting;
  await topic.flush();

  assert(!partitions.includes(null));
  assertEquals(texts(r.cluster.records("t")).map((text) => text.trim()), numbered("", 30));
});

Deno.test("Topic.configure() drops the oldest record also when a policy that drops was off for a while", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  const options = { ...sizes, overflow: "dropOldest", batchMaxRecords: 100 } as const;
  const producer = new Producer({ bootstrap: "127.0.0.1:1", logger: null, ...QUICK, ...options });
  const topic = producer.topic("t");
  const lost: string[] = [];
  topic.addEventListener("deliveryfailed", ({ detail }) => {
    lost.push(...detail.failures().map(({ record }) => record.text()[0]!));
  });
  const record = (letter: string) => letter.repeat(200);

  await topic.enqueue(["a", "b"].map(record));
  topic.configure({ overflow: "wait" });
  await topic.enqueue(["c", "d"].map(record));
  topic.configure({ overflow: "dropOldest" });
  await topic.enqueue([..."efghijklmnopqrstuvwxyz"].map(record));

  const dropped = lost.join("");
  const kept = (await producer.abort()).map(({ record }) => record.text()[0]).join("");
  assert(dropped.length > 0);
  assertEquals(dropped + kept, "abcdefghijklmnopqrstuvwxyz");
});

Deno.test("Topic.configure() lets waiting calls go on when downtimeMaxRecords is raised or unset", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const topic = r.producer.topic("t", { downtimeMaxRecords: 2 });
  const full = heard(topic, "downtimefull");
  await topic.send("0");
  await r.cluster.stop();
  await until(() => topic.info()[0]!.state !== "up");
  const calls = numbered("", 6).map((value) => topic.enqueue(value));
  await until(() => full.length > 0);
  assertEquals(topic.info()[0]!.bufferedRecords, 2);

  topic.configure({ downtimeMaxRecords: 4 });
  await calls[3];
  assertEquals(topic.info()[0]!.bufferedRecords, 4);
  topic.configure({ downtimeMaxRecords: undefined });
  await Promise.all(calls);

  assertEquals(topic.info()[0]!.bufferedRecords, 6);
});

Deno.test("Topic.configure() leaves alone what it is not given, and goes back where it is given undefined", async () => {
  await using r = await rig({ topics: { t: 3 } }, {
    batchMaxRecords: 4,
    lingerMs: 60_000,
    partitioner: () => 1,
    topics: { t: { partitioner: () => 2 } },
  });
  const topic = r.producer.topic("t");

  topic.configure({ batchMaxRecords: 2, partitioner: () => 0 });
  topic.configure({ idleMs: 5 });
  await topic.send(numbered("", 4));
  topic.configure({ batchMaxRecords: undefined, partitioner: undefined });
  await topic.send(numbered("", 4));

  assertEquals(r.cluster.batches("t", 0).map(({ recordCount }) => recordCount), [2, 2]);
  assertEquals(r.cluster.batches("t", 2).map(({ recordCount }) => recordCount), [4]);
});

const WRONG: [TopicChanges, ErrorConstructor, string][] = [
  [{ lingerMs: "soon" as "auto" }, TypeError, `"lingerMs"`],
  [{ lingerMs: -1 }, RangeError, `"lingerMs"`],
  [{ idleMs: 0 }, RangeError, `"idleMs"`],
  [{ batchMaxRecords: 1.5 }, RangeError, `"batchMaxRecords"`],
  [{ batchMaxBytes: 5_000_000_000 }, RangeError, `"batchMaxBytes"`],
  [{ batchMaxBytes: 8 * 1024 * 1024 }, RangeError, `"partitionMaxBytes"`],
  [{ overflow: "drop" as "wait" }, RangeError, `"overflow"`],
  [{ downtimeMaxRecords: "5" as unknown as number }, TypeError, `"downtimeMaxRecords"`],
  [{ partitioner: "random" as unknown as () => 0 }, TypeError, `"partitioner"`],
  [{ linger: 5 } as object, TypeError, `"linger"`],
  [{ linger: undefined } as object, TypeError, `"linger"`],
  [{ bootstrap: "b" } as object, TypeError, `"bootstrap"`],
  [{ acks: 1 } as object, TypeError, `Cannot change "acks" of topic "t"`],
  [{ deliveryTimeoutMs: 1 } as object, TypeError, `Cannot change "deliveryTimeoutMs" of topic "t"`],
  [{ partitionMaxBytes: 2_000_000 } as object, TypeError, `Cannot change "partitionMaxBytes" of topic "t"`],
  [null as unknown as TopicChanges, TypeError, `topic "t"`],
  ["lingerMs" as TopicChanges, TypeError, `topic "t"`],
  [[] as TopicChanges, TypeError, `Cannot configure topic "t": options must be an object, not []`],
  [{ partitionMaxBytes: 5 } as object, TypeError, `Cannot change "partitionMaxBytes" of topic "t"`],
];
for (const [changes, error, text] of WRONG) {
  Deno.test(`Topic.configure() rejects ${Deno.inspect(changes)} and changes nothing`, async () => {
    await using r = await rig({ topics: { t: 3 } }, { partitioner: () => 2 });
    const topic = r.producer.topic("t");
    const isObject = typeof changes === "object" && changes !== null && !Array.isArray(changes);
    const both = isObject ? { partitioner: () => 0, ...changes } : changes;

    const thrown = assertThrows(() => topic.configure(both), error);

    assertStringIncludes(thrown.message, text);
    assertEquals((await topic.send("")).partition, 2);
  });
}

Deno.test("Topic.configure() checks bounds against the topic's own, not the producer's", async () => {
  await using r = await rig({}, { topics: { t: { partitionMaxBytes: 16 * 1024 * 1024 } }, requestMaxBytes: 2 ** 25 });

  r.producer.topic("t").configure({ batchMaxBytes: 10_000_000 });

  assertThrows(() => r.producer.topic("u").configure({ batchMaxBytes: 10_000_000 }), RangeError, "batchMaxBytes");
});

Deno.test("Topic.configure() throws when the producer is closed", async () => {
  await using r = await rig();
  const topic = r.producer.topic("t");
  await r.producer.close();

  assertThrows(() => topic.configure({ lingerMs: 5 }), TypeError, "closed");
});

Deno.test("Producer.topic() points to configure() when another value was set", async () => {
  await using r = await rig();
  const topic = r.producer.topic("t", { lingerMs: 5, acks: 1 });

  assertThrows(
    () => r.producer.topic("t", { lingerMs: 6 }),
    TypeError,
    `Cannot set "lingerMs" of topic "t" to 6: it is 5 already; configure() changes it`,
  );
  assertThrows(() => r.producer.topic("t", { partitioner: () => 0 }), TypeError, "it is the default already");
  const fixed = assertThrows(() => r.producer.topic("t", { acks: "all" }), TypeError, "acks");
  assert(!fixed.message.includes("configure()"));

  topic.configure({ lingerMs: 6 });
  r.producer.topic("t", { lingerMs: 6 });
  assertThrows(() => r.producer.topic("t", { lingerMs: 5 }), TypeError, "it is 6 already");
});

Deno.test("Producer.topic() keeps what configure() set before it", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.producer.topic("t").configure({ batchMaxRecords: 2, lingerMs: 60_000 });

  assertThrows(() => r.producer.topic("t", { batchMaxRecords: 3, acks: 1 }), TypeError, "configure()");
  await r.producer.topic("t", { idleMs: 60_000, batchMaxRecords: 2 }).send(numbered("", 4));

  assertEquals(counts(r.cluster), [2, 2]);
});

Deno.test("Producer.topic() takes an option given as undefined for one that is left out", async () => {
  const topics: Record<string, TopicOptions> = { t: { batchMaxRecords: 2 } };
  await using r = await rig({ topics: { t: 1 } }, { topics });
  const options = { batchMaxRecords: undefined, lingerMs: 60_000 } as unknown as TopicOptions;

  await r.producer.topic("t", options).send(numbered("", 4));

  assertEquals(counts(r.cluster), [2, 2]);
});
