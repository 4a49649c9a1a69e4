/**
 * The compressed form of a record batch.
 *
 * @module
 */

import { writeNumbers } from "./batch_numbers.ts";
import { COMPRESSION_IDS, type CompressionCodec } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { BatchOffset, LENGTH_PREFIX_BYTES, RECORD_BATCH_OVERHEAD_BYTES } from "./record_batch_layout.ts";

/** A sealed batch whose records section is compressed. It is numbered apart from the one it was made of. */
export class CompressedBatch {
  /** How the records are compressed. */
  readonly codec: CompressionCodec;
  /** The whole allocation behind {@link bytes}, to give it back when the batch is done with. */
  readonly buffer: Uint8Array;
  /** A view of exactly the batch. It is fit for the wire after {@link number}. */
  readonly bytes: Uint8Array;
  readonly #body: { bytes: number; crc: number };

  /**
   * Takes the header of a sealed batch over.
   *
   * @param sealed The batch, not compressed.
   * @param section Its records section, compressed, and how.
   * @param allocate Gives a buffer of at least that many bytes; by default a new one.
   */
  constructor(
    sealed: Uint8Array,
    { codec, records }: { codec: CompressionCodec; records: Uint8Array },
    allocate: (minBytes: number) => Uint8Array = (minBytes) => new Uint8Array(minBytes),
  ) {
    const byteLength = RECORD_BATCH_OVERHEAD_BYTES + records.length;
    this.codec = codec;
    this.buffer = allocate(byteLength);
    this.bytes = this.buffer.subarray(0, byteLength);
    this.bytes.set(sealed.subarray(0, RECORD_BATCH_OVERHEAD_BYTES));
    this.bytes.set(records, RECORD_BATCH_OVERHEAD_BYTES);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, RECORD_BATCH_OVERHEAD_BYTES);
    view.setInt32(BatchOffset.batchLength, byteLength - LENGTH_PREFIX_BYTES);
    view.setInt16(BatchOffset.attributes, view.getInt16(BatchOffset.attributes) | COMPRESSION_IDS[codec]);
    this.#body = { bytes: records.length, crc: crc32c(this.bytes, RECORD_BATCH_OVERHEAD_BYTES) };
  }

  /** Bytes on the wire, the header included. */
  get byteLength(): number {
    return this.bytes.length;
  }

  /**
   * Writes the producer's numbers and the CRC; may be called again for others.
   *
   * @param producerId Id from InitProducerId, -1n for none.
   * @param producerEpoch Epoch of that id, -1 for none.
   * @param baseSequence Sequence number of the first record, -1 for none.
   */
  number(producerId: bigint, producerEpoch: number, baseSequence: number): void {
    writeNumbers(this.buffer, { producerId, producerEpoch, baseSequence }, this.#body);
  }
}
