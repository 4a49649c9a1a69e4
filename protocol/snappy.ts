/**
 * Snappy: raw, as librdkafka writes it, and framed by blocks, as Java's clients write it (the "xerial" framing of
 * snappy-java) in message sets and record batches alike. Both are read; the framed form is written, which every client
 * reads. Compressing single blocks is left to a library.
 *
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 * @module
 */

import { compressionError, DecompressedBytes, tooLarge } from "./decompressed_bytes.ts";

/** Bytes of the frame's header: 8 of magic, version 1, compatible with version 1. */
const FRAME_HEADER = new Uint8Array([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
const FRAME_MAGIC_BYTES = 8;

/** Most bytes in one block of the frame; copies reach back no further. */
export const SNAPPY_BLOCK_BYTES = 65_536;

/**
 * Puts blocks into a frame, one at a step, so that whoever runs it may do something else meanwhile.
 *
 * @param bytes What to compress.
 * @param compressBlock Compresses one block, in snappy's raw form.
 * @returns The frame, in pieces.
 */
export function* snappyFrame(
  bytes: Uint8Array,
  compressBlock: (block: Uint8Array) => Uint8Array,
): Generator<void, Uint8Array[], void> {
  const pieces: Uint8Array[] = [FRAME_HEADER];
  for (let start = 0; start < bytes.length; start += SNAPPY_BLOCK_BYTES) {
    if (start > 0) yield;
    const block = compressBlock(bytes.subarray(start, start + SNAPPY_BLOCK_BYTES));
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, block.length);
    pieces.push(length, block);
  }
  return pieces;
}

/**
 * Decompresses either form.
 *
 * @param bytes The frame, or one raw block.
 * @param maxBytes Most bytes that may come out.
 * @throws {ProtocolError} When the bytes make no sense, or hold more.
 */
export function snappyDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const output = new DecompressedBytes("snappy", 0, maxBytes);
  if (!startsWithMagic(bytes, 0)) {
    decodeBlock(bytes, output, maxBytes);
    return output.bytes;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at < bytes.length) {
    // snappy-java takes frames one after the other for one.
    if (startsWithMagic(bytes, at)) {
      if (bytes.length - at < FRAME_HEADER.length) throw compressionError("snappy", "its header is cut off");
      at += FRAME_HEADER.length;
      continue;
    }
    if (bytes.length - at < 4) throw compressionError("snappy", "a block's length is cut off");
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) throw compressionError("snappy", "a block is cut off");
    decodeBlock(bytes.subarray(at + 4, end), output, maxBytes);
    at = end;
  }
  return output.bytes;
}

function startsWithMagic(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < FRAME_MAGIC_BYTES; i++) if (bytes[at + i] !== FRAME_HEADER[i]) return false;
  return true;
}

/** Decodes one raw block behind what is there. */
function decodeBlock(block: Uint8Array, output: DecompressedBytes, maxBytes: number): void {
  let at = 0;
  let blockBytes = 0;
  for (let scale = 1;; scale *= 128) {
    if (at === 5 || at === block.length) throw compressionError("snappy", "a block's size makes no sense");
    const byte = block[at++]!;
    blockBytes += (byte & 127) * scale;
    if (byte < 128) break;
  }
  if (output.length + blockBytes > maxBytes) throw compressionError("snappy", tooLarge(maxBytes));
  // An element of 3 bytes makes 64 at most: a claim beyond that is a lie, and not worth the memory.
  if (blockBytes > block.length * 22) throw compressionError("snappy", `${block.length} bytes cannot be ${blockBytes}`);
  const start = output.length;
  const end = start + blockBytes;
  output.reserve(blockBytes);
  while (at < block.length) {
    const tag = block[at++]!;
    at = (tag & 3) === 0 ? literal(block, at, { tag, output, end }) : copy(block, at, { tag, output, start, end });
  }
  if (output.length !== end) throw compressionError("snappy", "a block is shorter than it says");
}

function literal(
  block: Uint8Array,
  at: number,
  { tag, output, end }: { tag: number; output: DecompressedBytes; end: number },
): number {
  let count = tag >>> 2;
  if (count >= 60) {
    const lengthBytes = count - 59;
    count = 0;
    for (let i = lengthBytes - 1; i >= 0; i--) count = count * 256 + (block[at + i] ?? 0);
    at += lengthBytes;
  }
  count++;
  if (count > block.length - at || count > end - output.length) {
    throw compressionError("snappy", "a literal is too long");
  }
  output.buffer.set(block.subarray(at, at + count), output.length);
  output.length += count;
  return at + count;
}

function copy(
  block: Uint8Array,
  at: number,
  { tag, output, start, end }: { tag: number; output: DecompressedBytes; start: number; end: number },
): number {
  const kind = tag & 3;
  const distanceBytes = kind === 3 ? 4 : kind;
  if (distanceBytes > block.length - at) throw compressionError("snappy", "a copy is cut off");
  let distance = 0;
  for (let i = distanceBytes - 1; i >= 0; i--) distance = distance * 256 + block[at + i]!;
  let count = (tag >>> 2) + 1;
  if (kind === 1) {
    distance += (tag >>> 5) << 8;
    count = ((tag >>> 2) & 7) + 4;
  }
  if (count > end - output.length) throw compressionError("snappy", "a copy is too long");
  if (distance > output.length - start) throw compressionError("snappy", `a copy reaches back ${distance} bytes`);
  output.repeat(distance, count);
  return at + distanceBytes;
}
