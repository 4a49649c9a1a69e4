import { assertEquals } from "@std/assert";
import { crc32c, crc32cCombine } from "../../protocol/crc32c.ts";
import { SeededRandom } from "./seeded_random.ts";

/** The definition, a bit at a time. */
function crcByDefinition(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

Deno.test("crc32c() gives the published values for the examples of RFC 3720", () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);

  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assertEquals(crc32c(ascending), 0x46dd794e);
  assertEquals(crc32c(ascending.toReversed()), 0x113fdb5c);
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("crc32c() is 0 for no bytes and the seed when going on with none", () => {
  assertEquals(crc32c(new Uint8Array(0)), 0);
  assertEquals(crc32c(new Uint8Array(9), 4, 4, 0xdeadbeef), 0xdeadbeef);
});

Deno.test("crc32c() follows the definition at every length from 0 to 200 and every alignment", () => {
  const bytes = new SeededRandom(1).bytes(300);

  for (let start = 0; start < 9; start++) {
    for (let length = 0; length <= 200; length++) {
      const expected = crcByDefinition(bytes.subarray(start, start + length));
      assertEquals(crc32c(bytes, start, start + length), expected, `${length} bytes from ${start}`);
    }
  }
});

Deno.test("crc32c() follows the definition about the lengths where another way of computing it begins", () => {
  const bytes = new SeededRandom(2).bytes(20_000);
  const edges = [6144, 1680 + 4096, 1680 + 2 * 4096, 1680 + 3 * 4096, 16_384];

  for (const edge of edges) {
    for (let length = edge - 18; length <= edge + 18; length++) {
      const part = bytes.subarray(length % 11, length % 11 + length);
      assertEquals(crc32c(part, 0, length, length), crcByDefinition(part, length), `${length} bytes`);
    }
  }
});

Deno.test("crc32c() follows the definition when all bytes are equal", () => {
  for (const fill of [0, 1, 0x80, 0xff]) {
    const bytes = new Uint8Array(9999).fill(fill);
    assertEquals(crc32c(bytes), crcByDefinition(bytes));
  }
});

Deno.test("crc32c() goes on from a seed when bytes come in parts", () => {
  const random = new SeededRandom(3);
  const bytes = random.bytes(40_000);

  for (let round = 0; round < 50; round++) {
    const cut = random.below(bytes.length);
    assertEquals(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut)), crc32c(bytes));
  }
});

Deno.test("crc32cCombine() gives the CRC of the whole from the CRCs of two parts", () => {
  const random = new SeededRandom(4);
  const bytes = random.bytes(30_000);

  for (let round = 0; round < 200; round++) {
    const cut = random.below(bytes.length + 1);
    const end = cut + random.below(bytes.length - cut + 1);
    const combined = crc32cCombine(crc32c(bytes, 0, cut), crc32c(bytes, cut, end), end - cut);
    assertEquals(combined, crc32c(bytes, 0, end), `${cut} and ${end - cut} bytes`);
  }
});

Deno.test("crc32cCombine() gives the first CRC when the second part is empty", () => {
  assertEquals(crc32cCombine(0xe3069283, 0, 0), 0xe3069283);
});
