/**
 * Strings of one call, encoded many at a time.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Most code units encoded at once: what stays in the processor's nearest cache. */
const RUN_UNITS = 16 * 1024;
/** Longer strings are worth a call of the encoder each. */
const LONGEST_UNITS = 512;
/** Fewer strings are not worth joining. */
const LEAST_COUNT = 4;
/** Strings encoded one by one after a run that was not all ASCII: the next ones are likely not to be, either. */
const PAUSE_COUNT = 1_000;

/**
 * Encodes runs of short ASCII strings with one call of the platform's encoder, which costs four times as much for each
 * alone: of ASCII, every string's bytes lie where its code units lay. Whether it was ASCII shows in the length.
 */
export class TextRun {
  readonly #bytes = new Uint8Array(RUN_UNITS);
  #inputs: readonly unknown[] | null = null;
  /** Index of the string that begins at `#at`. */
  #next = 0;
  #end = 0;
  #at = 0;
  #pausedUntil = 0;

  /** Forgets what was encoded ahead: the array may be another's by now, or hold other strings. */
  reset(): void {
    this.#inputs = null;
  }

  /** The bytes of the string `inputs[index]`, valid until the next call; null when it must be encoded alone. */
  take(inputs: readonly unknown[], index: number): Uint8Array | null {
    if (inputs !== this.#inputs) {
      this.#inputs = inputs;
      this.#pausedUntil = 0;
      this.#end = -1;
    }
    if (index !== this.#next || index >= this.#end) {
      if (index < this.#pausedUntil || !this.#encode(inputs, index)) return null;
    }
    const { length } = inputs[index] as string;
    const start = this.#at;
    this.#at += length;
    this.#next = index + 1;
    return this.#bytes.subarray(start, this.#at);
  }

  /** Encodes the run that begins at `first`; false when there is none, or it is not ASCII. */
  #encode(inputs: readonly unknown[], first: number): boolean {
    let units = 0;
    let end = first;
    for (; end < inputs.length; end++) {
      const input = inputs[end];
      if (typeof input !== "string" || input.length > LONGEST_UNITS || units + input.length > RUN_UNITS) break;
      units += input.length;
    }
    this.#pausedUntil = end;
    if (end - first < LEAST_COUNT) return false;
    const { read, written } = encoder.encodeInto(inputs.slice(first, end).join(""), this.#bytes);
    if (written !== units || read !== units) {
      this.#pausedUntil = end + PAUSE_COUNT;
      return false;
    }
    this.#next = first;
    this.#end = end;
    this.#at = 0;
    return true;
  }
}
