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
