/**
 * Receipts of records whose answer has not begun.
 *
 * @module
 */

import type { Delivery, DeliveryFailure } from "../record.ts";
import type { StreamTally } from "./stream_tally.ts";

/** Lines in a row that went to one partition in a row. */
interface Run {
  readonly line: number;
  readonly partition: number;
  readonly offset: bigint | null;
  count: number;
}

/** Runs, and failures, that are held: some ten megabytes. */
const MAX_RUNS = 100_000;
/** Lines of a piece of the text. */
const PIECE_LINES = 1_000;

/** Held as runs, a million receipts are some hundred objects: batches come in order. Failures are held as they are told. */
export class HeldReceipts {
  readonly #runs: (Run | string)[] = [];
  readonly #maxRuns: number;

  /** @param maxRuns How many runs and failures are held. */
  constructor(maxRuns: number = MAX_RUNS) {
    this.#maxRuns = maxRuns;
  }

  /** Whether it holds as much as it may. */
  get isFull(): boolean {
    return this.#runs.length >= this.#maxRuns;
  }

  /** Takes the outcomes of the next records. */
  push(outcomes: readonly (Delivery | DeliveryFailure)[], tally: StreamTally): void {
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]!;
      const line = tally.settled(outcome);
      if (outcome.error !== undefined) this.#runs.push(failureText(line, outcome, tally));
      else if (!this.#continues(line, outcome)) {
        this.#runs.push({ line, partition: outcome.partition, offset: outcome.offset, count: 1 });
      }
    }
  }

  /** All of them as text, piece by piece; to be asked for once. */
  *texts(): Generator<string> {
    let text = "";
    let lines = 0;
    for (const run of this.#runs) {
      const count = typeof run === "string" ? 1 : run.count;
      for (let i = 0; i < count; i++) {
        text += typeof run === "string" ? run : receiptText(
          run.line + i,
          run.partition,
          run.offset === null ? null : run.offset + BigInt(i),
        );
        if (++lines % PIECE_LINES > 0) continue;
        yield text;
        text = "";
      }
    }
    if (text !== "") yield text;
  }

  #continues(line: number, { partition, offset }: Delivery): boolean {
    const last = this.#runs.at(-1);
    if (last === undefined || typeof last === "string") return false;
    const { count } = last;
    const isNext = last.partition === partition && last.line + count === line &&
      (last.offset === null ? offset === null : offset === last.offset + BigInt(count));
    if (isNext) last.count++;
    return isNext;
  }
}

/** The receipts of records, as text. */
export function receiptTexts(outcomes: readonly (Delivery | DeliveryFailure)[], tally: StreamTally): string {
  let text = "";
  for (const outcome of outcomes) {
    const line = tally.settled(outcome);
    text += outcome.error === undefined
      ? receiptText(line, outcome.partition, outcome.offset)
      : failureText(line, outcome, tally);
  }
  return text;
}

function receiptText(line: number, partition: number, offset: bigint | null): string {
  return `{"line":${line},"partition":${partition},"offset":${offset}}\n`;
}

function failureText(line: number, { error }: DeliveryFailure, tally: StreamTally): string {
  return `${JSON.stringify(tally.failedLine(line, error))}\n`;
}
