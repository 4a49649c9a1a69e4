/**
 * The transform pair of a topic: records in, one outcome a record out, in input order.
 *
 * @module
 */

import type { DeliveryError } from "../errors.ts";
import type { DeliveryFailure, RecordInput } from "../record.ts";
import type { Admission } from "./admission.ts";
import { checkCallOptions } from "./call_options.ts";
import { deliveryOf } from "./calls.ts";
import { failureOf, failuresOf } from "./failed_records.ts";
import { type Outcome, OutcomeQueue } from "./outcome_queue.ts";
import type { Acknowledgement, Recipient, Span } from "./span.ts";
import { placed } from "./record_encoder.ts";
import type { TopicCore } from "./topic_core.ts";

export type { Outcome };

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

/** A writable for records and a readable for their outcomes, for `pipeThrough`. */
export interface DeliveryPair<T, O> {
  /** Takes a record or an array of records. */
  readonly writable: WritableStream<T | readonly T[]>;
  /** Gives their outcomes in input order. */
  readonly readable: ReadableStream<O>;
}

const DEFAULT_MAX_UNREAD = 100_000;
const DEFAULT_TIMEOUT_MS = 120_000;
/** Chunks that wait in the writable: the bound that counts is `maxUnread`. */
const QUEUED_CHUNKS = 16;

/**
 * Makes a topic's delivery pair.
 *
 * @param topic The topic.
 * @param toInputs Turns a chunk into inputs.
 * @param options See {@linkcode DeliveryOptions}.
 * @throws {TypeError} For an option of the wrong type or an unknown name, naming it.
 * @throws {RangeError} For an option out of bounds.
 */
export function deliveryStream<T>(
  topic: TopicCore,
  toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[],
  options: DeliveryOptions,
): DeliveryPair<T, Outcome | Outcome[]> {
  checkCallOptions(options, ["outcomes", "maxUnread", "signal", "timeoutMs"]);
  return new DeliveryStream(topic, toInputs, options);
}

/**
 * See `Producer.delivery`. Each side ends once:
 *
 * - the input by `close()`; by an error, when a chunk is refused or the producer closes; by an abort; or because the
 *   readable was cancelled;
 * - the output after the outcome of the last accepted record, with the input's error if it has one; at once by an abort.
 */
class DeliveryStream<T> implements DeliveryPair<T, Outcome | Outcome[]>, Recipient {
  readonly writable: WritableStream<T | readonly T[]>;
  readonly readable: ReadableStream<Outcome | Outcome[]>;
  readonly wantsIndexes = true;
  readonly isUnattended = false;
  readonly spans = null;
  readonly caller: unknown;
  readonly #topic: TopicCore;
  readonly #toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[];
  readonly #givesArrays: boolean;
  readonly #maxUnread: number;
  readonly #timeoutMs: number;
  readonly #queue = new OutcomeQueue();
  /** One-element array for chunks of one record, so that none is made for each. */
  readonly #single: RecordInput[] = [""];
  #input!: WritableStreamDefaultController;
  #output!: ReadableStreamDefaultController<Outcome | Outcome[]>;
  /** Records of the present chunk that wait for room. */
  #admission: Admission | null = null;
  /** Wakes a write that waits until outcomes are read, or a close that waits for the last one. */
  #wake: (() => void) | null = null;
  #isClosing = false;
  /** Why no more records are taken, when that is not because the input was closed. */
  #failure: { readonly reason: unknown } | null = null;
  /** Whether a reader waits for an outcome. */
  #isWanted = false;
  #isOutputOver = false;
  #stopListening: () => void = () => {};

  constructor(
    topic: TopicCore,
    toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[],
    { outcomes = "each", maxUnread = DEFAULT_MAX_UNREAD, signal, timeoutMs }: DeliveryOptions,
  ) {
    this.#topic = topic;
    this.caller = topic.caller();
    this.#toInputs = toInputs;
    this.#givesArrays = outcomes === "arrays";
    this.#maxUnread = maxUnread;
    this.#timeoutMs = topic.timeoutMs(timeoutMs, DEFAULT_TIMEOUT_MS);
    // Nothing lies in the readable's own queue: what is in there counts as read.
    this.readable = new ReadableStream({
      start: (controller) => void (this.#output = controller),
      pull: () => this.#pull(),
      cancel: (reason) => this.#cancel(reason),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream({
      start: (controller) => this.#start(controller, signal),
      write: (chunk) => this.#write(chunk),
      close: () => this.#close(),
      abort: (reason) => this.#abort(reason),
    }, { highWaterMark: QUEUED_CHUNKS });
  }

  /** Implements `OpenStream`: takes no more records; those accepted go out, and their outcomes can be read. */
  end(reason: unknown): void {
    if (this.#isClosing || this.#failure !== null) return;
    this.#input.error(reason);
    this.#refuseInput(reason);
  }

  // Input

  #start(controller: WritableStreamDefaultController, signal: AbortSignal | undefined): void {
    this.#input = controller;
    // abort() while a write waits or the stream closes reaches the sink only through this signal. The writable errors by
    // itself then; were it errored here, the promise of abort() would reject.
    controller.signal.addEventListener("abort", () => this.#withdraw(controller.signal.reason), { once: true });
    const onAbort = () => this.#abort(signal!.reason);
    this.#topic.openStreams.add(this);
    this.#stopListening = () => {
      signal?.removeEventListener("abort", onAbort);
      this.#topic.openStreams.delete(this);
    };
    if (signal?.aborted) this.#abort(signal.reason);
    else signal?.addEventListener("abort", onAbort, { once: true });
  }

  /** Resolves once every record is accepted or has failed; returns a promise only when that takes time. */
  #write(chunk: T | readonly T[]): void | Promise<void> {
    try {
      this.#topic.assertOpen("write");
      const inputs = this.#inputs(chunk);
      const misfits = this.#misfits(inputs);
      if (misfits !== null || inputs.length > this.#freePlaces) return this.#writeInPieces(inputs, misfits);
      return this.#admit(inputs) === null ? this.#topic.intake.pause() : this.#admitted();
    } catch (error) {
      this.#refuseInput(error);
      throw error;
    }
  }

  #inputs(chunk: T | readonly T[]): readonly RecordInput[] {
    const given = this.#toInputs(chunk);
    if (Array.isArray(given)) return given;
    this.#single[0] = given as RecordInput;
    return this.#single;
  }

  /**
   * Records that could never be delivered, for their size or a value out of range, by index; null for none.
   *
   * @throws {TypeError} For a record of the wrong type: a fault of the caller's program, which ends the pair.
   */
  #misfits(inputs: readonly unknown[]): Map<number, RangeError> | null {
    let misfits: Map<number, RangeError> | null = null;
    for (let i = 0; i < inputs.length; i++) {
      try {
        this.#topic.intake.checkOne(inputs[i]);
      } catch (error) {
        if (!(error instanceof RangeError)) throw placed(error as Error, i, inputs.length);
        (misfits ??= new Map()).set(i, error);
      }
    }
    return misfits;
  }

  get #freePlaces(): number {
    return this.#maxUnread - this.#queue.unreadCount;
  }

  /** Admits records for which there are places. Returns the admission when it waits for room in the buffer. */
  #admit(inputs: readonly RecordInput[]): Admission | null {
    const { intake } = this.#topic;
    const firstIndex = this.#queue.nextIndex;
    this.#queue.reserve(inputs.length);
    try {
      const call = { recipient: this, timeoutMs: this.#timeoutMs, lingerMs: Infinity, isStream: true, firstIndex };
      return this.#admission = intake.admit(inputs, call);
    } catch (error) {
      this.#queue.giveBack(inputs.length); // Overflow "reject": nothing was accepted.
      throw error;
    }
  }

  /** Resolves when the present admission is over. */
  async #admitted(): Promise<void> {
    try {
      await this.#admission!.ended;
    } catch (error) {
      this.#refuseInput(error);
      throw error;
    } finally {
      this.#admission = null;
      this.#report();
    }
  }

  /** Admits as many records at a time as there are places; a misfit takes its place as a failure. */
  async #writeInPieces(inputs: readonly RecordInput[], misfits: Map<number, RangeError> | null): Promise<void> {
    let from = 0;
    while (from < inputs.length) {
      await this.#untilFreePlace();
      const misfit = misfits?.get(from);
      if (misfit !== undefined) {
        this.#refuse(inputs[from++]!, misfit);
        continue;
      }
      let to = from + 1;
      const end = Math.min(inputs.length, from + this.#freePlaces);
      while (to < end && misfits?.has(to) !== true) to++;
      await this.#writePiece(inputs.slice(from, to));
      from = to;
    }
  }

  async #writePiece(inputs: readonly RecordInput[]): Promise<void> {
    let admission: Admission | null;
    try {
      admission = this.#admit(inputs);
    } catch (error) {
      this.#refuseInput(error);
      throw error;
    }
    if (admission !== null) await this.#admitted();
  }

  /** Resolves when an outcome was read; rejects when the input ended meanwhile. */
  async #untilFreePlace(): Promise<void> {
    while (this.#freePlaces <= 0 && this.#failure === null) {
      this.#topic.hurry(); // No more records can join the batches before the outcomes of these are read.
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#failure !== null) throw this.#failure.reason;
  }

  #refuse(input: RecordInput, cause: RangeError): void {
    const { intake, lanes, name } = this.#topic;
    const error = lanes.refusal(cause);
    const nowMs = this.#topic.wallMs();
    intake.record.prepare(input, nowMs);
    if (!Number.isSafeInteger(intake.record.timestamp)) intake.record.timestamp = nowMs;
    const failure = failureOf(intake.record, { topic: name, partition: null }, error);
    const index = this.#queue.nextIndex;
    this.#queue.reserve(1);
    this.refused(index, error, () => failure);
  }

  /** Resolves when the outcome of every record is known, read or not. */
  async #close(): Promise<void> {
    this.#isClosing = true;
    this.#topic.hurry();
    while (!this.#queue.isSettled && this.#failure === null) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    this.#stopListening();
    // Aborted meanwhile. It must itself reject: the standard ignores controller.error() while closing.
    if (this.#failure !== null) throw this.#failure.reason;
    this.#report();
  }

  /** Nothing more is written: `reason` follows the outcomes of what was accepted. */
  #refuseInput(reason: unknown): void {
    this.#failure ??= { reason };
    this.#stopListening();
    this.#report();
    this.#awake();
  }

  /** What was never sent is struck out, and both sides error. */
  #abort(reason: unknown): void {
    this.#input.error(reason);
    this.#withdraw(reason);
  }

  #withdraw(reason: unknown): void {
    if (this.#isOutputOver && this.#failure !== null) return;
    this.#endOutput();
    this.#output.error(reason);
    this.#refuseInput(reason);
    if (this.#admission !== null) this.#topic.intake.giveUp(this.#admission, reason);
    this.#topic.withdraw(this, reason);
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  // Output

  #pull(): void {
    this.#isWanted = true;
    this.#report();
  }

  #cancel(reason: unknown): void {
    this.#endOutput();
    if (this.#isClosing) return; // All is written; what was accepted goes out.
    this.#input.error(reason);
    this.#refuseInput(reason);
    // A write that waits for room in the buffer has not been accepted.
    if (this.#admission !== null) this.#topic.intake.giveUp(this.#admission, reason);
  }

  /** Gives a waiting reader the outcomes that are next in order, and ends the readable after the last. */
  #report(): void {
    if (this.#isOutputOver) return;
    if (this.#isWanted && this.#queue.isReady) {
      this.#isWanted = false;
      this.#output.enqueue(this.#givesArrays ? this.#queue.takeRun() : this.#queue.takeOne());
      this.#awake();
    }
    const isInputOver = (this.#isClosing || this.#failure !== null) && this.#admission === null;
    if (!isInputOver || this.#queue.unreadCount > 0 || this.#isOutputOver) return;
    this.#endOutput();
    if (this.#failure === null) this.#output.close();
    else this.#output.error(this.#failure.reason);
  }

  #endOutput(): void {
    this.#isOutputOver = true;
    this.#queue.discard();
  }

  // Recipient

  refused(inputIndex: number, _error: DeliveryError, failure: () => DeliveryFailure): void {
    this.#queue.settle(inputIndex, failure());
    this.#settled();
  }

  delivered(span: Span, partition: number, acknowledgement: Acknowledgement): void {
    const at = { topic: this.#topic.name, partition };
    for (let i = 0; i < span.count; i++) {
      this.#queue.settle(span.inputIndex(i), deliveryOf(span, i, at, acknowledgement));
    }
    this.#settled();
  }

  failed(span: Span, partition: number | null, error: DeliveryError): void {
    const at = { topic: this.#topic.name, partition };
    const failures = failuresOf(span, at, error);
    for (let i = 0; i < span.count; i++) this.#queue.settle(span.inputIndex(i), failures[i]!);
    this.#settled();
  }

  #settled(): void {
    this.#report();
    if (this.#isClosing && this.#queue.isSettled) this.#awake();
  }
}
