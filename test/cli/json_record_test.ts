import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseJsonRecord } from "../../src/cli/json_record.ts";

const encoder = new TextEncoder();

Deno.test("parseJsonRecord() reads every field", () => {
  const line = ' {"key":"k","value":"v\\n","headers":{"a":"1","b":null},"timestamp":1700000000000,"partition":2}\r';

  const record = parseJsonRecord(encoder.encode(line));

  assertEquals(record, {
    key: "k",
    value: "v\n",
    headers: [["a", "1"], ["b", null]],
    timestamp: 1_700_000_000_000,
    partition: 2,
  });
});

Deno.test("parseJsonRecord() needs a value alone, and takes null for everything", () => {
  assertEquals(parseJsonRecord(encoder.encode('{"value":""}')), { value: "" });
  assertEquals(
    parseJsonRecord(encoder.encode('{"key":null,"value":null,"headers":null,"timestamp":null,"partition":null}')),
    { key: null, value: null },
  );
});

Deno.test("parseJsonRecord() keeps the order and the repetition of headers in a list", () => {
  const record = parseJsonRecord(encoder.encode('{"value":"v","headers":[["b","1"],["a","2"],["b",null]]}'));

  assertEquals(record.headers, [["b", "1"], ["a", "2"], ["b", null]]);
});

Deno.test("parseJsonRecord() says what is wrong", async (t) => {
  const cases: [line: string | Uint8Array, part: string][] = [
    ["", "it is empty"],
    ["  \r", "it is empty"],
    ["hello", "no JSON"],
    ['{"value":"v"', "no JSON"],
    ['{"value":"v"}{"value":"w"}', "no JSON"],
    ["[1]", "must be a JSON object, not [1]"],
    ["null", "must be a JSON object, not null"],
    ["{}", '"value" is missing'],
    ['{"key":"k"}', '"value" is missing'],
    ['{"value":1}', '"value" must be text or null, not 1'],
    ['{"value":{"a":1}}', '"value" must be text or null, not {"a":1}'],
    [`{"value":["${"x".repeat(100)}"]}`, '"value" must be text or null, not ["xxxxx'],
    ['{"value":"v","key":1}', '"key" must be text or null'],
    ['{"value":"v","headers":"a"}', '"headers" must be an object'],
    ['{"value":"v","headers":{"a":1}}', '"headers.a" must be text or null, not 1'],
    ['{"value":"v","headers":[["a"]]}', '"headers" must hold [name, value] pairs, not ["a"]'],
    ['{"value":"v","headers":[[null,"1"]]}', 'a name in "headers" must be text, not null'],
    ['{"value":"v","timestamp":"now"}', '"timestamp" must be a number, not "now"'],
    ['{"value":"v","timestamp":-1}', '"timestamp" must be a whole number of at least 0, not -1'],
    ['{"value":"v","timestamp":1.5}', '"timestamp" must be a whole number of at least 0, not 1.5'],
    ['{"value":"v","partition":-1}', '"partition" must be a whole number of at least 0, not -1'],
    ['{"value":"v","val":1}', 'there is no field "val", only key, value, headers, timestamp, partition'],
    ['{"value":"\\ud800"}', '"value" holds half of a surrogate pair'],
    [Uint8Array.of(0x22, 0xff, 0x22), "it is not UTF-8"],
  ];
  for (const [line, part] of cases) {
    await t.step(part, () => {
      const bytes = typeof line === "string" ? encoder.encode(line) : line;
      const error = assertThrows(() => parseJsonRecord(bytes));
      assertStringIncludes((error as Error).message, part);
      assertStringIncludes((error as Error).message, "Cannot read the record: ");
    });
  }
});
