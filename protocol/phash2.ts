/**
 * Erlang's `phash2` of a binary, by which ekaf placed keyed messages.
 *
 * The same in every Erlang/OTP release since R14. The mixing is Bob Jenkins's hash of 1996 ("lookup2"), which is in the
 * public domain; it hashes twelve bytes a round. Bench: `bench/partitioners_bench.ts`.
 *
 * @see https://www.erlang.org/doc/apps/erts/erlang.html#phash2/2
 * @see https://burtleburtle.net/bob/hash/evahash.html
 * @module
 */

const GOLDEN_RATIO = 0x9e3779b9;
/** What Erlang begins the hash of a binary with. */
const BINARY_SEED = 0x08d12e65;
/** What `phash2/1` is below. */
const DEFAULT_RANGE = 2 ** 27;

/**
 * Hashes a key as Erlang does: `erlang:phash2(<<Key/binary>>, Range)`.
 *
 * @param key The key's bytes; may be empty.
 * @param range One above the largest result: 1 to 2^32. Left out, the result is that of `phash2/1`.
 * @returns An integer from 0 to `range - 1`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { phash2 } from "@ekaf/ekaf";
 *
 * assertEquals(phash2(new TextEncoder().encode("user-17"), 12), 4);
 * ```
 */
export function phash2(key: Uint8Array, range: number = DEFAULT_RANGE): number {
  const { length } = key;
  if (length === 0) return BINARY_SEED % range;
  let a = GOLDEN_RATIO | 0;
  let b = a;
  let c = BINARY_SEED;
  let at = 0;
  for (;;) {
    const isLast = length - at < 12;
    // Past its end a Uint8Array gives undefined, which counts as 0 here.
    a = (a + (key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24))) | 0;
    b = (b + (key[at + 4]! | (key[at + 5]! << 8) | (key[at + 6]! << 16) | (key[at + 7]! << 24))) | 0;
    const third = key[at + 8]! | (key[at + 9]! << 8) | (key[at + 10]! << 16) | (key[at + 11]! << 24);
    c = (c + (isLast ? length + (third << 8) : third)) | 0; // The lowest byte of the last round is the length's.
    a = (a - b - c) ^ (c >>> 13);
    b = (b - c - a) ^ (a << 8);
    c = (c - a - b) ^ (b >>> 13);
    a = (a - b - c) ^ (c >>> 12);
    b = (b - c - a) ^ (a << 16);
    c = (c - a - b) ^ (b >>> 5);
    a = (a - b - c) ^ (c >>> 3);
    b = (b - c - a) ^ (a << 10);
    c = (c - a - b) ^ (b >>> 15);
    if (isLast) return (c >>> 0) % range;
    at += 12;
  }
}
