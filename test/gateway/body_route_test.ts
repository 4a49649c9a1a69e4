import { assertEquals } from "@std/assert";
import { CloudEvent, type CloudEventV1, HTTP } from "cloudevents";
import { gatewayRig } from "./gateway_rig.ts";

/** The compressed text. */
function compressed(coding: "gzip" | "deflate", text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Response(new Response(text).body!.pipeThrough(new CompressionStream(coding))).bytes();
}

Deno.test("POST /stream takes every format", async () => {
  await using rig = await gatewayRig();
  const bodies: [path: string, type: string, body: string][] = [
    ["/stream/t?each=array", "application/json", "[1.0, 12345678901234567890]"],
    ["/stream/t", "application/json", '{ "b":1,"2":2,"1":1 }'],
    ["/stream/t", "text/csv", 'a,"b\n"\nc,d\n'],
    ["/stream/t?header=1", "text/csv", "a,b\n1,\n"],
    ["/stream/t?frame=length32", "application/octet-stream", "\0\0\0\u0002hi\0\0\0\0"],
    ["/stream/t", "application/vnd.ekaf.record+x-ndjson", '{"key":"k","value":{"x":1.0}}\n'],
  ];

  for (const [path, type, body] of bodies) {
    const response = await rig.post(path, body, { headers: { "content-type": type } });
    assertEquals([response.status, (await response.json()).failed], [200, []], type);
  }

  assertEquals(rig.texts(), [
    "1.0",
    "12345678901234567890",
    '{ "b":1,"2":2,"1":1 }',
    'a,"b\n"',
    "c,d",
    '{"a":"1","b":""}',
    "hi",
    "",
    '{"x":1.0}',
  ]);
});

Deno.test("POST /stream delivers what stands before a fault, and names its line", async () => {
  await using rig = await gatewayRig();

  const response = await rig.post("/stream/t?each=array", "[1,2,}", {
    headers: { "content-type": "application/json" },
  });

  assertEquals(response.status, 400);
  const { code, detail, line, acked } = await response.json();
  assertEquals([code, line, acked], ["MALFORMED_BODY", 3, 2]);
  assertEquals(detail, "Cannot read the body as JSON: unexpected byte at position 5");
  assertEquals(rig.texts(), ["1", "2"]);
});

Deno.test("bytes are the same behind the gateway as before it", async () => {
  await using rig = await gatewayRig();
  const values = [
    Uint8Array.of(0xff),
    Uint8Array.of(0xef, 0xbb, 0xbf, 0x61),
    Uint8Array.of(0x61, 0x0d, 0x0a, 0x62, 0x0d, 0x0a),
    new TextEncoder().encode("12345678901234567890"),
    new TextEncoder().encode('{"2":1e400,"1":1.0}'),
  ];

  for (const path of ["/sync/t", "/topics/t", "/stream/t"]) {
    for (const type of ["application/json", "application/octet-stream"]) {
      for (const value of values) await rig.post(path, value, { headers: { "content-type": type } });
    }
  }

  assertEquals(rig.cluster.records("t").map(({ value }) => value), Array.from({ length: 6 }, () => values).flat());
});

for (const coding of ["gzip", "deflate"] as const) {
  Deno.test(`bodies may be compressed with ${coding}, within bounds`, async () => {
    await using rig = await gatewayRig({
      gateway: { bodyMaxBytes: 1_000, decompressedMaxRatio: 8, recordMaxBytes: 10_000 },
    });
    const post = async (path: string, body: Uint8Array<ArrayBuffer>, encoding: string = coding) => {
      const headers = { "content-type": "application/x-ndjson", "content-encoding": encoding };
      const response = await rig.post(path, body, { headers });
      return [
        response.status,
        response.status < 400 ? "" : response.headers.get("x-error-code") ?? (await response.json()).code,
      ];
    };
    const good = await compressed(coding, "one\ntwo\n");

    assertEquals(await post("/sync/t", good), [200, ""]);
    assertEquals(await post("/stream/t", good), [200, ""]);
    assertEquals(rig.texts(), ["one", "two", "one", "two"]);
    for (const path of ["/sync/t", "/stream/t"]) {
      assertEquals(await post(path, good.slice(0, -3)), [400, "MALFORMED_BODY"], path);
      assertEquals(await post(path, Uint8Array.of(...good, 1)), [400, "MALFORMED_BODY"], path);
      assertEquals(await post(path, good, "br"), [415, "UNSUPPORTED_ENCODING"], path);
      assertEquals(await post(path, good, `${coding}, ${coding}`), [415, "UNSUPPORTED_ENCODING"], path);
    }
    assertEquals(await post("/sync/t", await compressed(coding, "x".repeat(8_000))), [200, ""]);
    assertEquals(await post("/sync/t", await compressed(coding, "x".repeat(8_001))), [413, "BODY_TOO_LARGE"]);
    assertEquals(await post("/stream/t", await compressed(coding, "x".repeat(16 * 1024 * 1024))), [
      413,
      "RECORD_TOO_LARGE",
    ]);
  });
}

/** The request of a foreign SDK. */
function messageOf(message: { headers: Record<string, unknown>; body: unknown }): RequestInit & { body: string } {
  return { headers: message.headers as Record<string, string>, body: message.body as string };
}

Deno.test("CloudEvents of their own SDK arrive in all three modes", async () => {
  await using rig = await gatewayRig();
  const event: CloudEventV1<unknown> = new CloudEvent({
    id: "1",
    source: "/shop",
    type: "order",
    subject: "é 100%",
    partitionkey: "7",
    datacontenttype: "application/json",
    data: { total: 12.5 },
  });
  const { headers, body } = messageOf(HTTP.binary(event));
  const structured = messageOf(HTTP.structured(event));

  const answers = [
    await rig.post("/stream/t", body, { headers: headers! }),
    await rig.post("/stream/t", structured.body, { headers: structured.headers! }),
    await rig.post("/stream/t", `[${structured.body}]`, {
      headers: { "content-type": "application/cloudevents-batch+json" },
    }),
  ];

  assertEquals(answers.map(({ status }) => status), [200, 200, 200]);
  const records = rig.cluster.records("t");
  assertEquals(records.map((record) => record.text()), Array(3).fill('{"total":12.5}'));
  assertEquals(records.map(({ key }) => new TextDecoder().decode(key!)), ["7", "7", "7"]);
  for (const record of records) {
    const named = Object.fromEntries(record.headers.map(([name, value]) => [name, new TextDecoder().decode(value!)]));
    const { ce_id, ce_source, ce_type, ce_specversion, ce_subject, "content-type": type } = named;
    assertEquals([ce_id, ce_source, ce_type, ce_specversion, ce_subject], ["1", "/shop", "order", "1.0", "é 100%"]);
    assertEquals(type!.startsWith("application/json"), true);
  }
});
