import { assertEquals } from "@std/assert";
import { murmur2, toPositive } from "../../protocol/murmur2.ts";
import { MURMUR2_VECTORS } from "../vectors/murmur2.ts";

Deno.test("murmur2() gives the Java client's hash for every key of the table", () => {
  const hashes = MURMUR2_VECTORS.map(([hex]) => murmur2(Uint8Array.fromHex(hex)));

  assertEquals(hashes, MURMUR2_VECTORS.map(([, hash]) => hash));
});

Deno.test("toPositive() gives the Java client's partition for every key of the table", () => {
  const partitions = MURMUR2_VECTORS.map(([hex]) => {
    const hash = toPositive(murmur2(Uint8Array.fromHex(hex)));
    return [1, 3, 12, 1000].map((count) => hash % count);
  });

  assertEquals(partitions, MURMUR2_VECTORS.map(([, , ...expected]) => expected));
});

Deno.test("toPositive() clears the sign bit when the hash is the smallest int32", () => {
  assertEquals(toPositive(-2147483648), 0);
  assertEquals(toPositive(-1), 2147483647);
});

Deno.test("murmur2() hashes the view when the key is part of a larger buffer", () => {
  const whole = new TextEncoder().encode("xxabcdefxx");

  assertEquals(murmur2(whole.subarray(2, 8)), 1870650108);
});
