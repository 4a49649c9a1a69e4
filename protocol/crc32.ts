/**
 * CRC-32 (ISO 3309), the checksum of the messages before Kafka 0.11. Benchmark: `bench/message_set_bench.ts`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952#section-8
 * @module
 */

import { crcTables } from "./crc_tables.ts";

/** The polynomial, bits reversed. */
const POLYNOMIAL = 0xedb88320;

/** Shorter runs go byte by byte: making a view of them costs more. */
const BLOCKS_MIN_BYTES = 64;

/** Table k (256 entries from 256 * k): the CRC of one byte followed by k zero bytes. */
const TABLES = crcTables(POLYNOMIAL, 8);

/**
 * The CRC-32 of bytes.
 *
 * @param bytes Holds the bytes.
 * @param start Index of the first one, by default 0.
 * @param end Index after the last one, by default the length.
 * @param seed The CRC of what comes before, to go on from there; 0 at the start.
 * @returns A uint32.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { crc32 } from "@ekaf/ekaf/protocol";
 *
 * assertEquals(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
 * ```
 */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  let crc = ~seed;
  let position = start;
  if (end - start >= BLOCKS_MIN_BYTES) {
    const wordStart = start + (-(bytes.byteOffset + start) & 3);
    while (position < wordStart) crc = TABLES[(crc ^ bytes[position++]!) & 255]! ^ (crc >>> 8);
    const blockBytes = (end - position) & ~7;
    crc = crcOfBlocks(crc, new Int32Array(bytes.buffer, bytes.byteOffset + position, blockBytes >> 2));
    position += blockBytes;
  }
  while (position < end) crc = TABLES[(crc ^ bytes[position++]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Eight bytes a step, each through the table that says what it becomes by the step's end. */
function crcOfBlocks(crc: number, words: Int32Array): number {
  for (let i = 0; i < words.length; i += 2) {
    const a = words[i]! ^ crc;
    const b = words[i + 1]!;
    crc = TABLES[1792 + (a & 255)]! ^ TABLES[1536 + ((a >>> 8) & 255)]! ^
      TABLES[1280 + ((a >>> 16) & 255)]! ^ TABLES[1024 + (a >>> 24)]! ^
      TABLES[768 + (b & 255)]! ^ TABLES[512 + ((b >>> 8) & 255)]! ^
      TABLES[256 + ((b >>> 16) & 255)]! ^ TABLES[b >>> 24]!;
  }
  return crc;
}
