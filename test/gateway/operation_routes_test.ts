import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FIRST_MS, FRESH_MS } from "../../src/gateway/readiness.ts";
import { ManualTimers } from "../manual_timers.ts";
import { heard, holdProduce, until } from "../producer/rig.ts";
import { type GatewayRig, gatewayRig } from "./gateway_rig.ts";

/** Asks until the answer has this status. */
async function becomes(rig: GatewayRig, status: number): Promise<unknown> {
  while (true) {
    const response = await rig.get("/readyz");
    const body = await response.json();
    if (response.status === status) return body;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("GET /healthz answers ok whatever Kafka does, GET /readyz only when Kafka answers", async () => {
  const topics = ["t"];
  await using rig = await gatewayRig({ gateway: { topics } });
  await using alone = await gatewayRig({ gateway: { topics }, producer: { bootstrap: "127.0.0.1:1", logger: null } });
  const unreachable = heard(alone.producer, "bootstrapunreachable");

  const health = [await rig.get("/healthz"), await alone.get("/healthz")];
  const ready = await becomes(rig, 200);
  const red = await becomes(alone, 503);
  await until(() => unreachable.length > 0);

  assertEquals(await Promise.all(health.map((response) => response.text())), ["ok", "ok"]);
  assertEquals(ready, { ready: true });
  assertEquals(red, { ready: false, reasons: ["no metadata"] });
  assertEquals(await becomes(alone, 503), red);
});

Deno.test("GET /readyz is green at the first question when Kafka answers soon", async () => {
  await using rig = await gatewayRig({ gateway: { topics: ["t"] } });

  const first = await rig.get("/readyz");

  assertEquals([first.status, await first.json()], [200, { ready: true }]);
});

Deno.test("GET /readyz waits once, for half a second, and is red until Kafka has answered", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ timers });
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  using _late = rig.cluster.intercept("Metadata", async (request, next) => {
    asked.resolve();
    await answered.promise;
    return next(request);
  });

  const pending = rig.get("/readyz");
  await asked.promise;
  const second = await rig.get("/readyz");
  await timers.advance(FIRST_MS);
  const first = await pending;
  answered.resolve();

  assertEquals([first.status, second.status], [503, 503]);
  assertEquals(await becomes(rig, 200), { ready: true });
  for (const response of [first, second]) await response.body?.cancel();
});

Deno.test("GET /readyz turns red when Kafka goes away, and green when it is back", async () => {
  const timers = new ManualTimers();
  await using rig = await gatewayRig({ gateway: { topics: ["t"] }, timers, producer: { logger: null } });
  /** What is answered once Kafka has been asked again. */
  const next = async (status: number) => {
    await timers.advance(FRESH_MS);
    return await becomes(rig, status);
  };

  const before = await next(200);
  await rig.cluster.stop();
  const red = await next(503);
  await rig.cluster.start();
  const after = await next(200);

  assertEquals([before, red, after], [{ ready: true }, { ready: false, reasons: ["no metadata"] }, { ready: true }]);
});

Deno.test("GET /metrics counts requests, records and errors", async () => {
  await using rig = await gatewayRig({ gateway: { topics: ["t"], metrics: () => "further 1\n" } });

  for (const path of ["/sync/t", "/async/t", "/sync/u"]) await (await rig.post(path, "a")).body?.cancel();
  const text = await (await rig.get("/metrics")).text();

  assertStringIncludes(text, 'ekaf_http_requests_total{route="sync",method="POST",code="200"} 1\n');
  assertStringIncludes(text, 'ekaf_http_requests_total{route="sync",method="POST",code="403"} 1\n');
  assertStringIncludes(text, 'ekaf_http_records_total{topic="t",outcome="accepted"} 2\n');
  assertStringIncludes(text, 'ekaf_http_records_total{topic="t",outcome="acked"} 1\n');
  assertStringIncludes(text, 'ekaf_http_errors_total{code="FORBIDDEN",retriable="false"} 1\n');
  assertStringIncludes(text, 'ekaf_http_request_seconds_count{route="sync",method="POST"} 2\n');
  assertMatch(text, /^ekaf_http_in_flight 0$/m);
  assertMatch(text, /further 1\n$/);
});

Deno.test("GET /metrics counts bytes of bodies by their coding, as they were sent", async () => {
  await using rig = await gatewayRig();
  const gzipped = await new Response(new Response("x".repeat(1_000)).body!.pipeThrough(new CompressionStream("gzip")))
    .bytes();
  const bytesOf = async () => {
    const text = await (await rig.get("/metrics")).text();
    return Object.fromEntries([...text.matchAll(/^ekaf_http_body_bytes_total\{encoding="(\w+)"\} (\d+)$/gm)].map(
      ([, coding, bytes]) => [coding, Number(bytes)],
    ));
  };
  const post = async (path: string, body: BodyInit, headers: HeadersInit = {}) => {
    const response = await rig.post(path, body, { headers });
    assertEquals(response.status, 200);
    await response.body?.cancel();
  };

  const before = await bytesOf();
  await post("/async/t", "12345", { "content-length": "5" });
  await post("/sync/t", new Blob(["1234567"]).stream());
  await post("/batch/sync/t", "x".repeat(100_000), { "content-length": "100000" });
  await post("/sync/t", "a", { "content-encoding": "identity" });
  await post("/sync/t", gzipped, { "content-encoding": "gzip" });
  await post("/stream/t", gzipped, { "content-encoding": "gzip", "content-type": "application/x-ndjson" });
  await post("/stream/t", "12\n", { "content-type": "application/x-ndjson" });
  const after = [await bytesOf(), await bytesOf()];

  assertEquals(before, { identity: 0 });
  const expected = { identity: 5 + 7 + 100_000 + 1 + 3, gzip: 2 * gzipped.length };
  assertEquals(after, [expected, expected]);
});

Deno.test("fetchOperation() has the routes of operation alone, fetch() without them when told", async () => {
  await using rig = await gatewayRig({ gateway: { operation: false } });

  const elsewhere = await rig.gateway.fetchOperation(new Request("http://localhost/healthz"));
  const produce = await rig.gateway.fetchOperation(
    new Request("http://localhost/sync/t", { method: "POST", body: "a" }),
  );
  const here = await rig.get("/healthz");

  assertEquals([elsewhere.status, produce.status, here.status], [200, 404, 404]);
  for (const response of [elsewhere, produce, here]) await response.body?.cancel();
});

Deno.test("GET /readyz asks Kafka also where no topic is known", async () => {
  await using rig = await gatewayRig({ producer: { unknownTopicTimeoutMs: 1 } });

  assertEquals(await becomes(rig, 200), { ready: true });
});

Deno.test("GET /readyz is red while the buffer is above its high-water mark", async () => {
  await using rig = await gatewayRig({ gateway: { topics: ["t"], highWaterBytes: 500 } });
  const release = holdProduce(rig.cluster);

  await (await rig.post("/async/t", "x".repeat(1_000))).body?.cancel();
  const response = await rig.get("/readyz");
  release();

  assertEquals([response.status, await response.json()], [503, {
    ready: false,
    reasons: ["buffer above high-water"],
  }]);
});
