/**
 * Murmur2, the hash by which Kafka's Java client chooses the partition of a keyed record.
 *
 * @see https://github.com/apache/kafka/blob/4.3.1/clients/src/main/java/org/apache/kafka/common/utils/Utils.java
 * @module
 */

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * Hashes a key as the Java client does.
 *
 * @param key The key's bytes; may be empty.
 * @returns An int32, negative for half of all keys; see {@link toPositive}.
 *
 * @example
 * ```ts
 * import { murmur2, toPositive } from "@ekaf/ekaf/protocol";
 *
 * const partition = toPositive(murmur2(new TextEncoder().encode("a key"))) % 12;
 * ```
 */
export function murmur2(key: Uint8Array): number {
  const length = key.length;
  const wordsEnd = length & ~3;
  let hash = SEED ^ length;
  for (let i = 0; i < wordsEnd; i += 4) {
    let word = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const restCount = length & 3;
  if (restCount > 0) {
    if (restCount === 3) hash ^= key[wordsEnd + 2]! << 16;
    if (restCount >= 2) hash ^= key[wordsEnd + 1]! << 8;
    hash = Math.imul(hash ^ key[wordsEnd]!, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/**
 * Clears the sign bit, which is how the Java client makes a hash fit for `%`. Not the absolute value.
 *
 * @param hash An int32.
 * @returns 0 to 2^31 - 1.
 */
export function toPositive(hash: number): number {
  return hash & 0x7fffffff;
}
