import { assertEquals, assertThrows } from "@std/assert";
import { BodyError } from "../../../src/gateway/body/body_error.ts";
import {
  confluentErrorCode,
  type ConfluentKind,
  confluentReply,
  readConfluentBody,
} from "../../../src/gateway/body/confluent_body.ts";
import type { ProducerRecord } from "../../../src/record.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";
import { bytesOf, latin1 } from "./decoding.ts";
import { randomJson, spoilt } from "./random_json.ts";

/** The records of a body, bytes as text. */
function read(body: string, kind: ConfluentKind): unknown[] {
  return readConfluentBody(bytesOf(body), kind).map(({ key, value, headers, ...rest }: ProducerRecord) => ({
    ...(key === undefined ? {} : { key: latin1(key) }),
    value: latin1(value),
    ...(headers === undefined
      ? {}
      : { headers: (headers as [string, Uint8Array][]).map(([name, v]) => [name, latin1(v)]) }),
    ...rest,
  }));
}

Deno.test("readConfluentBody() forwards JSON as it was written", () => {
  const records = read(
    '{"records":[{"value":{"2":12345678901234567890,"1":1.0}},{"key":"k","value":"text","partition":2,"timestamp":9},{"key":1e400,"value":null}]}',
    "json",
  );

  assertEquals(records, [
    { value: '{"2":12345678901234567890,"1":1.0}' },
    { key: '"k"', value: '"text"', partition: 2, timestamp: 9 },
    { key: "1e400", value: null },
  ]);
});

Deno.test("readConfluentBody() decodes base64 and texts", () => {
  assertEquals(read('{"records":[{"key":"AP8=","value":"Cg=="},{"value":""}]}', "binary"), [
    { key: "\0\xff", value: "\n" },
    { value: "" },
  ]);
  assertEquals(
    read('{"records":[{"key":"k","value":"\\u00e9\\""},{"key":null,"value":"é","partition":null}]}', "text"),
    [
      { key: "k", value: latin1('é"') },
      { value: latin1("é") },
    ],
  );
});

Deno.test("readConfluentBody() reads headers of both dialects", () => {
  const body = '{"records":[{"value":1,"headers":[{"key":"a","value":"AP8="},{"name":"b","value":null}]}]}';

  assertEquals(read(body, "json"), [{ value: "1", headers: [["a", "\0\xff"], ["b", null]] }]);
});

Deno.test("readConfluentBody() tells what is wrong: 400 for no JSON, 422 for JSON that is no such body", () => {
  const faults: [body: string, kind: ConfluentKind, status: number, message: string, line?: number][] = [
    ["", "json", 400, "Cannot read the body: it must be a JSON object"],
    ['{"records":[{"value":1]}', "json", 400, "Cannot read the body as JSON: unexpected byte at position 22"],
    ["{}", "json", 422, 'Cannot take the records: "records" is missing'],
    ['{"records":[]}', "json", 422, 'Cannot take the records: "records" is empty'],
    ['{"records":[{"value":1},{}]}', "json", 422, "Cannot take the records: a record needs a key or a value", 2],
    [
      '{"records":[{"val":1}]}',
      "json",
      422,
      "Cannot take the records: a record may have key, value, partition, headers, timestamp and no other field",
      1,
    ],
    ['{"records":[{"value":1}]}', "binary", 422, 'Cannot take the records: "value" must be a text', 1],
    ['{"records":[{"value":"*"}]}', "binary", 422, 'Cannot take the records: "value" is not base64', 1],
    [
      '{"records":[{"value":1,"partition":-1}]}',
      "json",
      400,
      'Cannot use "partition": it must be a whole number of at least 0',
      1,
    ],
    [
      '{"records":[{"value":1,"headers":[{"value":"eA=="}]}]}',
      "json",
      422,
      "Cannot take the records: a header needs a name",
      1,
    ],
  ];
  for (const [body, kind, status, message, line] of faults) {
    const error = assertThrows(() => readConfluentBody(bytesOf(body), kind), BodyError);
    assertEquals([error.status, error.message, error.line], [status, message, line]);
  }
});

Deno.test("readConfluentBody() throws nothing but BodyError at what is nearly a body", () => {
  const random = new SeededRandom(13);
  for (let round = 0; round < 2_000; round++) {
    const body = `{"records":[{"value":${randomJson(random, 2)},"headers":[{"key":"a","value":${
      randomJson(random, 1)
    }}]}]}`;
    const kind = (["json", "binary", "text"] as const)[random.below(3)]!;
    try {
      readConfluentBody(bytesOf(spoilt(random, body).toWellFormed()), kind);
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
    }
  }
});

Deno.test("confluentReply() has an entry for each record", () => {
  const reply = confluentReply([
    { partition: 0, offset: 9007199254740993n },
    { partition: 1, offset: null },
    { errorCode: 50003, error: 'no "leader"' },
  ]);

  assertEquals(
    reply,
    '{"offsets":[{"partition":0,"offset":9007199254740993,"error_code":null,"error":null},' +
      '{"partition":1,"offset":null,"error_code":null,"error":null},' +
      '{"partition":null,"offset":null,"error_code":50003,"error":"no \\"leader\\""}],"key_schema_id":null,"value_schema_id":null}',
  );
});

Deno.test("confluentErrorCode() is Confluent's own where there is one", () => {
  const codes = [[404, "UNKNOWN_TOPIC_OR_PARTITION"], [404, "NOT_FOUND"], [503, "BUFFER_FULL"], [
    502,
    "UPSTREAM_REFUSED",
  ], [413, "BODY_TOO_LARGE"]] as const;

  assertEquals(codes.map(([status, code]) => confluentErrorCode(status, code)), [40403, 404, 50003, 50002, 413]);
});
