import { assert, assertEquals } from "@std/assert";
import { JsonArrayDecoder } from "../../../src/gateway/body/json_array_decoder.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";
import { bytesOf, decodeAnyhow, decodeAt, latin1 } from "./decoding.ts";
import { randomJson, spoilt } from "./random_json.ts";

const make = () => new JsonArrayDecoder();

/** Whether JSON.parse takes `text` for an array. */
function isArray(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}

Deno.test("JsonArrayDecoder makes a record of each element with the bytes it came in", () => {
  const elements = [
    "12345678901234567890",
    "1.0",
    "1e400",
    '{"2":1, "1":\t"\\u00e9",\n"a":{"b":[[],{}]}}',
    '"é [,] \\" \\\\"',
    "null",
    "-0.5E+7",
    "true",
    "[ 1 , 2 ]",
  ];

  const decoded = decodeAnyhow(make, bytesOf(`\ufeff \r\n[${elements.map((one) => ` ${one}\n`).join(",")}]\n `));

  assertEquals(decoded.fault, null);
  assertEquals(decoded.records, elements.map((element) => latin1(element)));
});

Deno.test("JsonArrayDecoder makes no record of an empty array", () => {
  assertEquals(decodeAnyhow(make, bytesOf("[ ]")), { records: [], lines: [], fault: null });
});

Deno.test("JsonArrayDecoder tells position and element of what is no JSON, after the records before", () => {
  const faults: [body: string, records: number, message: string, line?: number][] = [
    ["", 0, "Cannot read the body as JSON: it ends too early, at position 0"],
    ["[1,2", 1, "Cannot read the body as JSON: it ends too early, at position 4", 2],
    ["[1,2,", 2, "Cannot read the body as JSON: it ends too early, at position 5", 2],
    ["{}", 0, "Cannot read the body: it must be a JSON array, from position 0 on"],
    ["[1,02]", 1, "Cannot read the body as JSON: unexpected byte at position 4", 2],
    ["[1,]", 1, "Cannot read the body as JSON: unexpected byte at position 3", 2],
    ["[1 2]", 1, "Cannot read the body as JSON: unexpected byte at position 3", 1],
    ["[1]]", 1, "Cannot read the body as JSON: unexpected byte at position 3", 1],
    ['["a\nb"]', 0, "Cannot read the body as JSON: unexpected byte at position 3", 1],
    ['["\\x"]', 0, "Cannot read the body as JSON: unexpected byte at position 3", 1],
    ['["\\u12g4"]', 0, "Cannot read the body as JSON: unexpected byte at position 6", 1],
    ["[1.]", 0, "Cannot read the body as JSON: unexpected byte at position 3", 1],
    ["[tru]", 0, "Cannot read the body as JSON: unexpected byte at position 4", 1],
    ['[{"a":1,}]', 0, "Cannot read the body as JSON: unexpected byte at position 8", 1],
    ["[{a:1}]", 0, "Cannot read the body as JSON: unexpected byte at position 2", 1],
    ["[[1}]", 0, "Cannot read the body as JSON: unexpected byte at position 3", 1],
  ];
  for (const [body, records, message, line] of faults) {
    const decoded = decodeAnyhow(make, bytesOf(body));

    assertEquals([decoded.records.length, decoded.fault?.message], [records, message], body);
    assertEquals(decoded.fault?.code, "MALFORMED_BODY");
    assertEquals(decoded.fault?.line, line, body);
  }
});

Deno.test("JsonArrayDecoder takes 100 levels and no more, also of hostile depth", () => {
  const nested = (levels: number) => bytesOf("[".repeat(levels) + "]".repeat(levels));

  assertEquals(decodeAnyhow(make, nested(100)).fault, null);
  assertEquals(decodeAnyhow(make, nested(101)).fault?.code, "JSON_TOO_DEEP");
  assertEquals(decodeAt(make(), bytesOf("[".repeat(1_000_000))).fault?.code, "JSON_TOO_DEEP");
  assertEquals(decodeAt(make(), bytesOf('[{"a":'.repeat(100_000))).fault?.code, "JSON_TOO_DEEP");
});

Deno.test("JsonArrayDecoder takes an element at the limit, and names one beyond it", () => {
  const small = () => new JsonArrayDecoder({ maxRecordBytes: 5, maxRecords: 3 });

  assertEquals(decodeAnyhow(small, bytesOf('[12345,"abc",    [1,2]]')).fault, null);
  for (const body of ["[1,123456]", '[1,"abcd"]', '[1,"abcdefgh', "[1,[1,23]]", "[1,123456x"]) {
    const { records, fault } = decodeAnyhow(small, bytesOf(body));
    assertEquals([records.length, fault?.code, fault?.line], [1, "RECORD_TOO_LARGE", 2], body);
  }
  assertEquals(decodeAnyhow(small, bytesOf("[1,2,3,4]")).fault?.code, "TOO_MANY_RECORDS");
});

Deno.test("JsonArrayDecoder agrees with JSON.parse on random JSON and what is nearly JSON", () => {
  const random = new SeededRandom(11);
  let goodCount = 0;
  for (let round = 0; round < 3_000; round++) {
    let text = randomJson(random, 4);
    if (round % 3 !== 0) text = spoilt(random, text).toWellFormed();
    const body = bytesOf(text);

    const decoded = round % 20 === 0 && body.length < 100
      ? decodeAnyhow(make, body, round + 1)
      : decodeAt(make(), body);

    assertEquals(decoded.fault === null, isArray(text), text);
    if (decoded.fault !== null) continue;
    goodCount++;
    const values = decoded.records.map((record) => {
      const bytes = Uint8Array.from(record as string, (char) => char.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes));
    });
    assertEquals(JSON.stringify(values), JSON.stringify(JSON.parse(text)));
  }
  assert(goodCount > 300, `${goodCount}`);
});
