/**
 * Compression as batches see it: what goes wrong, or does not help, leaves a batch uncompressed.
 *
 * @module
 */

import { compress, type CompressionCodec, isCodecLoaded, loadCodec } from "../../protocol/compression.ts";
import { type Compression, compressionSetting } from "../compression.ts";
import type { Batch } from "./batch.ts";
import type { Log, Warn } from "../logger.ts";
import type { Timers } from "../timers.ts";
import { CompressionQueue } from "./compression_queue.ts";

/** Compresses with one codec and level. */
export interface Compressor {
  /** Which codec. */
  readonly codec: CompressionCodec;
  /** Compresses, at once where that takes no time worth mentioning. Null: better not. Never rejects. */
  compress(bytes: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>;
  /** Compresses at once; for messages of magic 0 in their own way. Null: better not. */
  compressNow(bytes: Uint8Array, form?: { isMagic0: boolean }): Uint8Array | null;
}

/** What compressors need of their producer. */
export interface CompressorsContext {
  /** Clock and timers. */
  readonly timers: Timers;
  /** Logs a warning. */
  readonly warn: Warn;
  /** Logs a message of any level. */
  readonly log: Log;
}

/** Up to here a batch is compressed at once: it takes less than handing it over, and a fraction of a millisecond. */
const AT_ONCE_MAX_BYTES: Readonly<Record<CompressionCodec, number>> = {
  gzip: 8 * 1024,
  zstd: 16 * 1024,
  snappy: 64 * 1024,
  lz4: 64 * 1024,
};
/** Above this level even a small batch takes long. */
const AT_ONCE_MAX_LEVEL = 9;

/** The compressors of a producer. */
export class Compressors {
  readonly #context: CompressorsContext;
  readonly #queue: CompressionQueue;
  readonly #known = new Map<string, Compressor>();

  /** @param context What they need. */
  constructor(context: CompressorsContext) {
    this.#context = context;
    this.#queue = new CompressionQueue(context.timers, (error) => {
      context.log("info", "compression", "No threads can be had: batches are compressed in the producer's own", {
        error,
      });
    });
  }

  /** What an option's value asks for; null for none. */
  of(compression: Compression): Compressor | null {
    if (compression === "none") return null;
    const setting = compressionSetting(compression);
    if (setting === null) return null;
    const key = `${setting.codec}/${setting.level}`;
    let compressor = this.#known.get(key);
    if (compressor === undefined) {
      compressor = new QueuedCompressor(this.#context, this.#queue, setting);
      this.#known.set(key, compressor);
    }
    return compressor;
  }

  /** Ends what is under way; its batches stay uncompressed. */
  close(): void {
    this.#queue.close();
  }
}

/** First version of Produce with zstd (KIP-110): brokers before 2.1 would refuse such a batch. */
const FIRST_VERSION_WITH_ZSTD = 7;

/** Has a batch sent uncompressed, with a warning, in a request of a version that does not know its codec. */
export function fitCodec(batch: Batch, version: number, warn: Warn): void {
  if (version >= FIRST_VERSION_WITH_ZSTD || batch.outgoing.codec !== "zstd") return;
  warn("compression", "The broker does not know zstd (Kafka before 2.1): batches go out uncompressed");
  batch.outgoing.sendUncompressed();
}

class QueuedCompressor implements Compressor {
  readonly codec: CompressionCodec;
  readonly #level: number | undefined;
  readonly #context: CompressorsContext;
  readonly #queue: CompressionQueue;

  constructor(
    context: CompressorsContext,
    queue: CompressionQueue,
    { codec, level }: { codec: CompressionCodec; level: number | undefined },
  ) {
    this.codec = codec;
    this.#level = level;
    this.#context = context;
    this.#queue = queue;
  }

  compress(bytes: Uint8Array): Uint8Array | null | Promise<Uint8Array | null> {
    const isQuick = bytes.length <= AT_ONCE_MAX_BYTES[this.codec] && (this.#level ?? 0) <= AT_ONCE_MAX_LEVEL;
    return isQuick && isCodecLoaded(this.codec) ? this.compressNow(bytes) : this.#compressLater(bytes);
  }

  compressNow(bytes: Uint8Array, form?: { isMagic0: boolean }): Uint8Array | null {
    try {
      return smaller(compress(this.codec, bytes, { level: this.#level, ...form }), bytes);
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #compressLater(bytes: Uint8Array): Promise<Uint8Array | null> {
    try {
      await loadCodec(this.codec);
      return smaller(await this.#queue.compress({ codec: this.codec, level: this.#level, bytes }), bytes);
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): null {
    if (this.#queue.isClosed) return null; // Its batches have been settled.
    const reason = error instanceof Error ? error.message : String(error);
    this.#context.warn("compression", `A batch goes out uncompressed, ${this.codec} failed: ${reason}`, error);
    return null;
  }
}

/** Records that compression would make larger are better left alone. */
function smaller(compressed: Uint8Array, bytes: Uint8Array): Uint8Array | null {
  return compressed.length < bytes.length ? compressed : null;
}
