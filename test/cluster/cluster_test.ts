import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import type { RequestOf, ResponseInput } from "../../protocol/apis.ts";
import { Cluster, type ClusterOptions, type TopicSnapshot } from "../../src/cluster/cluster.ts";
import { BrokerError, ConnectionError } from "../../src/errors.ts";
import { parseAddresses } from "../../src/net/address.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { type Script, scriptedBroker, type ScriptedBrokerOptions, type ScriptedTransport } from "../scripted_broker.ts";

interface World {
  cluster: Cluster;
  timers: ManualTimers;
  transport: ScriptedTransport;
  events: [string, unknown][];
  warnings: string[];
}

/** A cluster over scripted brokers. Jitter is at its highest, so that waits are what the formula says. */
function world(
  script: Script,
  options: Partial<ClusterOptions> & { bootstrap?: never; at?: string } & ScriptedBrokerOptions = {},
): World {
  const timers = new ManualTimers();
  const events: [string, unknown][] = [];
  const warnings: string[] = [];
  const transport = scriptedBroker(script, options);
  const cluster = new Cluster({
    bootstrap: parseAddresses(options.at ?? "a:1"),
    clientId: "test",
    transport,
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 30_000,
    retryBackoffMs: { initial: 100, max: 1_000 },
    metadataMaxAgeMs: 60_000,
    unknownTopicTimeoutMs: 5_000,
    autoCreateTopics: false,
    protocol: "auto",
    timers,
    emit: (type, detail) => events.push([type, detail]),
    warn: (_kind, message) => warnings.push(message),
    random: () => 0.999_999,
    ...options,
  });
  return { cluster, timers, transport, events, warnings };
}

const ID = "AAAAAAAAAAAAAAAAAAAAAQ";

/** An answer: brokers as "id@host:port", topics as leaders and an epoch or an error. */
function told(
  brokers: string[],
  topics: Record<string, { leaders?: number[]; epoch?: number; error?: number }> = {},
): ResponseInput<"Metadata"> {
  return {
    brokers: brokers.map((text) => {
      const [id, address] = text.split("@") as [string, string];
      return { nodeId: Number(id), ...parseAddresses(address)[0]!, rack: null };
    }),
    topics: Object.entries(topics).map(([name, { leaders = [], epoch = 0, error = 0 }]) => ({
      errorCode: error,
      name,
      topicId: ID,
      partitions: leaders.map((leaderId, partitionIndex) => ({
        errorCode: leaderId < 0 ? 5 : 0,
        partitionIndex,
        leaderId,
        leaderEpoch: epoch,
        replicaNodes: [1],
        isrNodes: [1],
        offlineReplicas: [],
      })),
    })),
  };
}

const producerId = (id: bigint, errorCode = 0) => ({
  throttleTimeMs: 0,
  errorCode,
  producerId: id,
  producerEpoch: 1,
});

class Watcher {
  readonly snapshots: TopicSnapshot[] = [];
  readonly errors: { error: BrokerError | ConnectionError; final: boolean }[] = [];
  onTopic(snapshot: TopicSnapshot): void {
    this.snapshots.push(snapshot);
  }
  onTopicError(error: BrokerError | ConnectionError, { final }: { final: boolean }): void {
    this.errors.push({ error, final });
  }
  get leaders(): (number | null)[] | undefined {
    return this.snapshots.at(-1)?.partitions.map(({ leader }) => leader);
  }
}

const askedTopics = (transport: ScriptedTransport) =>
  transport.requests.filter(({ api }) => api === "Metadata").map(({ body }) =>
    bodyNames(body as RequestOf<"Metadata">)
  );

const bodyNames = (body: { topics: readonly { name: string | null }[] | null }) =>
  body.topics!.map(({ name }) => name!);

function refused(...hosts: string[]): (to: { host: string }) => void {
  return ({ host }) => {
    if (hosts.includes(host)) throw new Error("Connection refused");
  };
}

Deno.test("new Cluster() opens nothing", async () => {
  const { cluster, transport, timers } = world({});

  await timers.advance(100_000);

  assertEquals(transport.connections.length, 0);
  assertEquals(timers.pendingCount, 0);
  cluster.close();
});

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

Deno.test("Cluster.connection() shares one attempt and keeps lanes apart", async () => {
  const { cluster, transport } = world({ Metadata: () => told(["2@b:1"], { t: { leaders: [2] } }) });
  await cluster.fetchTopic("t");

  const same = await Promise.all(Array.from({ length: 50 }, () => cluster.connection(2, 0)));
  const other = await cluster.connection(2, 1);

  assertEquals(new Set(same).size, 1);
  assert(other !== same[0]);
  assertEquals(transport.connections.map(({ to }) => to), ["a:1", "b:1", "b:1"]);
  cluster.close();
});

Deno.test("Cluster.connection() says where an unreachable leader was advertised", async () => {
  const { cluster, timers } = world({ Metadata: () => told(["2@kafka:29092"], { t: { leaders: [2] } }) }, {
    at: "localhost:9092",
    accept: refused("kafka"),
  });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;

  const error = await assertRejects(() => cluster.connection(2, 0), ConnectionError);

  assertEquals(
    error.message,
    "Cannot connect to broker 2 at kafka:29092 (advertised by localhost:9092): Connection refused",
  );
  await timers.advance(0);
  cluster.close();
});

Deno.test("Cluster.connection() waits between attempts and asks for metadata", async () => {
  let dials = 0;
  const { cluster, timers, transport } = world({ Metadata: () => told(["2@b:1"], { t: { leaders: [2] } }) }, {
    accept: ({ host }) => {
      if (host === "b" && ++dials < 4) throw new Error("Connection refused");
    },
  });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;

  const counts: number[] = [];
  await assertRejects(() => cluster.connection(2, 0), ConnectionError);
  for (const ms of [99, 1, 199, 1, 249]) {
    const attempt = cluster.connection(2, 0).then(() => {}, () => {});
    await timers.advance(ms);
    counts.push(dials);
    if (ms === 1) await attempt;
  }
  const connecting = cluster.connection(2, 0);
  await timers.advance(1);

  assertEquals(counts, [1, 2, 2, 3, 3]);
  assertEquals((await connecting).isClosed, false);
  assert(transport.count("Metadata") > 1);
  cluster.close();
});

Deno.test("Cluster.connection() ends its wait with its signal, and the attempt goes on", async () => {
  const gate = Promise.withResolvers<void>();
  const { cluster } = world({ Metadata: () => told(["2@b:1"], { t: { leaders: [2] } }) }, {
    accept: ({ host }) => host === "b" ? gate.promise : undefined,
  });
  await cluster.fetchTopic("t");
  const controller = new AbortController();
  const impatient = assertRejects(() => cluster.connection(2, 0, { signal: controller.signal }), Error, "enough");
  const patient = cluster.connection(2, 0);

  controller.abort(new Error("enough"));
  await impatient;
  gate.resolve();

  assertEquals((await patient).isClosed, false);
  cluster.close();
});

Deno.test("Cluster.connection() to a broker nobody told of is refused", async () => {
  const { cluster } = world({ Metadata: () => told(["1@a:1"], { t: { leaders: [1] } }) });
  await cluster.fetchTopic("t");

  await assertRejects(() => cluster.connection(7, 0), ConnectionError, "Cannot connect to broker 7");

  cluster.close();
});

Deno.test("Cluster follows a broker that moved, and lets requests under way finish", async () => {
  let port = 1;
  const answering = Promise.withResolvers<void>();
  const { cluster, timers, transport } = world({
    Metadata: () => told([`2@b:${port}`, "1@a:1"], { t: { leaders: [2] } }),
    InitProducerId: async () => {
      await answering.promise;
      return producerId(7n);
    },
  });
  const closed: unknown[][] = [];
  cluster.onConnectionClosed = (brokerId, lane, cause) => closed.push([brokerId, lane, String(cause)]);
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  const old = await cluster.connection(2, 3);
  const asking = old.request("InitProducerId", { transactionalId: null, transactionTimeoutMs: 1 });
  port = 2;
  cluster.refresh();
  await timers.advance(1_000);

  assert(old.isClosed);
  assertEquals(cluster.openConnection(2, 3), undefined);
  const fresh = await cluster.connection(2, 3);
  answering.resolve();

  assertEquals(closed, [[2, 3, "Error: broker 2 moved to b:2"]]);
  assertEquals((await asking).producerId, 7n);
  await settled();
  assertEquals(
    transport.connections.filter(({ to }) => to.startsWith("b")).map(({ to, isClosed }) => [to, isClosed]),
    [["b:1", true], ["b:2", false]],
  );
  assert(!fresh.isClosed);
  cluster.close();
});

Deno.test("Cluster ends the connection to a broker that left", async () => {
  let brokers = ["1@a:1", "2@b:1"];
  const { cluster, timers, transport } = world({ Metadata: () => told(brokers, { t: { leaders: [1] } }) });
  const closed: unknown[][] = [];
  cluster.onConnectionClosed = (...args) => closed.push(args.map(String));
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  await cluster.connection(2, 0);

  brokers = ["1@a:1"];
  cluster.refresh();
  await timers.advance(1_000);

  assertEquals(closed, [["2", "0", "Error: broker 2 left the cluster"]]);
  assertEquals(transport.connections.find(({ to }) => to === "b:1")!.isClosed, true);
  cluster.close();
});

Deno.test("Cluster tells when a connection breaks, and makes a new one on demand", async () => {
  const { cluster, timers, transport } = world({ Metadata: () => told(["2@b:1"], { t: { leaders: [2] } }) });
  const closed: unknown[][] = [];
  cluster.onConnectionClosed = (brokerId, lane, cause) => closed.push([brokerId, lane, (cause as Error).message]);
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  await cluster.connection(2, 0);
  await timers.advance(5_000);

  transport.connections.find(({ to }) => to === "b:1")!.duplex.close();
  await settled();
  const again = await cluster.connection(2, 0);

  assertEquals(closed, [[2, 0, "the broker closed the connection"]]);
  assert(!again.isClosed);
  cluster.close();
});

Deno.test("Cluster does not hammer a broker that hangs up on every connection", async () => {
  const { cluster, timers, transport } = world({ Metadata: () => told(["2@b:1"], { t: { leaders: [2] } }) });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  let isOver = false;
  cluster.onConnectionClosed = () => {
    if (!isOver) cluster.connection(2, 0).then(hangUp, () => {});
  };
  const hangUp = () => transport.connections.at(-1)!.duplex.close();
  await cluster.connection(2, 0).then(hangUp);

  await timers.advance(10_000);
  isOver = true;

  const count = transport.connections.length;
  assert(count >= 40 && count <= 45, `${count} connections in ten seconds`);
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

Deno.test("Cluster.initProducerId() retries with backoff", async () => {
  const codes = [14, 15, 0];
  const { cluster, timers } = world({
    Metadata: () => told(["1@a:1"]),
    InitProducerId: () => producerId(42n, codes.shift()),
  });

  const asking = cluster.initProducerId();
  await timers.advance(1_000);

  assertEquals(await asking, { producerId: 42n, producerEpoch: 1 });
  cluster.close();
});

Deno.test("Cluster.initProducerId() rejects at a fatal code and resolves with null where there is no such call", async () => {
  const refusing = world({ Metadata: () => told(["1@a:1"]), InitProducerId: () => producerId(-1n, 31) });
  const old = world({ Metadata: () => told(["1@a:1"]) }, { versions: { InitProducerId: null } });

  const error = await assertRejects(() => refusing.cluster.initProducerId(), BrokerError, "Cannot get a producer id");
  const none = await old.cluster.initProducerId();

  assertEquals([error.code, none], [31, null]);
  refusing.cluster.close();
  old.cluster.close();
});

Deno.test("Cluster.initProducerId() goes on while no broker can be reached, until its signal", async () => {
  const { cluster, timers, events } = world({}, { accept: refused("a") });
  const controller = new AbortController();
  const asking = assertRejects(() => cluster.initProducerId({ signal: controller.signal }), Error, "enough");

  await timers.advance(3_000);
  controller.abort(new Error("enough"));

  await asking;
  assert(events.length >= 3);
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
