import { assertEquals } from "@std/assert";
import { holdProduce } from "../producer/rig.ts";
import { gatewayRig } from "./gateway_rig.ts";

const JSON_V2 = { "content-type": "application/vnd.kafka.json.v2+json", "accept": "application/vnd.kafka.v2+json" };
const REPLY_TYPE = "application/vnd.kafka.v2+json";

Deno.test("POST /topics forwards JSON as it was written and answers as the REST Proxy does", async () => {
  await using rig = await gatewayRig();

  const response = await rig.post(
    "/topics/t",
    '{"records":[{"value":{"2":12345678901234567890,"1":1.0}},{"key":"k","value":"v","partition":0,"timestamp":7,' +
      '"headers":[{"key":"h","value":"AP8="}]},{"key":"k","value":null}]}',
    { headers: JSON_V2 },
  );

  assertEquals([response.status, response.headers.get("content-type")], [200, REPLY_TYPE]);
  assertEquals(
    await response.text(),
    '{"offsets":[{"partition":0,"offset":0,"error_code":null,"error":null},' +
      '{"partition":0,"offset":1,"error_code":null,"error":null},{"partition":0,"offset":2,"error_code":null,"error":null}],' +
      '"key_schema_id":null,"value_schema_id":null}',
  );
  const [first, second, third] = rig.cluster.records("t");
  assertEquals(first!.text(), '{"2":12345678901234567890,"1":1.0}');
  assertEquals([second!.text(), second!.timestamp, second!.headers], ['"v"', 7, [["h", Uint8Array.of(0, 255)]]]);
  assertEquals([new TextDecoder().decode(third!.key!), third!.value], ['"k"', null]);
});

Deno.test("POST /topics takes base64 and texts, and a partition in the path", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { t: 3 } } });

  const binary = await rig.post("/topics/t/partitions/2", '{"records":[{"value":"AP8K"}]}', {
    headers: { "content-type": "application/vnd.kafka.binary.v2+json" },
  });
  const text = await rig.post("/topics/t/partitions/1", '{"records":[{"value":"\\u00e9"}]}', {
    headers: { "content-type": "application/vnd.kafka.text.v2+json" },
  });

  assertEquals([binary.status, (await binary.json()).offsets[0].partition], [200, 2]);
  assertEquals([text.status, (await text.json()).offsets[0].partition], [200, 1]);
  assertEquals(rig.cluster.records("t", 2)[0]!.value, Uint8Array.of(0, 255, 10));
  assertEquals(rig.cluster.records("t", 1)[0]!.text(), "é");
});

Deno.test("POST /topics with ?async=true answers 204 when the record is in the buffer", async () => {
  await using rig = await gatewayRig();
  const release = holdProduce(rig.cluster);

  const response = await rig.post("/topics/t?async=true", '{"records":[{"value":1}]}', { headers: JSON_V2 });

  assertEquals([response.status, await response.text(), rig.texts()], [204, "", []]);
  release();
});

Deno.test("POST /topics answers 200 where some records failed, and the failure's status where all did", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { t: 2 } } });
  const body = '{"records":[{"value":1,"partition":0},{"value":2,"partition":1}]}';
  rig.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1, { topic: "t", partition: 1 });

  const mixed = await rig.post("/topics/t", body, { headers: JSON_V2 });

  assertEquals([mixed.status, await mixed.json()], [200, {
    offsets: [
      { partition: 0, offset: 0, error_code: null, error: null },
      { partition: null, offset: null, error_code: 40301, error: "Cannot deliver: TOPIC_AUTHORIZATION_FAILED" },
    ],
    key_schema_id: null,
    value_schema_id: null,
  }]);

  rig.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1, { topic: "t", partition: 0 });
  rig.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1, { topic: "t", partition: 1 });
  const failed = await rig.post("/topics/t", body, { headers: JSON_V2 });

  assertEquals([failed.status, failed.headers.get("content-type"), failed.headers.get("x-error-code")], [
    403,
    REPLY_TYPE,
    "TOPIC_AUTHORIZATION_FAILED",
  ]);
  assertEquals(await failed.json(), { error_code: 40301, message: "Cannot deliver: TOPIC_AUTHORIZATION_FAILED" });
});

Deno.test("POST /topics tells what is wrong in the REST Proxy's own shape", async () => {
  await using rig = await gatewayRig({ gateway: { requestMaxRecords: 2, recordMaxBytes: 10 } });
  const answers: [path: string, type: string, body: string, status: number, code: number][] = [
    ["/topics/t", "json", "{", 400, 400],
    ["/topics/t", "json", '{"records":[]}', 422, 42208],
    ["/topics/t", "avro", '{"records":[{"value":1}]}', 415, 415],
    ["/topics/t", "json", '{"records":[{"value":1},{"value":1},{"value":1}]}', 413, 413],
    ["/topics/t", "json", '{"records":[{"value":12345678901}]}', 413, 413],
    ["/topics/t/partitions/0", "json", '{"records":[{"value":1,"partition":0}]}', 422, 42208],
    ["/topics/t/partitions/9", "json", '{"records":[{"value":1}]}', 404, 40403],
    ["/topics/t/partitions/x", "json", '{"records":[{"value":1}]}', 400, 400],
    ["/topics/__t", "json", '{"records":[{"value":1}]}', 403, 40301],
  ];
  for (const [path, type, body, status, code] of answers) {
    const response = await rig.post(path, body, {
      headers: { "content-type": `application/vnd.kafka.${type}.v2+json` },
    });

    assertEquals([response.status, response.headers.get("content-type")], [status, REPLY_TYPE], body);
    assertEquals((await response.json()).error_code, code, body);
    assertEquals(response.headers.has("accept-post"), status === 415);
  }
  assertEquals(rig.texts(), []);
});

Deno.test("POST /topics answers in a type that is accepted, or 406 before anything is sent", async () => {
  await using rig = await gatewayRig();
  const post = async (accept: string, query = "", body = '{"records":[{"value":1}]}') => {
    const response = await rig.post(`/topics/t${query}`, body, { headers: { ...JSON_V2, accept } });
    await response.body?.cancel();
    return [response.status, response.headers.get("content-type")];
  };

  assertEquals(await post("*/*"), [200, REPLY_TYPE]);
  assertEquals(await post("application/vnd.kafka+json"), [200, "application/vnd.kafka+json"]);
  assertEquals(await post("text/html, application/json;q=0.9"), [200, "application/json"]);
  assertEquals(await post("application/json", "", "{"), [400, "application/json"]);
  assertEquals(rig.texts().length, 3);
  assertEquals(await post("image/png"), [406, REPLY_TYPE]);
  assertEquals(await post("application/json;q=0", "?async=true"), [406, REPLY_TYPE]);
  assertEquals(rig.texts().length, 3);
});

Deno.test("POST /topics takes other types as /stream does, but for text, which is one record", async () => {
  await using rig = await gatewayRig();

  const text = await rig.post("/topics/t", "one\ntwo", { headers: { "content-type": "text/plain" } });
  const lines = await rig.post("/topics/t", "1\n2\n", { headers: { "content-type": "application/x-ndjson" } });
  const unknown = await rig.post("/topics/t", "1", { headers: { "content-type": "application/avro" } });

  assertEquals([text.status, await text.json()], [200, { accepted: 1, acked: 1, failed: [] }]);
  assertEquals([lines.status, await lines.json()], [200, { accepted: 2, acked: 2, failed: [] }]);
  assertEquals([unknown.status, unknown.headers.get("content-type")], [415, "application/problem+json"]);
  assertEquals(rig.texts(), ["one\ntwo", "1", "2"]);
});
