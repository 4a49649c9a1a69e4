import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { BrokerError, ConnectionError } from "../../src/errors.ts";
import { settled } from "../manual_timers.ts";
import { bodyNames, ID, told, Watcher, world } from "./world.ts";

Deno.test("new Cluster() opens nothing", async () => {
  const { cluster, transport, timers } = world({});

  await timers.advance(100_000);

  assertEquals(transport.connections.length, 0);
  assertEquals(timers.pendingCount, 0);
  cluster.close();
});

Deno.test("Cluster.fetchTopic() of a hundred callers is one request", async () => {
  const { cluster, transport } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1, 1] } }) });

  const all = await Promise.all(Array.from({ length: 100 }, () => cluster.fetchTopic("t")));

  assertEquals(transport.count("Metadata"), 1);
  assertEquals(all[99], {
    topic: "t",
    topicId: ID,
    brokers: [{ id: 1, host: "a", port: 1, rack: null }],
    partitions: [0, 1].map((partition) => ({
      partition,
      leader: 1,
      leaderEpoch: 0,
      replicas: [1],
      isr: [1],
      error: null,
    })),
  });
  assertEquals(cluster.topic("t"), undefined, "nobody watches it");
  cluster.close();
});

Deno.test("Cluster.applyLeaderHint() moves a leader at once, if it is news", async () => {
  const { cluster, timers } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1], epoch: 4 } }) });
  const watcher = new Watcher();
  cluster.watch("t", watcher);
  await cluster.firstRound;

  const endpoint = { host: "c", port: 3, rack: null };
  const old = cluster.applyLeaderHint("t", 0, { id: 3, epoch: 4 }, endpoint);
  const news = cluster.applyLeaderHint("t", 0, { id: 3, epoch: 5 }, endpoint);

  assertEquals([old, news, watcher.leaders], [false, true, [3]]);
  assertEquals((await cluster.connection(3, 0)).address.host, "c");
  await timers.advance(0);
  cluster.close();
});

Deno.test("Cluster.fetchTopic() waits for an unknown topic, at most unknownTopicTimeoutMs", async () => {
  let asked = 0;
  const { cluster, timers } = world({
    Metadata: (body) => {
      const isThere = bodyNames(body).includes("late") && ++asked > 5;
      return told(["1@a:1"], { [bodyNames(body)[0]!]: isThere ? { leaders: [1] } : { error: 3 } });
    },
  });
  const late = cluster.fetchTopic("late");
  await timers.advance(2_000);
  assertEquals((await late).partitions.length, 1);

  const never = assertRejects(() => cluster.fetchTopic("never"), BrokerError, 'topic "never"');
  await timers.advance(5_000);

  assertEquals((await never).code, 3);
  assertEquals(timers.pendingCount, 1, "the deadline timer of the connection");
  cluster.close();
});

Deno.test("Cluster.fetchTopic() rejects with the reason of its signal", async () => {
  const { cluster } = world({ Metadata: () => "silent" });
  const controller = new AbortController();
  const asking = assertRejects(() => cluster.fetchTopic("t", { signal: controller.signal }), Error, "enough");
  await settled();

  controller.abort(new Error("enough"));

  await asking;
  await assertRejects(() => cluster.fetchTopic("t", { signal: controller.signal }), Error, "enough");
  cluster.close();
});

Deno.test("Cluster.hold() and release() reach timers and connections", async () => {
  const calls: string[] = [];
  const { cluster, timers } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  const connection = await cluster.connection(1, 0);
  connection.ref = () => calls.push("ref");
  connection.unref = () => calls.push("unref");

  const refs = [timers.refCount];
  cluster.hold();
  refs.push(timers.refCount);
  cluster.release();
  refs.push(timers.refCount);

  assertEquals([refs, calls], [[0, 1, 0], ["ref", "unref"]]);
  cluster.close();
});

Deno.test("Cluster.close() ends dials, waits and timers", async () => {
  const { cluster, timers, transport } = world({ Metadata: () => told(["2@b:1"], { t: { leaders: [2] } }) }, {
    accept: ({ host }) => host === "b" ? new Promise(() => {}) : undefined,
  });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  const dialing = assertRejects(() => cluster.connection(2, 0), ConnectionError, "the cluster: it is closed");
  await settled();

  cluster.close();
  cluster.close();

  await dialing;
  await settled();
  assertEquals(timers.pendingCount, 0);
  assert(transport.connections.every(({ isClosed }) => isClosed));
  for (
    const call of [
      () => cluster.connection(2, 0),
      () => cluster.fetchTopic("t"),
      () => cluster.initProducerId(),
    ]
  ) {
    const error = await assertRejects(call, TypeError, "Cannot use the cluster: it is closed");
    assertInstanceOf(error, TypeError);
  }
});

Deno.test("Cluster.close() during the first round leaves nothing behind", async () => {
  const { cluster, timers, transport, events } = world({ Metadata: () => "silent" });
  cluster.watch("t", new Watcher());
  const asking = assertRejects(() => cluster.fetchTopic("t"), TypeError);
  await settled();

  cluster.close();

  await asking;
  await cluster.firstRound;
  await settled();
  assertEquals(timers.pendingCount, 0);
  assertEquals(events.map(([type]) => type), ["timetoconnect"]);
  assert(transport.connections.every(({ isClosed }) => isClosed));
});
