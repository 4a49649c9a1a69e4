/**
 * Bytes split into lines: a `TransformStream` from chunks of bytes to arrays of lines, and the splitter inside of it.
 *
 * A line ends at `\n` and nowhere else: `\r`, a byte order mark and bytes that are no UTF-8 are left as they are. An
 * empty line is a line, and so is what follows the last `\n`, if anything does. Chunks may end anywhere.
 *
 * Hot path: the bench is `bench/lines_bench.ts`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 * import { LineStream } from "@ekaf/ekaf/lines";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap });
 * const body = new Response("one\n\nthree").body!;
 * await body.pipeThrough(new LineStream()).pipeTo(producer.writable("events"));
 * assertEquals(cluster.records("events").map((record) => record.text()), ["one", "", "three"]);
 * ```
 *
 * @module
 */

/** How lines are split. */
export interface LineOptions {
  /**
   * Most bytes of a line, its `\n` not counted: what is kept in memory of a line that has not ended yet.
   *
   * @default {1_048_576}
   */
  maxLineBytes?: number;
}

/** {@linkcode LineOptions.maxLineBytes} unless told otherwise. */
export const DEFAULT_MAX_LINE_BYTES = 1_048_576;

const NEWLINE = 0x0a;
/** Room for the beginning of a line that did not end with its chunk; it grows by doubling. */
const INITIAL_CARRY_BYTES = 512;
const NOTHING = new Uint8Array(0);

/**
 * Splits bytes into lines, chunk by chunk.
 *
 * **Ownership.** A line that lies within one chunk is a view of it, not a copy: the chunk must not be changed while its
 * lines are in use, and a line that is kept keeps the memory of its whole chunk (`line.slice()` does not). A line that
 * spans chunks has memory of its own. The splitter itself keeps no reference to a chunk.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  /** The beginning of the line that has not ended, in the first `#carriedBytes` bytes. */
  #carry: Uint8Array = NOTHING;
  #carriedBytes = 0;
  #lineCount = 0;
  #failure: RangeError | null = null;

  /**
   * Makes a splitter at the beginning of line 1.
   *
   * @param options How long a line may be.
   * @throws {RangeError} When `maxLineBytes` is not an integer of at least 1.
   */
  constructor({ maxLineBytes = DEFAULT_MAX_LINE_BYTES }: LineOptions = {}) {
    if (!Number.isSafeInteger(maxLineBytes) || maxLineBytes < 1) {
      throw new RangeError(`Cannot use "maxLineBytes" ${maxLineBytes}: it must be an integer of at least 1`);
    }
    this.#maxLineBytes = maxLineBytes;
  }

  /** Lines handed out so far. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** Bytes held of the line that has not ended. */
  get carriedBytes(): number {
    return this.#carriedBytes;
  }

  /**
   * Set once a line turned out to be longer than `maxLineBytes`; names its number and the limit. The lines before it
   * have been handed out; {@linkcode push} and {@linkcode end} throw it from then on.
   */
  get failure(): RangeError | null {
    return this.#failure;
  }

  /**
   * Takes the next chunk.
   *
   * @param chunk Its bytes; see the class on who owns them.
   * @returns The lines that end in it, in order, without their `\n`.
   * @throws {RangeError} When an earlier chunk had a line that is too long. For one in this chunk, the lines before it
   * are returned and {@linkcode failure} is set.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#failure !== null) throw this.#failure;
    const lines: Uint8Array[] = [];
    let begin = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, begin)) {
      if (this.#isTooLong(end - begin)) return lines;
      lines.push(this.#carriedBytes === 0 ? chunk.subarray(begin, end) : this.#finish(chunk.subarray(begin, end)));
      this.#lineCount++;
      begin = end + 1;
    }
    if (begin < chunk.length && !this.#isTooLong(chunk.length - begin)) this.#keep(chunk.subarray(begin));
    return lines;
  }

  /**
   * Ends the input.
   *
   * @returns The last line if it did not end with `\n`, else null.
   * @throws {RangeError} When a line was too long.
   */
  end(): Uint8Array | null {
    if (this.#failure !== null) throw this.#failure;
    if (this.#carriedBytes === 0) return null;
    this.#lineCount++;
    return this.#finish(NOTHING);
  }

  /** Whether the present line is too long with `bytes` more; then there is a failure and nothing is carried. */
  #isTooLong(bytes: number): boolean {
    if (this.#carriedBytes + bytes <= this.#maxLineBytes) return false;
    this.#failure = new RangeError(
      `Cannot split line ${this.#lineCount + 1}: it is longer than "maxLineBytes" ${this.#maxLineBytes}`,
    );
    this.#carry = NOTHING;
    this.#carriedBytes = 0;
    return true;
  }

  #keep(part: Uint8Array): void {
    const needed = this.#carriedBytes + part.length;
    if (needed > this.#carry.length) {
      // Doubling, so that a line that comes byte by byte is copied a few times and not once a byte.
      const grown = new Uint8Array(Math.max(INITIAL_CARRY_BYTES, needed, 2 * this.#carry.length));
      grown.set(this.#carry.subarray(0, this.#carriedBytes));
      this.#carry = grown;
    }
    this.#carry.set(part, this.#carriedBytes);
    this.#carriedBytes = needed;
  }

  /** What was carried and `rest`, as a line. Its memory goes with it. */
  #finish(rest: Uint8Array): Uint8Array {
    this.#keep(rest);
    const line = this.#carry.subarray(0, this.#carriedBytes);
    this.#carry = NOTHING;
    this.#carriedBytes = 0;
    return line;
  }
}

/**
 * Splits a stream of bytes into lines. A chunk of the readable holds the lines that ended in a chunk of the writable, at
 * least one; the last holds the last line if that did not end with `\n`. On who owns their memory see
 * {@linkcode LineSplitter}.
 *
 * A line longer than `maxLineBytes` errors the stream with a `RangeError` that names its number and the limit; the lines
 * before it come first.
 */
export class LineStream extends TransformStream<Uint8Array, Uint8Array[]> {
  /**
   * Makes a stream at the beginning of line 1.
   *
   * @param options How long a line may be.
   * @throws {RangeError} When `maxLineBytes` is not an integer of at least 1.
   */
  constructor(options: LineOptions = {}) {
    const splitter = new LineSplitter(options);
    super({
      transform(chunk, controller) {
        const lines = splitter.push(chunk);
        if (lines.length > 0) controller.enqueue(lines);
        // Erroring at once would throw away the lines just enqueued: with lines in front, the next chunk or the end does.
        else if (splitter.failure !== null) throw splitter.failure;
      },
      flush(controller) {
        const last = splitter.end();
        if (last !== null) controller.enqueue([last]);
      },
    });
  }
}
