import { assertEquals } from "@std/assert";
import { gatewayRig, NDJSON } from "./gateway_rig.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Deno.test("headers of a request say what the body does not", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { t: 3 } } });
  const headers = {
    "x-kafka-key": "ké",
    "x-kafka-partition": "2",
    "x-kafka-timestamp": "2026-01-31T12:00:00Z",
    "X-Kafka-Header-Source": "shop",
    "x-kafka-header64-raw": "/wA=",
    "traceparent": TRACE,
    "tracestate": "a=b",
    "idempotency-key": "once",
    "x-other": "no header of the record",
  };

  const response = await rig.post("/sync/t", "a", { headers });

  const [record] = rig.cluster.records("t");
  assertEquals(response.headers.get("x-kafka-partition"), "2");
  // HTTP has bytes there: é came as one.
  assertEquals([record!.key, record!.partition, record!.timestamp], [
    Uint8Array.of(0x6b, 0xe9),
    2,
    Date.parse("2026-01-31T12:00:00Z"),
  ]);
  const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes!);
  assertEquals(Object.fromEntries(record!.headers.map(([name, value]) => [name, text(value)])), {
    "source": "shop",
    "raw": "\ufffd\0",
    "traceparent": TRACE,
    "tracestate": "a=b",
    "idempotency-key": "once",
  });
  await response.body?.cancel();
});

Deno.test("the query says the same, for clients that cannot set headers; on /stream it holds for each record", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { t: 3 } } });

  const single = await rig.post("/sync/t?key=a%20b&partition=1&timestamp=1000", "a");
  const stream = await rig.post("/stream/t?key=k&partition=2", "b\nc\n", { headers: NDJSON });

  const records = rig.cluster.records("t").map(({ partition, key, timestamp }) => {
    return [partition, new TextDecoder().decode(key!), timestamp === 1_000];
  });
  assertEquals(records, [[1, "a b", true], [2, "k", false], [2, "k", false]]);
  for (const response of [single, stream]) await response.body?.cancel();
});

const REFUSED: Record<string, string>[] = [
  { "x-kafka-partition": "-1" },
  { "x-kafka-partition": "2147483648" },
  { "x-kafka-timestamp": "yesterday" },
  { "x-kafka-key-base64": "*" },
  { "x-kafka-header64-a": "*" },
  { "x-kafka-header-traceparent": TRACE },
  { "x-kafka-header-ce_id": "1" },
  { "x-kafka-header-x-request-id": "1" },
  { [`x-kafka-header-${"n".repeat(129)}`]: "1" },
];

for (const headers of REFUSED) {
  Deno.test(`a record is refused for ${JSON.stringify(headers).slice(0, 60)}`, async () => {
    await using rig = await gatewayRig();

    const response = await rig.post("/sync/t", "a", { headers });

    assertEquals([response.status, response.headers.get("x-error-code"), rig.texts()], [400, "INVALID_METADATA", []]);
    await response.body?.cancel();
  });
}

Deno.test("a traceparent that is none is passed over", async () => {
  await using rig = await gatewayRig();

  const response = await rig.post("/sync/t", "a", { headers: { traceparent: "00-x", tracestate: "a=b" } });

  assertEquals([response.status, rig.cluster.records("t")[0]!.headers], [200, []]);
  await response.body?.cancel();
});
