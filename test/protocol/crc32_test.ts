import { assertEquals } from "@std/assert";
import { crc32 } from "../../protocol/crc32.ts";
import { SeededRandom } from "./seeded_random.ts";

/** The definition, a bit at a time. */
function crcByDefinition(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

Deno.test("crc32() gives the published value of the nine digits", () => {
  assertEquals(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});

Deno.test("crc32() is 0 for no bytes and the seed when going on with none", () => {
  assertEquals(crc32(new Uint8Array(0)), 0);
  assertEquals(crc32(new Uint8Array(9), 4, 4, 0xdeadbeef), 0xdeadbeef);
});

Deno.test("crc32() follows the definition at every length from 0 to 200 and every alignment", () => {
  const bytes = new SeededRandom(1).bytes(300);

  for (let start = 0; start < 9; start++) {
    for (let length = 0; length <= 200; length++) {
      const expected = crcByDefinition(bytes.subarray(start, start + length));
      assertEquals(crc32(bytes, start, start + length), expected, `${length} bytes from ${start}`);
    }
  }
});

Deno.test("crc32() goes on from a seed when bytes come in parts", () => {
  const random = new SeededRandom(3);
  const bytes = random.bytes(5000);

  for (let round = 0; round < 50; round++) {
    const cut = random.below(bytes.length);
    assertEquals(crc32(bytes, cut, bytes.length, crc32(bytes, 0, cut)), crc32(bytes));
  }
});
