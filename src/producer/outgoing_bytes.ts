/**
 * A batch as it is sent: compressed, where that is asked for and makes it smaller.
 *
 * @module
 */

import type { BatchNumbers } from "../../protocol/batch_numbers.ts";
import { CompressedBatch } from "../../protocol/compressed_batch.ts";
import type { CompressionCodec } from "../../protocol/compression.ts";
import { RECORD_BATCH_OVERHEAD_BYTES, type RecordBatchBuilder } from "../../protocol/record_batch.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Compressor } from "./compressor.ts";

/** The records stay beside their compressed form: what fails is told from them, and halves are made of them. */
export class OutgoingBytes {
  /** What compresses the batch when it is sealed, null for nothing. */
  compressor: Compressor | null = null;
  readonly #batch: { readonly wire: RecordBatchBuilder; readonly pool: BufferPool };
  #compressed: CompressedBatch | null = null;
  #numbers: BatchNumbers | null = null;
  #isCompressing = false;
  #isStale = false;

  /** @param batch The records that go out, and where buffers come from. */
  constructor(batch: { readonly wire: RecordBatchBuilder; readonly pool: BufferPool }) {
    this.#batch = batch;
  }

  /** What is sent, once it is sealed and numbered. */
  get bytes(): Uint8Array {
    return (this.#compressed ?? this.#batch.wire).bytes;
  }

  /** How many bytes that are. */
  get byteLength(): number {
    return (this.#compressed ?? this.#batch.wire).byteLength;
  }

  /** How it is compressed, null when it is not. */
  get codec(): CompressionCodec | null {
    return this.#compressed?.codec ?? null;
  }

  /** Whether its records are being compressed: until then they must stay where they are. */
  get isCompressing(): boolean {
    return this.#isCompressing;
  }

  /** Seals the batch, and compresses it where it is to be. */
  seal(): void | Promise<void> {
    this.#batch.wire.seal();
    if (this.compressor === null || this.#batch.wire.count === 0) return;
    const compressing = this.compressor.compress(this.#records);
    if (!(compressing instanceof Promise)) return this.#take(compressing);
    this.#isCompressing = true;
    return compressing.then((records) => {
      this.#isCompressing = false;
      this.#take(records);
    });
  }

  /** Lets go of the compressed form: its records have changed. There is another after {@linkcode refresh}. */
  expire(): void {
    if (this.#compressed === null) return;
    this.release();
    this.#isStale = true;
  }

  /** Compresses it again if its compressed form has expired. */
  refresh(): void {
    if (this.#isStale) this.compressAgain();
  }

  /** Compresses it again, at once: its records have changed since it was sealed, which is rare. */
  compressAgain(): void {
    this.#isStale = false;
    if (this.compressor !== null) this.#take(this.compressor.compressNow(this.#records));
  }

  /** Has it sent as it is. */
  sendUncompressed(): void {
    this.#compressed = null;
    if (this.#numbers !== null) this.number(this.#numbers);
  }

  /** Writes the producer's numbers into what is sent. */
  number(numbers: BatchNumbers): void {
    const { producerId, producerEpoch, baseSequence } = this.#numbers = numbers;
    (this.#compressed ?? this.#batch.wire).number(producerId, producerEpoch, baseSequence);
  }

  /** Gives the buffer of the compressed form back. */
  release(): void {
    if (this.#compressed !== null) this.#batch.pool.release(this.#compressed.buffer);
    this.#compressed = null;
  }

  get #records(): Uint8Array {
    return this.#batch.wire.bytes.subarray(RECORD_BATCH_OVERHEAD_BYTES);
  }

  #take(records: Uint8Array | null): void {
    const { codec } = this.compressor!;
    this.#compressed = records &&
      new CompressedBatch(this.#batch.wire.bytes, { codec, records }, this.#batch.pool.allocate);
  }
}
