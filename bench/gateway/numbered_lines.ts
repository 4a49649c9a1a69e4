/**
 * Lines of NDJSON that tell which they are, and the book that is kept of them when they are read back.
 *
 * @module
 */

/** Shortest line, its line break included. */
export const MIN_LINE_BYTES = 64;

const STREAM_DIGITS = 3;
const NUMBER_DIGITS = 10;
const HEAD = `{"s":"${"0".repeat(STREAM_DIGITS)}","n":"${"0".repeat(NUMBER_DIGITS)}","text":"`;
const STREAM_AT = HEAD.indexOf("0");
const NUMBER_AT = HEAD.indexOf('"n":"') + 5;
const TAIL = '"}\n';
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";
const ZERO = 0x30;
const encoder = new TextEncoder();

/** The lines of one stream, `lineBytes` each, all different: number 0, 1, 2 and so on. */
export class NumberedLines {
  readonly #template: Uint8Array;
  readonly #text: Uint8Array;
  readonly #textBytes: number;

  /**
   * @param stream Number of the stream, which all its lines bear.
   * @param lineBytes Length of a line, its line break included.
   */
  constructor(stream: number, readonly lineBytes: number) {
    if (!(lineBytes >= MIN_LINE_BYTES)) {
      throw new RangeError(`Cannot make lines of ${lineBytes} bytes: at least ${MIN_LINE_BYTES} are needed`);
    }
    this.#textBytes = lineBytes - HEAD.length - TAIL.length;
    this.#text = encoder.encode(ALPHABET.repeat(Math.ceil(this.#textBytes / ALPHABET.length) + 1));
    this.#template = encoder.encode(HEAD + " ".repeat(this.#textBytes) + TAIL);
    writeDigits(this.#template, { at: STREAM_AT, digits: STREAM_DIGITS, value: stream });
  }

  /** Lines `first` to `first + count - 1`, one after the other. */
  bytes(first: number, count: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count * this.lineBytes);
    for (let i = 0; i < count; i++) this.#write(bytes, i * this.lineBytes, first + i);
    return bytes;
  }

  /** Whether `value` is line `n` to the byte, without its line break. */
  isLine(value: Uint8Array, n: number): boolean {
    if (value.length !== this.lineBytes - 1) return false;
    const line = this.#own ??= new Uint8Array(this.lineBytes);
    this.#write(line, 0, n);
    for (let i = 0; i < value.length; i++) if (value[i] !== line[i]) return false;
    return true;
  }

  #own: Uint8Array | undefined;

  #write(bytes: Uint8Array, at: number, n: number): void {
    bytes.set(this.#template, at);
    writeDigits(bytes, { at: at + NUMBER_AT, digits: NUMBER_DIGITS, value: n });
    const from = n % ALPHABET.length;
    bytes.set(this.#text.subarray(from, from + this.#textBytes), at + HEAD.length);
  }
}

/** What was read back, beside what was sent. */
export interface LedgerReport {
  /** Records in the topic. */
  records: number;
  /** Lines that are not there. */
  missing: number;
  /** Records too many. */
  doubled: number;
  /** Records that are none of the lines to the byte. */
  damaged: number;
  /** Records that come after a later one of their stream in their partition. */
  disordered: number;
}

/** How often each line of each stream was read. */
export class LineLedger {
  readonly #streams: { lines: NumberedLines; counts: Uint8Array; lastByPartition: number[] }[];
  #records = 0;
  #damaged = 0;
  #disordered = 0;

  /**
   * @param lineCounts How many lines each stream has, by its number.
   * @param lineBytes Length of a line.
   */
  constructor(lineCounts: readonly number[], lineBytes: number) {
    this.#streams = lineCounts.map((count, stream) => ({
      lines: new NumberedLines(stream, lineBytes),
      counts: new Uint8Array(count),
      lastByPartition: [],
    }));
  }

  /** A record was read. */
  note({ partition, value }: { partition: number | null; value: Uint8Array | null }): void {
    this.#records++;
    const number = value === null ? NaN : readDigits(value, NUMBER_AT, NUMBER_DIGITS);
    const stream = value === null ? undefined : this.#streams[readDigits(value, STREAM_AT, STREAM_DIGITS)];
    if (stream === undefined || !(number < stream.counts.length) || !stream.lines.isLine(value!, number)) {
      this.#damaged++;
      return;
    }
    if (stream.counts[number]! < 255) stream.counts[number]!++;
    const index = partition ?? 0;
    if (number < (stream.lastByPartition[index] ?? 0)) this.#disordered++;
    stream.lastByPartition[index] = number;
  }

  /** What it comes to. */
  report(): LedgerReport {
    let missing = 0;
    let doubled = 0;
    for (const { counts } of this.#streams) {
      for (const count of counts) {
        if (count === 0) missing++;
        else doubled += count - 1;
      }
    }
    return { records: this.#records, missing, doubled, damaged: this.#damaged, disordered: this.#disordered };
  }
}

/** Whether each line is there once, whole and in its place. */
export function isWhole({ missing, doubled, damaged, disordered }: LedgerReport): boolean {
  return missing + doubled + damaged + disordered === 0;
}

function writeDigits(bytes: Uint8Array, { at, digits, value }: { at: number; digits: number; value: number }): void {
  for (let i = at + digits - 1; i >= at; i--) {
    bytes[i] = ZERO + value % 10;
    value = Math.floor(value / 10);
  }
}

function readDigits(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let i = at; i < at + digits; i++) value = value * 10 + bytes[i]! - ZERO;
  return value;
}
