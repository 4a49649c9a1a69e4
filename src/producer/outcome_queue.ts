/**
 * Outcomes in input order, whatever the order in which they become known.
 *
 * @module
 */

import type { Delivery, DeliveryFailure } from "../record.ts";

/** What became of a record. */
export type Outcome = Delivery | DeliveryFailure;

/** Places that were taken are cut off once they are so many, and more than half of all. */
const CUT_OFF_LENGTH = 1024;

/**
 * Holds a place for each record that was accepted, until its outcome is taken. Places are known by the index of their
 * record in the input, which only grows.
 */
export class OutcomeQueue {
  /** Places by order, those before `#head` taken; undefined while the outcome is not known. */
  #places: (Outcome | undefined)[] = [];
  #head = 0;
  /** Input index of `#places[0]`. */
  #firstIndex = 0;
  #settledCount = 0;
  #isDiscarded = false;

  /** Places that were not taken yet. */
  get unreadCount(): number {
    return this.#isDiscarded ? 0 : this.#places.length - this.#head;
  }

  /** Input index of the next record. */
  get nextIndex(): number {
    return this.#firstIndex + this.#places.length;
  }

  /** Whether every outcome is known. */
  get isSettled(): boolean {
    return this.#settledCount === this.nextIndex;
  }

  /** Whether the outcome that is next in order is known. */
  get isReady(): boolean {
    return this.#places[this.#head] !== undefined;
  }

  /** Holds places for `count` more records. */
  reserve(count: number): void {
    for (let i = 0; i < count; i++) this.#places.push(undefined);
  }

  /** Takes the last `count` places back: their records were not accepted. */
  giveBack(count: number): void {
    this.#places.length -= count;
  }

  /** Notes what became of the record with that index. */
  settle(inputIndex: number, outcome: Outcome): void {
    this.#settledCount++;
    this.#places[inputIndex - this.#firstIndex] = this.#isDiscarded ? undefined : outcome;
  }

  /** Takes the next outcome, which must be ready. */
  takeOne(): Outcome {
    const outcome = this.#places[this.#head]!;
    this.#places[this.#head++] = undefined;
    this.#cutOff();
    return outcome;
  }

  /** Takes all outcomes that are known in a row. */
  takeRun(): Outcome[] {
    const places = this.#places;
    let end = this.#head;
    while (end < places.length && places[end] !== undefined) end++;
    const run = places.slice(this.#head, end) as Outcome[];
    places.fill(undefined, this.#head, end);
    this.#head = end;
    this.#cutOff();
    return run;
  }

  /** Drops all outcomes, also those still to come: nobody will take them. */
  discard(): void {
    this.#isDiscarded = true;
    this.#places.fill(undefined);
  }

  #cutOff(): void {
    if (this.#head < CUT_OFF_LENGTH || this.#head * 2 < this.#places.length) return;
    this.#places.splice(0, this.#head);
    this.#firstIndex += this.#head;
    this.#head = 0;
  }
}
