import { assertEquals } from "@std/assert";
import { EnvelopeDecoder } from "../../../src/gateway/body/envelope_decoder.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";
import { bytesOf, decodeAnyhow, decodeAt, latin1 } from "./decoding.ts";
import { randomJson, spoilt } from "./random_json.ts";

const make = () => new EnvelopeDecoder();

Deno.test("EnvelopeDecoder sends texts as what they say, null as none, and other JSON as it was written", () => {
  const body = bytesOf(
    '{"key":"a\\u00e9","value":{"2":12345678901234567890, "1":1.0},"headers":{"h":"x","n":null},"partition":3,"timestamp":5}\n' +
      "\r\n" +
      ' { "value" : "text \\"é\\"" , "key" : null, "headers": [["h","1"],["h","2"]], "partition":null }\r\n' +
      '{"value":null,"key":[1, 2]}',
  );

  const decoded = decodeAnyhow(make, body);

  assertEquals(decoded, {
    records: [
      {
        key: latin1("aé"),
        value: '{"2":12345678901234567890, "1":1.0}',
        headers: [["h", "x"], ["n", null]],
        partition: 3,
        timestamp: 5,
      },
      { key: null, value: latin1('text "é"'), headers: [["h", "1"], ["h", "2"]] },
      { key: "[1, 2]", value: null },
    ],
    lines: [1, 3, 4],
    fault: null,
  });
});

Deno.test("EnvelopeDecoder names the line of what is wrong, after the records before", () => {
  const faults: [line: string, code: string, message: string][] = [
    ["[]", "MALFORMED_BODY", "Cannot read the record: it must be a JSON object"],
    ['{"key":"a"}', "MALFORMED_BODY", 'Cannot read the record: "value" is missing (null is a tombstone)'],
    [
      '{"value":1,"keys":1}',
      "MALFORMED_BODY",
      "Cannot read the record: it may have key, value, headers, partition, timestamp and no other field",
    ],
    ['{"value":1', "MALFORMED_BODY", "Cannot read the body as JSON: it ends too early, at position 10"],
    ['{"value":1}x', "MALFORMED_BODY", "Cannot read the body as JSON: unexpected byte at position 11"],
    ['{"value" 1}', "MALFORMED_BODY", "Cannot read the body as JSON: unexpected byte at position 9"],
    ["{value:1}", "MALFORMED_BODY", "Cannot read the body as JSON: unexpected byte at position 1"],
    ['{"value":"\\ud800"}', "MALFORMED_BODY", 'Cannot read "value": it holds half of a surrogate pair'],
    [
      '{"value":1,"partition":1.5}',
      "INVALID_METADATA",
      'Cannot use "partition": it must be a whole number of at least 0',
    ],
    ['{"value":1,"partition":2147483648}', "INVALID_METADATA", 'Cannot use "partition": it must be at most 2147483647'],
    [
      '{"value":1,"partition":"1"}',
      "INVALID_METADATA",
      'Cannot use "partition": it must be a whole number of at least 0',
    ],
    [
      '{"value":1,"timestamp":-1}',
      "INVALID_METADATA",
      'Cannot use "timestamp": it must be a whole number of at least 0',
    ],
    ['{"value":1,"headers":{"h":1}}', "MALFORMED_BODY", "Cannot read a header: it must be a text"],
    ['{"value":1,"headers":[["h"]]}', "MALFORMED_BODY", 'Cannot read "headers": it must hold pairs of name and value'],
    [
      '{"value":1,"headers":{"h\\n":"x"}}',
      "INVALID_METADATA",
      "Cannot take the headers: names are 1 to 128 of the characters A-Z a-z 0-9 . _ -",
    ],
  ];
  for (const [line, code, message] of faults) {
    const decoded = decodeAnyhow(make, bytesOf(`{"value":1}\n\n${line}\n{"value":2}\n`));

    assertEquals(decoded.records, ["1"], line);
    assertEquals(decoded.fault, { code, line: 3, message });
  }
});

Deno.test("EnvelopeDecoder takes headers at their limits and no more", () => {
  const small = () => new EnvelopeDecoder({ maxHeaders: 2, maxHeaderBytes: 6 });

  assertEquals(decodeAnyhow(small, bytesOf('{"value":1,"headers":{"aa":"b","c":"dd"}}')).fault, null);
  assertEquals(
    decodeAnyhow(small, bytesOf('{"value":1,"headers":{"a":"","b":"","c":""}}')).fault?.code,
    "HEADERS_TOO_LARGE",
  );
  assertEquals(
    decodeAnyhow(small, bytesOf('{"value":1,"headers":{"aa":"bb","c":"dd"}}')).fault?.code,
    "HEADERS_TOO_LARGE",
  );
});

Deno.test("EnvelopeDecoder takes a line at the limit, names one beyond it, and counts", () => {
  const small = () => new EnvelopeDecoder({ maxRecordBytes: 11, maxRecords: 2 });

  assertEquals(decodeAnyhow(small, bytesOf('{"value":1}\n{"value":2}\n')).fault, null);
  assertEquals(decodeAnyhow(small, bytesOf('{"value":1}\n{"value":22}\n')).fault?.line, 2);
  assertEquals(decodeAnyhow(small, bytesOf('{"value":1}\n'.repeat(3))).fault?.code, "TOO_MANY_RECORDS");
});

Deno.test("EnvelopeDecoder throws nothing but BodyError at what is nearly a record", () => {
  const random = new SeededRandom(5);
  for (let round = 0; round < 2_000; round++) {
    const record = `{"value":${randomJson(random, 2)},"headers":${randomJson(random, 2)},"key":${
      randomJson(random, 1)
    }}`;
    decodeAt(make(), bytesOf(spoilt(random, record).toWellFormed()));
  }
});
