/**
 * A bound on the values of a label.
 *
 * @module
 */

/** The value that stands for all beyond the bound. */
export const OTHER = "other";

/** Lets the first values through and calls the rest `"other"`: each value costs memory here and in whatever scrapes. */
export class LabelLimit {
  readonly #max: number;
  readonly #known = new Set<string>();

  /** @param max Most values that are let through. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The value itself, or {@linkcode OTHER}. */
  limited(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#max) return OTHER;
    this.#known.add(value);
    return value;
  }
}
