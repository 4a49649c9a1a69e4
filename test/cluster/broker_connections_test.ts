import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError } from "../../src/errors.ts";
import { settled } from "../manual_timers.ts";
import { producerId, refused, told, Watcher, world } from "./world.ts";

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

Deno.test("Cluster.connection() to a broker nobody told of waits before it is refused again", async () => {
  let brokers = ["1@a:1"];
  const { cluster, timers } = world({ Metadata: () => told(brokers, { t: { leaders: [7] } }) });
  cluster.watch("t", new Watcher());
  await cluster.firstRound;
  await assertRejects(() => cluster.connection(7, 0), ConnectionError);
  let isRefused = false;

  const again = cluster.connection(7, 0).catch(() => isRefused = true);
  await timers.advance(99);
  assertEquals(isRefused, false);
  await timers.advance(1);
  await again;
  brokers = ["1@a:1", "7@b:1"];
  cluster.refresh();
  await timers.advance(1_000);

  assertEquals([isRefused, cluster.broker(7)?.host], [true, "b"]);
  const connecting = cluster.connection(7, 0);
  await timers.advance(250);
  assertEquals((await connecting).address.host, "b");
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

  assertEquals(closed, [[2, 3, "Error: Cannot stay connected to broker 2: it moved to b:2"]]);
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

  assertEquals(closed, [["2", "0", "Error: Cannot stay connected to broker 2: it left the cluster"]]);
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
