/**
 * What became of the records of a stream, counted; failures by their lines.
 *
 * @module
 */

import type { Delivery, DeliveryFailure } from "../record.ts";
import { tell } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import type { RecordCounts } from "./gateway_metrics.ts";

/** A record that was not delivered, as the client is told. */
export interface FailedLine {
  /** Where it stood, counted from 1. */
  readonly line: number;
  /** What went wrong, for machines. */
  readonly code: string;
  /** What went wrong. */
  readonly error: string;
  /** Whether sending it again may help. */
  readonly retriable: boolean;
}

/** What a stream came to. */
export interface StreamSummary {
  /** Records that were accepted. */
  readonly accepted: number;
  /** Records that Kafka acknowledged. */
  readonly acked: number;
  /** The first that were not. */
  readonly failed: readonly FailedLine[];
  /** How many were not, where there are any. */
  readonly "failed_count"?: number;
}

/** Failures that a summary names. */
export const MAX_FAILURES_NAMED = 100;

/** Lines of records whose outcomes are not known yet. */
interface Stretch {
  readonly count: number;
  /** Null when each is the line after the one before. */
  readonly lines: readonly number[] | null;
}

/** See the module comment. Outcomes come in the order of the records. */
export class StreamTally {
  readonly #exchange: Exchange;
  readonly #maxFailures: number;
  readonly #stretches: Stretch[] = [];
  /** How many records of the first stretch have had their outcomes. */
  #used = 0;
  #lastLine = 0;
  readonly #failed: FailedLine[] = [];
  /** Records acknowledged so far. */
  acked = 0;
  /** Records that failed so far. */
  failedCount = 0;
  /** Why the first of them did. */
  firstError: Error | null = null;

  /**
   * @param exchange The request.
   * @param options How many failures are kept to be named.
   */
  constructor(exchange: Exchange, { maxFailures = MAX_FAILURES_NAMED }: { maxFailures?: number | undefined } = {}) {
    this.#exchange = exchange;
    this.#maxFailures = maxFailures;
  }

  /** Records go to the producer; `lines` as a `BodyDecoder` tells them. */
  sent(count: number, lines: readonly number[] | null): void {
    const last = this.#stretches.at(-1);
    if (lines === null && last?.lines === null) {
      this.#stretches[this.#stretches.length - 1] = { count: last.count + count, lines };
    } else this.#stretches.push({ count, lines });
  }

  /** Records whose outcome is known. */
  get accepted(): number {
    return this.acked + this.failedCount;
  }

  /** The outcome of the next record; returns its line. */
  settled(outcome: Delivery | DeliveryFailure): number {
    const line = this.#nextLine();
    if (outcome.error === undefined) {
      this.acked++;
      return line;
    }
    this.failedCount++;
    this.firstError ??= outcome.error;
    if (this.#failed.length < this.#maxFailures) this.#failed.push(this.failedLine(line, outcome.error));
    return line;
  }

  /** Outcomes of the next records, none of which has to be shown. */
  settledAll(outcomes: readonly (Delivery | DeliveryFailure)[]): void {
    for (let index = 0; index < outcomes.length; index++) this.settled(outcomes[index]!);
  }

  /** What the client is told of a record that failed. */
  failedLine(line: number, error: Error): FailedLine {
    const { code, text, retriable } = tell(this.#exchange, error);
    return { line, code, error: text, retriable };
  }

  /** Adds the records to those of their topic. */
  count(records: RecordCounts): void {
    records.accepted += this.accepted;
    records.acked += this.acked;
    records.failed += this.failedCount;
  }

  /** What it came to so far. */
  summary(): StreamSummary {
    const { accepted, acked, failedCount } = this;
    const summary = { accepted, acked, failed: this.#failed };
    return failedCount === 0 ? summary : { ...summary, "failed_count": failedCount };
  }

  #nextLine(): number {
    const stretch = this.#stretches[0]!;
    this.#lastLine = stretch.lines?.[this.#used] ?? this.#lastLine + 1;
    if (++this.#used === stretch.count) {
      this.#stretches.shift();
      this.#used = 0;
    }
    return this.#lastLine;
  }
}
