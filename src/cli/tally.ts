/**
 * The count of a run: what was read, what was handed to the producer, what became of it, and which line that was.
 *
 * @module
 */

import type { Outcome } from "@ekaf/ekaf";

/** A record that was not acknowledged. */
export interface FailedLine {
  /** File and number of the line, e.g. `a.txt, line 12`. */
  readonly place: string;
  /** Why. */
  readonly error: Error;
}

/** Most failures of which more than the number is kept. */
const MAX_FAILED_LINES = 10;

/** See the module comment. Every line is one record, so that a place among the records is a place in a file. */
export class Tally {
  /** Records handed to the producer. */
  submitted = 0;
  /** Records acknowledged. */
  acknowledged = 0;
  /** Bytes of the lines that are settled, as far as whole calls of {@linkcode submit} are. */
  settledBytes = 0;
  /** The first records that failed. */
  readonly failedLines: FailedLine[] = [];
  /** Files by the number of their first record. */
  readonly #files: { name: string; firstRecord: number }[] = [];
  /** How many bytes so many records had; those not yet settled. */
  #marks: { records: number; bytes: number }[] = [];
  #settled = 0;
  #submittedBytes = 0;

  /** Records handed to the producer of which nothing is known yet. */
  get buffered(): number {
    return this.submitted - this.#settled;
  }

  /** Records that failed. */
  get failed(): number {
    return this.#settled - this.acknowledged;
  }

  /**
   * Begins with a file.
   *
   * @param name As the user wrote it.
   */
  begin(name: string): void {
    this.#files.push({ name, firstRecord: this.submitted });
  }

  /**
   * Counts what is handed to the producer.
   *
   * @param records How many records.
   * @param bytes How many bytes their lines have.
   */
  submit(records: number, bytes: number): void {
    if (records === 0) return;
    this.submitted += records;
    this.#submittedBytes += bytes;
    this.#marks.push({ records: this.submitted, bytes: this.#submittedBytes });
  }

  /**
   * Counts what became of the next records, in order.
   *
   * @param outcomes One a record.
   */
  settle(outcomes: readonly Outcome[]): void {
    for (const { error } of outcomes) {
      if (error === undefined) this.acknowledged++;
      else if (this.failedLines.length < MAX_FAILED_LINES) {
        this.failedLines.push({ place: this.placeOf(this.#settled), error });
      }
      this.#settled++;
    }
    let passed = 0;
    while (passed < this.#marks.length && this.#marks[passed]!.records <= this.#settled) passed++;
    if (passed === 0) return;
    this.settledBytes = this.#marks[passed - 1]!.bytes;
    this.#marks = this.#marks.slice(passed);
  }

  /**
   * Where a record was read.
   *
   * @param index Its place among all records, from 0.
   * @returns File and line.
   */
  placeOf(index: number): string {
    const file = this.#files.findLast(({ firstRecord }) => firstRecord <= index)!;
    return `${file.name}, line ${index - file.firstRecord + 1}`;
  }

  /** Where the next record is to be read. */
  get nextPlace(): string {
    return this.placeOf(this.submitted);
  }
}
