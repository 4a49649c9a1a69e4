import { assertEquals, assertStringIncludes } from "@std/assert";
import { asOneJsonRecord, type RecordInput } from "@ekaf/ekaf";
import { rig, texts } from "./rig.ts";

const VALUES: readonly [name: string, value: string | Uint8Array | null, json: string][] = [
  ["an object", '{"a":1}', '{"a":1}'],
  ["JSON as it was written, spaces and all", ' { "b" : 1e2 ,\n"b":[ ] }\n', ' { "b" : 1e2 ,\n"b":[ ] }\n'],
  ["a number too large for a double", "12345678901234567890.5", "12345678901234567890.5"],
  ["true", "true", "true"],
  ["a JSON string", '"x"', '"x"'],
  ["text", "plain", '"plain"'],
  ["text with what must be escaped", 'say "\\"\n\u0007', '"say \\"\\\\\\"\\n\\u0007"'],
  ["what almost is JSON", "{a:1}", '"{a:1}"'],
  ["a word that JSON has not", "NaN", '"NaN"'],
  ["nothing", "", '""'],
  ["blanks", " ", '" "'],
  ["letters beyond ASCII", "žluť 🐎", '"žluť 🐎"'],
  ["a byte order mark", "\ufeff1", '"\ufeff1"'],
  ["a tombstone", null, "null"],
];

for (const [name, value, json] of VALUES) {
  Deno.test(`asOneJsonRecord() with ${name}`, async () => {
    await using r = await rig({ topics: { t: 1 } }, { transformBatch: asOneJsonRecord() });

    await r.producer.send("t", [{ value }, { value: "0" }]);

    const [record] = r.cluster.records("t");
    assertEquals(new TextDecoder("utf-8", { ignoreBOM: true }).decode(record!.value!), `[${json},0]`);
    assertEquals(JSON.parse(record!.text()).length, 2);
    assertEquals(r.warnings, []);
  });
}

Deno.test("asOneJsonRecord() makes one record without key and headers, of the newest timestamp", async () => {
  await using r = await rig({ topics: { t: 1 } }, { transformBatch: asOneJsonRecord() });
  const inputs: RecordInput[] = [
    { key: "k", value: "1", headers: { h: "1" }, timestamp: 8 },
    { key: "l", value: "2", timestamp: 9 },
    { value: "3", timestamp: 7 },
  ];

  const deliveries = await r.producer.send("t", inputs);
  await r.producer.send("t", "4");

  assertEquals(texts(r.cluster.records("t")), ["[1,2,3]", "[4]"]);
  const [record] = r.cluster.records("t");
  assertEquals([record!.key, record!.headers, record!.timestamp], [null, [], 9]);
  assertEquals(deliveries.map(({ offset }) => offset), [0n, 0n, 0n]);
});

Deno.test("asOneJsonRecord() leaves a batch with a value that is no UTF-8 as it is, and a warning tells", async () => {
  await using r = await rig({ topics: { t: 1 } }, { transformBatch: asOneJsonRecord() });

  await r.producer.send("t", ["1", new Uint8Array([0xff, 0xfe])]);

  assertEquals(r.cluster.records("t").map(({ value }) => [...value!]), [[0x31], [0xff, 0xfe]]);
  assertStringIncludes(r.warnings[0]!, "a batch goes out unchanged");
});

Deno.test("asOneJsonRecord() makes several arrays where escapes make one too large", async () => {
  await using r = await rig({ topics: { t: 1 } }, { transformBatch: asOneJsonRecord(), batchMaxBytes: 1_000 });
  const values = Array.from({ length: 20 }, (_, i) => `${i}:${"\u0001".repeat(20)}`);

  await r.producer.send("t", values);

  const arrays = texts(r.cluster.records("t")).map((text) => JSON.parse(text));
  assertEquals(arrays.flat(), values);
  assertEquals(arrays.length > 1, true);
});
