import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { BrokerError } from "../../src/errors.ts";
import { settled } from "../manual_timers.ts";
import { askedTopics, bodyNames, refused, told, Watcher, world } from "./world.ts";

Deno.test("Cluster.watch() asks once for everything watched in one task", async () => {
  const { cluster, transport } = world({
    Metadata: () => told(["1@a:1"], { t: { leaders: [1] }, u: { leaders: [1] } }),
  });
  const [t, u] = [new Watcher(), new Watcher()];

  cluster.watch("t", t);
  cluster.watch("u", u);
  await cluster.firstRound;

  assertEquals(askedTopics(transport), [["t", "u"]]);
  assertEquals([t.leaders, u.leaders], [[1], [1]]);
  assertStrictEquals(cluster.topic("t"), t.snapshots[0]);
  assertEquals(cluster.broker(1)?.host, "a");
  assert(cluster.isReachable);
  cluster.close();
});

Deno.test("Cluster.watch() asks again at metadataMaxAgeMs and tells changes only", async () => {
  let leader = 1;
  const { cluster, transport, timers, events } = world({
    Metadata: () => told(["1@a:1", "2@b:1"], { t: { leaders: [leader], epoch: leader } }),
  });
  const watcher = new Watcher();
  cluster.watch("t", watcher);
  await timers.advance(59_999);
  assertEquals(transport.count("Metadata"), 1);

  await timers.advance(1);
  assertEquals([transport.count("Metadata"), watcher.snapshots.length], [2, 1]);
  leader = 2;
  await timers.advance(60_000);

  assertEquals([transport.count("Metadata"), watcher.leaders], [3, [2]]);
  assertEquals(events.filter(([type]) => type === "metadatachanged"), [[
    "metadatachanged",
    { topic: "t", partitions: 1, brokers: 2 },
  ]]);
  cluster.close();
});

Deno.test("Cluster.refresh() of a hundred callers is one request", async () => {
  const { cluster, transport, timers } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) });
  cluster.watch("t", new Watcher());
  await timers.advance(1_000);

  for (let call = 0; call < 100; call++) cluster.refresh(call % 2 === 0 ? "t" : undefined);
  await settled();

  assertEquals(transport.count("Metadata"), 2);
  cluster.close();
});

Deno.test("Cluster.refresh() in a storm waits longer while nothing changes, and no longer than 250 ms", async () => {
  const { cluster, transport, timers } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) });
  cluster.watch("t", new Watcher());
  await timers.advance(1_000);

  for (let step = 0; step < 33; step++) {
    cluster.refresh("t");
    await timers.advance(3);
  }
  const early = transport.count("Metadata") - 1;
  for (let step = 0; step < 100; step++) {
    cluster.refresh("t");
    await timers.advance(10);
  }

  assertEquals(early, 1, "one at once, the next after 100 ms");
  const late = transport.count("Metadata") - 1 - early;
  assert(late >= 4 && late <= 6, `${late} in a second`);
  cluster.close();
});

Deno.test("Cluster keeps what it knows when a broker tells an older leader epoch", async () => {
  const answers = [{ leaders: [2], epoch: 7 }, { leaders: [1], epoch: 6 }];
  const { cluster, timers } = world({ Metadata: () => told(["1@a:1", "2@b:1"], { t: answers.shift()! }) });
  const watcher = new Watcher();
  cluster.watch("t", watcher);
  await timers.advance(1_000);

  cluster.refresh("t");
  await timers.advance(1_000);

  assertEquals([answers.length, watcher.snapshots.length, watcher.leaders], [0, 1, [2]]);
  cluster.close();
});

Deno.test("Cluster retries LEADER_NOT_AVAILABLE with backoff", async () => {
  let asked = 0;
  const { cluster, timers } = world({
    Metadata: () => told(["1@a:1"], { t: ++asked < 6 ? { error: 5 } : { leaders: [1] } }),
  });
  const watcher = new Watcher();
  cluster.watch("t", watcher);

  const counts: number[] = [];
  for (const ms of [0, 100, 200, 250, 250, 250]) {
    await timers.advance(ms);
    counts.push(asked);
  }

  assertEquals(counts, [1, 2, 3, 4, 5, 6]);
  assertEquals(watcher.errors.every(({ final }) => !final), true);
  assertEquals(watcher.leaders, [1]);
  cluster.close();
});

Deno.test("Cluster asks again for a topic without leaders, with backoff", async () => {
  let asked = 0;
  const { cluster, timers } = world({
    Metadata: () => told(["1@a:1"], { t: { leaders: [++asked < 4 ? -1 : 1], epoch: asked } }),
  });
  const watcher = new Watcher();
  cluster.watch("t", watcher);

  await timers.advance(0);
  assertEquals(watcher.leaders, [null]);
  await timers.advance(700);

  assertEquals([asked, watcher.leaders], [4, [1]]);
  cluster.close();
});

Deno.test("Cluster asks for a topic that stays without leaders every 250 ms at the latest", async () => {
  const { cluster, timers, transport } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [-1] } }) });
  cluster.watch("t", new Watcher());
  await timers.advance(1_000);
  const before = transport.count("Metadata");

  await timers.advance(10_000);

  const rounds = transport.count("Metadata") - before;
  assert(rounds >= 40 && rounds <= 44, `${rounds} rounds in ten seconds`);
  cluster.close();
});

Deno.test("Cluster tells of a leader again once it is known where it listens", async () => {
  let brokers = ["1@a:1"];
  const { cluster, timers, events } = world({ Metadata: () => told(brokers, { t: { leaders: [2] } }) });
  const watcher = new Watcher();
  cluster.watch("t", watcher);
  await cluster.firstRound;
  assertEquals([watcher.snapshots.length, cluster.broker(2)], [1, undefined]);

  brokers = ["1@a:1", "2@b:1"];
  cluster.refresh();
  await timers.advance(250);

  assertEquals([watcher.snapshots.length, cluster.broker(2)?.host], [2, "b"]);
  assertEquals(events.filter(([type]) => type === "metadatachanged").length, 1);
  cluster.close();
});

Deno.test("Cluster gives an unknown topic up after unknownTopicTimeoutMs, probes it and recovers", async () => {
  let isKnown = false;
  let asked = 0;
  const { cluster, timers } = world({
    Metadata: (body) => {
      asked++;
      assertEquals(bodyNames(body), ["t"]);
      return told(["1@a:1"], { t: isKnown ? { leaders: [1] } : { error: 3 } });
    },
  });
  const watcher = new Watcher();
  cluster.watch("t", watcher);

  await timers.advance(4_999);
  assertEquals(watcher.errors.some(({ final }) => final), false);
  await timers.advance(1);
  const last = watcher.errors.at(-1)!;
  assertEquals([(last.error as BrokerError).errorName, last.final], ["UNKNOWN_TOPIC_OR_PARTITION", true]);

  const before = asked;
  await timers.advance(10_000);
  const probes = asked - before;
  assert(probes >= 2 && probes <= 5, `${probes} probes in ten seconds`);
  isKnown = true;
  await timers.advance(60_000);

  assertEquals(watcher.leaders, [1]);
  cluster.close();
});

Deno.test("Cluster.refresh() of a topic that was given up probes it, at most once in retryBackoffMs.max", async () => {
  let asked = 0;
  const { cluster, timers } = world({
    Metadata: () => {
      asked++;
      return told(["1@a:1"], { t: { error: 29 } });
    },
  });
  const watcher = new Watcher();
  cluster.watch("t", watcher);
  await timers.advance(10);
  assertEquals(watcher.errors.map(({ final }) => final), [true]);

  for (let step = 0; step < 20; step++) {
    cluster.refresh("t");
    await timers.advance(100);
  }

  assertEquals(asked, 3, "one at first, one a second");
  cluster.close();
});

Deno.test("Cluster.watch() of a healthy topic does not ask for one that was given up", async () => {
  const { cluster, timers, transport } = world({
    Metadata: (body) =>
      told(
        ["1@a:1"],
        Object.fromEntries(bodyNames(body).map((name) => [name, name === "bad" ? { error: 17 } : { leaders: [1] }])),
      ),
  }, { metadataMaxAgeMs: 500, retryBackoffMs: { initial: 100, max: 10_000 } });

  cluster.watch("good", new Watcher());
  cluster.watch("bad", new Watcher());
  await timers.advance(1_600);

  assertEquals(askedTopics(transport), [["good", "bad"], ["good"], ["good"], ["good"]]);
  cluster.close();
});

Deno.test("Cluster.unwatch() of the last watcher forgets the topic and lets time rest", async () => {
  const { cluster, timers, transport } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) });
  const watcher = new Watcher();
  cluster.watch("t", watcher);
  await cluster.firstRound;

  cluster.unwatch("t", watcher);
  await timers.advance(200_000);

  assertEquals([cluster.topic("t"), transport.count("Metadata")], [undefined, 1]);
  cluster.close();
});

Deno.test("Cluster.refresh() at every failure does not make rounds follow each other any faster", async () => {
  const { cluster, timers, events } = world({}, { accept: refused("a") });
  cluster.watch("t", { onTopic: () => {}, onTopicError: () => cluster.refresh() });

  await timers.advance(5_000);

  const rounds = events.filter(([type]) => type === "bootstrapunreachable").length;
  assert(rounds >= 20 && rounds <= 23, `${rounds} rounds in five seconds`);
  cluster.close();
});
