import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { codecOf, decompress } from "../../protocol/compression.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { encodeMessageSet, wrapMessageSet } from "../../protocol/message_set.ts";
import { type CompressedMessages, MessageCursor, readMessageSet } from "../../protocol/message_set_reader.ts";
import { MESSAGE_SET_VECTORS } from "../vectors/message_sets.ts";
import { SeededRandom } from "./seeded_random.ts";

const EMPTY = { key: null, value: new Uint8Array(0) };

function unpack({ codec, bytes }: CompressedMessages): Uint8Array {
  return decompress(codecOf(codec)!, bytes);
}

function gzipped(set: Uint8Array, wrapper: { magic: 0 | 1; offset: bigint }): Uint8Array {
  return wrapMessageSet(new Uint8Array(gzipSync(set)), { ...wrapper, codec: 1, timestamp: 5 });
}

/** Whether the bytes could be read; any error but a ProtocolError goes through. */
function isReadable(bytes: Uint8Array): boolean {
  try {
    const messages = [...readMessageSet(bytes, ({ bytes }) => bytes)];
    assert(messages.length * 26 <= bytes.length);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

for (const vector of MESSAGE_SET_VECTORS) {
  Deno.test(`readMessageSet() reads the Java client's messages: ${vector.name}`, () => {
    const messages = [...readMessageSet(Uint8Array.fromHex(vector.hex), unpack)];

    const hex = (bytes: Uint8Array | null) => bytes === null ? null : bytes.toHex();
    assertEquals(
      messages.map(({ key, value, ...message }) => ({ ...message, key: hex(key), value: hex(value) })),
      vector.records.map(({ timestamp, key, value }, i) => ({
        offset: vector.firstOffset + BigInt(i),
        magic: vector.magic,
        timestamp: vector.logAppendTime ?? timestamp,
        key,
        value,
      })),
    );
  });
}

Deno.test("MessageCursor finds every CRC of the Java client right, and none after a bit has changed", () => {
  for (const vector of MESSAGE_SET_VECTORS) {
    const set = Uint8Array.fromHex(vector.hex);
    const cursor = new MessageCursor(set);
    while (cursor.next()) {
      assert(cursor.hasValidCrc, vector.name);
      set[cursor.end - 1]! ^= 1;
      assert(!cursor.hasValidCrc, vector.name);
      set[cursor.end - 1]! ^= 1;
    }
  }
});

Deno.test("readMessageSet() gives views of the bytes, not copies", () => {
  const set = encodeMessageSet([{ offset: 0n, key: new Uint8Array(1), value: new Uint8Array(2) }], 1);

  const [message] = readMessageSet(set);

  assertStrictEquals(message!.key!.buffer, set.buffer);
  assertStrictEquals(message!.value!.buffer, set.buffer);
});

Deno.test("readMessageSet() leaves out a last message wherever it is cut off", () => {
  const set = encodeMessageSet([{ offset: 0n, ...EMPTY }, { offset: 1n, ...EMPTY }], 1);

  for (let length = 0; length <= set.length; length++) {
    const count = [...readMessageSet(set.subarray(0, length))].length;
    assertEquals(count, length < 34 ? 0 : length < 68 ? 1 : 2, `${length} bytes`);
  }
});

const hostile: [what: string, change: (view: DataView) => void][] = [
  ["a negative size", (view) => view.setInt32(8, -1)],
  ["a size below any message", (view) => view.setInt32(8, 13)],
  ["a size below one of its format", (view) => view.setInt32(8, 21)],
  ["a batch of format 2", (view) => view.setInt8(16, 2)],
  ["an unknown format", (view) => view.setInt8(16, -1)],
  ["a key length below -1", (view) => view.setInt32(26, -2)],
  ["a key longer than the message", (view) => view.setInt32(26, 1000)],
  ["a key that leaves no room for a value", (view) => view.setInt32(26, 4)],
  ["a value longer than the message", (view) => view.setInt32(30, 2)],
  ["a value shorter than the message", (view) => view.setInt32(30, -1)],
];

for (const [what, change] of hostile) {
  Deno.test(`readMessageSet() throws a ProtocolError on ${what}`, () => {
    const set = encodeMessageSet([{ offset: 0n, key: null, value: new Uint8Array(1) }], 1);
    change(new DataView(set.buffer));

    assertThrows(() => [...readMessageSet(set)], ProtocolError, "Cannot read a message");
  });
}

Deno.test("readMessageSet() gives messages inside of a compressed one their offsets in the log", () => {
  const inner = [3n, 4n, 8n];
  const relative = encodeMessageSet(inner.map((offset) => ({ offset: offset - 3n, ...EMPTY })), 1);
  const absolute = encodeMessageSet(inner.map((offset) => ({ offset, ...EMPTY })), 0);

  const offsets = (set: Uint8Array) => [...readMessageSet(set, unpack)].map(({ offset }) => offset);

  assertEquals(offsets(gzipped(relative, { magic: 1, offset: 8n })), inner);
  assertEquals(offsets(gzipped(absolute, { magic: 0, offset: 8n })), inner);
});

Deno.test("readMessageSet() throws a ProtocolError on compressed messages that make no sense", () => {
  const set = (magic: 0 | 1) => encodeMessageSet([{ offset: 0n, ...EMPTY }], magic);
  const nested = gzipped(gzipped(set(1), { magic: 1, offset: 0n }), { magic: 1, offset: 0n });
  const none = encodeMessageSet([{ offset: 0n, key: null, value: null, attributes: 1 }], 1);
  const cases: [Uint8Array, string][] = [
    [nested, "compressed again"],
    [gzipped(set(0), { magic: 1, offset: 0n }), "format 0 inside of format 1"],
    [gzipped(new Uint8Array(0), { magic: 1, offset: 0n }), "nothing is in it"],
    [none, "no value"],
  ];

  for (const [bytes, text] of cases) assertThrows(() => [...readMessageSet(bytes, unpack)], ProtocolError, text);
  assertThrows(() => [...readMessageSet(nested)], ProtocolError, "none to unpack it");
});

Deno.test("readMessageSet() reads or throws a ProtocolError on any damage, and never grows", () => {
  const random = new SeededRandom(21);
  let readableCount = 0;
  for (const vector of MESSAGE_SET_VECTORS) {
    const bytes = Uint8Array.fromHex(vector.hex);
    for (let round = 0; round < 300; round++) {
      const damaged = bytes.slice();
      const view = new DataView(damaged.buffer);
      if (random.below(2) === 0) {
        view.setInt32(random.below(damaged.length - 3), [-1, 0, 2 ** 31 - 1, 40][random.below(4)]!);
      } else damaged[random.below(damaged.length)] = random.below(256);
      if (isReadable(damaged)) readableCount++;
    }
  }
  assert(readableCount > 0);
});

Deno.test("readMessageSet() reads or throws a ProtocolError on random bytes", () => {
  const random = new SeededRandom(22);
  for (let round = 0; round < 2000; round++) isReadable(random.bytes(random.below(200)));
});
