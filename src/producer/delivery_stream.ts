/**
 * The transform pair of a topic: records in, one outcome a record out, in input order.
 *
 * @module
 */

import { quote } from "../options.ts";
import type { DeliveryError } from "../errors.ts";
import type { Delivery, DeliveryFailure, RecordInput } from "../record.ts";
import type { Admission } from "./admission.ts";
import type { Acknowledgement, Recipient, Span } from "./batch.ts";
import { deliveryOf } from "./calls.ts";
import { failureOf, failuresOf } from "./failed_records.ts";
import type { TopicCore } from "./topic_core.ts";

/** How a topic's delivery pair behaves. */
export interface DeliveryOptions {
  /**
   * What a chunk of the readable is: one outcome, or an array of all that have settled in a row.
   *
   * @default {"each"}
   */
  outcomes?: "each" | "arrays";
  /**
   * Most records accepted whose outcomes have not been read; then `write()` waits.
   *
   * @default {100_000}
   */
  maxUnread?: number;
  /** Ends the pair like `abort()` of its writable. */
  signal?: AbortSignal;
  /** How long each record may take from acceptance to acknowledgement, in milliseconds. */
  timeoutMs?: number;
}

/** What became of a record. */
export type Outcome = Delivery | DeliveryFailure;

/** A writable for records and a readable for their outcomes, for `pipeThrough`. */
export interface DeliveryPair<T, O> {
  /** Takes a record or an array of records. */
  readonly writable: WritableStream<T | readonly T[]>;
  /** Gives their outcomes in input order. */
  readonly readable: ReadableStream<O>;
}

const DEFAULT_MAX_UNREAD = 100_000;
const DEFAULT_TIMEOUT_MS = 120_000;
/** Bytes that wait in the writable's queue are counted as chunks: the bound is `maxUnread`. */
const QUEUED_CHUNKS = 16;

/**
 * Makes a topic's delivery pair.
 *
 * @param topic The topic.
 * @param toInputs Turns a chunk into inputs.
 * @param options See {@linkcode DeliveryOptions}.
 */
export function deliveryStream<T>(
  topic: TopicCore,
  toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[],
  options: DeliveryOptions,
): DeliveryPair<T, Outcome | Outcome[]> {
  return new DeliveryStream(topic, toInputs, options);
}

class DeliveryStream<T> implements DeliveryPair<T, Outcome | Outcome[]>, Recipient {
  readonly writable: WritableStream<T | readonly T[]>;
  readonly readable: ReadableStream<Outcome | Outcome[]>;
  readonly wantsIndexes = true;
  readonly isUnattended = false;
  readonly spans = null;
  readonly #topic: TopicCore;
  readonly #toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[];
  readonly #arrays: boolean;
  readonly #maxUnread: number;
  readonly #timeoutMs: number;
  /** Outcomes by input index, from `#read` on; undefined while not known. */
  #outcomes: (Outcome | undefined)[] = [];
  /** Input index of `#outcomes[#first]`. */
  #first = 0;
  #written = 0;
  #reported = 0;
  #input!: WritableStreamDefaultController;
  #output!: ReadableStreamDefaultController<Outcome | Outcome[]>;
  #admission: Admission | null = null;
  #wake: (() => void) | null = null;
  #pull: (() => void) | null = null;
  #isWritten = false;
  /** Why the pair ended before its time; undefined while it has not. */
  #failure: { reason: unknown } | null = null;
  /** Nobody reads any more. */
  #isCancelled = false;
  #stopListening: () => void = () => {};

  constructor(
    topic: TopicCore,
    toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[],
    { outcomes = "each", maxUnread = DEFAULT_MAX_UNREAD, signal, timeoutMs }: DeliveryOptions,
  ) {
    if (outcomes !== "each" && outcomes !== "arrays") {
      throw new RangeError(`Cannot use "outcomes" ${quote(outcomes)}: it must be "each" or "arrays"`);
    }
    if (!Number.isInteger(maxUnread) || maxUnread < 1) {
      throw new RangeError(`Cannot use "maxUnread" ${quote(maxUnread)}: it must be an integer of at least 1`);
    }
    this.#topic = topic;
    this.#toInputs = toInputs;
    this.#arrays = outcomes === "arrays";
    this.#maxUnread = maxUnread;
    this.#timeoutMs = topic.timeoutMs(timeoutMs, DEFAULT_TIMEOUT_MS);
    this.readable = new ReadableStream({
      start: (controller) => void (this.#output = controller),
      pull: () => this.#onPull(),
      cancel: (reason) => this.#onCancel(reason),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream({
      start: (controller) => this.#onStart(controller, signal),
      write: (chunk) => this.#write(chunk),
      close: () => this.#close(),
      abort: (reason) => this.#fail(reason),
    }, { highWaterMark: QUEUED_CHUNKS });
  }

  /** Ends the writable; accepted records still go out, and their outcomes can be read. */
  end(reason: unknown): void {
    if (this.#failure !== null || this.#isWritten) return;
    this.#input.error(reason);
    this.#endInput(reason);
  }

  #onStart(controller: WritableStreamDefaultController, signal: AbortSignal | undefined): void {
    this.#input = controller;
    const onAbort = (event: Event) => this.#fail((event.target as AbortSignal).reason);
    controller.signal.addEventListener("abort", onAbort, { once: true });
    this.#topic.openStreams.add(this);
    this.#stopListening = () => {
      signal?.removeEventListener("abort", onAbort);
      this.#topic.openStreams.delete(this);
    };
    if (signal?.aborted) this.#fail(signal.reason);
    else signal?.addEventListener("abort", onAbort, { once: true });
  }

  // Input

  async #write(chunk: T | readonly T[]): Promise<void> {
    try {
      this.#topic.assertOpen("write");
      const given = this.#toInputs(chunk);
      const inputs = Array.isArray(given) ? given as readonly RecordInput[] : [given as RecordInput];
      let next = 0;
      while (next < inputs.length) {
        await this.#room();
        const upTo = Math.min(inputs.length, next + this.#maxUnread - this.#unread);
        await this.#admit(inputs.slice(next, upTo));
        next = upTo;
      }
    } catch (error) {
      // What was accepted before is still reported; then the reader learns why there is no more.
      this.#endInput(error);
      throw error;
    }
  }

  get #unread(): number {
    return this.#written - this.#reported;
  }

  async #room(): Promise<void> {
    while (this.#unread >= this.#maxUnread && this.#failure === null && !this.#isCancelled) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#failure !== null) throw this.#failure.reason;
  }

  async #admit(inputs: readonly RecordInput[]): Promise<void> {
    // Runs of good records go in one piece; a bad one settles between them.
    let from = 0;
    for (let i = 0; i <= inputs.length; i++) {
      const error = i < inputs.length ? this.#misfit(inputs[i]!) : undefined;
      if (i < inputs.length && error === undefined) continue;
      if (i > from) await this.#admitRun(inputs.slice(from, i));
      if (error !== undefined) this.#refuseMisfit(inputs[i]!, error);
      from = i + 1;
    }
  }

  /** A record that is too large is a failure at its place; a wrong type ends the pair. */
  #misfit(input: RecordInput): RangeError | undefined {
    try {
      this.#topic.intake.checkOne(input);
      return undefined;
    } catch (error) {
      if (error instanceof RangeError) return error;
      throw error;
    }
  }

  #refuseMisfit(input: RecordInput, cause: RangeError): void {
    const error = this.#topic.lanes.refusal(cause);
    const { record } = this.#topic.intake;
    record.prepare(input, this.#topic.wallMs());
    const failure = failureOf(record, { topic: this.#topic.name, partition: null }, error);
    this.#outcomes.push(undefined);
    this.refused(this.#written++, error, () => failure);
  }

  async #admitRun(inputs: readonly RecordInput[]): Promise<void> {
    const firstIndex = this.#written;
    for (let i = 0; i < inputs.length; i++) this.#outcomes.push(undefined);
    this.#written += inputs.length;
    const { intake } = this.#topic;
    const timeoutMs = this.#timeoutMs;
    try {
      this.#admission = intake.admit(inputs, { recipient: this, timeoutMs, isDue: false, firstIndex });
    } catch (error) {
      // Overflow "reject": nothing of the run was accepted.
      this.#written = firstIndex;
      this.#outcomes.length -= inputs.length;
      throw error;
    }
    if (this.#admission === null) return;
    try {
      await this.#admission.ended;
    } finally {
      this.#admission = null;
    }
  }

  async #close(): Promise<void> {
    this.#isWritten = true;
    this.#topic.hurry();
    while (this.#settledCount < this.#written && this.#failure === null) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.#stopListening();
    if (this.#failure !== null) throw this.#failure.reason;
    this.#report();
  }

  /** Nothing more is written: `reason` follows the outcomes of what was accepted. */
  #endInput(reason: unknown): void {
    this.#failure ??= { reason };
    this.#stopListening();
    this.#report();
    this.#wake?.();
  }

  /** Aborted: what was never sent is struck out, and both sides error. */
  #fail(reason: unknown): void {
    if (this.#failure !== null && this.#isCancelled) return;
    this.#failure ??= { reason };
    this.#isCancelled = true;
    if (this.#admission !== null) this.#topic.intake.giveUp(this.#admission, reason);
    this.#topic.withdraw(this, reason);
    this.#input.error(reason);
    this.#output.error(reason);
    this.#stopListening();
    this.#wake?.();
    this.#pull?.();
  }

  // Output

  #onPull(): Promise<void> {
    const pulled = new Promise<void>((resolve) => this.#pull = resolve);
    this.#report();
    return pulled;
  }

  #onCancel(reason: unknown): void {
    this.#isCancelled = true;
    this.#outcomes = [];
    if (!this.#isWritten) this.#input.error(reason);
    this.#stopListening();
    this.#wake?.();
  }

  /** Hands the outcomes that are next in order to a waiting reader, or ends the readable after the last. */
  #report(): void {
    if (this.#isCancelled) return;
    const isOver = (this.#isWritten || this.#failure !== null) && this.#reported === this.#written;
    if (isOver && this.#admission === null) {
      this.#isCancelled = true;
      if (this.#failure === null) this.#output.close();
      else this.#output.error(this.#failure.reason);
      this.#pulled();
      return;
    }
    if (this.#pull === null || this.#outcomes[this.#first] === undefined) return;
    if (this.#arrays) this.#output.enqueue(this.#takeRun());
    else this.#output.enqueue(this.#takeOne());
    this.#pulled();
    this.#wake?.();
    this.#report(); // The last outcome is followed by the end.
  }

  #pulled(): void {
    const pull = this.#pull;
    this.#pull = null;
    pull?.();
  }

  #takeOne(): Outcome {
    const outcome = this.#outcomes[this.#first]!;
    this.#outcomes[this.#first++] = undefined;
    this.#reported++;
    if (this.#first >= 1024 && this.#first * 2 > this.#outcomes.length) {
      this.#outcomes.splice(0, this.#first);
      this.#first = 0;
    }
    return outcome;
  }

  #takeRun(): Outcome[] {
    let end = this.#first;
    while (end < this.#outcomes.length && this.#outcomes[end] !== undefined) end++;
    const run = this.#outcomes.slice(this.#first, end) as Outcome[];
    this.#outcomes.splice(0, end);
    this.#first = 0;
    this.#reported += run.length;
    return run;
  }

  // Recipient

  #settledCount = 0;

  #settle(inputIndex: number, outcome: Outcome): void {
    if (!this.#isCancelled) this.#outcomes[inputIndex - this.#reported + this.#first] = outcome;
  }

  #noteSettled(count: number): void {
    this.#settledCount += count;
    this.#report();
    if (this.#settledCount === this.#written) this.#wake?.();
  }

  refused(inputIndex: number, _error: DeliveryError, failure: () => DeliveryFailure): void {
    this.#settle(inputIndex, failure());
    this.#noteSettled(1);
  }

  delivered(span: Span, partition: number, acknowledgement: Acknowledgement): void {
    const at = { topic: this.#topic.name, partition };
    for (let i = 0; i < span.count; i++) this.#settle(span.inputIndex(i), deliveryOf(span, i, at, acknowledgement));
    this.#noteSettled(span.count);
  }

  failed(span: Span, partition: number | null, error: DeliveryError): void {
    const at = { topic: this.#topic.name, partition };
    failuresOf(span, at, error).forEach((failure, i) => this.#settle(span.inputIndex(i), failure));
    this.#noteSettled(span.count);
  }
}
