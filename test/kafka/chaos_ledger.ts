/**
 * What became of each record of one caller, by number.
 *
 * @module
 */

import type { Delivery, DeliveryError, DeliveryFailure } from "@ekaf/ekaf";

/** Last word on a record. `pending` means that there was none. */
export type Fate = "pending" | "acknowledged" | "maybeDuplicate" | "notPersisted" | "possiblyPersisted";

const FATES: readonly Fate[] = ["pending", "acknowledged", "maybeDuplicate", "notPersisted", "possiblyPersisted"];
const UNKNOWN_OFFSET = 2 ** 32 - 1;
const INITIAL_COUNT = 1 << 16;

/** The outcomes of one caller. Four typed arrays and no object a record: there are tens of millions. */
export class Ledger {
  /** Records whose duplicates the broker recognised. */
  recognisedCount = 0;
  /** First failure of all, for the report. */
  firstError: DeliveryError | undefined;
  /** Outcomes that came a second time: must stay 0. */
  repeatedCount = 0;
  #count = 0;
  #fates = new Uint8Array(INITIAL_COUNT);
  #partitions = new Uint16Array(INITIAL_COUNT);
  #offsets = new Uint32Array(INITIAL_COUNT);

  /** Records that were given to the producer. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory that it takes. */
  get byteLength(): number {
    return this.#fates.byteLength + this.#partitions.byteLength + this.#offsets.byteLength;
  }

  /** Takes the next `count` numbers, and gives the first of them. */
  take(count: number): number {
    const first = this.#count;
    this.#count += count;
    if (this.#count > this.#fates.length) this.#grow();
    return first;
  }

  /** Notes the outcome of a record. */
  settle(number: number, outcome: Delivery | DeliveryFailure): void {
    if (outcome.error !== undefined) return this.fail(number, outcome.error);
    if (outcome.duplicate) this.recognisedCount++;
    this.#note(number, outcome.maybeDuplicate ? "maybeDuplicate" : "acknowledged");
    this.#partitions[number] = outcome.partition;
    this.#offsets[number] = outcome.offset === null ? UNKNOWN_OFFSET : Number(outcome.offset);
  }

  /** Notes that a record failed. */
  fail(number: number, error: DeliveryError): void {
    this.firstError ??= error;
    this.#note(number, error.verdict);
  }

  fateOf(number: number): Fate {
    return FATES[this.#fates[number]!]!;
  }

  /** Whether a record read at this place contradicts where its delivery said it is. */
  isElsewhere(number: number, at: { partition: number; offset: bigint }): boolean {
    if (this.#partitions[number] !== at.partition) return true;
    const offset = this.#offsets[number]!;
    return offset !== UNKNOWN_OFFSET && offset !== Number(at.offset);
  }

  /** How many records met each fate. */
  tally(): Record<Fate, number> {
    const counts = FATES.map(() => 0);
    for (let i = 0; i < this.#count; i++) counts[this.#fates[i]!]!++;
    return Object.fromEntries(FATES.map((fate, i) => [fate, counts[i]])) as Record<Fate, number>;
  }

  #note(number: number, fate: Fate): void {
    if (this.#fates[number] !== 0) this.repeatedCount++;
    this.#fates[number] = FATES.indexOf(fate);
  }

  #grow(): void {
    const grown = <T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const length = 2 * Math.max(this.#count, this.#fates.length);
    this.#fates = grown(this.#fates, new Uint8Array(length));
    this.#partitions = grown(this.#partitions, new Uint16Array(length));
    this.#offsets = grown(this.#offsets, new Uint32Array(length));
  }
}
