/**
 * Records out of a JSON array: one for each element, with the bytes it came in.
 *
 * Hot path: the bench is `bench/gateway_body_bench.ts`.
 *
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError, type DecoderLimits, StagedDecoder } from "./body_decoder.ts";
import { Carry } from "./carry.ts";
import { isJsonSpace, JsonScanner, MAX_JSON_DEPTH } from "./json_scanner.ts";

/** What becomes of the bytes of an element. */
export type ElementReader = (element: Uint8Array, place: number) => ProducerRecord;

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
/** A byte order mark in UTF-8; one in front of the array is passed over. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

// What is expected.
const ARRAY = 0;
const ELEMENT_OR_END = 1;
const ELEMENT = 2;
const WITHIN_ELEMENT = 3;
const COMMA_OR_END = 4;
const NOTHING_MORE = 5;

/** A record an element. Elements are checked to be JSON and not read: see {@linkcode JsonScanner}. */
export class JsonArrayDecoder extends StagedDecoder {
  readonly #read: ElementReader;
  /** The array itself is the first level. */
  readonly #scanner = new JsonScanner(MAX_JSON_DEPTH - 1);
  #state = ARRAY;
  #position = 0;
  #elementCount = 0;
  /** The beginning of the element that has not ended. */
  readonly #carry = new Carry();

  /**
   * Makes a decoder at the beginning of a body.
   *
   * @param limits What is allowed.
   * @param read Makes a record of an element; by default its bytes are the value.
   * @throws {RangeError} When a limit is not a number of at least 1.
   */
  constructor(limits: DecoderLimits = {}, read: ElementReader = (value) => ({ value })) {
    super(limits);
    this.#read = read;
  }

  /** Parses whole elements. */
  protected override parse(chunk: Uint8Array, records: ProducerRecord[]): void {
    this.#scanner.base = this.#position;
    let index = 0;
    while (index < chunk.length) {
      if (this.#state === WITHIN_ELEMENT) {
        index = this.#element(chunk, index, records);
      } else {
        this.#between(chunk, index);
        // The byte that begins an element belongs to it.
        if (this.#state !== WITHIN_ELEMENT) index++;
      }
    }
    this.#position += chunk.length;
  }

  /** Makes sure that the array has ended. */
  protected override finish(): void {
    if (this.#state !== NOTHING_MORE) throw this.#scanner.endsEarly(this.#position);
  }

  /** Goes on with an element; returns where what follows it begins. */
  #element(chunk: Uint8Array, from: number, records: ProducerRecord[]): number {
    // One byte more than there is room for, and no further: what is found wrong must not depend on where chunks end.
    const windowEnd = Math.min(from + this.maxRecordBytes - this.#carry.length + 1, chunk.length);
    const end = this.#scanner.scan(windowEnd === chunk.length ? chunk : chunk.subarray(0, windowEnd), from);
    const part = chunk.subarray(from, end === -1 ? windowEnd : end);
    if (this.#carry.length + part.length > this.maxRecordBytes) throw this.#tooLarge();
    if (end === -1) {
      this.#carry.keep(part);
      return chunk.length;
    }
    this.#state = COMMA_OR_END;
    records.push(this.#read(this.#carry.finish(part), this.#elementCount));
    return end;
  }

  /** Takes a byte between elements. */
  #between(chunk: Uint8Array, index: number): void {
    const byte = chunk[index]!;
    if (isJsonSpace(byte)) return;
    const state = this.#state;
    if (state === ARRAY) {
      const position = this.#position + index;
      if (position < 3 && byte === BYTE_ORDER_MARK[position]) return;
      if (byte !== OPEN_BRACKET) throw this.#notAnArray(position);
      this.#state = ELEMENT_OR_END;
    } else if (byte === CLOSE_BRACKET && (state === ELEMENT_OR_END || state === COMMA_OR_END)) {
      this.#state = NOTHING_MORE;
    } else if (state === COMMA_OR_END && byte === COMMA) {
      this.#state = ELEMENT;
    } else if (state === ELEMENT_OR_END || state === ELEMENT) {
      this.#state = WITHIN_ELEMENT;
      this.#scanner.place = ++this.#elementCount;
      this.#scanner.begin();
    } else throw this.#scanner.unexpected(index);
  }

  #notAnArray(position: number): BodyError {
    return new BodyError(
      "MALFORMED_BODY",
      `Cannot read the body: it must be a JSON array, from position ${position} on`,
    );
  }

  #tooLarge(): BodyError {
    return new BodyError(
      "RECORD_TOO_LARGE",
      `Cannot take element ${this.#elementCount}: it is longer than "maxRecordBytes" ${this.maxRecordBytes}`,
      { line: this.#elementCount },
    );
  }
}
