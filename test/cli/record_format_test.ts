import { assert, assertEquals } from "@std/assert";
import type { ProducerRecord, RecordInput } from "@ekaf/ekaf";
import { jsonFormat, plainFormat, type PlainFormatOptions } from "../../src/cli/record_format.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const PLAIN: PlainFormatOptions = { headers: [], partition: undefined, keySeparator: undefined, isEmptyNull: false };

function lineOf(text: string): Uint8Array {
  return encoder.encode(text);
}

function separatedBy(text: string, isEmptyNull = false): (line: string) => [string | null | undefined, string | null] {
  const format = plainFormat({ ...PLAIN, keySeparator: lineOf(text), isEmptyNull });
  return (line) => {
    const { key, value } = format(lineOf(line)) as ProducerRecord;
    return [textOf(key), textOf(value)!];
  };
}

function textOf<T extends null | undefined>(bytes: string | Uint8Array | T): string | T {
  return bytes instanceof Uint8Array ? decoder.decode(bytes) : bytes;
}

Deno.test("plainFormat() leaves a line as it is", () => {
  const line = Uint8Array.of(0xff, 0x00, 0x0d);

  const input: RecordInput = plainFormat(PLAIN)(line);

  assert(input === line);
});

Deno.test("plainFormat() cuts the key at the first separator", () => {
  assertEquals(separatedBy(":")("k:v:w"), ["k", "v:w"]);
  assertEquals(separatedBy(":")(":v"), ["", "v"]);
  assertEquals(separatedBy(":")("k:"), ["k", ""]);
  assertEquals(separatedBy(":")(":"), ["", ""]);
  assertEquals(separatedBy("::")("k:::v"), ["k", ":v"]);
  assertEquals(separatedBy("::")("k:v::w"), ["k:v", "w"]);
  assertEquals(separatedBy("€")("ü€v"), ["ü", "v"]);
});

Deno.test("plainFormat() takes a line without the separator for a value", () => {
  assertEquals(separatedBy("::")("k:v"), [undefined, "k:v"]);
  assertEquals(separatedBy("::")("k:"), [undefined, "k:"]);
  assertEquals(separatedBy("::")(""), [undefined, ""]);
});

Deno.test("plainFormat() makes empty values and keys null when told to", () => {
  assertEquals(separatedBy(":", true)("k:"), ["k", null]);
  assertEquals(separatedBy(":", true)(":v"), [null, "v"]);
  assertEquals(separatedBy(":", true)(""), [undefined, null]);
  assertEquals(plainFormat({ ...PLAIN, isEmptyNull: true })(lineOf("")), { value: null });
});

Deno.test("plainFormat() adds headers and partition", () => {
  const format = plainFormat({ ...PLAIN, headers: [["a", "1"], ["a", "2"]], partition: 3 });

  assertEquals(format(lineOf("v")), { headers: [["a", "1"], ["a", "2"]], partition: 3, value: lineOf("v") });
});

Deno.test("jsonFormat() adds what a record does not say itself", () => {
  const format = jsonFormat({ headers: [["a", "1"]], partition: 3 });

  assertEquals(format(lineOf('{"value":"v"}')), { headers: [["a", "1"]], partition: 3, value: "v" });
  assertEquals(format(lineOf('{"value":"v","partition":0,"headers":{"b":null}}')), {
    headers: [["a", "1"], ["b", null]],
    partition: 0,
    value: "v",
  });
});
