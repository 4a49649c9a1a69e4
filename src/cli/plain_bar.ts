/**
 * The progress of a run where cli-progress cannot be had: the package is not in the cache and there is no network.
 *
 * @module
 */

/** What a frame shows. */
export interface PlainFrame {
  /** From 0 to 1. */
  progress: number;
  /** Seconds left; text where nobody knows. */
  eta: number | string;
}

/** How a {@linkcode PlainBar} is drawn; what else cli-progress would be told is of no use here. */
export interface PlainBarOptions {
  /** Lays out a frame. */
  readonly format: (options: unknown, frame: PlainFrame) => string;
  /** The terminal. */
  readonly stream: { write(text: string): boolean };
}

/** Stands in for the `SingleBar` of cli-progress. It is drawn when it is told to, so that while nothing goes on it stands still. */
export class PlainBar {
  readonly #options: PlainBarOptions;
  #total = 0;

  /** @param options How it is drawn. */
  constructor(options: object) {
    this.#options = options as PlainBarOptions;
  }

  /**
   * Draws it for the first time.
   *
   * @param total What `value` will be at the end, 0 where nobody knows.
   * @param value What it is now.
   */
  start(total: number, value: number): void {
    this.#total = total;
    this.update(value);
  }

  /**
   * Draws it anew.
   *
   * @param value How far the run is.
   */
  update(value: number): void {
    const progress = this.#total === 0 ? 0 : Math.min(value / this.#total, 1);
    this.#options.stream.write(`\r${this.#options.format(this.#options, { progress, eta: "" })}\x1b[K`);
  }

  /** Takes it off the terminal. */
  stop(): void {
    this.#options.stream.write("\r\x1b[K");
  }
}
