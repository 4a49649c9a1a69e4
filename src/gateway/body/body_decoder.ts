/**
 * Records out of the bytes of a request's body, as they come: what every format has in common.
 *
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError } from "./body_error.ts";

export { BodyError, type BodyErrorContext } from "./body_error.ts";

/**
 * Records out of the bytes of a request's body. Chunks may end anywhere: the records are the same, and so is the error
 * after them.
 *
 * **Ownership.** Values may be views of the chunks: a chunk must not be changed while its records are in use, and a
 * record that is kept keeps the memory of its whole chunk.
 */
export interface BodyDecoder {
  /**
   * Takes the next bytes.
   *
   * @param chunk The bytes, any number of them.
   * @returns The records complete by now, in order; often none.
   * @throws {BodyError} When the bytes make no sense or exceed a limit. Records before the fault are handed out first:
   * the call returns them, and the next one throws.
   */
  push(chunk: Uint8Array): ProducerRecord[];
  /**
   * The body has ended.
   *
   * @returns What is left. To be called until it returns none: what it returned may have stood before a fault.
   * @throws {BodyError} As {@linkcode push}, and when the body ends too early.
   */
  end(): ProducerRecord[];
  /**
   * Where the records that the last call returned stand in the body, counted from 1: their lines, for formats made of
   * lines. Null when the k-th record of the body stands at place k, which most bodies' do.
   */
  readonly lines: readonly number[] | null;
}

/** Bounds that all formats share. */
export interface DecoderLimits {
  /**
   * Most bytes of a record: of its line, element or frame as it stands in the body.
   *
   * @default {1_000_000}
   */
  maxRecordBytes?: number | undefined;
  /**
   * Most records of a body.
   *
   * @default {Infinity}
   */
  maxRecords?: number | undefined;
}

/** {@linkcode DecoderLimits.maxRecordBytes} unless told otherwise. */
export const DEFAULT_MAX_RECORD_BYTES = 1_000_000;

/**
 * A decoder whose formats only parse: it hands out what stands before a fault, remembers the fault, and counts.
 */
export abstract class StagedDecoder implements BodyDecoder {
  /** Most bytes of a record. */
  protected readonly maxRecordBytes: number;
  readonly #maxRecords: number;
  #recordCount = 0;
  #failure: BodyError | null = null;
  #hasEnded = false;

  /**
   * Makes a decoder at the beginning of a body.
   *
   * @param limits What is allowed.
   * @throws {RangeError} When a limit is not a number of at least 1.
   */
  constructor({ maxRecordBytes = DEFAULT_MAX_RECORD_BYTES, maxRecords = Infinity }: DecoderLimits = {}) {
    for (const [name, value] of Object.entries({ maxRecordBytes, maxRecords })) {
      if (!(value >= 1)) throw new RangeError(`Cannot use "${name}" ${value}: it must be a number of at least 1`);
    }
    this.maxRecordBytes = maxRecordBytes;
    this.#maxRecords = maxRecords;
  }

  /** Where the records last returned stand; null here: formats whose records have other places override it. */
  get lines(): readonly number[] | null {
    return null;
  }

  /** Records handed out so far. */
  get recordCount(): number {
    return this.#recordCount;
  }

  /** Takes the next bytes; see {@linkcode BodyDecoder.push}. */
  push(chunk: Uint8Array): ProducerRecord[] {
    if (this.#hasEnded) throw new TypeError("Cannot push bytes: the body has ended");
    return this.#stage((records) => this.parse(chunk, records));
  }

  /** Ends the body; see {@linkcode BodyDecoder.end}. */
  end(): ProducerRecord[] {
    if (this.#hasEnded) {
      if (this.#failure !== null) throw this.#failure;
      return [];
    }
    this.#hasEnded = true;
    return this.#stage((records) => this.finish(records));
  }

  /**
   * Throws the fault that the last call left for the next one: for a decoder that has another one inside.
   *
   * @throws {BodyError} When there is one.
   */
  rethrow(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /**
   * Parses the next bytes.
   *
   * @param chunk The bytes.
   * @param records Where complete records go; those that went there before a fault count.
   * @throws {BodyError} When they make no sense; the decoder is then not used any more.
   */
  protected abstract parse(chunk: Uint8Array, records: ProducerRecord[]): void;

  /**
   * Parses what is left at the end.
   *
   * @param records Where complete records go.
   * @throws {BodyError} When the body may not end here.
   */
  protected abstract finish(records: ProducerRecord[]): void;

  #stage(parse: (records: ProducerRecord[]) => void): ProducerRecord[] {
    if (this.#failure !== null) throw this.#failure;
    const records: ProducerRecord[] = [];
    try {
      parse(records);
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      this.#failure = error;
    }
    const room = this.#maxRecords - this.#recordCount;
    if (records.length > room) {
      records.length = room;
      this.#failure = new BodyError(
        "TOO_MANY_RECORDS",
        `Cannot take more than "maxRecords" ${this.#maxRecords} records`,
        {
          line: this.#maxRecords + 1,
        },
      );
    }
    this.#recordCount += records.length;
    if (this.#failure !== null && records.length === 0) throw this.#failure;
    return records;
  }
}
