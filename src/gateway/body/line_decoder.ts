/**
 * Records out of lines: NDJSON, JSON Lines, plain text. Nothing is parsed: a line's bytes are the value.
 *
 * Hot path: the bench is `bench/gateway_body_bench.ts`.
 *
 * @module
 */

import { LineSplitter } from "../../lines.ts";
import type { ProducerRecord } from "../../record.ts";
import { BodyError, type DecoderLimits, StagedDecoder } from "./body_decoder.ts";

/** How lines become records. */
export interface LineDecoderOptions extends DecoderLimits {
  /**
   * Whether lines of white space alone are passed over, as NDJSON allows, instead of being records.
   *
   * @default {false}
   */
  skipBlank?: boolean;
}

const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * A record a line. A line ends at `\n` or `\r\n`; nothing else is touched, neither a byte order mark nor bytes that are
 * no UTF-8. The last line needs no end.
 */
export class LineDecoder extends StagedDecoder {
  readonly #splitter: LineSplitter;
  readonly #skipsBlank: boolean;
  #lineCount = 0;
  /** Whether some line so far was no record: from then on places have to be told. */
  #hasGaps = false;
  #lines: number[] = [];

  /**
   * Makes a decoder at the beginning of line 1.
   *
   * @param options What is allowed, and what blank lines are.
   * @throws {RangeError} When a limit is not a number of at least 1.
   */
  constructor(options: LineDecoderOptions = {}) {
    super(options);
    this.#skipsBlank = options.skipBlank ?? false;
    // One byte more, for a `\r` that turns out to belong to the line's end.
    this.#splitter = new LineSplitter({ maxLineBytes: Math.min(this.maxRecordBytes + 1, Number.MAX_SAFE_INTEGER) });
  }

  /** Lines of the records last returned, null while no line has been passed over. */
  override get lines(): readonly number[] | null {
    return this.#hasGaps ? this.#lines : null;
  }

  /** Parses whole lines. */
  protected override parse(chunk: Uint8Array, records: ProducerRecord[]): void {
    this.#lines = [];
    const lines = this.#splitter.push(chunk);
    for (let index = 0; index < lines.length; index++) this.#take(lines[index]!, records);
    if (this.#splitter.failure !== null) throw this.#tooLong(this.#splitter.failure);
  }

  /** Parses the line that has no end. */
  protected override finish(records: ProducerRecord[]): void {
    this.#lines = [];
    const line = this.#splitter.end();
    if (line !== null) this.#take(line, records);
  }

  #take(line: Uint8Array, records: ProducerRecord[]): void {
    const lineNumber = ++this.#lineCount;
    const last = line.length - 1;
    const value = last >= 0 && line[last] === CARRIAGE_RETURN ? line.subarray(0, last) : line;
    if (value.length > this.maxRecordBytes) throw this.#tooLong();
    if (this.#skipsBlank && isBlank(value)) {
      if (!this.#hasGaps) this.#numberFrom(lineNumber, records.length);
      return;
    }
    if (this.#hasGaps) this.#lines.push(lineNumber);
    records.push({ value });
  }

  /** The first gap: the `count` records in front of it are numbered now, those of earlier calls stood at their places. */
  #numberFrom(lineNumber: number, count: number): void {
    this.#hasGaps = true;
    for (let line = lineNumber - count; line < lineNumber; line++) this.#lines.push(line);
  }

  #tooLong(cause?: RangeError): BodyError {
    const line = cause === undefined ? this.#lineCount : this.#lineCount + 1;
    return new BodyError(
      "RECORD_TOO_LARGE",
      `Cannot take line ${line}: it is longer than "maxRecordBytes" ${this.maxRecordBytes}`,
      { line, cause },
    );
  }
}

/** Whether there is nothing in `line` but what JSON counts as white space. */
function isBlank(line: Uint8Array): boolean {
  for (let index = 0; index < line.length; index++) {
    const byte = line[index]!;
    if (byte > SPACE || (byte !== SPACE && byte !== 0x09 && byte !== CARRIAGE_RETURN)) return false;
  }
  return true;
}
