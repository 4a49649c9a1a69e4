/**
 * The recipients of outcomes behind `send` and `enqueue`.
 *
 * @module
 */

import { BufferFullError, DeliveryError, type Verdict } from "../errors.ts";
import type { Delivery, DeliveryFailure } from "../record.ts";
import { failuresOf } from "./failed_records.ts";
import type { Acknowledgement, Recipient, Span } from "./span.ts";

/**
 * The delivery of a span's record number `i`.
 *
 * @param span Which records.
 * @param i Number of the record within the span.
 * @param at Topic and partition.
 * @param acknowledgement What the broker said.
 */
export function deliveryOf(
  span: Span,
  i: number,
  at: { topic: string; partition: number },
  { baseOffset, logAppendTimeMs, duplicate, maybeDuplicate }: Acknowledgement,
): Delivery {
  const delivery: Delivery = {
    topic: at.topic,
    partition: at.partition,
    // Records that were regrouped settle with the first of what they became.
    offset: baseOffset === null ? null : span.batch.isRegrouped ? baseOffset : baseOffset + BigInt(span.first + i),
    timestamp: logAppendTimeMs ?? span.timestampOf(i),
  };
  if (duplicate) delivery.duplicate = true;
  if (maybeDuplicate) delivery.maybeDuplicate = true;
  return delivery;
}

/** `send` of one record. */
export class SendCall implements Recipient {
  /** Implements `Recipient`. */
  readonly wantsIndexes = false;
  /** Implements `Recipient`. */
  readonly isUnattended = false;
  /** Implements `Recipient`. */
  readonly spans: Span[] | null;
  /** Implements `Recipient`. */
  caller: unknown;
  /** Settles with the outcome. */
  readonly outcome: Promise<Delivery>;
  readonly #topic: string;
  #resolve!: (delivery: Delivery) => void;
  #reject!: (error: unknown) => void;

  /**
   * @param topic Name of the topic.
   * @param isWithdrawable Whether the caller may withdraw the record.
   */
  constructor(topic: string, isWithdrawable: boolean) {
    this.#topic = topic;
    this.spans = isWithdrawable ? [] : null;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Implements `Recipient`: one record alone that names no partition of the topic is misuse, a `RangeError`. */
  refused(_inputIndex: number, error: DeliveryError): void {
    this.#reject(misuseOr(error));
  }

  /** Implements `Recipient`. */
  delivered(span: Span, partition: number, acknowledgement: Acknowledgement): void {
    this.#resolve(deliveryOf(span, 0, { topic: this.#topic, partition }, acknowledgement));
  }

  /** Implements `Recipient`. */
  failed(_span: Span, _partition: number | null, error: DeliveryError): void {
    this.#reject(error);
  }
}

/** `send` of an array. */
export class SendManyCall implements Recipient {
  /** Implements `Recipient`. */
  readonly wantsIndexes = true;
  /** Implements `Recipient`. */
  readonly isUnattended = false;
  /** Implements `Recipient`. */
  readonly spans: Span[] | null;
  /** Implements `Recipient`. */
  caller: unknown;
  /** Settles when the outcome of every record is known. */
  readonly outcome: Promise<Delivery[]>;
  readonly #topic: string;
  readonly #outcomes: (Delivery | DeliveryFailure)[];
  readonly #settle = Promise.withResolvers<Delivery[]>();
  #missing: number;
  #firstError: DeliveryError | null = null;
  #failedCount = 0;
  #verdict: Verdict = "notPersisted";
  #attempts = 0;

  /**
   * @param topic Name of the topic.
   * @param count Records of the call, at least 1.
   * @param isWithdrawable Whether the caller may withdraw the records.
   */
  constructor(topic: string, count: number, isWithdrawable: boolean) {
    this.#topic = topic;
    this.#outcomes = new Array(count);
    this.#missing = count;
    this.spans = isWithdrawable ? [] : null;
    this.outcome = this.#settle.promise;
  }

  /** Implements `Recipient`. */
  refused(inputIndex: number, error: DeliveryError, failure: () => DeliveryFailure): void {
    this.#outcomes[inputIndex] = failure();
    this.#noteFailure(error, 1);
  }

  /** Implements `Recipient`. */
  delivered(span: Span, partition: number, acknowledgement: Acknowledgement): void {
    const at = { topic: this.#topic, partition };
    for (let i = 0; i < span.count; i++) {
      this.#outcomes[span.inputIndex(i)] = deliveryOf(span, i, at, acknowledgement);
    }
    this.#settled(span.count);
  }

  /** Implements `Recipient`. */
  failed(span: Span, partition: number | null, error: DeliveryError): void {
    failuresOf(span, { topic: this.#topic, partition }, error).forEach((failure, i) => {
      this.#outcomes[span.inputIndex(i)] = failure;
    });
    this.#noteFailure(error, span.count);
  }

  #noteFailure(error: DeliveryError, count: number): void {
    this.#firstError ??= error;
    this.#failedCount += count;
    this.#attempts = Math.max(this.#attempts, error.attempts);
    if (error.verdict === "possiblyPersisted") this.#verdict = error.verdict;
    this.#settled(count);
  }

  #settled(count: number): void {
    this.#missing -= count;
    if (this.#missing > 0) return;
    const first = this.#firstError;
    if (first === null) return this.#settle.resolve(this.#outcomes as Delivery[]);
    const what = `${this.#failedCount} of ${this.#outcomes.length} records failed, first`;
    const error = new DeliveryError(
      `Cannot deliver all records to ${JSON.stringify(this.#topic)}: ${what}: ${first.message}`,
      {
        topic: this.#topic,
        partition: null,
        attempts: this.#attempts,
        verdict: this.#verdict,
        outcomes: this.#outcomes,
        cause: first.cause,
      },
    );
    this.#settle.reject(error);
  }
}

/** The recipient of every `enqueue`d record that has a partition: one for all calls, so that their spans can be one. */
export const enqueued: Recipient = {
  wantsIndexes: false,
  isUnattended: true,
  spans: null,
  refused: () => {},
  delivered: () => {},
  failed: () => {}, // An event has told it.
};

/** Reports a record that was refused and that nobody awaits. */
export type ReportRefusal = (error: DeliveryError, failure: DeliveryFailure) => void;

/** `enqueue`: the recipient of its records as long as they wait for the topic's partitions, and of refusals. */
export class EnqueueCall implements Recipient {
  /** Implements `Recipient`. */
  readonly wantsIndexes = true;
  /** Implements `Recipient`. */
  readonly isUnattended = true;
  /** Implements `Recipient`. */
  readonly spans = null;
  /** Implements `Recipient`. */
  caller: unknown;
  /** Partition of each record in input order, null while it has none. */
  readonly partitions: (number | null)[] = [];
  readonly #report: ReportRefusal;
  /** Records that were refused so far, null while there are none: most calls end so. */
  #refusals: { error: DeliveryError; failure: DeliveryFailure }[] | null = null;
  /** Whether the call has ended, and events tell. */
  #hasEnded = false;

  /** @param report Reports a refused record. */
  constructor(report: ReportRefusal) {
    this.#report = report;
  }

  /**
   * Ends the call.
   *
   * @param isMany Whether it was made with an array: then refused records are reported.
   * @throws When its only record was refused: a `RangeError` for one that is for no partition of the topic.
   */
  end(isMany: boolean): void {
    this.#hasEnded = true;
    if (this.#refusals === null) return;
    for (const { error, failure } of this.#refusals) {
      if (!isMany) throw misuseOr(error);
      this.#report(error, failure);
    }
  }

  /** Implements `Recipient`. */
  refused(_inputIndex: number, error: DeliveryError, failure: () => DeliveryFailure): void {
    // A record that an overflow policy dropped does not concern the call.
    if (this.#hasEnded || error.cause instanceof BufferFullError) this.#report(error, failure());
    else (this.#refusals ??= []).push({ error, failure: failure() });
  }

  /** Implements `Recipient`. */
  placed(inputIndex: number, partition: number): void {
    this.partitions[inputIndex] = partition;
  }

  /** Implements `Recipient`. */
  delivered(): void {}

  /** Implements `Recipient`: an event has told it. */
  failed(): void {}
}

/** What a single record is refused with: the misuse itself where it is one. */
function misuseOr(error: DeliveryError): Error {
  return error.cause instanceof RangeError || error.cause instanceof TypeError ? error.cause : error;
}
