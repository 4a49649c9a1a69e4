/**
 * Variable-length integers as record batches have them: base 128, least significant group first, signed ones in zigzag
 * order. Everything here works on numbers and at a position, so that the hot path of {@link RecordBatchBuilder} makes
 * no objects. Benchmark: `bench/record_batch_bench.ts`.
 *
 * @see https://github.com/apache/kafka/blob/4.3.1/clients/src/main/java/org/apache/kafka/common/utils/ByteUtils.java
 * @module
 */

const TWO_POW_32 = 4294967296;

/** Numbers from its negative to just below it have short varints: of two bytes at most. */
export const SHORT_VARINT_LIMIT = 8192;

/**
 * Bytes a short varint takes.
 *
 * @param zigzag A number in zigzag order, below 2^14.
 * @returns 1 or 2.
 */
export function shortVarintBytes(zigzag: number): number {
  return zigzag < 0x80 ? 1 : 2;
}

/**
 * Writes a short varint: without a loop, and small enough for the engine to compile it into its caller.
 *
 * @param bytes Where to; there is room.
 * @param position Index of the first byte to write.
 * @param zigzag A number in zigzag order, below 2^14.
 * @returns Index after the last byte written.
 */
export function writeShortVarint(bytes: Uint8Array, position: number, zigzag: number): number {
  if (zigzag < 0x80) {
    bytes[position] = zigzag;
    return position + 1;
  }
  bytes[position] = zigzag | 0x80;
  bytes[position + 1] = zigzag >> 7;
  return position + 2;
}

/** Numbers from its negative to just below it have medium varints: of three bytes at most. */
export const MEDIUM_VARINT_LIMIT = 1_048_576;

/**
 * Bytes a medium varint takes.
 *
 * @param zigzag A number in zigzag order, below 2^21.
 * @returns 1 to 3.
 */
export function mediumVarintBytes(zigzag: number): number {
  return zigzag < 0x4000 ? shortVarintBytes(zigzag) : 3;
}

/**
 * Writes a medium varint, otherwise like {@link writeShortVarint}.
 *
 * @param bytes Where to; there is room.
 * @param position Index of the first byte to write.
 * @param zigzag A number in zigzag order, below 2^21.
 * @returns Index after the last byte written.
 */
export function writeMediumVarint(bytes: Uint8Array, position: number, zigzag: number): number {
  if (zigzag < 0x4000) return writeShortVarint(bytes, position, zigzag);
  bytes[position] = zigzag | 0x80;
  bytes[position + 1] = zigzag >> 7 | 0x80;
  bytes[position + 2] = zigzag >> 14;
  return position + 3;
}

/**
 * Bytes a zigzag varint takes.
 *
 * @param value An int32.
 * @returns 1 to 5.
 */
export function varintBytes(value: number): number {
  return ((32 - Math.clz32((value << 1) ^ (value >> 31) | 1)) * 9 + 64) >>> 6;
}

/**
 * Bytes a zigzag varlong takes.
 *
 * @param value A safe integer.
 * @returns 1 to 8.
 */
export function varlongBytes(value: number): number {
  if ((value | 0) === value) return varintBytes(value);
  // Zigzag doubles, so the first byte holds six bits of the magnitude, each further one seven.
  let rest = Math.floor((value < 0 ? -1 - value : value) / 64);
  let size = 1;
  while (rest > 0) {
    rest = Math.floor(rest / 128);
    size++;
  }
  return size;
}

/**
 * Writes a zigzag varint.
 *
 * @param bytes Where to; there is room.
 * @param position Index of the first byte to write.
 * @param value An int32.
 * @returns Index after the last byte written.
 */
export function writeVarint(bytes: Uint8Array, position: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 127) {
    bytes[position++] = rest | 128;
    rest >>>= 7;
  }
  bytes[position] = rest;
  return position + 1;
}

/**
 * Writes a zigzag varlong.
 *
 * @param bytes Where to; there is room.
 * @param position Index of the first byte to write.
 * @param value A safe integer.
 * @returns Index after the last byte written.
 */
export function writeVarlong(bytes: Uint8Array, position: number, value: number): number {
  if ((value | 0) === value) return writeVarint(bytes, position, value);
  // The magnitude without its sign is at most 2^53, so neither doubling nor rounding can lose a bit.
  const magnitude = value < 0 ? -1 - value : value;
  let rest = Math.floor(magnitude / 64);
  let group = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
  while (rest > 0) {
    bytes[position++] = group | 128;
    group = rest % 128;
    rest = Math.floor(rest / 128);
  }
  bytes[position] = group;
  return position + 1;
}

/**
 * Writes a safe integer as a big-endian int64 without a detour through `bigint`.
 *
 * @param view Where to; there is room.
 * @param position Index of the first of eight bytes.
 * @param value A safe integer.
 */
export function writeSafeInt64(view: DataView, position: number, value: number): void {
  view.setInt32(position, Math.floor(value / TWO_POW_32));
  view.setUint32(position + 4, value >>> 0);
}
