/**
 * The `WritableStream` of a topic: each call makes a fresh one over the topic's shared lanes.
 *
 * @module
 */

import { BufferFullError, type DeliveryError, KafkaError } from "../errors.ts";
import type { DeliveryFailure, RecordInput } from "../record.ts";
import type { Admission } from "./admission.ts";
import { checkCallOptions } from "./call_options.ts";
import type { Recipient, Span } from "./span.ts";
import type { TopicCore } from "./topic_core.ts";

/** How a topic's writable behaves. */
export interface WritableOptions {
  /**
   * What a lost record does: it errors this stream (no other), or it is a `deliveryfailed` event and the stream goes on.
   *
   * @default {"error"}
   */
  onFailure?: "error" | "report";
  /** Ends the stream like `abort()`, also while it closes: the only way to bound the last phase of a `pipeTo`. */
  signal?: AbortSignal;
  /** How long each record may take from acceptance to acknowledgement, in milliseconds. */
  timeoutMs?: number;
}

/**
 * Bytes that wait in a topic's writable before its `desiredSize` falls to zero: a chunk. More would gain nothing, as the
 * sink takes a chunk at once while there is room. And it would cost: the platform's queue is a linked list, so that one
 * node which was promoted keeps all later ones alive through minor collections, until the queue was empty once.
 */
const QUEUE_BYTES = 1;

/**
 * Makes a topic's writable. A chunk is a record or an array of records; the queue is measured in bytes.
 *
 * @param topic The topic.
 * @param toInputs Turns a chunk into inputs.
 * @param options See {@linkcode WritableOptions}.
 * @throws {TypeError} For an option of the wrong type or an unknown name, naming it.
 * @throws {RangeError} For an option out of bounds.
 */
export function topicStream<T>(
  topic: TopicCore,
  toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[],
  options: WritableOptions,
): WritableStream<T | readonly T[]> {
  checkCallOptions(options, ["onFailure", "signal", "timeoutMs"]);
  const sink = new TopicSink(topic, toInputs, options);
  return new WritableStream(sink, { highWaterMark: QUEUE_BYTES, size: chunkBytes });
}

/** Bytes of a chunk, roughly: code units count as bytes, and every record as 16 more. */
function chunkBytes(chunk: unknown): number {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return chunk.length + 16;
  if (!Array.isArray(chunk)) {
    const value = (chunk as { value?: unknown } | null)?.value;
    return typeof value === "string" || value instanceof Uint8Array ? value.length + 64 : 64;
  }
  let bytes = 0;
  for (let i = 0; i < chunk.length; i++) bytes += chunkBytes(chunk[i]);
  return bytes;
}

/** See `Producer.writable`. */
class TopicSink<T> implements UnderlyingSink<T | readonly T[]>, Recipient, OpenStream {
  readonly wantsIndexes = false;
  readonly isUnattended: boolean;
  readonly reportsDropped = true;
  readonly spans = null;
  readonly caller: unknown;
  readonly #topic: TopicCore;
  readonly #toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[];
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  /** One-element array for chunks of one record, so that none is made for each. */
  readonly #single: RecordInput[] = [""];
  #controller!: WritableStreamDefaultController;
  /** Records of the present chunk that wait for room. */
  #admission: Admission | null = null;
  /** Records admitted or being admitted, and not settled. */
  #unsettledCount = 0;
  /** Why the stream ended before its time, null while it did not. */
  #failure: { readonly reason: unknown } | null = null;
  #closing: PromiseWithResolvers<void> | null = null;
  #stopListening: () => void = () => {};

  constructor(
    topic: TopicCore,
    toInputs: (chunk: T | readonly T[]) => RecordInput | readonly RecordInput[],
    options: WritableOptions,
  ) {
    this.#topic = topic;
    this.caller = topic.caller();
    this.#toInputs = toInputs;
    this.isUnattended = options.onFailure === "report";
    this.#timeoutMs = topic.timeoutMs(options.timeoutMs, Infinity);
    this.#signal = options.signal;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
    // abort() while a write waits or the stream closes reaches the sink only through this signal. The stream errors by
    // itself then; were it errored here, the promise of abort() would reject.
    controller.signal.addEventListener("abort", () => this.#withdraw(controller.signal.reason), { once: true });
    const onAbort = () => this.abort(this.#signal!.reason);
    this.#topic.openStreams.add(this);
    this.#stopListening = () => {
      this.#signal?.removeEventListener("abort", onAbort);
      this.#topic.openStreams.delete(this);
    };
    if (this.#signal?.aborted) this.abort(this.#signal.reason);
    else this.#signal?.addEventListener("abort", onAbort, { once: true });
  }

  /**
   * Resolves once every record is buffered. Returns a promise only when it must wait: with one chunk a record, a promise
   * for each would cost as much as the record.
   */
  write(chunk: T | readonly T[]): void | Promise<void> {
    try {
      this.#topic.assertOpen("write");
      this.#admission = this.#admit(this.#inputs(chunk));
    } catch (error) {
      // The stream errors by the throw itself; what was accepted before goes out.
      this.end(error);
      throw error;
    }
    const admission = this.#admission;
    if (admission === null) return this.#topic.intake.pause();
    // The partitioner refused a record of the chunk: those behind it that are not in yet stay out.
    if (this.#failure !== null) this.#topic.intake.giveUp(admission, this.#failure.reason);
    return admission.ended.finally(() => this.#admission = null);
  }

  /** Resolves once every record of this stream is acknowledged. */
  async close(): Promise<void> {
    // Must itself reject: the standard ignores controller.error() while closing.
    if (this.#failure !== null) throw this.#failure.reason;
    this.#closing = Promise.withResolvers<void>();
    if (this.#unsettledCount === 0) this.#closing.resolve();
    else this.#topic.hurry();
    try {
      await this.#closing.promise;
    } finally {
      this.#stopListening();
    }
  }

  /** Ends the stream, and takes back every record of it that was never sent. */
  abort(reason: unknown): void {
    this.#controller.error(reason);
    this.#withdraw(reason);
  }

  /** Implements `OpenStream`. */
  end(reason: unknown): void {
    // A stream that is closing is not cut short: its records go out, and close() tells.
    if (this.#failure !== null || this.#closing !== null) return;
    this.#controller.error(reason);
    this.#end(reason);
  }

  #inputs(chunk: T | readonly T[]): readonly RecordInput[] {
    const given = this.#toInputs(chunk);
    if (Array.isArray(given)) {
      this.#topic.intake.check(given);
      return given;
    }
    this.#topic.intake.checkOne(given);
    this.#single[0] = given as RecordInput;
    return this.#single;
  }

  #admit(inputs: readonly RecordInput[]): Admission | null {
    // Before: a record may be refused at once.
    this.#unsettledCount += inputs.length;
    try {
      const call = { recipient: this, timeoutMs: this.#timeoutMs, lingerMs: Infinity, isStream: true };
      return this.#topic.intake.admit(inputs, call);
    } catch (error) {
      this.#unsettledCount -= inputs.length;
      throw error;
    }
  }

  /** Takes no more records, those that wait for room included. */
  #end(reason: unknown): void {
    this.#failure = { reason };
    this.#stopListening();
    if (this.#closing !== null) {
      this.#closing.reject(reason);
      this.#closing.promise.catch(() => {}); // close() tells, unless it was over just before.
    }
    if (this.#admission !== null) this.#topic.intake.giveUp(this.#admission, reason);
  }

  #withdraw(reason: unknown): void {
    if (this.#failure !== null) return;
    this.#end(reason);
    this.#topic.withdraw(this, reason);
  }

  // Recipient

  refused(_inputIndex: number, error: DeliveryError, failure: () => DeliveryFailure): void {
    if (this.isUnattended || error.cause instanceof BufferFullError) this.#topic.reportRefusal(error, failure());
    this.#lost(1, error.cause instanceof RangeError ? error.cause : error);
  }

  delivered(span: Span): void {
    this.#settled(span.count);
  }

  failed(span: Span, _partition: number | null, error: DeliveryError): void {
    this.#lost(span.count, error);
  }

  #lost(count: number, error: Error): void {
    // Whoever chose to have records dropped does not want the stream to end when one is.
    const isDropped = error instanceof KafkaError && error.cause instanceof BufferFullError;
    if (!this.isUnattended && !isDropped && this.#failure === null) {
      this.#controller.error(error);
      this.#end(error);
    }
    this.#settled(count);
  }

  #settled(count: number): void {
    this.#unsettledCount -= count;
    if (this.#unsettledCount === 0) this.#closing?.resolve();
  }
}

/** A topic's open stream, as its topic sees it. */
export interface OpenStream {
  /** Ends the stream; accepted records still go out. */
  end(reason: unknown): void;
}
