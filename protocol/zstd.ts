/**
 * Zstandard frames, as far as it takes to see that one is cut off: the platform gives what there is and says nothing.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc8878#section-3.1
 * @module
 */

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** Bytes of the content size by the two highest bits of the descriptor; of the dictionary's id by the two lowest. */
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const SINGLE_SEGMENT_FLAG = 0x20;
const CHECKSUM_FLAG = 0x04;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** One byte, repeated. */
const RUN_BLOCK = 1;

/**
 * Whether bytes begin with a frame that does not end within them. What is no frame is not cut off either.
 *
 * @param bytes One frame.
 */
export function isCutOffZstd(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || MAGIC.some((byte, i) => i < bytes.length && bytes[i] !== byte)) return false;
  if (bytes.length <= MAGIC.length) return true;
  const descriptor = bytes[4]!;
  const isSingleSegment = (descriptor & SINGLE_SEGMENT_FLAG) !== 0;
  let at = 5 + DICTIONARY_ID_BYTES[descriptor & 3]!;
  at += isSingleSegment
    ? Math.max(CONTENT_SIZE_BYTES[descriptor >>> 6]!, 1)
    : 1 + CONTENT_SIZE_BYTES[descriptor >>> 6]!;
  for (let isLast = false; !isLast;) {
    if (at + BLOCK_HEADER_BYTES > bytes.length) return true;
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    isLast = (header & 1) !== 0;
    at += BLOCK_HEADER_BYTES + (((header >>> 1) & 3) === RUN_BLOCK ? 1 : header >>> 3);
  }
  return at + (descriptor & CHECKSUM_FLAG ? CHECKSUM_BYTES : 0) > bytes.length;
}
