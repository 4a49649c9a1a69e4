/**
 * Batches and message sets that others compressed, made by `compressed_capture.ts`.
 *
 * @module
 */

import type { CompressionCodec } from "../../protocol/compression.ts";
import vectors from "./compressed.json" with { type: "json" };

/** What a client sent. */
export interface CompressedVector {
  /** Who. */
  client: string;
  /** 2: a record batch; 0 and 1: one message that holds a message set. */
  magic: number;
  /** How it is compressed. */
  codec: CompressionCodec;
  /** Records in it. */
  count: number;
  /** See {@link valueOf}. */
  repeats: number;
  /** The whole, in base64. */
  bytes: string;
}

/** The vectors. */
export const COMPRESSED_VECTORS: readonly CompressedVector[] = vectors as CompressedVector[];

/** The value of a vector's record number `i`. */
export function valueOf({ repeats }: { repeats: number }, i: number): string {
  return `value ${i} ${`${i * i},`.repeat(repeats)}`;
}
