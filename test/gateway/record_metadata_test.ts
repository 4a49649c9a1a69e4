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
  { "x-kafka-timestamp": "-1" },
  { "x-kafka-timestamp": "5 apples" },
  { "x-kafka-timestamp": "1/2/2026" },
  { "x-kafka-timestamp": "2026-02-31T12:00:00Z" },
  { "x-kafka-timestamp": "2026-01-31T12:00:00" },
  { "x-kafka-timestamp": "1969-12-31T23:59:59Z" },
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

Deno.test("a timestamp may be a day, or have a zone and fractions of a second", async () => {
  await using rig = await gatewayRig();
  const texts = ["2026-01-31", "2026-01-31T12:00Z", "2026-01-31T12:00:00.123456+01:30", "1769860800000"];

  for (const text of texts) {
    const response = await rig.post("/sync/t", "a", { headers: { "x-kafka-timestamp": text } });
    assertEquals([text, response.status], [text, 200]);
    await response.body?.cancel();
  }

  assertEquals(rig.cluster.records("t").map(({ timestamp }) => new Date(timestamp).toISOString()), [
    "2026-01-31T00:00:00.000Z",
    "2026-01-31T12:00:00.000Z",
    "2026-01-31T10:30:00.123Z",
    "2026-01-31T12:00:00.000Z",
  ]);
});

Deno.test("a key in the query is refused when it is no UTF-8, as other keys would become the same", async () => {
  await using rig = await gatewayRig();

  const broken = await rig.post("/sync/t?key=%ff", "a");
  const whole = await rig.post("/sync/t?key=%ef%bf%bd", "a");

  assertEquals([broken.status, broken.headers.get("x-error-code"), whole.status], [400, "INVALID_METADATA", 200]);
  assertEquals(rig.cluster.records("t").map(({ key }) => key), [Uint8Array.of(0xef, 0xbf, 0xbd)]);
  for (const response of [broken, whole]) await response.body?.cancel();
});

Deno.test("a traceparent that is none is passed over", async () => {
  await using rig = await gatewayRig();

  const response = await rig.post("/sync/t", "a", { headers: { traceparent: "00-x", tracestate: "a=b" } });

  assertEquals([response.status, rig.cluster.records("t")[0]!.headers], [200, []]);
  await response.body?.cancel();
});
