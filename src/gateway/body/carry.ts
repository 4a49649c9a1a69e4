/**
 * The beginning of a record whose end has not come yet.
 *
 * @module
 */

const INITIAL_BYTES = 512;
const NOTHING = new Uint8Array(0);

/** See the module comment. */
export class Carry {
  #bytes: Uint8Array = NOTHING;
  #length = 0;

  /** Bytes kept. */
  get length(): number {
    return this.#length;
  }

  /**
   * Keeps bytes behind those kept already.
   *
   * @param part They are copied.
   */
  keep(part: Uint8Array): void {
    const needed = this.#length + part.length;
    if (needed > this.#bytes.length) {
      // Doubling, so that a record that comes byte by byte is copied a few times and not once a byte.
      const grown = new Uint8Array(Math.max(INITIAL_BYTES, needed, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#length);
    this.#length = needed;
  }

  /**
   * The record, with its last part.
   *
   * @param part Itself the record, when nothing is kept.
   * @returns Its memory goes with it: the carry is empty.
   */
  finish(part: Uint8Array): Uint8Array {
    if (this.#length === 0) return part;
    this.keep(part);
    const whole = this.#bytes.subarray(0, this.#length);
    this.#bytes = NOTHING;
    this.#length = 0;
    return whole;
  }
}
