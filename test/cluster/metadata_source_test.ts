import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type BrokerError, ConnectionError } from "../../src/errors.ts";
import { settled } from "../manual_timers.ts";
import { producerId, refused, told, Watcher, world } from "./world.ts";

Deno.test("Cluster asks another broker when one does not know the topic", async () => {
  const { cluster, timers, transport } = world({
    Metadata: (_body, { to }) => told(["1@a:1", "2@b:1"], { t: to.host === "a" ? { error: 3 } : { leaders: [2] } }),
  });
  const watcher = new Watcher();

  cluster.watch("t", watcher);
  await timers.advance(300);

  assertEquals(watcher.errors.map(({ error, final }) => [(error as BrokerError).code, final]), [[3, false]]);
  assertEquals(watcher.leaders, [2]);
  assertEquals(transport.connections.map(({ to }) => to), ["a:1", "b:1"]);
  cluster.close();
});

Deno.test("Cluster.fetchTopic() names each address and reason after one round", async () => {
  const { cluster, events, warnings, transport } = world({}, { at: "a:1,b:2", accept: refused("a", "b") });

  const error = await assertRejects(() => cluster.fetchTopic("t"), ConnectionError);

  assertEquals(error.message, "Cannot reach any broker: a:1: Connection refused; b:2: Connection refused");
  assertEquals([error.address, error.retriable], ["a:1, b:2", true]);
  assertEquals(events, [["bootstrapunreachable", { addresses: ["a:1", "b:2"], cause: error }]]);
  assertEquals(warnings, [error.message]);
  assertEquals([transport.connections.length, cluster.isReachable], [0, false]);
  cluster.close();
});

Deno.test("Cluster tries the addresses in turn until one answers", async () => {
  const { cluster, events } = world(
    { Metadata: () => told(["1@c:3"], { t: { leaders: [1] } }) },
    { at: "a:1,b:2,c:3", accept: refused("a", "b") },
  );

  await cluster.fetchTopic("t");

  assertEquals(events, [["timetoconnect", { broker: null, address: "c:3", ms: 0 }]]);
  cluster.close();
});

Deno.test("Cluster recovers when a broker comes", async () => {
  let isUp = false;
  const { cluster, timers, events } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) }, {
    accept: () => {
      if (!isUp) throw new Error("Connection refused");
    },
  });
  const watcher = new Watcher();
  cluster.watch("t", watcher);
  await cluster.firstRound;
  assert(!cluster.isReachable);

  await timers.advance(10_000);
  const rounds = events.filter(([type]) => type === "bootstrapunreachable").length;
  isUp = true;
  await timers.advance(250);

  assert(rounds >= 40 && rounds <= 43, `${rounds} rounds in ten seconds`);
  assertEquals(watcher.errors.length, rounds);
  assertEquals(watcher.errors.some(({ final }) => final), false);
  assertEquals([watcher.leaders, cluster.isReachable], [[1], true]);
  cluster.close();
});

Deno.test("Cluster tells a missing permission as final", async () => {
  const { cluster } = world({}, {
    accept: () => {
      throw new Deno.errors.NotCapable("Requires net access");
    },
  });
  const watcher = new Watcher();

  cluster.watch("t", watcher);
  await cluster.firstRound;

  const { error, final } = watcher.errors[0]!;
  assert(final && !error.retriable && error.message.includes("--allow-net=a:1"), error.message);
  cluster.close();
});

Deno.test("Cluster needs one connection where the bootstrap address is the broker's own", async () => {
  const { cluster, transport } = world({
    Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }),
    InitProducerId: () => producerId(1n),
  });

  await cluster.fetchTopic("t");
  const connection = await cluster.connection(1, 0);
  await cluster.initProducerId();

  assertStrictEquals(cluster.openConnection(1, 0), connection);
  assertEquals(transport.connections.length, 1);
  cluster.close();
});

Deno.test("Cluster ends its bootstrap connection when one to a broker by id stands", async () => {
  const { cluster, transport, timers } = world({ Metadata: () => told(["1@b:1"], { t: { leaders: [1] } }) });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  assertEquals(cluster.openConnection(1, 0), undefined);

  const connection = await cluster.connection(1, 0);
  await settled();

  assertEquals(transport.connections.map(({ to, isClosed }) => [to, isClosed]), [["a:1", true], ["b:1", false]]);
  cluster.refresh();
  await timers.advance(1_000);
  assertEquals([transport.count("Metadata"), connection.isClosed], [2, false]);
  assertEquals(transport.connections.length, 2);
  cluster.close();
});

Deno.test("Cluster asks whether topics may be created as it is told", async () => {
  for (const autoCreateTopics of [true, false]) {
    const { cluster, transport } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) }, {
      autoCreateTopics,
    });

    await cluster.fetchTopic("t");

    const { body } = transport.requests.find(({ api }) => api === "Metadata")!;
    assertEquals((body as { allowAutoTopicCreation: boolean }).allowAutoTopicCreation, autoCreateTopics);
    cluster.close();
  }
});

Deno.test("Cluster speaks with brokers whose metadata cannot forbid creation", async () => {
  const { cluster } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) }, {
    versions: { Metadata: { minVersion: 0, maxVersion: 3 } },
  });

  assertEquals((await cluster.fetchTopic("t")).topicId, null);

  cluster.close();
});

Deno.test("Cluster starts again from bootstrap when a broker says so", async () => {
  let isOutcast = false;
  const { cluster, timers, transport } = world({
    Metadata: (_body, { to }) =>
      isOutcast && to.host === "b" ? { ...told([]), errorCode: 129 } : told(["1@b:1"], { t: { leaders: [1] } }),
  });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  await cluster.connection(1, 0);
  await settled();

  isOutcast = true;
  cluster.refresh();
  await timers.advance(1_000);

  assertEquals(transport.connections.filter(({ to }) => to === "a:1").length, 2);
  assert(cluster.isReachable);
  cluster.close();
});

Deno.test("Cluster asks bootstrap addresses only when a broker says that it must start again", async () => {
  let isOutcast = false;
  const asked: string[] = [];
  const { cluster, timers, events } = world({
    Metadata: (_body, { to }) => {
      asked.push(to.host);
      if (!isOutcast) return told(["1@c:1", "2@d:1"], { t: { leaders: [1, 2] } });
      return to.host === "a" ? told(["1@e:1"], { t: { leaders: [1] } }) : { ...told([]), errorCode: 129 };
    },
  }, { at: "a:1,b:1" });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  const connections = [await cluster.connection(1, 0), await cluster.connection(2, 0)];
  await settled();
  asked.length = 0;

  isOutcast = true;
  cluster.refresh();
  await timers.advance(250);

  assertEquals(asked, ["c", "a"]);
  assertEquals([cluster.broker(1)?.host, cluster.broker(2)], ["e", undefined]);
  assertEquals(connections.map(({ isClosed }) => isClosed), [true, true]);
  assertEquals(events.filter(([type]) => type === "bootstrapunreachable"), []);
  cluster.close();
});

Deno.test("Cluster keeps its connection to a broker that has no metadata to give, and asks another", async () => {
  let isIll = false;
  const { cluster } = world({
    Metadata: (_body, { to }) =>
      isIll && to.host === "a" ? { ...told([]), errorCode: -1 } : told(["1@a:1", "2@b:1"], { t: { leaders: [1] } }),
  });
  await cluster.fetchTopic("t");
  const connection = await cluster.connection(1, 0);

  isIll = true;
  const { partitions } = await cluster.fetchTopic("t");

  assertEquals([partitions.length, connection.isClosed], [1, false]);
  cluster.close();
});

Deno.test("Cluster asks a connection on which a request has waited for long last", async () => {
  const asked: string[] = [];
  const { cluster, timers } = world({
    Metadata: (_body, { to }) => {
      asked.push(to.host);
      return told(["1@a:1", "2@b:1", "3@c:1"], { t: { leaders: [1, 2] } });
    },
    InitProducerId: () => "silent",
  });
  await cluster.fetchTopic("t");
  const request = { transactionalId: null, transactionTimeoutMs: 1 };
  const silent = (await cluster.connection(1, 0)).request("InitProducerId", request);
  silent.catch(() => {});
  await timers.advance(1_000);
  asked.length = 0;

  await cluster.fetchTopic("t");

  assertEquals(asked, ["b"]);
  cluster.close();
});

Deno.test("Cluster goes on to the next address while one takes long to connect", async () => {
  const dialed: string[] = [];
  const { cluster, timers } = world({ Metadata: () => told(["1@c:1"], { t: { leaders: [1] } }) }, {
    at: "a:1,b:1,c:1",
    connectTimeoutMs: 60_000,
    accept: async ({ host }) => {
      dialed.push(host);
      if (host !== "c") await new Promise(() => {});
    },
  });

  const fetching = cluster.fetchTopic("t");
  await timers.advance(1_999);
  assertEquals(dialed, ["a", "b"]);
  await timers.advance(1);

  assertEquals((await fetching).partitions[0]!.leader, 1);
  assertEquals(timers.pendingCount, 1); // For the requests of the connection that stands.
  cluster.close();
});

Deno.test("Cluster asks another broker when one stays silent", async () => {
  const asked: string[] = [];
  const { cluster, timers } = world({
    Metadata: (_body, request) => {
      asked.push(request.to.host);
      return request.to.host === "a" ? "silent" : told(["1@a:1", "2@b:2"], { t: { leaders: [2] } });
    },
  }, { at: "a:1,b:2" });

  const fetching = cluster.fetchTopic("t");
  await settled();
  await timers.advance(999);
  const askedEarly = [...asked];
  await timers.advance(1);
  const metadata = await fetching;

  assertEquals(askedEarly, ["a"]);
  assertEquals(asked, ["a", "b"]);
  assertEquals(metadata.partitions[0]!.leader, 2);
  cluster.close();
});
