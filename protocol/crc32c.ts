/**
 * CRC-32C (Castagnoli), the checksum of record batches. Benchmark: `bench/crc32c_bench.ts`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
 * @module
 */

/** The Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Table k (256 entries from 256 * k): the CRC of one byte followed by k zero bytes. */
const TABLES = buildTables();

/**
 * The CRC-32C of bytes.
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
 * import { crc32c } from "@ekaf/ekaf/protocol";
 *
 * assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
 * ```
 */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  let crc = ~seed;
  let i = start;
  if (end - start >= 64) {
    const misaligned = (bytes.byteOffset + start) & 3;
    if (misaligned !== 0) {
      const aligned = start + 4 - misaligned;
      while (i < aligned) crc = TABLES[(crc ^ bytes[i++]!) & 255]! ^ (crc >>> 8);
    }
    const blockCount = (end - i) >>> 4;
    crc = crcOfBlocks(crc, new Int32Array(bytes.buffer, bytes.byteOffset + i, blockCount * 4));
    i += blockCount * 16;
  }
  while (i < end) crc = TABLES[(crc ^ bytes[i++]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * The CRC of two runs of bytes one after the other, from the CRC of each.
 *
 * @param first CRC of the first run.
 * @param second CRC of the second run.
 * @param secondBytes Length of the second run.
 * @returns A uint32.
 */
export function crc32cCombine(first: number, second: number, secondBytes: number): number {
  let shifted = first;
  let rest = secondBytes;
  for (let k = 0; rest > 0; k++) {
    if ((rest & 1) !== 0) shifted = multiply(SHIFTS[k]!, shifted);
    rest >>>= 1;
  }
  return (shifted ^ second) >>> 0;
}

/** Sixteen bytes a step, each through the table that says what it becomes by the step's end. */
function crcOfBlocks(crc: number, words: Int32Array): number {
  for (let i = 0; i < words.length; i += 4) {
    const a = words[i]! ^ crc;
    const b = words[i + 1]!;
    const c = words[i + 2]!;
    const d = words[i + 3]!;
    crc = TABLES[3840 + (a & 255)]! ^ TABLES[3584 + ((a >>> 8) & 255)]! ^
      TABLES[3328 + ((a >>> 16) & 255)]! ^ TABLES[3072 + (a >>> 24)]! ^
      TABLES[2816 + (b & 255)]! ^ TABLES[2560 + ((b >>> 8) & 255)]! ^
      TABLES[2304 + ((b >>> 16) & 255)]! ^ TABLES[2048 + (b >>> 24)]! ^
      TABLES[1792 + (c & 255)]! ^ TABLES[1536 + ((c >>> 8) & 255)]! ^
      TABLES[1280 + ((c >>> 16) & 255)]! ^ TABLES[1024 + (c >>> 24)]! ^
      TABLES[768 + (d & 255)]! ^ TABLES[512 + ((d >>> 8) & 255)]! ^
      TABLES[256 + ((d >>> 16) & 255)]! ^ TABLES[d >>> 24]!;
  }
  return crc;
}

function buildTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (POLYNOMIAL & -(crc & 1));
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256]!;
    tables[i] = (previous >>> 8) ^ tables[previous & 255]!;
  }
  return tables;
}

/** Entry k: x to the power 8 * 2^k modulo the polynomial, which moves a CRC past 2^k bytes. */
const SHIFTS = buildShifts();

function buildShifts(): Int32Array {
  const shifts = new Int32Array(32);
  let power = 1 << 23; // x^8: bits are reversed, so x^n is bit 31 - n.
  for (let k = 0; k < shifts.length; k++) {
    shifts[k] = power;
    power = multiply(power, power);
  }
  return shifts;
}

/** The product of two polynomials modulo the CRC's. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 32; bit++) {
    // From the highest bit of `a` (x^0) down: add b * x^bit, then move b on by one power.
    product ^= b & -((a >>> (31 - bit)) & 1);
    b = (b >>> 1) ^ (POLYNOMIAL & -(b & 1));
  }
  return product;
}
