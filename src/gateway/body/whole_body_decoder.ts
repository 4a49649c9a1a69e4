/**
 * Records out of a body that has to be there as a whole before it can be read.
 *
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError, type DecoderLimits, StagedDecoder } from "./body_decoder.ts";
import { Carry } from "./carry.ts";

/** Makes records of a whole body. */
export type BodyReader = (body: Uint8Array) => ProducerRecord[];

/** How large the body may be, and the records. */
export interface WholeBodyLimits extends DecoderLimits {
  /**
   * Most bytes of the body.
   *
   * @default {maxRecordBytes}
   */
  maxBodyBytes?: number | undefined;
}

/** Keeps a body until it has ended, then reads it. */
export class WholeBodyDecoder extends StagedDecoder {
  readonly #read: BodyReader;
  readonly #maxBodyBytes: number;
  readonly #carry = new Carry();

  /**
   * Makes a decoder at the beginning of a body.
   *
   * @param read Makes the records.
   * @param limits What is allowed.
   * @throws {RangeError} When a limit is not a number of at least 1.
   */
  constructor(read: BodyReader, limits: WholeBodyLimits = {}) {
    super(limits);
    this.#read = read;
    this.#maxBodyBytes = limits.maxBodyBytes ?? this.maxRecordBytes;
  }

  /** Keeps the next bytes. */
  protected override parse(chunk: Uint8Array): void {
    if (this.#carry.length + chunk.length > this.#maxBodyBytes) {
      throw new BodyError("BODY_TOO_LARGE", `Cannot take the body: it is larger than ${this.#maxBodyBytes} bytes`);
    }
    this.#carry.keep(chunk);
  }

  /** Reads all of it. */
  protected override finish(records: ProducerRecord[]): void {
    for (const record of this.#read(this.#carry.finish(new Uint8Array(0)))) {
      if (sizeOf(record) > this.maxRecordBytes) {
        const line = records.length + 1;
        const reason = `it has ${sizeOf(record)} bytes, more than "maxRecordBytes" ${this.maxRecordBytes}`;
        throw new BodyError("RECORD_TOO_LARGE", `Cannot take record ${line}: ${reason}`, { line });
      }
      records.push(record);
    }
  }
}

/** Bytes of a record's key and value; texts that decoders make are short. */
function sizeOf({ key, value }: ProducerRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}
