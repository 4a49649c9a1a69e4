/**
 * Records out of frames: four bytes of length, the highest first, then so many bytes of value.
 *
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError, type DecoderLimits, StagedDecoder } from "./body_decoder.ts";
import { Carry } from "./carry.ts";

const LENGTH_BYTES = 4;

/** A record a frame; a frame of length 0 is an empty value. */
export class FrameDecoder extends StagedDecoder {
  /** Of the length the bytes that have come. */
  readonly #head = new Uint8Array(LENGTH_BYTES);
  #headBytes = 0;
  /** Bytes that the value has still to get, 0 between frames. */
  #missingBytes = 0;
  readonly #carry = new Carry();
  #frameCount = 0;

  /**
   * Makes a decoder at the beginning of a body.
   *
   * @param limits What is allowed.
   * @throws {RangeError} When a limit is not a number of at least 1.
   */
  constructor(limits: DecoderLimits = {}) {
    super(limits);
  }

  /** Parses whole frames. */
  protected override parse(chunk: Uint8Array, records: ProducerRecord[]): void {
    let index = 0;
    while (index < chunk.length) {
      if (this.#missingBytes > 0) {
        index = this.#goOn(chunk, index, records);
        continue;
      }
      this.#head[this.#headBytes++] = chunk[index++]!;
      if (this.#headBytes === LENGTH_BYTES) index = this.#begin(chunk, index, records);
    }
  }

  /** Makes sure that no frame is cut off. */
  protected override finish(): void {
    if (this.#headBytes === 0) return;
    const line = this.#frameCount + (this.#missingBytes === 0 ? 1 : 0);
    throw new BodyError("MALFORMED_BODY", `Cannot read frame ${line}: the body ends within it`, { line });
  }

  /** Begins with a value; one that lies within the chunk is a view of it. */
  #begin(chunk: Uint8Array, index: number, records: ProducerRecord[]): number {
    const [a, b, c, d] = this.#head as unknown as [number, number, number, number];
    const length = a * 0x1_00_00_00 + (b << 16) + (c << 8) + d;
    const line = ++this.#frameCount;
    if (length > this.maxRecordBytes) {
      const reason = `it has ${length} bytes, more than "maxRecordBytes" ${this.maxRecordBytes}`;
      throw new BodyError("RECORD_TOO_LARGE", `Cannot take frame ${line}: ${reason}`, { line });
    }
    const end = index + length;
    if (end <= chunk.length) {
      this.#headBytes = 0;
      records.push({ value: chunk.subarray(index, end) });
      return end;
    }
    this.#missingBytes = length;
    return index;
  }

  /** Goes on with a value: what comes is kept, and never more memory than that taken; a length alone costs none. */
  #goOn(chunk: Uint8Array, index: number, records: ProducerRecord[]): number {
    const part = chunk.subarray(index, index + this.#missingBytes);
    this.#missingBytes -= part.length;
    if (this.#missingBytes === 0) {
      this.#headBytes = 0;
      records.push({ value: this.#carry.finish(part) });
    } else this.#carry.keep(part);
    return index + part.length;
  }
}
