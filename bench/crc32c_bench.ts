/**
 * CRC-32C at the lengths that matter: a header (40 B), a record, a small batch, a large one. Divide the length by the
 * time an iteration for bytes per nanosecond, which is GB/s.
 *
 *     deno bench bench/crc32c_bench.ts
 *
 * @module
 */

import { crc32c, crc32cCombine } from "../protocol/crc32c.ts";

// The records of a batch begin at byte 61 of their buffer.
const START = 61;
const bytes = new Uint8Array(START + (1 << 20));
for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;

for (const length of [40, 100, 1024, 6143, 6144, 16_384, 65_536, 1 << 20]) {
  Deno.bench(`crc32c ${length} bytes`, { group: "crc32c" }, () => {
    crc32c(bytes, START, START + length);
  });
}

for (const length of [100, 16_384, 1 << 20]) {
  Deno.bench(`crc32cCombine past ${length} bytes`, { group: "crc32cCombine" }, () => {
    crc32cCombine(0xe3069283, 0x8a9136aa, length);
  });
}
