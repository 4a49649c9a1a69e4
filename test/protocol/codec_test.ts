import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ByteReader } from "../../protocol/byte_reader.ts";
import { ByteWriter } from "../../protocol/byte_writer.ts";
import { compile } from "../../protocol/codec.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import * as messages from "../../protocol/messages/mod.ts";
import { type Body, type Input, type MessageSchema, parseVersions } from "../../protocol/schema.ts";
import { Random, randomMessage } from "./random_messages.ts";

const leader = [
  { name: "id", type: "int32", default: -1 },
  { name: "epoch", type: "int64", default: -1n },
] as const;

const thing = {
  name: "Thing",
  versions: "0-3",
  flexible: "2+",
  fields: [
    { name: "name", type: "string", nullable: "1+" },
    { name: "counts", type: "[]int16", nullable: "3+" },
    { name: "payload", type: "bytes", versions: "0-2" },
    { name: "hint", type: "int8", versions: "1+", default: 5 },
    { name: "trace", type: "uuid", versions: "1+", ignorable: true },
    { name: "label", type: "string", versions: "2+", nullable: "2+", tag: 3, taggedVersions: "3+", default: "none" },
    { name: "leader", type: "Leader", versions: "2+", tag: 1, taggedVersions: "2+", fields: leader },
  ],
} as const satisfies MessageSchema;

function encode<M extends MessageSchema>(schema: M, version: number, body: Input<M>): number[] {
  const writer = new ByteWriter();
  compile(schema, version).encode(body, writer);
  return [...writer.toBytes()];
}

function decode<M extends MessageSchema>(schema: M, version: number, bytes: readonly number[]): Body<M> {
  const reader = new ByteReader(Uint8Array.from(bytes), { api: schema.name, version });
  const body = compile(schema, version).decode(reader);
  reader.expectEnd();
  return body;
}

const payload = Uint8Array.of(9);

Deno.test("encode() writes old versions with fixed lengths", () => {
  const bytes = encode(thing, 0, { name: "a", counts: [1, 2], payload });

  assertEquals(bytes, [0, 1, 97, 0, 0, 0, 2, 0, 1, 0, 2, 0, 0, 0, 1, 9]);
});

Deno.test("encode() writes flexible versions with compact lengths and tagged fields in the order of their tags", () => {
  const body = { name: "a", counts: [1], hint: 1, label: "b", leader: { id: 2 } };

  const bytes = encode(thing, 3, body);

  const minusOne = Array(8).fill(255);
  const tags = [2, 1, 13, 0, 0, 0, 2, ...minusOne, 0, 3, 2, 2, 98];
  assertEquals(bytes, [2, 97, 2, 0, 1, 1, ...Array(16).fill(0), ...tags]);
});

Deno.test("encode() leaves out tagged fields that have their defaults", () => {
  const bytes = encode(thing, 3, { name: "", counts: [], label: "none", leader: { id: -1, epoch: -1n } });

  assertEquals(bytes, [1, 1, 5, ...Array(16).fill(0), 0]);
});

Deno.test("encode() writes a field in its place in versions that have it, but not as a tagged one", () => {
  const bytes = encode(thing, 2, { name: "", counts: [], payload, label: null });

  assertEquals(bytes.slice(-2), [0, 0]);
  assertEquals(decode(thing, 2, bytes).label, null);
});

Deno.test("encode() writes null where the version allows it", () => {
  assertEquals(encode(thing, 1, { name: null, counts: [], payload }).slice(0, 2), [255, 255]);
  assertEquals(encode(thing, 3, { name: null, counts: null, payload: new Uint8Array() }).slice(0, 2), [0, 0]);
  assertThrows(() => encode(thing, 0, { name: null, counts: [], payload }), TypeError, "a string: it is null");
  assertThrows(() => encode(thing, 1, { name: "", counts: null, payload }), TypeError, "an array: it is null");
});

Deno.test("encode() refuses a value that the version has no field for", () => {
  const body = { name: "", counts: [], payload };

  const error = assertThrows(() => encode(thing, 0, { ...body, hint: 1 }), TypeError);

  assertEquals(error.message, 'Cannot encode Thing v0: this version has no field "hint"');
  assertThrows(() => encode(thing, 3, { ...body, payload }), TypeError, '"payload"');
  assertThrows(() => encode(thing, 1, { ...body, leader: { id: 3 } }), TypeError, '"leader"');
});

Deno.test("encode() drops a value that the version has no field for when it is the default or may be ignored", () => {
  const body = { name: "", counts: [], payload };

  const bytes = encode(thing, 0, { ...body, hint: 5, trace: "zzzzzzzzzzzzzzzzzzzzzw", leader: { id: -1 } });

  assertEquals(bytes, encode(thing, 0, body));
});

Deno.test("decode() gives every field, those the version lacks with their defaults", () => {
  const body = decode(thing, 0, encode(thing, 0, { name: "a", counts: [7], payload }));

  assertEquals(body, {
    name: "a",
    counts: [7],
    payload,
    hint: 5,
    trace: "AAAAAAAAAAAAAAAAAAAAAA",
    label: "none",
    leader: { id: -1, epoch: -1n },
  });
});

Deno.test("decode() gives each body structures of its own", () => {
  const bytes = encode(thing, 3, { name: "", counts: [] });

  const first = decode(thing, 3, bytes);
  const second = decode(thing, 3, bytes);

  assertNotStrictEquals(first.leader, second.leader);
  first.leader.id = 9;
  assertEquals(decode(thing, 3, bytes).leader.id, -1);
});

Deno.test("decode() skips tagged fields it does not know", () => {
  const bytes = encode(thing, 3, { name: "a", counts: [] }).slice(0, -1);

  const body = decode(thing, 3, [...bytes, 2, 3, 2, 2, 98, 0x80, 0x01, 3, 1, 2, 3]);

  assertEquals([body.name, body.label], ["a", "b"]);
});

Deno.test("decode() refuses a tagged field of another size than it claims", () => {
  const bytes = encode(thing, 3, { name: "a", counts: [] }).slice(0, -1);

  assertThrows(() => decode(thing, 3, [...bytes, 1, 3, 3, 2, 98, 0]), ProtocolError, "has 2 bytes and claims 3");
});

Deno.test("decode() refuses null where the version does not allow it", () => {
  assertThrows(() => decode(thing, 0, [255, 255]), ProtocolError, "Cannot read Thing v0: a string is null");
  assertThrows(() => decode(thing, 2, [1, 0]), ProtocolError, "an array is null");
  assertThrows(() => decode(thing, 2, [1, 1, 0]), ProtocolError, "bytes is null");
});

Deno.test("decode() refuses negative and hostile lengths and counts at once", () => {
  const max = [0x7f, 255, 255, 255];
  const maxCompact = [255, 255, 255, 255, 0x0f];
  const hostile: [version: number, bytes: number[]][] = [
    [0, [255, 254]],
    [0, [0x7f, 255]],
    [0, [0, 0, ...max]],
    [0, [0, 0, 255, 255, 255, 254]],
    [0, [0, 0, 0, 0, 0, 0, ...max]],
    [0, [0, 0, 0, 0, 0, 0, 255, 255, 255, 254]],
    [2, maxCompact],
    [2, [1, ...maxCompact]],
    [2, [1, 1, ...maxCompact]],
    [3, [1, 1, 5, ...Array(16).fill(0), ...maxCompact]],
    [3, [1, 1, 5, ...Array(16).fill(0), 1, 77, ...maxCompact]],
  ];
  for (const [version, bytes] of hostile) assertThrows(() => decode(thing, version, bytes), ProtocolError);
});

Deno.test("compile() keeps what it made", () => {
  assertStrictEquals(compile(thing, 1), compile(thing, 1));
  assertNotStrictEquals(compile(thing, 1), compile(thing, 2));
});

Deno.test("compile() refuses versions that the table does not have", () => {
  for (const version of [-1, 4, 1.5, NaN]) {
    assertThrows(() => compile(thing, version), RangeError, `Thing v${version}: versions 0-3 are known`);
  }
});

for (const schema of Object.values(messages) as MessageSchema[]) {
  Deno.test(`decode() undoes encode() for any ${schema.name}`, () => {
    const random = new Random(schema.name.length);
    const { min, max } = parseVersions(schema.versions);
    for (let version = min; version <= max; version++) {
      for (let round = 0; round < 40; round++) {
        const body = randomMessage(schema, version, random);
        const bytes = encode(schema, version, body as Input<MessageSchema>);

        const again = decode(schema, version, bytes);

        assertContains(again, body);
        assertEquals(encode(schema, version, again as Input<MessageSchema>), bytes);
      }
    }
  });
}

/** Everything that was encoded came back; fields of other versions come back besides. */
function assertContains(actual: unknown, expected: unknown): void {
  if (Array.isArray(expected)) {
    assert(Array.isArray(actual) && actual.length === expected.length);
    return expected.forEach((value, index) => assertContains(actual[index], value));
  }
  if (typeof expected !== "object" || expected === null || expected instanceof Uint8Array) {
    return assertEquals(actual, expected);
  }
  for (const [name, value] of Object.entries(expected)) {
    assertContains((actual as Record<string, unknown>)[name], value);
  }
}
