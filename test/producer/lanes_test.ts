/** Several lanes a partition: connections, producer ids, which record takes which, and what is shared. */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type LaneRange, type Producer, strictRoundRobin } from "@ekaf/ekaf";
import { murmur2, toPositive } from "../../protocol/murmur2.ts";
import { heard, holdProduce, numbered, QUICK, rig, texts, until } from "./rig.ts";

const bytes = new TextEncoder();

/** The lane that a key must have. */
function laneOf(key: string, min: number): number {
  return toPositive(murmur2(bytes.encode(key))) % min;
}

/** Which lane each flush of a topic came from, as `partition/lane`. */
function flushes(target: EventTarget): string[] {
  const seen: string[] = [];
  target.addEventListener("flush", (event) => {
    const { partition, lane } = (event as CustomEvent).detail;
    seen.push(`${partition}/${lane}`);
  });
  return seen;
}

for (const lanesPerPartition of [1, 2, 3, { min: 2, max: 5 }]) {
  const count = typeof lanesPerPartition === "number" ? lanesPerPartition : lanesPerPartition.min;

  Deno.test(`connections are brokers times lanes, and one at most, with lanesPerPartition ${Deno.inspect(lanesPerPartition)}`, async () => {
    await using r = await rig({ brokers: 3, topics: { t: 6 } }, { lanesPerPartition });

    for (let partition = 0; partition < 6; partition++) await r.producer.send("t", { value: "", partition });
    await until(() => r.producer.info("t").every(({ state }) => state === "up"));

    const connections = r.cluster.connectionCount();
    assert(connections === 3 * count || connections === 3 * count + 1, `${connections} connections`);
    assertEquals(
      r.producer.info("t").map(({ partition, lane }) => `${partition}/${lane}`),
      Array.from({ length: 6 * count }, (_, i) => `${Math.floor(i / count)}/${i % count}`),
    );
  });
}

Deno.test("64 lanes, the most there may be, all deliver", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lanesPerPartition: 64 });

  for (let i = 0; i < 64; i++) await r.producer.send("t", `${i}`);

  const ids = new Set(r.cluster.batches("t").map(({ producerId }) => producerId));
  assertEquals([ids.size, r.cluster.records("t").length], [64, 64]);
});

Deno.test("prepare() connects every lane that always runs to every leader", async () => {
  await using r = await rig({ brokers: 2, topics: { t: 4 } }, { lanesPerPartition: { min: 2, max: 4 } });

  await r.producer.prepare("t");

  const connections = r.cluster.connectionCount();
  assert(connections === 4 || connections === 5, `${connections} connections`);
});

Deno.test("lanes of one topic are no lanes of another", async () => {
  await using r = await rig(
    { topics: { t: 1, u: 1 } },
    { topics: { t: { lanesPerPartition: 3 } } },
  );

  await r.producer.send("u", "x");
  const before = [r.cluster.connectionCount(), r.producer.info("t").length, r.producer.info("u").length];
  await r.producer.send("t", "x");
  await until(() => r.producer.info("t").every(({ state }) => state === "up"));

  assert(before[0]! <= 2, `${before[0]} connections`);
  assertEquals(before.slice(1), [0, 1]);
  assertEquals([r.producer.info("t").length, r.producer.info("u").length], [3, 1]);
});

Deno.test("each lane number has a producer id of its own, the same in every partition and topic", async () => {
  await using r = await rig({ brokers: 2, topics: { t: 3, u: 1 } }, { lanesPerPartition: 2, partitioner: () => 0 });
  const keys = [0, 1].map((lane) => numbered("k", 100).find((key) => laneOf(key, 2) === lane)!);

  for (const [topic, partition] of [["t", 0], ["t", 1], ["t", 2], ["u", 0]] as const) {
    for (const key of keys) await r.producer.send(topic, { key, value: "", partition });
  }

  const batches = [...r.cluster.batches("t"), ...r.cluster.batches("u")];
  const ids = batches.map(({ producerId }) => producerId);
  assertEquals(ids, Array.from({ length: 4 }, () => [ids[0]!, ids[1]!]).flat());
  assertNotEquals(ids[0], ids[1]);
  assertEquals(r.cluster.requests("InitProducerId"), 2);
});

Deno.test("a keyed record takes lane murmur2(key) mod min of its partition, and pick() says so", async () => {
  const lanesPerPartition = { min: 3, max: 5 };
  await using r = await rig({ topics: { t: 2 } }, { lanesPerPartition });
  const seen = flushes(r.producer);
  const keys = numbered("key", 12);
  const picks = [];

  const first = await r.producer.pick("t", { key: "key0", value: "" });
  for (const key of keys) {
    const pick = await r.producer.pick("t", { key, value: "", partition: 1 });
    await r.producer.send("t", { key, value: "", partition: 1 });
    picks.push(`${pick.partition}/${pick.lane}`);
  }

  assertEquals(first.lane, laneOf("key0", 3));
  assertEquals(picks, keys.map((key) => `1/${laneOf(key, 3)}`));
  assertEquals(seen, picks);
  assert(new Set(picks).size === 3);
});

Deno.test("records without a key take lanes in turn, a batch each, whether or not they name a partition", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lanesPerPartition: 3 });
  await r.producer.prepare("t");
  await r.producer.send("t", ["a", "b"]);
  await until(() => r.producer.info("t").every(({ state }) => state === "up"));
  const seen = flushes(r.producer);

  for (let i = 0; i < 3; i++) await r.producer.send("t", ["a", "b", "c"]);
  for (let i = 0; i < 3; i++) await r.producer.send("t", { value: "d", partition: 0 });

  assertEquals(seen.toSorted(), ["0/0", "0/0", "0/1", "0/1", "0/2", "0/2"]);
  assertEquals(seen.slice(0, 3).toSorted(), ["0/0", "0/1", "0/2"]);
});

Deno.test("strictRoundRobin() goes from partition to partition however many lanes there are", async () => {
  await using r = await rig({ topics: { t: 3 } }, { lanesPerPartition: 2, partitioner: strictRoundRobin() });

  const deliveries = await r.producer.send("t", numbered("", 9));

  assertEquals(deliveries.map(({ partition }) => partition), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

Deno.test("a batch that is full goes out although its lane is left, whatever lingerMs says", async () => {
  await using r = await rig(
    { topics: { t: 1 } },
    { lanesPerPartition: 2, lingerMs: 60_000, batchMaxBytes: 1_000 },
  );
  await r.producer.prepare("t");

  await r.producer.enqueue("t", numbered("x".repeat(180), 9));
  const delivered = () => r.producer.info("t").map((lane) => lane.delivered);
  await until(() => delivered().reduce((sum, each) => sum + each) === 8);

  assertEquals(delivered(), [4, 4]);
});

Deno.test("lanes of a partition share partitionMaxBytes", async () => {
  const sizes = { batchMaxBytes: 2_000, partitionMaxBytes: 6_096, lanesPerPartition: 3 };
  await using r = await rig({ topics: { t: 1 } }, sizes);
  await r.producer.prepare("t");
  const release = holdProduce(r.cluster);

  const writes = numbered("k", 20).map((key) => r.producer.enqueue("t", { key, value: "x".repeat(1_000) }));
  await until(() => r.producer.info("t").some(({ inFlightRequests }) => inFlightRequests > 0));
  const held = r.producer.info("t").map(({ bufferedBytes }) => bufferedBytes);
  release();
  await Promise.all(writes);
  await r.producer.flush();

  const sum = held.reduce((total, each) => total + each, 0);
  assert(sum > 4_000 && sum <= 6_096, `${held} bytes`);
  assert(held.filter((each) => each > 0).length > 1, `${held} bytes`);
  assertEquals(r.producer.info("t").map(({ bufferedBytes }) => bufferedBytes), [0, 0, 0]);
});

Deno.test("a dead broker's lanes, several of them, cannot take the room of the healthy ones", async () => {
  const sizes = { batchMaxBytes: 2_000, partitionMaxBytes: 20_000, bufferMaxBytes: 20_000, lanesPerPartition: 3 };
  await using r = await rig({ brokers: 2, topics: { t: 2 } }, sizes);
  const { partitions } = await r.producer.prepare("t");
  const [dead, alive] = [2, 1].map((id) => partitions.find(({ leader }) => leader === id)!.partition);
  await r.producer.send("t", [dead!, alive!].map((partition) => ({ value: "", partition })));
  await r.cluster.stop(2);
  await until(() => r.producer.info("t").filter(({ partition }) => partition === dead).every((l) => l.state !== "up"));

  for (const key of numbered("k", 30)) {
    r.producer.enqueue("t", { key, value: "x".repeat(1_000), partition: dead! }).catch(() => {});
  }
  for (const key of numbered("k", 30)) await r.producer.send("t", { key, value: "y".repeat(1_000), partition: alive! });

  const lanes = r.producer.info("t").filter(({ partition }) => partition === dead);
  const held = lanes.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
  assert(held > 5_000 && held <= 10_000, `${held} bytes`);
  assert(lanes.every(({ bufferedRecords }) => bufferedRecords > 0));
});

Deno.test("records without a key pass by a lane whose connection is lost", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lanesPerPartition: 2, batchMaxRecords: 1 });
  await r.producer.prepare("t");
  await r.producer.send("t", "0");
  await until(() => r.producer.info("t").every(({ state }) => state === "up"));
  const downs = heard(r.producer, "lanedown");
  let requests = 0;
  using _hook = r.cluster.intercept("Produce", (request, next) => requests++ === 0 ? "close" : next(request));

  await Promise.all(numbered("", 40).map((value) => r.producer.send("t", value)));

  assertEquals(downs.map(({ partition, lane }) => [partition, typeof lane]), [[0, "number"]]);
  assertEquals(texts(r.cluster.records("t")).length, 41);
});

Deno.test("flush() and close() wait for all lanes", async () => {
  await using r = await rig({ topics: { t: 2 } }, { lanesPerPartition: 3, lingerMs: 60_000 });
  await r.producer.prepare("t");

  await r.producer.enqueue("t", numbered("k", 30).map((key) => ({ key, value: key })));
  await r.producer.flush();
  const flushed = r.cluster.records("t").length;
  await r.producer.enqueue("t", numbered("k", 30).map((key) => ({ key, value: key })));
  await r.producer.close();

  assertEquals([flushed, r.cluster.records("t").length], [30, 60]);
  await until(() => r.cluster.connectionCount() === 0);
});

Deno.test("abort() gives back what each lane has, with its verdict", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lanesPerPartition: 3 });
  await r.producer.prepare("t");
  using _silence = r.cluster.intercept("Produce", () => "silent");
  await r.producer.enqueue("t", numbered("k", 9).map((key) => ({ key, value: key })));
  await until(() => r.producer.info("t").filter(({ inFlightRequests }) => inFlightRequests > 0).length === 3);
  await r.producer.enqueue("t", numbered("l", 9).map((key) => ({ key, value: key })));

  const failures = await r.producer.abort("enough");

  const verdicts = Map.groupBy(failures, ({ error }) => error.verdict);
  assertEquals(texts(verdicts.get("possiblyPersisted")!.map(({ record }) => record)).toSorted(), numbered("k", 9));
  assertEquals(texts(verdicts.get("notPersisted")!.map(({ record }) => record)).toSorted(), numbered("l", 9));
});

Deno.test("a topic with several lanes that is down keeps its records, and replays them in order of each key", async () => {
  await using r = await rig({ topics: { t: 2 } }, { lanesPerPartition: 3, downtimeMaxRecords: 60 });
  await r.producer.send("t", numbered("", 10).map((value) => ({ key: value, value: "" })));
  const saved = heard(r.producer, "downtimesaved");
  const full = heard(r.producer, "downtimefull");
  const replayed = heard(r.producer, "downtimereplayed");
  await r.cluster.stop(1);
  await until(() => r.producer.info("t").every(({ state }) => state !== "up"));

  const calls = numbered("", 100).map((value, i) => r.producer.enqueue("t", { key: `k${i % 7}`, value }));
  await until(() => full.length === 1);
  const held = r.producer.info("t").reduce((sum, { bufferedRecords }) => sum + bufferedRecords, 0);
  await r.cluster.start(1);
  await Promise.all(calls);
  await r.producer.flush();

  assertEquals(held, 60);
  assertEquals(saved.reduce((sum, { records }) => sum + (records as number), 0), 60);
  assertEquals(replayed.map(({ records }) => records), [60]);
  for (let k = 0; k < 7; k++) {
    const stored = r.cluster.records("t").filter(({ key }) =>
      key !== null && new TextDecoder().decode(key) === `k${k}`
    );
    assertEquals(texts(stored), numbered("", 100).filter((_, i) => i % 7 === k));
  }
});

Deno.test("lanesPerPartition of a handle counts before the topic has lanes, and is refused afterwards", async () => {
  await using r = await rig({ topics: { t: 1, u: 1 } });
  await r.producer.send("u", "x");

  r.producer.topic("t", { lanesPerPartition: 2 });
  r.producer.topic("t", { lanesPerPartition: { min: 2, max: 2 } });
  await r.producer.send("t", "x");

  assertEquals(r.producer.info("t").length, 2);
  assertThrows(
    () => r.producer.topic("u", { lanesPerPartition: 2 }),
    TypeError,
    `Cannot set "lanesPerPartition" of topic "u" to 2: it is {"min":1,"max":1} already`,
  );
  assertThrows(() => r.producer.topic("t", { lanesPerPartition: { min: 1, max: 2 } as LaneRange }), TypeError);
});

Deno.test("overflow dropOldest tells which records it drops, also of a batch that the same array ends", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, lanesPerPartition: 2, lingerMs: 60_000 } as const;
  for (const count of [21, 22, 23, 24]) {
    await using r = await rig({ topics: { t: 1 } }, { ...sizes, overflow: "dropOldest", ...QUICK });
    const lost: string[] = [];
    r.producer.addEventListener("deliveryfailed", ({ detail }) => void lost.push(...detail.failures().map(nameOf)));
    const [one, other] = [await keyOf(r.producer, 0), await keyOf(r.producer, 1)];
    await r.producer.send("t", [{ key: one, value: "" }, { key: other, value: "" }]);
    const without = numbered("u", 3);
    // They fill the other lane, and have the oldest dropped; the last record ends the batch that those were in.
    const withKey = numbered("k", count);
    const key = (await r.producer.pick("t")).lane === 0 ? other : one;

    await r.producer.enqueue("t", [
      ...without.map((name) => name.padEnd(200)),
      ...withKey.map((name) => ({ key, value: name.padEnd(200) })),
      "last".padEnd(900),
    ]);
    await r.producer.flush();

    const kept = r.cluster.records("t").map((record) => nameOf({ record })).filter((name) => name !== "");
    assert(lost.includes("u0"), lost.join());
    assertEquals([...lost, ...kept].toSorted(), [...without, ...withKey, "last"].toSorted());
  }
});

function nameOf({ record }: { record: { text(): string } }): string {
  return record.text().trim();
}

/** A key of that lane. */
async function keyOf(producer: Producer, lane: number): Promise<string> {
  for (let key = "k";; key += "k") if ((await producer.pick("t", { key, value: "" })).lane === lane) return key;
}

Deno.test("overflow dropOldest drops across the lanes of a partition, the oldest record first", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, lanesPerPartition: 2, lingerMs: 60_000 } as const;
  await using r = await rig({ topics: { t: 1 } }, { ...sizes, overflow: "dropOldest", ...QUICK });
  await r.producer.send("t", numbered("k", 8).map((key) => ({ key, value: "" })));
  await r.cluster.stop(1);
  await until(() => r.producer.info("t").every(({ state }) => state !== "up"));
  const failed = heard(r.producer, "deliveryfailed");

  for (const key of numbered("k", 40)) await r.producer.enqueue("t", { key, value: key.padEnd(200) });
  const dropped = failed.reduce((sum, { count }) => sum + (count as number), 0);
  await r.cluster.start(1);
  await r.producer.flush();

  const kept = texts(r.cluster.records("t")).map((text) => text.trim()).filter((text) => text !== "");
  assert(dropped > 0);
  assertEquals(kept.toSorted(), numbered("k", 40).slice(dropped).toSorted());
});
