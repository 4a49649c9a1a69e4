/**
 * The producer.
 *
 * @module
 */

import type { TopicMetadata } from "../cluster/metadata.ts";
import { type ProducerEventMap, ProducerEvents, type ProducerEventType } from "../events.ts";
import { checkOptions, quote } from "../option_checks.ts";
import { type ProducerOptions, resolveOptions } from "../options.ts";
import type { Delivery, DeliveryFailure, LaneInfo, RecordInput } from "../record.ts";
import type { ProducerStats } from "../stats.ts";
import type { DeliveryOptions, DeliveryPair, Outcome } from "./delivery_stream.ts";
import { logEvent, type LoggedEvent } from "./event_log.ts";
import { signalOnly } from "./call_options.ts";
import { ProducerCore } from "./producer_core.ts";
import { Topic, type TopicHandleOptions } from "./topic.ts";
import type { Enqueued, EnqueuedMany, EnqueueOptions, Pick, SendOptions } from "./topic_core.ts";
import type { WritableOptions } from "./topic_stream.ts";

/**
 * Produces to Kafka over web streams. Connects on first use.
 *
 * Records are accepted into a bounded buffer, batched, and sent to the leaders of their partitions; a full buffer is
 * backpressure to whoever writes. Events are described by {@linkcode ProducerEventMap}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { greetings: 1 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap });
 * const { partition, offset } = await producer.send("greetings", "hello");
 * assertEquals([partition, offset], [0, 0n]);
 * ```
 */
export class Producer extends ProducerEvents implements AsyncDisposable {
  readonly #core: ProducerCore;
  /** A handle without `encode` for each topic used by name. */
  readonly #handles = new Map<string, Topic>();

  /**
   * Opens nothing unless `eagerTopics` is set; then it connects in the background.
   *
   * @param options Where the brokers are, and how to produce.
   * @throws {TypeError} For an option of the wrong type or an unknown name, naming it.
   * @throws {RangeError} For an option out of bounds.
   */
  constructor(options: ProducerOptions) {
    const resolved = resolveOptions(options);
    super((type, error) => this.#core.warn("listener", `A listener of ${quote(type)} failed`, error));
    this.#core = new ProducerCore(resolved, (type, detail) => this.#emit(type, detail));
    for (const name of resolved.eagerTopics) {
      // Failures show as events, and in the outcome of whatever is sent.
      this.prepare(name).catch(() => {});
    }
  }

  /**
   * A handle of a topic.
   *
   * @param name Name of the topic.
   * @param options `encode` belongs to the handle. Others hold for the topic and apply at the first call that passes
   * any; using a topic by name sets none.
   * @throws {TypeError} When a later call passes another value.
   */
  topic<T = RecordInput>(name: string, options: TopicHandleOptions<T> = {}): Topic<T> {
    checkOptions(`use topic ${quote(name)}`, options);
    const { encode, ...rest } = options;
    const core = this.#core.topic(name);
    core.configureOnce(rest);
    core.isHandedOut = true;
    return new Topic<T>(this.#core, core, encode);
  }

  /**
   * Resolves with the delivery once the record is acknowledged.
   *
   * @param topic Name of the topic.
   * @param input The record.
   * @param options A signal, a time-out, whether to flush.
   * @throws {DeliveryError} When it was not acknowledged, with its verdict.
   */
  send(topic: string, input: RecordInput, options?: SendOptions): Promise<Delivery>;
  /**
   * Resolves with the deliveries, in input order, once all records are acknowledged. An empty array resolves at once.
   *
   * @param topic Name of the topic.
   * @param input The records.
   * @param options A signal, a time-out, whether to flush.
   * @throws {DeliveryError} When any was not acknowledged; its `outcomes` tell of each.
   */
  send(topic: string, input: readonly RecordInput[], options?: SendOptions): Promise<Delivery[]>;
  /** Implements both forms. */
  send(
    topic: string,
    input: RecordInput | readonly RecordInput[],
    options?: SendOptions,
  ): Promise<Delivery | Delivery[]> {
    try {
      return this.#core.topic(topic).send(input, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Resolves once the record is accepted within the budget. A later failure is a `deliveryfailed` event.
   *
   * @param topic Name of the topic.
   * @param input The record.
   * @param options A signal that ends the wait for room, whether to flush.
   * @returns Its partition, null while no broker answers; and how many records wait there.
   * @throws {BufferFullError} With overflow `"reject"`, when there is no room.
   */
  enqueue(topic: string, input: RecordInput, options?: EnqueueOptions): Promise<Enqueued>;
  /**
   * Resolves once all records are accepted within the budget. Later failures are `deliveryfailed` events.
   *
   * @param topic Name of the topic.
   * @param input The records.
   * @param options A signal that ends the wait for room, whether to flush.
   * @returns Their partitions in input order; and how many records wait there.
   * @throws {BufferFullError} With overflow `"reject"`, when there is no room for all; then none is accepted.
   */
  enqueue(topic: string, input: readonly RecordInput[], options?: EnqueueOptions): Promise<EnqueuedMany>;
  /** Implements both forms. */
  enqueue(
    topic: string,
    input: RecordInput | readonly RecordInput[],
    options?: EnqueueOptions,
  ): Promise<Enqueued | EnqueuedMany> {
    try {
      return this.#core.topic(topic).enqueue(input, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * A fresh `WritableStream` over the topic's shared lanes. A chunk is a record or an array of records.
   *
   * `write()` resolves when its records are buffered, `close()` when every record of this stream is acknowledged; it
   * rejects when one was lost. A lost record errors this stream only. `abort()` strikes out what was never sent.
   *
   * @param topic Name of the topic.
   * @param options What a lost record does; a signal; a time-out.
   */
  writable(topic: string, options?: WritableOptions): WritableStream<RecordInput | readonly RecordInput[]> {
    return this.#handle(topic).writable(options);
  }

  /**
   * A pair for `pipeThrough`: records in, one outcome a record out, in input order. At most `maxUnread` records are
   * accepted and not yet reported; then `write()` waits. Cancelling the readable errors the writable, and accepted
   * records still go out; aborting the writable strikes out what was never sent and errors the readable.
   *
   * @param topic Name of the topic.
   * @param options Outcomes one by one; a bound; a signal; a time-out.
   */
  delivery(topic: string, options?: DeliveryOptions & { outcomes?: "each" }): DeliveryPair<RecordInput, Outcome>;
  /**
   * The same with arrays of outcomes, all that have settled in a row.
   *
   * @param topic Name of the topic.
   * @param options Outcomes in arrays; a bound; a signal; a time-out.
   */
  delivery(topic: string, options: DeliveryOptions & { outcomes: "arrays" }): DeliveryPair<RecordInput, Outcome[]>;
  /**
   * The same where `outcomes` is not known beforehand.
   *
   * @param topic Name of the topic.
   * @param options Outcomes one by one or in arrays; a bound; a signal; a time-out.
   */
  delivery(topic: string, options?: DeliveryOptions): DeliveryPair<RecordInput, Outcome | Outcome[]>;
  /** Implements all forms. */
  delivery(topic: string, options: DeliveryOptions = {}): DeliveryPair<RecordInput, Outcome | Outcome[]> {
    return this.#handle(topic).delivery(options);
  }

  /**
   * Connects to the leaders of a topic; at once when that is done already.
   *
   * @param topic Name of the topic.
   * @param options A signal.
   * @returns The topic's metadata.
   * @throws {ConnectionError} When no broker can be reached: after one round, naming each address and reason.
   */
  async prepare(topic: string, options: { signal?: AbortSignal } = {}): Promise<TopicMetadata> {
    const { signal } = signalOnly(options);
    return await this.#core.topic(topic).prepare(signal);
  }

  /**
   * A topic's metadata, fresh from a broker.
   *
   * @param topic Name of the topic.
   * @param options A signal.
   * @throws {ConnectionError} When no broker can be reached: after one round, naming each address and reason.
   */
  async metadata(topic: string, options: { signal?: AbortSignal } = {}): Promise<TopicMetadata> {
    const { signal } = signalOnly(options);
    return await this.#core.topic(topic).metadata(signal);
  }

  /**
   * The lanes of a topic as they stand; `[]` if it was never used. An extra lane that has ended is left out until it
   * starts again.
   *
   * @param topic Name of the topic.
   */
  info(topic: string): LaneInfo[] {
    return this.#core.known(topic)?.lanes.info() ?? [];
  }

  /**
   * Lets go of a topic that was used by name and never had a partition to write to, such as one that does not exist: its
   * figures, and what is known of it. For those who take names of topics from others. A topic that records went to is
   * kept, as are those with a handle by {@linkcode topic}, an open stream, or records that wait.
   *
   * @param topic Name of the topic.
   * @returns Whether nothing is kept of it.
   */
  forget(topic: string): boolean {
    if (!this.#core.forget(topic)) return false;
    this.#handles.delete(topic);
    return true;
  }

  /** The producer in figures, as they stand: for metrics. Costs a look at every lane of every topic that was used. */
  stats(): ProducerStats {
    return this.#core.stats();
  }

  /**
   * Has `capture` called once for each call and each stream that brings records, where the caller is: `AsyncLocalStorage`
   * and OpenTelemetry's context work. What it returns is in `callers` of the `flush` and `flushreplied` events of the
   * batches that the records come into. For tracing; `@ekaf/ekaf/metrics` uses it.
   *
   * @param capture Tells who calls; undefined for nobody. Null takes it back.
   */
  traceCallers(capture: (() => unknown) | null): void {
    this.#core.context.tracing.capture = capture;
  }

  /**
   * What the topic's strategy chooses now; counts as a pick.
   *
   * @param topic Name of the topic.
   * @param input The record it is asked for, by default one without a key.
   * @param options A signal.
   */
  async pick(topic: string, input?: RecordInput, options: { signal?: AbortSignal } = {}): Promise<Pick> {
    const { signal } = signalOnly(options);
    return await this.#core.topic(topic).pick(input, signal);
  }

  /**
   * Resolves when everything accepted before the call is settled, even if some of it failed.
   *
   * @param options A signal; its reason is the rejection.
   */
  async flush(options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = signalOnly(options);
    await this.#core.held(() => this.#core.flush(signal));
  }

  /**
   * Refuses new records at once, errors open writables (accepted records still go out), waits until everything is
   * settled, at most `closeTimeoutMs`, then acts as {@linkcode abort}. Idempotent.
   *
   * @param options A signal that ends the wait.
   * @throws {DeliveryError} When the time was over first; its `outcomes` name what was not delivered.
   */
  async close(options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = signalOnly(options);
    await this.#core.close(signal);
  }

  /**
   * Closes now.
   *
   * @param reason Cause of the failures.
   * @returns What was accepted and not acknowledged, each record with its verdict.
   */
  async abort(
    reason: unknown = new DOMException("the producer was aborted", "AbortError"),
  ): Promise<DeliveryFailure[]> {
    return await this.#core.abort(reason);
  }

  /** Like {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle(name: string): Topic {
    let handle = this.#handles.get(name);
    if (handle === undefined) {
      this.#handles.set(name, handle = new Topic(this.#core, this.#core.topic(name), undefined));
    }
    return handle;
  }

  #emit<K extends ProducerEventType>(type: K, detail: ProducerEventMap[K]): void {
    let isHeard = this.emitEvent(type, detail);
    if ("topic" in detail) {
      for (const handle of this.#core.known(detail.topic)?.handles ?? []) {
        if (handle.dispatch(type, detail)) isHeard = true;
      }
    }
    logEvent(this.#core.log, { type, detail, isHeard } as LoggedEvent);
  }
}
