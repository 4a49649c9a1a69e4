import { assert, assertEquals, assertRejects } from "@std/assert";
import { BrokerError } from "../../src/errors.ts";
import { producerId, refused, told, world } from "./world.ts";

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

Deno.test("Cluster.initProducerId() goes on after an unexpected code, and says so", async () => {
  const codes = [-1, 14, 0];
  const { cluster, timers, warnings } = world({
    Metadata: () => told(["1@a:1"]),
    InitProducerId: () => producerId(42n, codes.shift()),
  });

  const asking = cluster.initProducerId();
  await timers.advance(1_000);

  assertEquals((await asking)?.producerId, 42n);
  assertEquals(warnings.length, 1); // A coordinator that is still loading is nothing unexpected.
  assert(warnings[0]!.includes("UNKNOWN_SERVER_ERROR"), warnings[0]);
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

Deno.test("Cluster.initProducerId() asks another broker when one stays silent, long before the request times out", async () => {
  const { cluster, timers, transport } = world({
    Metadata: () => told(["1@a:1", "2@b:2", "3@c:3"]),
    InitProducerId: (_, { to }) => to.host === "c" ? producerId(42n) : "silent",
  });
  const asking = cluster.initProducerId();

  await timers.advance(999);
  const early = transport.count("InitProducerId");
  await timers.advance(1);
  const late = transport.count("InitProducerId");
  await timers.advance(1_000);

  assertEquals([early, late, (await asking)?.producerId], [1, 2, 42n]);
  assertEquals(new Set(transport.requests.map(({ to }) => to.host)).size, 3);
  cluster.close();
});

Deno.test("Cluster.initProducerId() takes the answer of the first broker although another was asked meanwhile", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { cluster, timers } = world({
    Metadata: () => told(["1@a:1", "2@b:2"]),
    InitProducerId: async (_, { to }) => {
      if (to.host === "b") return "silent";
      await promise;
      return producerId(7n);
    },
  });
  const asking = cluster.initProducerId();
  await timers.advance(1_500);

  resolve();
  await timers.advance(0);

  assertEquals((await asking)?.producerId, 7n);
  cluster.close();
});

Deno.test("Cluster.initProducerId() waits for the only broker there is", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { cluster, timers, transport } = world({
    Metadata: () => told(["1@a:1"]),
    InitProducerId: async () => {
      await promise;
      return producerId(7n);
    },
  });
  const asking = cluster.initProducerId();
  await timers.advance(20_000);

  resolve();
  await timers.advance(0);

  assertEquals([(await asking)?.producerId, transport.count("InitProducerId")], [7n, 1]);
  cluster.close();
});

Deno.test("Cluster.initProducerId() asks again when a silent broker's request has timed out", async () => {
  let requests = 0;
  const { cluster, timers } = world({
    Metadata: () => told(["1@a:1"]),
    InitProducerId: () => ++requests === 1 ? "silent" : producerId(7n),
  });
  const asking = cluster.initProducerId();

  await timers.advance(32_000);

  assertEquals([(await asking)?.producerId, requests], [7n, 2]);
  cluster.close();
});

Deno.test("Cluster.initProducerId() passes over a broker that is gone when another stays silent", async () => {
  const { cluster, timers } = world({
    Metadata: () => told(["1@a:1", "2@b:2", "3@c:3"]),
    InitProducerId: (_, { to }) => to.host === "a" ? "silent" : producerId(42n),
  }, { accept: refused("b") });
  const asking = cluster.initProducerId();

  await timers.advance(3_000);

  assertEquals((await asking)?.producerId, 42n);
  cluster.close();
});
