/**
 * Records out of CSV as RFC 4180 has it: one for each row, quoted fields across lines included.
 *
 * Hot path: the bench is `bench/gateway_body_bench.ts`.
 *
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError, type DecoderLimits, StagedDecoder } from "./body_decoder.ts";
import { Carry } from "./carry.ts";

/** How rows become records. */
export interface CsvDecoderOptions extends DecoderLimits {
  /**
   * Whether the first row holds the names of the fields. Then a row is sent as a JSON object of texts, else as the bytes it
   * came in.
   *
   * @default {false}
   */
  hasHeader?: boolean;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** In UTF-8. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const NOTHING = new Uint8Array(0);

// Where in a row the next byte is.
const FIELD_BEGIN = 0;
const PLAIN = 1;
const QUOTED = 2;
/** Behind a quote in a quoted field: its end, or the first of two that stand for one. */
const QUOTE_IN_QUOTED = 3;
/** Behind a `\r`, which is the first half of a row's end. */
const RETURN = 4;

const utf8 = new TextDecoder("utf-8", { fatal: true }); // It takes a byte order mark in front away.
const encoder = new TextEncoder();

/** A record a row. A row ends at `\n` or `\r\n`; the last needs no end. Empty rows are passed over. */
export class CsvDecoder extends StagedDecoder {
  readonly #hasHeader: boolean;
  readonly #carry = new Carry();
  #state = FIELD_BEGIN;
  /** How much of a byte order mark has been passed at the beginning; 3 when there is no more to look for. */
  #markBytes = 0;
  /** Line that the next byte is on, and the one that the row began on. */
  #line = 1;
  #rowLine = 1;
  #lines: number[] = [];
  /** Names of the fields, as they stand in front of a value: `"name":`. */
  #names: string[] | null = null;

  /**
   * Makes a decoder at the beginning of line 1.
   *
   * @param options What is allowed, and whether there is a row of names.
   * @throws {RangeError} When a limit is not a number of at least 1.
   */
  constructor(options: CsvDecoderOptions = {}) {
    super(options);
    this.#hasHeader = options.hasHeader ?? false;
  }

  /** The lines on which the records last returned begin. */
  override get lines(): readonly number[] {
    return this.#lines;
  }

  /** Parses whole rows. */
  protected override parse(chunk: Uint8Array, records: ProducerRecord[]): void {
    this.#lines = [];
    let begin = 0;
    // Here a row is too long, whether it ends or not: what is found wrong must not depend on where chunks end.
    let limit = this.maxRecordBytes + 2 - this.#carry.length;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index]!;
      if (this.#markBytes < 3) {
        this.#markBytes = byte === BYTE_ORDER_MARK[this.#markBytes] ? this.#markBytes + 1 : 3;
        if (this.#markBytes < 3 || byte === BYTE_ORDER_MARK[2]) continue; // It is no part of the first field.
      }
      if (byte === NEWLINE) this.#line++;
      if (this.#step(byte)) {
        this.#row(this.#carry.finish(chunk.subarray(begin, index + 1)), records);
        begin = index + 1;
        limit = begin + this.maxRecordBytes + 2;
      } else if (index >= limit) throw this.#tooLong();
    }
    if (begin < chunk.length) this.#carry.keep(chunk.subarray(begin));
  }

  /** Parses the row that has no end. */
  protected override finish(records: ProducerRecord[]): void {
    this.#lines = [];
    if (this.#state === QUOTED) throw this.#malformed("a quoted field has no end");
    const row = this.#carry.finish(NOTHING);
    if (row.length > 0) this.#row(row, records);
  }

  /** Takes a byte; true when it ends the row. */
  #step(byte: number): boolean {
    const state = this.#state;
    if (state === QUOTED) {
      if (byte === QUOTE) this.#state = QUOTE_IN_QUOTED;
      return false;
    }
    if (byte === NEWLINE) {
      this.#state = FIELD_BEGIN;
      return true;
    }
    if (state === RETURN) throw this.#malformed("a carriage return stands in a field without quotes");
    if (byte === COMMA) this.#state = FIELD_BEGIN;
    else if (byte === CARRIAGE_RETURN) this.#state = RETURN;
    else if (byte === QUOTE) this.#quote(state);
    else if (state === QUOTE_IN_QUOTED) throw this.#malformed("something follows the quote that ends a field");
    else this.#state = PLAIN;
    return false;
  }

  #quote(state: number): void {
    if (state === PLAIN) throw this.#malformed("a quote stands in a field without quotes");
    this.#state = QUOTED; // The first of a field, or the second of two.
  }

  #row(bytes: Uint8Array, records: ProducerRecord[]): void {
    const rowLine = this.#rowLine;
    const row = withoutEnd(bytes);
    if (row.length > this.maxRecordBytes) throw this.#tooLong();
    if (row.length > 0) {
      if (!this.#hasHeader) records.push({ value: row });
      else if (this.#names === null) this.#names = this.#readNames(row);
      else records.push({ value: this.#asObject(this.#names, row) });
      if (records.length > this.#lines.length) this.#lines.push(rowLine);
    }
    this.#rowLine = this.#line;
  }

  #readNames(row: Uint8Array): string[] {
    const names = this.#fields(row);
    if (new Set(names).size < names.length) throw this.#malformed("two fields have the same name");
    return names.map((name) => `${JSON.stringify(name)}:`);
  }

  #asObject(names: readonly string[], row: Uint8Array): Uint8Array {
    const fields = this.#fields(row);
    if (fields.length !== names.length) {
      throw this.#malformed(`it has ${fields.length} fields, and there are ${names.length} names`);
    }
    let text = "{";
    for (let index = 0; index < fields.length; index++) {
      text += (index === 0 ? "" : ",") + names[index] + JSON.stringify(fields[index]);
    }
    const value = encoder.encode(text + "}");
    if (value.length > this.maxRecordBytes) throw this.#tooLong("as JSON ");
    return value;
  }

  /** The fields of a row whose grammar is known to be right. */
  #fields(row: Uint8Array): string[] {
    let text: string;
    try {
      text = utf8.decode(row);
    } catch (cause) {
      throw this.#malformed("it is not UTF-8", cause);
    }
    const fields: string[] = [];
    let begin = 0;
    for (;;) {
      let end: number;
      if (text[begin] === '"') {
        end = begin + 1;
        for (end = text.indexOf('"', end); text[end + 1] === '"'; end = text.indexOf('"', end + 2));
        fields.push(text.slice(begin + 1, end).replaceAll('""', '"'));
        end++;
      } else {
        end = text.indexOf(",", begin);
        if (end === -1) end = text.length;
        fields.push(text.slice(begin, end));
      }
      if (end >= text.length) return fields;
      begin = end + 1;
    }
  }

  #malformed(reason: string, cause?: unknown): BodyError {
    const line = this.#rowLine;
    return new BodyError("MALFORMED_BODY", `Cannot read the row on line ${line}: ${reason}`, { line, cause });
  }

  #tooLong(as = ""): BodyError {
    const line = this.#rowLine;
    const reason = `${as}it is longer than "maxRecordBytes" ${this.maxRecordBytes}`;
    return new BodyError("RECORD_TOO_LARGE", `Cannot take the row on line ${line}: ${reason}`, { line });
  }
}

function withoutEnd(row: Uint8Array): Uint8Array {
  let end = row.length;
  if (row[end - 1] === NEWLINE) end--;
  // A `\r` at the end belongs to the row's end: inside of a field it stands between quotes.
  if (row[end - 1] === CARRIAGE_RETURN) end--;
  return row.subarray(0, end);
}
