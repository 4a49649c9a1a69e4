import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { ByteReader } from "../../protocol/byte_reader.ts";
import { ProtocolError } from "../../protocol/errors.ts";

function reader(...bytes: number[]): ByteReader {
  return new ByteReader(Uint8Array.from(bytes), { api: "Thing", version: 3 });
}

Deno.test("ByteReader reads integers of every size, big-endian", () => {
  const r = reader(0xff, 0xff, 0xfe, 0xff, 0xfe, 0x80, 0, 0, 1, 0x80, 0, 0, 1);

  assertEquals(r.readInt8(), -1);
  assertEquals(r.readInt16(), -2);
  assertEquals(r.readUint16(), 65_534);
  assertEquals(r.readInt32(), -2_147_483_647);
  assertEquals(r.readUint32(), 2_147_483_649);
  assertEquals(r.remaining, 0);
});

Deno.test("ByteReader reads 64-bit integers, doubles and booleans", () => {
  const r = reader(0x80, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0, 1, 7);

  assertEquals(r.readInt64(), -(2n ** 63n));
  assertEquals(r.readFloat64(), 1.5);
  assertEquals([r.readBoolean(), r.readBoolean(), r.readBoolean()], [false, true, true]);
});

Deno.test("ByteReader reads from a view that does not start at the beginning of its buffer", () => {
  const r = new ByteReader(Uint8Array.of(9, 9, 0, 5, 9).subarray(2, 4));

  assertEquals(r.readInt16(), 5);
  assertThrows(() => r.readInt8(), ProtocolError);
});

Deno.test("readUnsignedVarint() reads up to 32 bits", () => {
  assertEquals(reader(0).readUnsignedVarint(), 0);
  assertEquals(reader(0x7f).readUnsignedVarint(), 127);
  assertEquals(reader(0x80, 0x01).readUnsignedVarint(), 128);
  assertEquals(reader(0xff, 0xff, 0xff, 0xff, 0x0f).readUnsignedVarint(), 4_294_967_295);
});

Deno.test("readVarint() and readVarlong() undo the zigzag", () => {
  assertEquals(reader(0x01).readVarint(), -1);
  assertEquals(reader(0xff, 0xff, 0xff, 0xff, 0x0f).readVarint(), -2_147_483_648);
  assertEquals(reader(0xfe, 0xff, 0xff, 0xff, 0x0f).readVarint(), 2_147_483_647);
  assertEquals(reader(0x03).readVarlong(), -2n);
  assertEquals(reader(0x80, 0x80, 0x80, 0x80, 0x10).readVarlong(), 2n ** 31n);
  assertEquals(reader(...Array(9).fill(0xff), 0x01).readVarlong(), -(2n ** 63n));
});

Deno.test("readUnsignedVarint() and readVarlong() refuse more bits than there are", () => {
  assertThrows(() => reader(0xff, 0xff, 0xff, 0xff, 0x1f).readUnsignedVarint(), ProtocolError, "more than 32 bits");
  assertThrows(() => reader(0xff, 0xff, 0xff, 0xff, 0xff, 0).readUnsignedVarint(), ProtocolError, "more than 32 bits");
  assertThrows(() => reader(...Array(9).fill(0xff), 0x02).readVarlong(), ProtocolError, "more than 64 bits");
});

Deno.test("ByteReader refuses to read past the end, and stays where it is", () => {
  const reads: ((r: ByteReader) => unknown)[] = [
    (r) => r.readInt16(),
    (r) => r.readInt32(),
    (r) => r.readInt64(),
    (r) => r.readBytes(2),
    (r) => r.readUtf8(2),
    (r) => r.skip(2),
  ];
  for (const read of reads) {
    const r = reader(0x80);

    assertThrows(() => read(r), ProtocolError, "Cannot read Thing v3");
    assertEquals(r.offset, 0);
  }
  assertThrows(() => reader(0x80).readUnsignedVarint(), ProtocolError);
  assertThrows(() => reader(0x80).readVarlong(), ProtocolError);
});

Deno.test("ByteReader refuses negative and impossible lengths", () => {
  for (const length of [-1, -2_147_483_648, NaN, Infinity, 4_294_967_295]) {
    assertThrows(() => reader(1, 2, 3).readBytes(length), ProtocolError);
    assertThrows(() => reader(1, 2, 3).readUtf8(length), ProtocolError);
    assertThrows(() => reader(1, 2, 3).skip(length), ProtocolError);
  }
});

Deno.test("checkCount() refuses counts that the rest of the bytes cannot hold", () => {
  const r = reader(1, 2, 3, 4, 5, 6, 7, 8);

  assertEquals(r.checkCount(2, 4), 2);
  assertEquals(r.checkCount(8, 0), 8);
  assertThrows(() => r.checkCount(3, 4), ProtocolError, "3 elements do not fit into the 8 bytes left");
  assertThrows(() => r.checkCount(9, 0), ProtocolError);
  assertThrows(() => r.checkCount(-2), ProtocolError, "a count is -2");
});

Deno.test("readBytes() gives a view of the same memory", () => {
  const bytes = Uint8Array.of(1, 2, 3);

  assertStrictEquals(new ByteReader(bytes).readBytes(2).buffer, bytes.buffer);
});

Deno.test("readUtf8() reads text short and long, ASCII or not, and keeps a byte order mark", () => {
  for (const text of ["", "clicks", "größe", "🦕", "x".repeat(500), "é".repeat(500), "\uFEFFmarked", "a\0b"]) {
    const bytes = new TextEncoder().encode(text);

    assertEquals(new ByteReader(bytes).readUtf8(bytes.length), text);
  }
  assertEquals(reader(0x61, 0xff).readUtf8(2), "a\uFFFD");
});

Deno.test("expectEnd() refuses bytes that follow", () => {
  const r = reader(0, 1, 2);
  r.readInt8();

  const error = assertThrows(() => r.expectEnd(), ProtocolError, "2 bytes follow its end (offset 1)");

  assertInstanceOf(error, ProtocolError);
  assertEquals([error.api, error.version, error.offset], ["Thing", 3, 1]);
});

Deno.test("as() goes on at the same place under another name", () => {
  const r = reader(1, 2);
  r.readInt8();

  const other = r.as({ api: "Other" });

  assertEquals(other.readInt8(), 2);
  assertEquals(r.offset, 1);
  assertThrows(() => other.readInt8(), ProtocolError, "Cannot read Other: 1 bytes needed, 0 left");
});
