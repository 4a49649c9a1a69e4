import { assertEquals, assertThrows } from "@std/assert";
import { BodyError } from "../../../src/gateway/body/body_error.ts";
import { ACCEPT_POST, BODY_FORMATS, bodyDecoder, parseMediaType } from "../../../src/gateway/body/body_formats.ts";
import { bytesOf, decodeAnyhow } from "./decoding.ts";

/** The records of a body of a type. */
function decode(contentType: string | null, body: string, query = "", more: Record<string, string> = {}) {
  const headers = new Headers(more);
  if (contentType !== null) headers.set("content-type", contentType);
  const request = { headers, query: new URLSearchParams(query), limits: { maxRecordBytes: 1_000 } };
  return decodeAnyhow(() => bodyDecoder(request), bytesOf(body));
}

Deno.test("bodyDecoder() chooses by media type, in any case and with parameters", () => {
  assertEquals(decode("Application/X-NDJSON; charset=utf-8", "1\n\n2\n").records, ["1", "2"]);
  assertEquals(decode("application/jsonl", "1\n\n2\n").records, ["1", "2"]);
  assertEquals(decode("text/plain", "1\n\n2\n").records, ["1", "", "2"]);
  assertEquals(decode("application/json", " [1,2] ").records, [" [1,2] "]);
  assertEquals(decode("application/json", "[1,2]", "each=array").records, ["1", "2"]);
  assertEquals(decode("application/octet-stream", "\0\0\0\u0001a").records, ["\0\0\0\u0001a"]);
  assertEquals(decode("application/octet-stream", "\0\0\0\u0001a", "frame=length32").records, ["a"]);
  assertEquals(decode(null, "\xff").records.length, 1);
  assertEquals(decode("text/csv", "a\n1\n").records, ["a", "1"]);
  assertEquals(decode("text/csv; header=present", "a\n1\n").records, ['{"a":"1"}']);
  assertEquals(decode("text/csv", "a\n1\n", "header=1").records, ['{"a":"1"}']);
  assertEquals(decode("text/csv; header=present", "a\n1\n", "header=0").records, ["a", "1"]);
  for (const type of ["application/vnd.ekaf.record+x-ndjson", "application/vnd.kafboy.record+x-ndjson"]) {
    assertEquals(decode(type, '{"value":"a"}').records, ["a"]);
  }
});

Deno.test("bodyDecoder() refuses unknown types with the list of known ones", () => {
  const request = {
    headers: new Headers({ "content-type": "application/avro" }),
    query: new URLSearchParams(),
    limits: {},
  };

  const error = assertThrows(() => bodyDecoder(request), BodyError);

  assertEquals([error.status, error.headers["accept-post"]], [415, ACCEPT_POST]);
  assertEquals(ACCEPT_POST.split(", ").includes("text/csv"), true);
});

Deno.test("BODY_FORMATS has an example of each format that decodes, and no type twice", () => {
  for (const { types, example } of BODY_FORMATS) assertEquals(decode(types[0]!, example).fault, null, types[0]);
  const types = BODY_FORMATS.flatMap((format) => format.types);
  assertEquals(new Set(types).size, types.length);
});

Deno.test("bodyDecoder() bounds bodies that have to be whole, and refuses an empty record", () => {
  const limit = "x".repeat(1_000);

  assertEquals(decode("application/json", limit).fault, null);
  assertEquals(decode("application/json", `${limit}x`).fault?.code, "BODY_TOO_LARGE");
  assertEquals(decode("application/octet-stream", "").fault?.code, "EMPTY_BODY");
});

Deno.test("parseMediaType() takes a content-type apart, whatever it holds", () => {
  const { type, parameters } = parseMediaType('Text/CSV ; Header="pre\\sent"; charset=utf-8;x');

  assertEquals([type, ...parameters], ["text/csv", ["header", "present"], ["charset", "utf-8"]]);
  assertEquals(parseMediaType(';;;="').type, "");
});
