import { assertEquals, assertMatch } from "@std/assert";
import { FORM, gatewayRig, NDJSON } from "./gateway_rig.ts";

const JSON_TYPE = "application/json; charset=utf-8";

const REPLIES: [path: string, reply: string][] = [
  ["/async/t", '{"ok":1}'],
  ["/batch/async/t", '{"ok":1}'],
  ["/sync/t", '[{"ok":true}]'],
  ["/batch/sync/t", '{"ok":1}'],
  ["/safe/async/t", '{"ok":1}'],
  ["/safe/batch/async/t", '{"ok":1}'],
  ["/safe/sync/t", '[{"ok":true}]'],
  ["/safe/batch/sync/t", '{"ok":1}'],
  ["/async/t/", '{"ok":1}'],
  ["//batch//sync//t", '{"ok":1}'],
];

for (const [path, reply] of REPLIES) {
  Deno.test(`POST ${path} answers as kafboy did, byte for byte, and the record is in Kafka`, async () => {
    await using rig = await gatewayRig();

    const response = await rig.post(path, "a");

    assertEquals([response.status, response.headers.get("content-type")], [200, JSON_TYPE]);
    assertEquals(await response.text(), reply);
    await rig.producer.flush();
    assertEquals(rig.texts(), ["a"]);
  });
}

Deno.test("POST /sync names partition and offset of a single record in headers, and with ?offsets=1 in the body", async () => {
  await using rig = await gatewayRig();

  const plain = await rig.post("/sync/t", "a");
  const shown = await rig.post("/sync/t?offsets=1", '{"n":1}\n\n{"n":2}\n', { headers: NDJSON });

  assertEquals([plain.headers.get("x-kafka-partition"), plain.headers.get("x-kafka-offset")], ["0", "0"]);
  assertEquals(await shown.text(), '[{"ok":true,"partition":0,"offset":1},{"ok":true,"partition":0,"offset":2}]');
  assertEquals(rig.texts(), ["a", '{"n":1}', '{"n":2}']);
});

Deno.test("POST /sync answers 207 with Kafka's number where some records failed, and the class of all where all did", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { t: 2 } }, producer: { partitioner: (r) => r.bytes % 2 } });
  rig.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1, { topic: "t", partition: 1 });

  const mixed = await rig.post("/sync/t", "aa\nb\n", { headers: NDJSON });
  rig.cluster.failNext("Produce", "INVALID_RECORD", 1, { topic: "t" });
  const failed = await rig.post("/sync/t", "cc");

  assertEquals([mixed.status, await mixed.text()], [207, '[{"ok":true},{"error":29}]']);
  assertEquals([failed.status, failed.headers.get("x-error-code")], [422, "INVALID_RECORD"]);
  assertEquals(Object.keys(await failed.json()), ["error"]);
});

Deno.test("a produce route answers another method with 405 and kafboy's words, with compat.status400 with 400", async () => {
  await using rig = await gatewayRig();
  await using compat = await gatewayRig({ gateway: { compat: { status400: true } } });

  const now = await rig.get("/async/t");
  const then = await compat.get("/async/t");

  assertEquals([now.status, now.headers.get("allow"), await now.text()], [405, "POST", '{"error":"POST exp"}']);
  assertEquals([then.status, await then.text()], [400, '{"error":"POST exp"}']);
});

Deno.test("a produce route answers an empty body with 400 and kafboy's word", async () => {
  await using rig = await gatewayRig();

  for (const path of ["/async/t", "/sync/t"]) {
    const response = await rig.post(path);
    assertEquals([response.status, await response.text()], [400, '{"error":"empty"}']);
  }
});

Deno.test("a form is a flat JSON object; what curl -d calls a form and is none stays as it is", async () => {
  await using rig = await gatewayRig();

  for (const body of ["a=1&b=x+%22y%22&c", '{"n":12345678901234567890}', " [1]", "hello"]) {
    await rig.post("/sync/t", body, { headers: FORM });
  }

  assertEquals(rig.texts(), ['{"a":"1","b":"x \\"y\\"","c":true}', '{"n":12345678901234567890}', " [1]", "hello"]);
});

Deno.test("with compat.formAsKeyed a form is a record a field, the name its key", async () => {
  await using rig = await gatewayRig({ gateway: { compat: { formAsKeyed: true } } });

  const response = await rig.post("/sync/t", "a=1&b=2", { headers: FORM });

  assertEquals(await response.text(), '[{"ok":true},{"ok":true}]');
  assertEquals(rig.cluster.records("t").map((r) => [new TextDecoder().decode(r.key!), r.text()]), [["a", "1"], [
    "b",
    "2",
  ]]);
});

Deno.test("bytes stay bytes: no UTF-8, a byte order mark, CRLF, long numbers, the order of keys", async () => {
  await using rig = await gatewayRig();
  const bodies = ["\u{feff}a", "a\r\nb\r\n", '{"2":1,"1":12345678901234567890,"a":1.0e400}'];
  const sent = [Uint8Array.of(0xff, 0, 0xfe), ...bodies.map((body) => new TextEncoder().encode(body))];

  for (const body of sent) {
    await rig.post("/sync/t", body, { headers: { "content-type": "application/json" } });
  }

  assertEquals(rig.cluster.records("t").map((record) => record.value), sent);
});

Deno.test("aliases act as the routes they stand for", async () => {
  const routes = { async: ["/a/:topic"], asyncBatch: ["/ab/:topic/x"], sync: ["/:topic/s"], syncBatch: ["/sb/:topic"] };
  await using rig = await gatewayRig({ gateway: { routes } });

  const replies = [];
  for (const path of ["/a/t", "/ab/t/x", "/t/s", "/sb/t"]) replies.push(await (await rig.post(path, path)).text());
  await rig.producer.flush();

  assertEquals(replies, ['{"ok":1}', '{"ok":1}', '[{"ok":true}]', '{"ok":1}']);
  assertEquals(rig.texts().toSorted(), ["/a/t", "/ab/t/x", "/sb/t", "/t/s"]);
});

Deno.test("/disco tells the node's name, /echo_post gives a form back, and is off unless asked for", async () => {
  await using rig = await gatewayRig({ gateway: { nodeName: "node-1", echoPost: true } });
  await using plain = await gatewayRig();

  const disco = await rig.get("/disco");
  const echo = await rig.post("/echo_post", "a=1&b=2", { headers: FORM });
  const nothing = await rig.post("/echo_post", null, { headers: FORM });
  const off = await plain.post("/echo_post", "a=1");

  assertEquals(await disco.text(), "node-1");
  assertEquals(disco.headers.get("content-type"), "text/plain;charset=utf-8");
  assertEquals([await echo.text(), await nothing.text(), off.status], ['{"a":"1","b":"2"}', "[]", 404]);
  await off.body?.cancel();
});

Deno.test("every answer has an id: the client's own where that is one", async () => {
  await using rig = await gatewayRig({ gateway: { requestIdHeader: true } });

  const own = await rig.post("/sync/t", "a", { headers: { "x-request-id": "abc-1" } });
  const made = await rig.post("/sync/t", "b", { headers: { "x-request-id": 'a"b' } });

  assertEquals(own.headers.get("x-request-id"), "abc-1");
  assertMatch(made.headers.get("x-request-id")!, /^[\w-]{10,}$/);
  assertEquals(rig.cluster.records("t")[0]!.headers, [["x-request-id", new TextEncoder().encode("abc-1")]]);
  for (const response of [own, made]) await response.body?.cancel();
});

Deno.test("an error's text is escaped, whatever it holds", async () => {
  const text = 'say "no"\n\u0001\\';
  await using rig = await gatewayRig({ gateway: { editJson: () => ({ error: text }) } });

  const response = await rig.post("/async/t", "a");

  assertEquals([response.status, await response.json()], [400, { error: text }]);
});

Deno.test("POST /batch/sync waits batchSyncLingerMs for company, and takes along what nobody waits for", async () => {
  await using rig = await gatewayRig({ producer: { lingerMs: 60_000 }, gateway: { batchSyncLingerMs: 1 } });

  const accepted = await rig.post("/async/t", "a");
  const acked = await rig.post("/batch/sync/t", "b");

  assertEquals([await accepted.text(), await acked.text()], ['{"ok":1}', '{"ok":1}']);
  assertEquals(rig.texts(), ["a", "b"]);
});

Deno.test("POST /batch/sync waits no longer than the producer's lingerMs", async () => {
  await using rig = await gatewayRig({ producer: { lingerMs: 1 }, gateway: { batchSyncLingerMs: 60_000 } });

  const acked = await rig.post("/batch/sync/t", "a");

  assertEquals([await acked.text(), rig.texts()], ['{"ok":1}', ["a"]]);
});
