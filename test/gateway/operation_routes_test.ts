import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { holdProduce } from "../producer/rig.ts";
import { gatewayRig } from "./gateway_rig.ts";

Deno.test("GET /healthz answers ok whatever Kafka does, GET /readyz only when Kafka answers", async () => {
  const topics = ["t"];
  await using rig = await gatewayRig({ gateway: { topics } });
  await using alone = await gatewayRig({ gateway: { topics }, producer: { bootstrap: "127.0.0.1:1" } });

  const health = [await rig.get("/healthz"), await alone.get("/healthz")];
  const ready = [await rig.get("/readyz"), await alone.get("/readyz")];

  assertEquals(await Promise.all(health.map((response) => response.text())), ["ok", "ok"]);
  assertEquals(ready.map((response) => response.status), [200, 503]);
  assertEquals(await ready[0]!.json(), { ready: true });
  assertEquals(await ready[1]!.json(), { ready: false, reasons: ["no metadata"] });
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

  const response = await rig.get("/readyz");

  assertEquals([response.status, await response.json()], [200, { ready: true }]);
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
