import { assertEquals } from "@std/assert";
import { ManualTimers } from "../manual_timers.ts";
import { holdProduce, until } from "../producer/rig.ts";
import { gatewayRig } from "./gateway_rig.ts";

/** Lets what is ready go on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("drain() is red at once, serves on for preStopMs, then refuses, and ends when Kafka has all", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers, gateway: { topics: ["t"], preStopMs: 500 } });
  const release = holdProduce(rig.cluster);
  const waiting = rig.post("/sync/t", "under way");
  await until(() => rig.cluster.requests("Produce") === 1);
  const order: string[] = [];

  const drained = rig.gateway.drain({ onClosed: () => void order.push("closed") });
  const red = await rig.get("/readyz");
  const still = await rig.post("/async/t", "still served");
  await timers.advance(500);
  await turn();
  const refused = await rig.post("/async/t", "too late");
  const health = await rig.get("/healthz");
  release();
  order.push((await waiting).status === 200 ? "answered" : "failed");
  const report = await drained;

  assertEquals([red.status, still.status, refused.status, health.status], [503, 200, 503, 200]);
  assertEquals([refused.headers.get("connection"), refused.headers.get("retry-after")], ["close", "1"]);
  assertEquals([order, report], [["answered", "closed"], { requestsLeft: 0, isFlushed: true }]);
  assertEquals(rig.texts().toSorted(), ["still served", "under way"]);
  for (const response of [red, still, refused, health, await waiting]) await response.body?.cancel();
});

Deno.test("drain() gives requests drainRequestsMs and Kafka drainFlushMs, and says what is left", async () => {
  const timers = new ManualTimers();
  const gateway = { preStopMs: 0, drainRequestsMs: 200, drainFlushMs: 300 };
  await using rig = await gatewayRig({ timers, gateway });
  const release = holdProduce(rig.cluster);
  const waiting = rig.post("/sync/t", "under way");
  await until(() => rig.cluster.requests("Produce") === 1);

  const drained = rig.gateway.drain();
  await turn();
  await timers.advance(200);
  await turn();
  await timers.advance(300);
  const report = await drained;
  release();

  assertEquals(report, { requestsLeft: 1, isFlushed: false });
  await (await waiting).body?.cancel();
});

Deno.test("drain() is one drain however often it is called, and leaves the producer open", async () => {
  await using rig = await gatewayRig({ gateway: { preStopMs: 0 } });

  const [first, second] = [rig.gateway.drain(), rig.gateway.drain()];

  assertEquals(await first, await second);
  assertEquals((await rig.producer.send("t", "a")).offset, 0n);
});

Deno.test("drain() waits drainRequestsMs for connections to be closed: a client that does not read cannot be made to", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers, gateway: { preStopMs: 0, drainRequestsMs: 200 } });
  const release = holdProduce(rig.cluster);
  const waiting = rig.post("/sync/t", "a");
  await until(() => rig.cluster.requests("Produce") === 1);
  let isOver = false;

  const drained = rig.gateway.drain({ onClosed: () => new Promise<void>(() => {}) });
  drained.then(() => isOver = true);
  await turn();
  await timers.advance(150);
  release();
  await (await waiting).body?.cancel();
  await timers.advance(49);
  await turn();
  const before = isOver;
  await timers.advance(1);

  assertEquals([before, await drained], [false, { requestsLeft: 0, isFlushed: true }]);
});
