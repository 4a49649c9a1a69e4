import { assert, assertEquals } from "@std/assert";
import { keyed, type Partitioner, phash2, type Producer, random, stickyRoundRobin, strictRoundRobin } from "@ekaf/ekaf";
import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { SeededRandom } from "../protocol/seeded_random.ts";
import { numbered, type Rig, rig, texts, until } from "./rig.ts";

/** Every way in, for records one by one and for all at once. */
const CALLS: Record<string, (producer: Producer, inputs: string[]) => Promise<unknown>> = {
  "send() of each": (producer, inputs) => Promise.all(inputs.map((input) => producer.send("t", input))),
  "send() of all": (producer, inputs) => producer.send("t", inputs),
  "enqueue() of each": async (producer, inputs) => {
    for (const input of inputs) await producer.enqueue("t", input);
    await producer.flush();
  },
  "enqueue() of all": async (producer, inputs) => {
    await producer.enqueue("t", inputs);
    await producer.flush();
  },
  "writable()": (producer, inputs) => ReadableStream.from(inputs).pipeTo(producer.writable("t")),
  "delivery()": (producer, inputs) => Array.fromAsync(ReadableStream.from(inputs).pipeThrough(producer.delivery("t"))),
};

/** What each partition holds. */
function contents(cluster: EmbeddedCluster, ids: readonly number[], topic = "t"): string[][] {
  return ids.map((id) => texts(cluster.records(topic, id)));
}

for (const [what, call] of Object.entries(CALLS)) {
  for (const isKnown of [true, false]) {
    const when = isKnown ? "the partitions are known" : "they are not yet";
    Deno.test(`strictRoundRobin() rules ${what} when ${when}`, async () => {
      const topics = { t: { partitions: [0, 1, 3] } };
      await using r = await rig({ topics }, { partitioner: strictRoundRobin() });
      if (isKnown) await r.producer.prepare("t");

      await call(r.producer, numbered("", 7));

      assertEquals(contents(r.cluster, [0, 1, 3]), [["0", "3", "6"], ["1", "4"], ["2", "5"]]);
    });

    Deno.test(`stickyRoundRobin() rules ${what} when ${when}`, async () => {
      await using r = await rig({ topics: { t: 2 } }, { partitioner: stickyRoundRobin(3) });
      if (isKnown) await r.producer.prepare("t");

      await call(r.producer, numbered("", 8));

      assertEquals(contents(r.cluster, [0, 1]), [["0", "1", "2", "6", "7"], ["3", "4", "5"]]);
    });
  }
}

Deno.test("random() spreads 10,000 enqueued records over 4 partitions evenly", async () => {
  const numbers = new SeededRandom(4);
  const partitioner = random(() => numbers.below(2 ** 30) / 2 ** 30);
  await using r = await rig({ topics: { t: 4 } }, { partitioner });

  for (const value of numbered("", 10_000)) r.producer.enqueue("t", value);
  await r.producer.flush();

  const counts = [0, 1, 2, 3].map((id) => r.cluster.records("t", id).length);
  assertEquals(counts.reduce((sum, count) => sum + count), 10_000);
  // An even spread exceeds 16.27 once in a thousand samples.
  assert(counts.reduce((sum, count) => sum + (count - 2500) ** 2 / 2500, 0) < 16.27, `${counts}`);
});

Deno.test("topics keep to strategies of their own at the same time", async () => {
  await using r = await rig({ topics: { strict: 3, sticky: 3, keyed: 12, other: 3 } }, {
    partitioner: () => 2,
    topics: {
      strict: { partitioner: strictRoundRobin() },
      sticky: { partitioner: stickyRoundRobin(2) },
      keyed: { partitioner: keyed(phash2) },
    },
  });

  const placed: Record<string, number[]> = {};
  for (let i = 0; i < 5; i++) {
    for (const topic of ["strict", "sticky", "keyed", "other"]) {
      const { partition } = await r.producer.send(topic, { key: "user-17", value: "" });
      (placed[topic] ??= []).push(partition);
    }
  }

  assertEquals(placed, {
    strict: [0, 1, 2, 0, 1],
    sticky: [0, 0, 1, 1, 2],
    keyed: [4, 4, 4, 4, 4],
    other: [2, 2, 2, 2, 2],
  });
});

Deno.test("one partitioner may serve several topics, each counted apart", async () => {
  const partitioner = strictRoundRobin();
  await using r = await rig({ topics: { a: 3, b: 3 } }, { partitioner });

  const placed: number[] = [];
  for (const topic of ["a", "b", "a", "b", "a"]) placed.push((await r.producer.send(topic, "")).partition);

  assertEquals(placed, [0, 0, 1, 1, 2]);
});

Deno.test("keyed(phash2) keeps a key in its partition over a restart of the brokers, with gaps in the ids", async () => {
  await using r = await rig({ topics: { t: { partitions: [0, 1, 3] } } }, { partitioner: keyed(phash2) });
  const keys = numbered("key-", 30);
  const place = async () => {
    const deliveries = await r.producer.send("t", keys.map((key) => ({ key, value: "" })));
    return deliveries.map(({ partition }) => partition);
  };

  const before = await place();
  await r.cluster.stop();
  await r.cluster.start();
  const after = await place();

  assertEquals(after, before);
  assertEquals(before, keys.map((key) => [0, 1, 3][phash2(new TextEncoder().encode(key), 3)]!));
  assertEquals(new Set(before), new Set([0, 1, 3]));
});

/** Two partitions, of which one is led by a broker that is down; the producer has noticed. */
async function halfDown(partitioner: Partitioner): Promise<{ r: Rig; up: number; down: number }> {
  const r = await rig({ brokers: 2, topics: { t: 2 } }, { partitioner });
  const { partitions } = await r.producer.prepare("t");
  const [up, down] = [1, 2].map((id) => partitions.find(({ leader }) => leader === id)!.partition) as [number, number];
  await r.producer.send("t", [{ value: "", partition: 0 }, { value: "", partition: 1 }]);
  await r.cluster.stop(2);
  r.producer.enqueue("t", { value: "", partition: down }, { flush: true });
  await until(() => r.producer.info("t")[down]!.state === "down");
  return { r, up, down };
}

for (
  const [name, make] of Object.entries({
    random,
    stickyRoundRobin: () => stickyRoundRobin(3),
    strictRoundRobin,
    "keyed(phash2)": () => keyed(phash2),
  })
) {
  Deno.test(`${name} keeps records without a key away from a partition whose broker is down`, async () => {
    const { r, up } = await halfDown(make());
    await using _ = r;

    const deliveries = await Promise.all(numbered("", 20).map((value) => r.producer.send("t", value)));

    assertEquals(new Set(deliveries.map(({ partition }) => partition)), new Set([up]));
  });

  Deno.test(`${name} has a record with a key wait for its partition, whose broker is down`, async () => {
    const chosen: number[] = [];
    const inner = make();
    const { r, down } = await halfDown((record, topic) => {
      const choice = inner(record, topic);
      if (record.key !== null) chosen.push(choice as number);
      return choice;
    });
    await using _ = r;

    const sends = numbered("key-", 20).map((key) => r.producer.send("t", { key, value: "" }));
    await r.cluster.start(2);
    const deliveries = await Promise.all(sends);

    assertEquals(deliveries.map(({ partition }) => partition), chosen);
    assert(chosen.includes(down));
  });
}

Deno.test("pick() counts as a pick", async () => {
  await using r = await rig({ topics: { t: 3 } }, { partitioner: strictRoundRobin() });

  const picked = await r.producer.pick("t");
  const { partition } = await r.producer.send("t", "");
  const again = await r.producer.pick("t", { key: "k", value: "" });

  assertEquals([picked.partition, partition, again.partition], [0, 1, 2]);
});

Deno.test("a record's own partition is no pick", async () => {
  await using r = await rig({ topics: { t: 3 } }, { partitioner: strictRoundRobin() });

  const deliveries = await r.producer.send("t", ["", { value: "", partition: 2 }, ""]);

  assertEquals(deliveries.map(({ partition }) => partition), [0, 2, 1]);
});
