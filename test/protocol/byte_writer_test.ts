import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ByteReader } from "../../protocol/byte_reader.ts";
import { ByteWriter, DIRECT_WRITE_MIN_BYTES } from "../../protocol/byte_writer.ts";
import { Random } from "./random_messages.ts";

function write(fill: (writer: ByteWriter) => void, initialBytes = 1): Uint8Array {
  const writer = new ByteWriter({ initialBytes });
  fill(writer);
  return writer.toBytes();
}

Deno.test("ByteWriter writes integers of every size, big-endian", () => {
  const bytes = write((w) => {
    w.writeInt8(-1);
    w.writeInt16(-2);
    w.writeInt32(1);
    w.writeInt64(-(2n ** 63n));
    w.writeFloat64(1.5);
    w.writeBoolean(true);
  });

  assertEquals([...bytes.subarray(0, 7)], [255, 255, 254, 0, 0, 0, 1]);
  const reader = new ByteReader(bytes.subarray(7));
  assertEquals([reader.readInt64(), reader.readFloat64(), reader.readBoolean()], [-(2n ** 63n), 1.5, true]);
  reader.expectEnd();
});

Deno.test("ByteWriter writes what ByteReader reads, at any value", () => {
  const random = new Random(1);
  for (let round = 0; round < 2000; round++) {
    const int32 = new DataView(random.bytes(4).buffer).getInt32(0) >> random.below(32);
    const int64 = new DataView(random.bytes(8).buffer).getBigInt64(0) >> BigInt(random.below(64));
    const bytes = write((w) => {
      w.writeVarint(int32);
      w.writeUnsignedVarint(int32 >>> 0);
      w.writeVarlong(int64);
      w.writeInt32(int32);
      w.writeInt64(int64);
    });

    const r = new ByteReader(bytes);

    assertEquals([r.readVarint(), r.readUnsignedVarint(), r.readVarlong()], [int32, int32 >>> 0, int64]);
    assertEquals([r.readInt32(), r.readInt64()], [int32, int64]);
    r.expectEnd();
  }
});

Deno.test("writeString() writes any text behind its length, plain or compact", () => {
  for (const text of ["", "clicks", "größe", "🦕", "x".repeat(126), "x".repeat(127), "é".repeat(400), "\uD800"]) {
    const utf8 = new TextEncoder().encode(text);

    const plain = new ByteReader(write((w) => w.writeString(text, false)));
    const compact = new ByteReader(write((w) => w.writeString(text, true)));

    assertEquals(plain.readInt16(), utf8.length);
    assertEquals(plain.readBytes(utf8.length), utf8);
    plain.expectEnd();
    assertEquals(compact.readUnsignedVarint(), utf8.length + 1);
    assertEquals(compact.readBytes(utf8.length), utf8);
    compact.expectEnd();
  }
});

Deno.test("writeString() refuses more than 32767 bytes", () => {
  assertEquals(write((w) => w.writeString("x".repeat(32_767), false)).length, 32_769);
  for (const isCompact of [false, true]) {
    assertThrows(() => write((w) => w.writeString("é".repeat(16_384), isCompact)), RangeError, "32768 bytes");
  }
});

Deno.test("writeRecords() copies small records and keeps large ones as segments", () => {
  const small = new Uint8Array(DIRECT_WRITE_MIN_BYTES - 1).fill(1);
  const large = new Uint8Array(DIRECT_WRITE_MIN_BYTES).fill(2);
  const writer = new ByteWriter();
  writer.writeInt32(0);
  writer.writeRecords(small);
  writer.writeRecords(large);
  writer.writeRecords(large);
  writer.writeInt8(3);
  writer.setInt32(0, writer.byteLength);

  const segments = writer.finish();

  assertEquals(segments.map(({ length }) => length), [4 + small.length, large.length, large.length, 1]);
  assertStrictEquals(segments[1], large);
  assertStrictEquals(segments[2], large);
  assertEquals(new ByteReader(segments[0]!).readInt32(), 4 + small.length + 2 * large.length + 1);
  assertEquals(writer.toBytes().length, writer.byteLength);
  assertEquals(writer.toBytes().at(-1), 3);
});

Deno.test("finish() gives the records alone when nothing else was written around them", () => {
  const records = new Uint8Array(DIRECT_WRITE_MIN_BYTES);
  const writer = new ByteWriter();
  writer.writeRecords(records);

  assertEquals(writer.finish().length, 1);
  assertStrictEquals(writer.finish()[0], records);
});

Deno.test("ByteWriter takes memory from allocate and gives outgrown buffers to release", () => {
  const allocated: Uint8Array[] = [];
  const released: Uint8Array[] = [];
  const writer = new ByteWriter({
    initialBytes: 4,
    allocate: (minBytes) => (allocated.push(new Uint8Array(minBytes + 8).subarray(8)), allocated.at(-1)!),
    release: (buffer) => released.push(buffer),
  });

  writer.writeInt32(7);
  writer.writeBytes(Uint8Array.of(1, 2, 3));
  writer.writeInt64(9n);

  assertEquals(allocated.map(({ length }) => length), [4, 8, 16]);
  assertEquals(released, allocated.slice(0, 2));
  assertEquals([...writer.toBytes()], [0, 0, 0, 7, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 9]);
  assertStrictEquals(writer.finish()[0]!.buffer, allocated[2]!.buffer);
});
