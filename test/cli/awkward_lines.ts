/**
 * Lines that tempt a program to change them: of every size, with bytes that are no UTF-8, `\r`, byte order marks, nothing.
 *
 * @module
 */

/** A xorshift generator: the same lines on every run. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to just below 1. */
  fraction(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) / 2 ** 32;
  }
}

const POOL_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** Any byte but `\n`, in no order. */
function makePool(random: Random): Uint8Array {
  const pool = new Uint8Array(POOL_BYTES);
  for (let i = 0; i < pool.length; i++) {
    const byte = Math.floor(random.fraction() * 256);
    pool[i] = byte === NEWLINE ? 0x0d : byte;
  }
  return pool;
}

/** Which lines to make. */
export interface AwkwardLinesOptions {
  /** Most bytes of a line. */
  maxBytes: number;
  /** Most bytes of all but every 25th line, by default the same: log-uniform sizes alone make a very large file. */
  usualMaxBytes?: number;
  /** Other lines for every other number. */
  seed: number;
}

const LARGE_EVERY = 25;

/**
 * Makes lines, without their ends. Sizes are log-uniform: as many lines from 1 to 10 bytes as from 1,000 to 10,000.
 *
 * @param count How many.
 * @param options Which.
 */
export function* awkwardLines(
  count: number,
  { maxBytes, usualMaxBytes = maxBytes, seed }: AwkwardLinesOptions,
): Generator<Uint8Array<ArrayBuffer>> {
  const random = new Random(seed);
  const pool = makePool(random);
  for (let i = 0; i < count; i++) {
    const bound = i % LARGE_EVERY === 0 ? maxBytes : usualMaxBytes;
    const length = Math.floor((bound + 1) ** random.fraction()) - 1;
    const begin = Math.floor(random.fraction() * (POOL_BYTES - length));
    const line = pool.slice(begin, begin + length);
    if (i % 7 === 0) line.set([0xef, 0xbb, 0xbf].slice(0, length)); // a byte order mark
    if (i % 3 === 0 && length > 0) line[length - 1] = 0x0d; // "\r\n"
    if (i % 11 === 0) line.fill(0x20); // blanks at both ends
    yield line;
  }
}

/**
 * Lines as the chunks of a file, the last without an end.
 *
 * @param lines The lines.
 * @param chunkBytes Least size of a chunk but the last.
 */
export function* fileOf(lines: Iterable<Uint8Array>, chunkBytes: number): Generator<Uint8Array<ArrayBuffer>> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let isFirst = true;
  for (const line of lines) {
    if (!isFirst) parts.push(Uint8Array.of(NEWLINE));
    bytes += line.length + (isFirst ? 0 : 1);
    parts.push(line);
    isFirst = false;
    if (bytes < chunkBytes) continue;
    yield concatenate(parts, bytes);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield concatenate(parts, bytes);
}

function concatenate(parts: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A value read back, and where from. */
export interface ReadValue {
  /** Its partition. */
  partition: number | null;
  /** Its bytes, null for none. */
  value: Uint8Array | null;
}

/**
 * Compares what was read back with the lines that were sent. Takes values in runs, and keeps a digest of each line only.
 */
export class LineAudit {
  /** By content: how often it was sent and not read back yet, and the number of the line if there is one such line. */
  readonly #expected = new Map<string, { left: number; index: number; isUnique: boolean }>();
  readonly #lastIndexes = new Map<number | null, number>();
  /** What is wrong, as far as the values given tell. */
  readonly found: { records: number; foreign: number; doubled: number; outOfOrder: number } = {
    records: 0,
    foreign: 0,
    doubled: 0,
    outOfOrder: 0,
  };

  /** @param lines The lines that were sent, in order. */
  constructor(lines: Iterable<Uint8Array>) {
    let index = 0;
    for (const line of lines) {
      const digest = digestOf(line);
      const known = this.#expected.get(digest);
      if (known === undefined) this.#expected.set(digest, { left: 1, index, isUnique: true });
      else {
        known.left++;
        known.isUnique = false;
      }
      index++;
    }
  }

  /** Takes in values; those of one partition in the order of its log. */
  take(values: Iterable<ReadValue>): void {
    for (const { partition, value } of values) {
      this.found.records++;
      const known = value === null ? undefined : this.#expected.get(digestOf(value));
      if (known === undefined) this.found.foreign++;
      else if (known.left === 0) this.found.doubled++;
      else {
        known.left--;
        if (!known.isUnique) continue; // Equal lines cannot be told apart.
        if (known.index < (this.#lastIndexes.get(partition) ?? -1)) this.found.outOfOrder++;
        this.#lastIndexes.set(partition, known.index);
      }
    }
  }

  /** Lines that were not read back. */
  get missing(): number {
    return [...this.#expected.values()].reduce((sum, { left }) => sum + left, 0);
  }
}

/** The line itself where it is short, else its length and 53 bits of a hash of every byte (cyrb53). */
function digestOf(line: Uint8Array): string {
  if (line.length <= 16) return line.toHex();
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < line.length; i++) {
    high = Math.imul(high ^ line[i]!, 2_654_435_761);
    low = Math.imul(low ^ line[i]!, 1_597_334_677);
  }
  return `${line.length}:${high >>> 0}:${low >>> 0}`;
}
