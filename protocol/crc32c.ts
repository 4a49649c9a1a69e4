/**
 * CRC-32C (Castagnoli), the checksum of record batches. Benchmark: `bench/crc32c_bench.ts`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
 * @module
 */

import { crcTables } from "./crc_tables.ts";

/** The Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Shorter runs go byte by byte: making a view of them costs more. */
const BLOCKS_MIN_BYTES = 64;
/** Shorter runs go through the tables: what folding leaves over costs more. */
const FOLD_MIN_BYTES = 6144;

/** Table k (256 entries from 256 * k): the CRC of one byte followed by k zero bytes. */
const TABLES = crcTables(POLYNOMIAL, 16);

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
  let position = start;
  if (end - start >= BLOCKS_MIN_BYTES) {
    const wordStart = start + (-(bytes.byteOffset + start) & 7);
    while (position < wordStart) crc = TABLES[(crc ^ bytes[position++]!) & 255]! ^ (crc >>> 8);
    const run = end - position >= FOLD_MIN_BYTES ? crcByFolding : crcOfBlocks;
    const blockBytes = (end - position) & ~15;
    crc = run(crc, bytes.buffer, bytes.byteOffset + position, blockBytes);
    position += blockBytes;
  }
  while (position < end) crc = TABLES[(crc ^ bytes[position++]!) & 255]! ^ (crc >>> 8);
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
function crcOfBlocks(crc: number, buffer: ArrayBufferLike, byteOffset: number, byteLength: number): number {
  const words = new Int32Array(buffer, byteOffset, byteLength >> 2);
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

/** 64-bit words that folding leaves over: the reach of its relation, made even for {@link crcOfBlocks}. */
const REST_WORDS = 210;
/** 64-bit words folded before the history moves to the front again; the whole stays in the first-level cache. */
const FOLD_BLOCK_WORDS = 512;
/** The last 209 folded words, then those being made. Shared by all calls: none of them waits half way. */
const folded = new BigUint64Array(209 + FOLD_BLOCK_WORDS);

/**
 * Leaves the CRC to the last {@link REST_WORDS} words, by adding each earlier word to five later ones.
 *
 * x^209 + x^144 + x^54 + x^39 + x^14 + 1 is a multiple of the polynomial P, and the one with the lowest degree among
 * those of six terms. Squaring a polynomial over GF(2) doubles its exponents, so the same holds with each exponent
 * times 64: modulo P, a 64-bit word equals the sum of itself moved 209, 195, 170, 155 and 65 words towards the end.
 * Looked at from the receiving word these are additions of earlier results and nothing else: no table, no carried
 * dependency, and the engine compiles the 64-bit exclusive or of array elements to one machine instruction, without a
 * `bigint` in between.
 */
function crcByFolding(crc: number, buffer: ArrayBufferLike, byteOffset: number, byteLength: number): number {
  const words = new BigUint64Array(buffer, byteOffset, byteLength >> 3);
  const wordCount = words.length - REST_WORDS;
  folded.fill(0n, 0, 209);
  folded[0] = BigInt(crc >>> 0); // Reaches word 0 alone, where the CRC so far belongs.
  for (let start = 0; start < wordCount; start += FOLD_BLOCK_WORDS) {
    const blockWords = Math.min(FOLD_BLOCK_WORDS, wordCount - start);
    for (let i = 0; i < blockWords; i++) {
      folded[i + 209] = words[start + i]! ^
        folded[i]! ^ folded[i + 14]! ^ folded[i + 39]! ^ folded[i + 54]! ^ folded[i + 144]!;
    }
    folded.copyWithin(0, blockWords, blockWords + 209);
  }
  // The rest takes from what was folded but not from itself, hence zeros where it would.
  folded.fill(0n, 209, REST_WORDS + 144);
  for (let i = 0; i < REST_WORDS; i++) {
    folded[i] = words[wordCount + i]! ^
      folded[i]! ^ folded[i + 14]! ^ folded[i + 39]! ^ folded[i + 54]! ^ folded[i + 144]!;
  }
  return crcOfBlocks(0, folded.buffer, 0, REST_WORDS * 8);
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
