/** Leaders, brokers and connections that come, go and fall silent while a producer is at work. */

import { assert, assertEquals } from "@std/assert";
import type { ResponseOf } from "../../protocol/apis.ts";
import { EmbeddedCluster, FaultProxy } from "@ekaf/ekaf/embedded";
import { type BrokerError, type Delivery, type DeliveryError, Producer } from "@ekaf/ekaf";
import { resolveOptions } from "../../src/options.ts";
import { ProducerCore } from "../../src/producer/producer_core.ts";
import { denoTransport } from "../../src/net/transport.ts";
import { platformTimers, type Timers } from "../../src/timers.ts";
import { heard, numbered, QUICK, type Rig, rig, texts, until } from "./rig.ts";

/** Nothing but an event can make a producer look for metadata. */
const NO_POLL = { metadataMaxAgeMs: 3_600_000 };
/** Metadata comes all the time. */
const POLLED = { metadataMaxAgeMs: 5 };

/** Has every later question for metadata answered as the last one before. */
async function freezeMetadata(r: Rig): Promise<Disposable> {
  let frozen: ResponseOf<"Metadata"> | undefined;
  const hook = r.cluster.intercept("Metadata", async (request, next) => {
    frozen ??= await next(request) as ResponseOf<"Metadata">;
    return frozen;
  });
  await r.producer.metadata("t");
  return hook;
}

/** One record to each partition, to have a connection to each leader. */
async function sendToAll(producer: Producer, partitionCount: number): Promise<void> {
  await Promise.all(
    Array.from({ length: partitionCount }, (_, partition) => producer.send("t", { value: "x", partition })),
  );
}

Deno.test("send() follows a leader hint at once and keeps to it while brokers still tell of the old leader", async () => {
  await using r = await rig({ brokers: 3, replication: 3, topics: { t: 1 } }, NO_POLL);
  await r.producer.send("t", "a");
  using _ = await freezeMetadata(r);

  r.cluster.moveLeader("t", 0, 2);
  const moved = await r.producer.send("t", "b");
  const requests = r.cluster.requests("Produce");
  await r.producer.metadata("t");
  await r.producer.send("t", "c");

  assertEquals([moved.offset, moved.maybeDuplicate], [1n, undefined]);
  assertEquals([r.producer.info("t")[0]!.broker, r.cluster.requests("Produce") - requests], [2, 1]);
});

Deno.test("send() follows a leader hint to a broker it has not heard of", async () => {
  await using r = await rig({ topics: { t: 1 } }, NO_POLL);
  await r.producer.send("t", "a");
  using _ = await freezeMetadata(r);

  const id = await r.cluster.addBroker();
  r.cluster.moveLeader("t", 0, id);
  await r.producer.send("t", "b");
  await r.producer.metadata("t");
  await r.producer.send("t", "c");

  assertEquals([r.producer.info("t")[0]!.broker, r.producer.info("t")[0]!.state], [id, "up"]);
  assertEquals(texts(r.cluster.records("t")), ["a", "b", "c"]);
});

Deno.test("send() finds the new leader by metadata where brokers give no hints", async () => {
  await using r = await rig({ brokers: 2, replication: 2, topics: { t: 1 }, versions: { Produce: [3, 9] } }, NO_POLL);
  await r.producer.send("t", "a");
  const asked = r.cluster.requests("Metadata");

  r.cluster.moveLeader("t", 0, 2);
  await r.producer.send("t", "b");

  assertEquals(r.producer.info("t")[0]!.broker, 2);
  assert(r.cluster.requests("Metadata") > asked);
});

Deno.test("flushreplied tells the error of the attempt, none for the one that succeeds", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const replies = heard(r.producer, "flushreplied");
  r.cluster.failNext("Produce", "NOT_LEADER_OR_FOLLOWER");

  await r.producer.send("t", "a");
  await until(() => replies.length === 2);

  assertEquals(replies.map(({ error }) => (error as BrokerError | null)?.code ?? null), [6, null]);
});

Deno.test("send() asks for metadata when its connection is lost, and goes to the new leader", async () => {
  await using r = await rig({ brokers: 2, replication: 2, topics: { t: 1 } }, NO_POLL);
  await r.producer.send("t", "a");
  const former = r.producer.info("t")[0]!.broker!;
  const sent = r.producer.send("t", "b");

  await r.cluster.stop(former);
  await sent;

  assertEquals(r.producer.info("t")[0]!.broker, 3 - former);
  assertEquals(texts(r.cluster.records("t")), ["a", "b"]);
});

Deno.test("a broker that was added and leads is used after one poll, without a refused request", async () => {
  await using r = await rig({ topics: { t: 1 } }, POLLED);
  await r.producer.send("t", "a");
  const id = await r.cluster.addBroker();
  r.cluster.moveLeader("t", 0, id);
  await until(() => r.producer.info("t")[0]!.broker === id);
  const requests = r.cluster.requests("Produce");

  await r.producer.send("t", "b");

  assertEquals(r.cluster.requests("Produce") - requests, 1);
  assertEquals(r.cluster.connectionCount(id), 1);
});

Deno.test("changes of replicas in sync open nothing and move nothing", async () => {
  await using r = await rig({ brokers: 3, replication: 3, topics: { t: 3 } }, POLLED);
  await sendToAll(r.producer, 3);
  const connections = [1, 2, 3].map((id) => r.cluster.connectionCount(id));
  const lanes = ["laneup", "lanedown", "timetoconnect"].map((type) => heard(r.producer, type));
  const changes = heard(r.producer, "metadatachanged");
  let round = 0;
  using _ = r.cluster.intercept("Metadata", async (request, next) => {
    const answer = await next(request) as ResponseOf<"Metadata">;
    const isrNodes = [1, 2, 3].slice(0, 1 + round++ % 3);
    return {
      ...answer,
      topics: answer.topics.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((partition) => ({ ...partition, isrNodes })),
      })),
    };
  });

  await until(() => changes.length >= 10);
  await sendToAll(r.producer, 3);

  assertEquals([1, 2, 3].map((id) => r.cluster.connectionCount(id)), connections);
  assertEquals(lanes.map((events) => events.length), [0, 0, 0]);
});

Deno.test("a cluster that moved to other machines is found again by its bootstrap name", async () => {
  const old = await EmbeddedCluster.listen({ brokers: 2, replication: 2, topics: { t: 1 } });
  await using fresh = await EmbeddedCluster.listen({ brokers: 1, topics: { t: 1 } });
  let [host, port] = old.bootstrap[0]!.split(":");
  await using producer = new Producer({
    bootstrap: "kafka.test:9092",
    ...QUICK,
    logger: null,
    // Stands in for DNS, whose entry is about to change.
    connect: (to, options) =>
      denoTransport(to.host === "kafka.test" ? { host: host!, port: Number(port) } : to, options),
  });
  old.moveLeader("t", 0, 2);
  old.moveLeader("t", 0, 1); // The old cluster's leader epoch is beyond the new one's.
  await producer.send("t", "a");

  await old[Symbol.asyncDispose]();
  [host, port] = fresh.bootstrap[0]!.split(":");
  await producer.send("t", "b");

  assertEquals(texts(fresh.records("t")), ["b"]);
});

Deno.test("REBOOTSTRAP_REQUIRED makes a producer forget its brokers and ask the bootstrap addresses", async () => {
  await using old = await EmbeddedCluster.listen({ brokers: 3, replication: 3, topics: { t: 1 } });
  await using fresh = await EmbeddedCluster.listen({ brokers: 1, topics: { t: 1 } });
  let [host, port] = old.bootstrap[0]!.split(":");
  await using producer = new Producer({
    bootstrap: "kafka.test:9092",
    ...QUICK,
    ...POLLED,
    logger: null,
    connect: (to, options) =>
      denoTransport(to.host === "kafka.test" ? { host: host!, port: Number(port) } : to, options),
  });
  await producer.send("t", "a");
  [host, port] = fresh.bootstrap[0]!.split(":");
  old.intercept("Metadata", () => ({ errorCode: 129, brokers: [], topics: [] }) as never);

  await producer.metadata("t"); // May still be the answer of a poll that was under way.
  await until(() => old.connectionCount() === 0);
  const brokers = (await producer.metadata("t")).brokers.length;
  await producer.send("t", "b");

  assertEquals(brokers, 1);
  assertEquals([texts(old.records("t")), texts(fresh.records("t"))], [["a"], ["b"]]);
});

Deno.test("a throttled broker gets no request for as long as it asked, however the next answer reads", async () => {
  await using r = await rig({ brokers: 2, topics: { t: 2 } });
  await sendToAll(r.producer, 2);
  const { broker: muted } = r.producer.info("t").find(({ partition }) => partition === 0)!;
  const throttled = heard(r.producer, "throttled");
  const gate = Promise.withResolvers<void>();
  const throttles = [3_600_000, 1];
  using _ = r.cluster.intercept("Produce", async (request, next) => {
    if (request.brokerId !== muted) return await next(request);
    await gate.promise;
    return { ...await next(request) as ResponseOf<"Produce">, throttleTimeMs: throttles.shift()! };
  });
  const toMuted = (value: string) => r.producer.send("t", { value, partition: 0 });
  const lane = () => r.producer.info("t").find(({ partition }) => partition === 0)!;
  const sent = [toMuted("a")];
  await until(() => lane().inFlightRequests === 1);
  sent.push(toMuted("b"));
  await until(() => lane().inFlightRequests === 2);
  gate.resolve();
  await Promise.all(sent);

  const waiting = toMuted("c").catch((error: DeliveryError) => error.verdict);
  const requests = r.cluster.requests("Produce");
  for (let i = 0; i < 20; i++) await r.producer.send("t", { value: String(i), partition: 1 });

  assertEquals(r.cluster.requests("Produce") - requests, 20);
  assertEquals(throttled, [{ broker: muted, ms: 3_600_000 }, { broker: muted, ms: 1 }]);
  await r.producer.abort();
  assertEquals(await waiting, "notPersisted");
});

Deno.test("a broker that closes idle connections causes one event a time, and the next send() connects again", async () => {
  await using r = await rig({ topics: { t: 1 } }, NO_POLL);
  await using proxy = await FaultProxy.listen({ to: r.cluster.bootstrap[0]! });
  r.cluster.advertise(1, proxy.address);
  await using producer = new Producer({ bootstrap: proxy.address, ...QUICK, ...NO_POLL });
  const [downs, stillDowns, failures] = ["lanedown", "lanestilldown", "deliveryfailed"].map((type) =>
    heard(producer, type)
  );
  await producer.send("t", "0");

  for (let i = 1; i <= 30; i++) {
    proxy.closeConnections();
    await until(() => downs!.length === i);
    assertEquals((await producer.send("t", String(i))).maybeDuplicate, undefined);
  }

  assertEquals([downs!.length, stillDowns!.length, failures!.length], [30, 0, 0]);
  assertEquals(texts(r.cluster.records("t")), numbered("", 31));
  assertEquals([proxy.acceptedCount, proxy.connectionCount], [31, 1]);
});

Deno.test("connections are as many after 50 restarts of brokers as before", async () => {
  await using r = await rig({ brokers: 3, replication: 3, topics: { t: 3 } }, NO_POLL);
  await sendToAll(r.producer, 3);
  const before = r.cluster.connectionCount();

  for (let i = 0; i < 50; i++) {
    const id = 1 + i % 3;
    await r.cluster.stop(id);
    await sendToAll(r.producer, 3);
    await r.cluster.start(id);
    for (let partition = 0; partition < 3; partition++) r.cluster.moveLeader("t", partition, 1 + partition);
    await sendToAll(r.producer, 3);
  }

  assertEquals([before, r.cluster.connectionCount()], [3, 3]);
  assertEquals(r.cluster.records("t").length, 3 * 101);
});

/** Timers by which a second is ten milliseconds. */
const fastTimers: Timers = {
  ...platformTimers,
  now: () => performance.now() * 100,
  set: (callback, ms) => platformTimers.set(callback, ms / 100),
};

/** A producer's core by fast time. */
function fastCore(bootstrap: readonly string[], options: Record<string, unknown> = {}) {
  const events: string[] = [];
  const core = new ProducerCore(
    resolveOptions({ bootstrap: [...bootstrap], logger: null, ...NO_POLL, ...options }),
    (type) => void events.push(type),
    fastTimers,
  );
  const topic = core.topic("t");
  return {
    send: async (value: string) => await topic.send(value) as Delivery,
    metadata: () => topic.metadata(),
    events,
    [Symbol.asyncDispose]: async () => void await core.abort(new Error("over")),
  };
}

/** A cluster of three with a proxy before the broker that leads partition 0. */
async function blackHole() {
  const cluster = await EmbeddedCluster.listen({ brokers: 3, replication: 3, topics: { t: 1 } });
  const proxy = await FaultProxy.listen({ to: cluster.bootstrap[0]! });
  cluster.advertise(1, proxy.address);
  cluster.moveLeader("t", 0, 1);
  const bootstrap = [proxy.address, ...cluster.bootstrap.slice(1)];
  return {
    cluster,
    proxy,
    bootstrap,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a leader that fell silent is left when another one leads, long before its request times out", async () => {
  await using world = await blackHole();
  const { cluster, proxy } = world;
  // By fast time the request would time out after nine seconds.
  await using core = fastCore(world.bootstrap, { requestTimeoutMs: 900_000 });
  await core.send("a");

  proxy.stall("toClient");
  const sent = core.send("b");
  await cluster.waitFor("t", 2);
  cluster.moveLeader("t", 0, 2);
  const delivery = await sent;
  const next = await core.send("c");

  assertEquals([delivery.maybeDuplicate, next.offset], [undefined, 2n]);
  assertEquals(texts(cluster.records("t")), ["a", "b", "c"]);
});

Deno.test("a leader that is cut off is found out by the time-out, and the record is stored once", async () => {
  await using world = await blackHole();
  const { cluster, proxy } = world;
  await using core = fastCore(world.bootstrap, { requestTimeoutMs: 10_000 });
  await core.send("a");

  proxy.halfOpen();
  const delivery = await core.send("b");

  assertEquals([delivery.offset, delivery.maybeDuplicate], [1n, undefined]);
  assertEquals(texts(cluster.records("t")), ["a", "b"]);
  assert(core.events.includes("lanedown"), core.events.join());
});

Deno.test("a silent bootstrap broker holds nobody up: the next one is asked as well", async () => {
  await using world = await blackHole();
  const { cluster, proxy } = world;
  cluster.moveLeader("t", 0, 2);
  proxy.stall();
  await using core = fastCore(world.bootstrap, { connectTimeoutMs: 900_000, requestTimeoutMs: 900_000 });

  assertEquals((await core.send("a")).offset, 0n);
});

Deno.test("metadata comes from another broker while one that is connected says nothing", async () => {
  await using world = await blackHole();
  const { cluster, proxy } = world;
  await using core = fastCore([proxy.address], { requestTimeoutMs: 900_000 });
  await core.send("a");

  proxy.stall();
  const metadata = await core.metadata();

  assertEquals(metadata.partitions[0]!.leader, 1);
  assert(cluster.connectionCount(2) + cluster.connectionCount(3) > 0);
});

Deno.test("a connection to a broker that was removed is ended from this side", async () => {
  await using world = await blackHole();
  const { cluster, proxy } = world;
  await using core = fastCore(world.bootstrap, { metadataMaxAgeMs: 500 });
  await core.send("a");
  assert(proxy.connectionCount > 0);
  cluster.moveLeader("t", 0, 2);
  await core.send("b");

  proxy.stall(); // The end of the connection on the broker's side is not heard of.
  await cluster.removeBroker(1);

  await until(() => proxy.connectionCount === 0);
  assertEquals((await core.send("c")).offset, 2n);
});
