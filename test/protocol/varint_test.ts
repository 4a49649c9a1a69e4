import { assertEquals } from "@std/assert";
import {
  mediumVarintBytes,
  shortVarintBytes,
  varintBytes,
  varlongBytes,
  writeMediumVarint,
  writeSafeInt64,
  writeShortVarint,
  writeVarint,
  writeVarlong,
} from "../../protocol/varint.ts";

/** The definition: zigzag order, then groups of seven bits, the least significant first. */
function varintByDefinition(value: number): string {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]).toHex();
}

/** Numbers about each power of two up to `bits`, both signs. */
function edges(bits: number): number[] {
  const numbers = [0];
  for (let bit = 0; bit <= bits; bit++) {
    for (const near of [-2, -1, 0, 1]) numbers.push(2 ** bit + near, -(2 ** bit) - near);
  }
  return numbers;
}

function written(write: (bytes: Uint8Array, position: number) => number): string {
  const bytes = new Uint8Array(12);
  return bytes.subarray(1, write(bytes, 1)).toHex();
}

Deno.test("writeVarint() and varintBytes() follow the definition about every power of two", () => {
  for (const value of edges(31).filter((value) => (value | 0) === value)) {
    const expected = varintByDefinition(value);
    assertEquals(written((bytes, position) => writeVarint(bytes, position, value)), expected, `${value}`);
    assertEquals(varintBytes(value), expected.length / 2, `${value}`);
  }
});

Deno.test("writeVarlong() and varlongBytes() follow the definition for every safe integer's length", () => {
  for (const value of edges(53).filter(Number.isSafeInteger)) {
    const expected = varintByDefinition(value);
    assertEquals(written((bytes, position) => writeVarlong(bytes, position, value)), expected, `${value}`);
    assertEquals(varlongBytes(value), expected.length / 2, `${value}`);
  }
});

Deno.test("writeShortVarint() and shortVarintBytes() follow the definition for every short number", () => {
  for (let value = -8192; value < 8192; value++) {
    const zigzag = (value << 1) ^ (value >> 31);
    const expected = varintByDefinition(value);
    assertEquals(written((bytes, position) => writeShortVarint(bytes, position, zigzag)), expected, `${value}`);
    assertEquals(shortVarintBytes(zigzag), expected.length / 2, `${value}`);
  }
});

Deno.test("writeMediumVarint() and mediumVarintBytes() follow the definition about every power of two", () => {
  for (const value of edges(20).filter((value) => value >= -1_048_576 && value < 1_048_576)) {
    const zigzag = (value << 1) ^ (value >> 31);
    const expected = varintByDefinition(value);
    assertEquals(written((bytes, position) => writeMediumVarint(bytes, position, zigzag)), expected, `${value}`);
    assertEquals(mediumVarintBytes(zigzag), expected.length / 2, `${value}`);
  }
});

Deno.test("writeSafeInt64() writes what a bigint would, negative numbers included", () => {
  const view = new DataView(new ArrayBuffer(8));

  for (const value of edges(53).filter(Number.isSafeInteger)) {
    writeSafeInt64(view, 0, value);
    assertEquals(view.getBigInt64(0), BigInt(value));
  }
});
