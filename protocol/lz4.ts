/**
 * LZ4 in frames. Blocks are compressed by a library; frames are put together and read here, because brokers before 0.10
 * want a wrong header checksum (KAFKA-3160), and because what comes out must be bounded.
 *
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 * @module
 */

import { compressionError, DecompressedBytes } from "./decompressed_bytes.ts";
import { xxhash32 } from "./xxhash32.ts";

const MAGIC_BYTES = [0x04, 0x22, 0x4d, 0x18];
/** Format version 1, blocks that do not refer to each other. */
const WRITTEN_FLAGS = 0x60;
/** Blocks of 64 KiB at most. */
const WRITTEN_BLOCK_SIZE = 0x40;
const UNCOMPRESSED_FLAG = 0x80000000;
const MIN_MATCH_BYTES = 4;

const Flag = {
  blockChecksum: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  reserved: 0x02,
  dictionary: 0x01,
} as const;

/** Most bytes in one block of a frame written here. */
export const LZ4_BLOCK_BYTES = 65_536;

/**
 * Puts blocks into a frame, one at a step, so that whoever runs it may do something else meanwhile.
 *
 * @param bytes What to compress.
 * @param options `compressBlock`: compresses one block, null when it would not become smaller. `isLegacy`: whether the
 *   header's checksum is wrong in the way that messages of magic 0 need.
 * @returns The frame, in pieces.
 */
export function* lz4Frame(
  bytes: Uint8Array,
  { compressBlock, isLegacy = false }: {
    compressBlock: (block: Uint8Array) => Uint8Array | null;
    isLegacy?: boolean | undefined;
  },
): Generator<void, Uint8Array[], void> {
  const header = new Uint8Array([...MAGIC_BYTES, WRITTEN_FLAGS, WRITTEN_BLOCK_SIZE, 0]);
  header[6] = headerChecksum(header, isLegacy ? 0 : 4, 6);
  const pieces: Uint8Array[] = [header];
  for (let start = 0; start < bytes.length; start += LZ4_BLOCK_BYTES) {
    if (start > 0) yield;
    const block = bytes.subarray(start, start + LZ4_BLOCK_BYTES);
    const compressed = compressBlock(block);
    const length = new Uint8Array(4);
    const size = compressed === null ? block.length + UNCOMPRESSED_FLAG : compressed.length;
    new DataView(length.buffer).setUint32(0, size, true);
    pieces.push(length, compressed ?? block);
  }
  pieces.push(new Uint8Array(4));
  return pieces;
}

/**
 * Decompresses a frame, with either header checksum. What follows the frame is not looked at, as in Kafka.
 *
 * @param bytes The frame.
 * @param maxBytes Most bytes that may come out.
 * @throws {ProtocolError} When the bytes make no sense, or hold more.
 */
export function lz4Decompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length < 7 || MAGIC_BYTES.some((byte, i) => bytes[i] !== byte)) throw lz4Error("it is no frame");
  const flags = bytes[4]!;
  if (flags >>> 6 !== 1 || (flags & (Flag.reserved | Flag.dictionary)) !== 0) throw lz4Error(`its flags are ${flags}`);
  const sizeCode = (bytes[5]! >>> 4) & 7;
  if (sizeCode < 4 || (bytes[5]! & 0x8f) !== 0) throw lz4Error(`its block size is ${bytes[5]}`);
  const headerEnd = flags & Flag.contentSize ? 14 : 6;
  if (headerEnd >= bytes.length) throw lz4Error("its header is cut off");
  const checksum = bytes[headerEnd];
  if (checksum !== headerChecksum(bytes, 4, headerEnd) && checksum !== headerChecksum(bytes, 0, headerEnd)) {
    throw lz4Error("its header's checksum is wrong");
  }
  const output = new DecompressedBytes("lz4", bytes.length * 4, maxBytes);
  const at = decodeBlocks(bytes, headerEnd + 1, {
    output,
    blockMaxBytes: 1 << (sizeCode * 2 + 8),
    hasChecksums: (flags & Flag.blockChecksum) !== 0,
  });
  if (flags & Flag.contentChecksum && read32(bytes, at) !== xxhash32(output.bytes)) {
    throw lz4Error("its checksum is wrong");
  }
  return output.bytes;
}

function decodeBlocks(
  bytes: Uint8Array,
  at: number,
  { output, blockMaxBytes, hasChecksums }: {
    output: DecompressedBytes;
    blockMaxBytes: number;
    hasChecksums: boolean;
  },
): number {
  for (;;) {
    const size = read32(bytes, at);
    at += 4;
    if (size === 0) return at;
    const isRaw = size >= UNCOMPRESSED_FLAG;
    const end = at + (isRaw ? size - UNCOMPRESSED_FLAG : size);
    if (end - at > blockMaxBytes || end > bytes.length) throw lz4Error(`a block has ${end - at} bytes`);
    if (hasChecksums && read32(bytes, end) !== xxhash32(bytes, at, end)) throw lz4Error("a block's checksum is wrong");
    const start = output.length;
    if (isRaw) output.append(bytes.subarray(at, end));
    else decodeBlock(bytes, { at, end, output, limit: start + blockMaxBytes });
    at = hasChecksums ? end + 4 : end;
  }
}

/** Decodes one block behind what is there; matches may lie in blocks before it. */
function decodeBlock(
  bytes: Uint8Array,
  { at, end, output, limit }: { at: number; end: number; output: DecompressedBytes; limit: number },
): void {
  while (at < end) {
    const token = bytes[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      for (let byte = 255; byte === 255; literals += byte) {
        if (at >= end) throw lz4Error("a length is cut off");
        byte = bytes[at++]!;
      }
    }
    if (literals > end - at || output.length + literals > limit) throw lz4Error("a literal is too long");
    output.append(bytes.subarray(at, at + literals));
    at += literals;
    if (at === end) return; // The last sequence has no match.
    if (end - at < 2) throw lz4Error("a match is cut off");
    const distance = bytes[at]! | (bytes[at + 1]! << 8);
    at += 2;
    let count = (token & 15) + MIN_MATCH_BYTES;
    if (count === 15 + MIN_MATCH_BYTES) {
      for (let byte = 255; byte === 255; count += byte) {
        if (at >= end) throw lz4Error("a length is cut off");
        byte = bytes[at++]!;
      }
    }
    if (output.length + count > limit) throw lz4Error("a match is too long");
    output.reserve(count);
    output.repeat(distance, count);
  }
}

/** The second byte of the hash of what lies before it: from the flags on, or by Kafka's old mistake from the magic. */
function headerChecksum(bytes: Uint8Array, start: number, end: number): number {
  return (xxhash32(bytes, start, end) >>> 8) & 255;
}

function read32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw lz4Error("it is cut off");
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function lz4Error(state: string): ReturnType<typeof compressionError> {
  return compressionError("lz4", state);
}
