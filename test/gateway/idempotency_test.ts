import { assertEquals, assertThrows } from "@std/assert";
import { GatewayError } from "../../src/gateway/gateway_error.ts";
import { IdempotencyStore } from "../../src/gateway/idempotency.ts";
import { ManualTimers } from "../manual_timers.ts";
import { holdProduce, until } from "../producer/rig.ts";
import { gatewayRig } from "./gateway_rig.ts";

const digest = Uint8Array.of(1, 2);
const answer = (bytes = 1) => ({ status: 200, headers: [], body: new Uint8Array(bytes) });

/** A store and its time. */
function store(bounds: { maxEntries?: number; maxBytes?: number } = {}) {
  const clock = { ms: 0 };
  const it = new IdempotencyStore({ ttlMs: 1_000, maxEntries: 2, maxBytes: 10, now: () => clock.ms, ...bounds });
  const scope = (key: string, principal: string | null = null) => ({ principal, topic: "t", key });
  return { it, clock, scope };
}

Deno.test("IdempotencyStore keeps an answer for its time", () => {
  const { it, clock, scope } = store();
  const kept = answer();

  assertEquals(it.begin(scope("a"), digest), null);
  it.finish(scope("a"), kept);

  assertEquals(it.begin(scope("a"), digest), kept);
  assertEquals(it.begin(scope("a", "ada"), digest), null, "another's key");
  clock.ms = 999;
  assertEquals(it.begin(scope("a"), digest), kept);
  clock.ms = 1_000;
  assertEquals(it.begin(scope("a"), digest), null);
  assertEquals(it.bytes, 0);
});

Deno.test("IdempotencyStore refuses a key under way, and one with another body", () => {
  const { it, scope } = store();
  it.begin(scope("a"), digest);

  assertEquals(assertThrows(() => it.begin(scope("a"), digest), GatewayError).status, 409);
  assertEquals(assertThrows(() => it.begin(scope("a"), Uint8Array.of(1, 3)), GatewayError).status, 422);
  it.finish(scope("a"), answer());
  assertEquals(assertThrows(() => it.begin(scope("a"), Uint8Array.of(1)), GatewayError).status, 422);
});

Deno.test("IdempotencyStore forgets what is not to be given again", () => {
  const { it, scope } = store();
  it.begin(scope("a"), digest);
  it.finish(scope("a"), null);

  assertEquals(it.begin(scope("a"), Uint8Array.of(9)), null);
});

Deno.test("IdempotencyStore keeps a bounded number of answers and bytes, the latest used", () => {
  const { it, scope } = store();
  const finish = (key: string, bytes: number) => {
    it.begin(scope(key), digest);
    it.finish(scope(key), answer(bytes));
  };
  finish("a", 5);
  finish("b", 5);
  assertEquals([it.size, it.bytes], [2, 10]);
  it.begin(scope("a"), digest);

  finish("c", 1);
  assertEquals([it.size, it.bytes], [2, 6], "b made room");
  finish("d", 10);
  assertEquals([it.size, it.bytes], [1, 10], "bytes");
  finish("e", 11);
  assertEquals([it.size, it.bytes], [1, 10], "too large");
});

Deno.test("a request with an idempotency-key is done once, on every route that waits", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers, gateway: { idempotencyTtlMs: 1_000 } });
  const bodies: [path: string, type: string, body: string, records: number][] = [
    ["/sync/t?offsets=1", "text/plain", "a", 1],
    ["/batch/sync/t", "text/plain", "b", 1],
    ["/topics/t", "application/vnd.kafka.json.v2+json", '{"records":[{"value":1},{"value":2}]}', 2],
  ];
  for (const [path, type, body, records] of bodies) {
    const headers = { "content-type": type, "idempotency-key": path };
    const before = rig.texts().length;

    const first = await rig.post(path, body, { headers });
    const again = await rig.post(path, body, { headers });
    const other = await rig.post(path, `${body} `, { headers });

    assertEquals([first.status, again.status, other.status], [200, 200, 422]);
    assertEquals([first, again].map((one) => one.headers.get("idempotency-replayed")), [null, "true"]);
    assertEquals(await again.text(), await first.text());
    assertEquals(rig.texts().length - before, records);
    await timers.advance(1_000);
    assertEquals((await rig.post(path, body, { headers })).headers.get("idempotency-replayed"), null);
  }
});

Deno.test("a request with the key of one under way is answered 409, and one that failed may be sent again", async () => {
  await using rig = await gatewayRig();
  const headers = { "idempotency-key": "k" };
  const release = holdProduce(rig.cluster);
  const requests = rig.cluster.requests("Produce");

  const first = rig.post("/sync/t", "a", { headers });
  await until(() => rig.cluster.requests("Produce") > requests);
  const second = await rig.post("/sync/t", "a", { headers });
  release();

  assertEquals([second.status, second.headers.get("retry-after"), (await first).status], [409, "1", 200]);
  rig.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1);
  const failing = { "idempotency-key": "l" };
  assertEquals((await rig.post("/sync/t", "b", { headers: failing })).status, 403);
  assertEquals((await rig.post("/sync/t", "b", { headers: failing })).status, 200);
  assertEquals((await rig.post("/sync/t", "b", { headers: { "idempotency-key": "a b" } })).status, 400);
  assertEquals(rig.texts(), ["a", "b"]);
});
