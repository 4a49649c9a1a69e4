/**
 * When a client that was turned away should come back: when the buffer will have drained at the present rate.
 *
 * @module
 */

/** What an estimate depends on. */
export interface RetryAfterOptions {
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
  /** Bytes in the buffer now. */
  bufferedBytes: () => number;
  /** Bytes in the buffer below which requests are welcome. */
  lowWaterBytes: number;
  /** A number from 0 to below 1, so that clients that were turned away together do not return together. */
  random?: () => number;
}

/** How far back the rate is measured. */
export const RATE_WINDOW_MS = 5_000;
/** The longest wait that is asked for, before jitter. */
export const MAX_RETRY_AFTER_SECONDS = 30;

const SLOT_MS = 250;
const SLOT_COUNT = RATE_WINDOW_MS / SLOT_MS;

/** Counts what drains, and tells from it when to try again. */
export class RetryAfter {
  readonly #options: Required<RetryAfterOptions>;
  /** Bytes drained in each quarter of a second of the window, by its number modulo the count of slots. */
  readonly #slots = new Float64Array(SLOT_COUNT);
  #firstSlot: number;
  #lastSlot: number;

  /** @param options What the estimate depends on. */
  constructor(options: RetryAfterOptions) {
    this.#options = { random: Math.random, ...options };
    this.#firstSlot = this.#lastSlot = this.#slotNow();
  }

  /**
   * Notes bytes that left the buffer.
   *
   * @param bytes How many.
   */
  drained(bytes: number): void {
    this.#advance();
    this.#slots[this.#lastSlot % SLOT_COUNT]! += bytes;
  }

  /** Bytes a second that left the buffer, over the last 5 s or as long as there has been an answer; 0 is unknown. */
  get drainBytesPerSecond(): number {
    this.#advance();
    let bytes = 0;
    for (const slot of this.#slots) bytes += slot;
    const slots = Math.min(this.#lastSlot - this.#firstSlot + 1, SLOT_COUNT);
    return bytes / (slots * SLOT_MS / 1_000);
  }

  /**
   * When to try again.
   *
   * @returns Whole seconds, at least 1 and at most 31: the time until the buffer is at its low-water mark, at most 30,
   * and up to one more by chance. While nothing drains the rate is unknown: 1 or 2.
   */
  seconds(): number {
    const { bufferedBytes, lowWaterBytes, random } = this.#options;
    const rate = this.drainBytesPerSecond;
    const aboveBytes = Math.max(bufferedBytes() - lowWaterBytes, 0);
    const wait = rate === 0 ? 1 : Math.min(Math.max(Math.ceil(aboveBytes / rate), 1), MAX_RETRY_AFTER_SECONDS);
    return wait + Math.round(random());
  }

  #slotNow(): number {
    return Math.floor(this.#options.now() / SLOT_MS);
  }

  /** Forgets what is older than the window. */
  #advance(): void {
    const slot = this.#slotNow();
    if (slot - this.#lastSlot >= SLOT_COUNT) this.#slots.fill(0);
    else for (let passed = this.#lastSlot + 1; passed <= slot; passed++) this.#slots[passed % SLOT_COUNT] = 0;
    this.#lastSlot = Math.max(slot, this.#lastSlot);
  }
}
