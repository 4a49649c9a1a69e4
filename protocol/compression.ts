/**
 * The codecs of Kafka, behind one interface: gzip and zstd by the platform's `node:zlib`, snappy and LZ4 with blocks
 * compressed by a WebAssembly library that is loaded when one of the two is first chosen. Everything is decompressed
 * here, without it. Benchmark: `bench/compression_bench.ts`.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 * @module
 */

import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { compressionError, tooLarge } from "./decompressed_bytes.ts";
import { ProtocolError } from "./errors.ts";
import { lz4Decompress, lz4Frame } from "./lz4.ts";
import { COMPRESSION_MASK } from "./record_batch_layout.ts";
import { snappyDecompress, snappyFrame } from "./snappy.ts";
import { isCutOffZstd } from "./zstd.ts";

/** A way to compress the records of a batch. */
export type CompressionCodec = "gzip" | "snappy" | "lz4" | "zstd";

/** Attribute bits of each codec. */
export const COMPRESSION_IDS: Readonly<Record<CompressionCodec, number>> = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

/** Lowest and highest level of the codecs that have levels. */
export const COMPRESSION_LEVELS: Readonly<Partial<Record<CompressionCodec, readonly [min: number, max: number]>>> = {
  gzip: [1, 9],
  zstd: [-7, 22],
};

/**
 * Most bytes that compressed records may become, unless told otherwise: a few kilobytes can claim to be gigabytes.
 */
export const DECOMPRESSED_MAX_BYTES: number = 128 * 1024 * 1024;

/** How {@link compress} compresses. */
export interface CompressOptions {
  /** Within {@link COMPRESSION_LEVELS}; the codec's own default when left out. */
  level?: number | undefined;
  /** Whether for messages of magic 0, where Kafka's LZ4 frames have a header checksum that no other reader takes. */
  isMagic0?: boolean | undefined;
}

/** Compresses blocks of at most 64 KiB. */
interface BlockLibrary {
  lz4Compress(block: Uint8Array): Uint8Array;
  snappyCompress(block: Uint8Array): Uint8Array;
}

const LZ4_FRAME_HEADER_BYTES = 7;
const LZ4_FRAME_END_BYTES = 4;

let library: BlockLibrary | null = null;
let loading: Promise<void> | null = null;

/** Whether {@link compress} can be called for a codec, or {@link loadCodec} must have resolved before. */
export function isCodecLoaded(codec: CompressionCodec): boolean {
  return codec === "gzip" || codec === "zstd" || library !== null;
}

/**
 * Loads what a codec needs to compress; decompressing needs nothing.
 *
 * @param codec Which.
 * @throws When the library cannot be loaded.
 */
export async function loadCodec(codec: CompressionCodec): Promise<void> {
  if (isCodecLoaded(codec)) return;
  loading ??= import("@platformatic/wasm-utils/bundled").then((module) => {
    // The library's types want a Buffer; what it does is copy the bytes into its own memory.
    library = module as unknown as BlockLibrary;
  }).finally(() => loading = null);
  await loading;
}

/**
 * Compresses bytes.
 *
 * @param codec How; {@link isCodecLoaded} must be true of it.
 * @param bytes What; not changed.
 * @param options Level and form.
 */
export function compress(codec: CompressionCodec, bytes: Uint8Array, options: CompressOptions = {}): Uint8Array {
  const steps = compressInSteps(codec, bytes, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * {@link compress} in steps of at most 64 KiB for snappy and LZ4, and in one step for the others.
 *
 * @param codec How; {@link isCodecLoaded} must be true of it.
 * @param bytes What; must stay as they are until the end.
 * @param options Level and form.
 */
export function* compressInSteps(
  codec: CompressionCodec,
  bytes: Uint8Array,
  { level, isMagic0 }: CompressOptions = {},
): Generator<void, Uint8Array, void> {
  switch (codec) {
    case "gzip":
      return plain(gzipSync(bytes, level === undefined ? {} : { level }));
    case "zstd":
      return plain(zstdCompressSync(bytes, level === undefined ? {} : zstdLevel(level)));
    case "snappy":
      return join(yield* snappyFrame(bytes, (block) => loaded(codec).snappyCompress(block)));
    case "lz4":
      return join(yield* lz4Frame(bytes, { compressBlock: lz4Block, isLegacy: isMagic0 }));
  }
}

/**
 * Decompresses bytes.
 *
 * @param codec How they were compressed.
 * @param bytes Exactly the compressed bytes.
 * @param options `maxBytes`: most bytes that may come out, {@link DECOMPRESSED_MAX_BYTES} by default.
 * @throws {ProtocolError} When the bytes make no sense, or hold more.
 */
export function decompress(
  codec: CompressionCodec,
  bytes: Uint8Array,
  { maxBytes = DECOMPRESSED_MAX_BYTES }: { maxBytes?: number | undefined } = {},
): Uint8Array {
  switch (codec) {
    case "gzip":
      return withZlib(codec, maxBytes, () => gunzipSync(bytes, { maxOutputLength: Math.max(maxBytes, 1) }));
    case "zstd":
      if (isCutOffZstd(bytes)) throw compressionError(codec, "it is cut off");
      if (bytes.length === 0) return new Uint8Array(); // As Kafka's own has it.
      return withZlib(codec, maxBytes, () => zstdDecompressSync(bytes, { maxOutputLength: Math.max(maxBytes, 1) }));
    case "snappy":
      return snappyDecompress(bytes, maxBytes);
    case "lz4":
      return lz4Decompress(bytes, maxBytes);
  }
}

/**
 * The codec that the attributes of a batch or message name, null for none.
 *
 * @throws {ProtocolError} When there is no such codec.
 */
export function codecOf(attributes: number): CompressionCodec | null {
  const id = attributes & COMPRESSION_MASK;
  if (id === 0) return null;
  for (const [codec, its] of Object.entries(COMPRESSION_IDS)) if (its === id) return codec as CompressionCodec;
  throw new ProtocolError(`Cannot decompress records: there is no codec ${id}`, { api: "RecordBatch" });
}

function zstdLevel(level: number): { params: Record<number, number> } {
  return { params: { [constants.ZSTD_c_compressionLevel]: level } };
}

function loaded(codec: CompressionCodec): BlockLibrary {
  if (library === null) {
    throw new Error(`Cannot compress with ${codec}: loadCodec(${JSON.stringify(codec)}) comes first`);
  }
  return library;
}

/** The library makes a frame of each block: what is between its header and its end is the block with its length. */
function lz4Block(block: Uint8Array): Uint8Array | null {
  const frame = loaded("lz4").lz4Compress(block);
  const length = new DataView(frame.buffer, frame.byteOffset, frame.length).getUint32(LZ4_FRAME_HEADER_BYTES, true);
  const start = LZ4_FRAME_HEADER_BYTES + 4;
  if (length === frame.length - start - LZ4_FRAME_END_BYTES) return frame.subarray(start, start + length);
  return null; // The highest bit says that it became no smaller.
}

/** The platform gives a `Buffer`, whose `slice` does not copy: nobody who reads records expects that. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function withZlib(codec: CompressionCodec, maxBytes: number, run: () => Uint8Array): Uint8Array {
  try {
    return plain(run());
  } catch (error) {
    const isTooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    const reason = error instanceof Error ? error.message : String(error);
    throw compressionError(codec, isTooLarge ? tooLarge(maxBytes) : reason, error);
  }
}
