/**
 * A topic of a producer: what its handles and the producer's own methods do.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { TopicMetadata } from "../cluster/metadata.ts";
import type { DeliveryError } from "../errors.ts";
import type { ProducerEventMap, ProducerEventType } from "../events.ts";
import type { ResolvedTopicOptions, TopicOptions } from "../options.ts";
import type { Delivery, DeliveryFailure, RecordInput } from "../record.ts";
import { checkCallOptions } from "./call_options.ts";
import type { Admission } from "./admission.ts";
import { EnqueueCall, enqueued, type ReportRefusal, SendCall, SendManyCall } from "./calls.ts";
import { Expiry } from "./expiry.ts";
import { Intake } from "./intake.ts";
import type { ProducerCore } from "./producer_core.ts";
import type { Recipient, Span } from "./span.ts";
import { TopicLanes } from "./topic_lanes.ts";
import { type TopicChanges, TopicSettings } from "./topic_settings.ts";
import type { OpenStream } from "./topic_stream.ts";

/** How a `send` behaves. */
export interface SendOptions {
  /** Ends the call; what was never sent is struck out. */
  signal?: AbortSignal;
  /** How long each record may take, in milliseconds. By default `deliveryTimeoutMs`, or 120 000. */
  timeoutMs?: number;
  /**
   * Whether the records go out as soon as they can, without waiting for company.
   *
   * @default {true}, without `lingerMs`
   */
  flush?: boolean;
  /**
   * The longest that the records wait for company, in milliseconds: less than the topic's `lingerMs`, or it changes nothing.
   * Whoever shares a batch with them goes out with them. With `flush: true` it means nothing.
   */
  lingerMs?: number;
}

/** How an `enqueue` behaves. */
export interface EnqueueOptions {
  /** Ends the wait for room: the call rejects. Once the record is in, ends the wait for its partition to be known. */
  signal?: AbortSignal;
  /**
   * Whether the records go out as soon as they can, without waiting for company.
   *
   * @default {false}
   */
  flush?: boolean;
  /**
   * The longest that the records wait for company, in milliseconds: less than the topic's `lingerMs`, or it changes nothing.
   * Whoever shares a batch with them goes out with them. With `flush: true` it means nothing.
   */
  lingerMs?: number;
}

/** Where an accepted record waits. */
export interface Enqueued {
  /** Its partition, null when no broker could be asked for the topic's partitions yet. */
  partition: number | null;
  /** Records that wait in that partition now. */
  buffered: number;
}

/** Where accepted records wait. */
export interface EnqueuedMany {
  /** The partition of each, in input order, null when no broker could be asked yet. */
  partitions: (number | null)[];
  /** Records that wait in these partitions now. */
  buffered: number;
}

/** A handle of the topic, as its events see it. */
export interface EventHandle {
  /** Hands an event of the topic to the handle's listeners; returns whether there are any. */
  dispatch<K extends ProducerEventType>(type: K, detail: ProducerEventMap[K]): boolean;
}

/** What a strategy chose. */
export interface Pick {
  /** The partition. */
  partition: number;
  /** The lane within it. */
  lane: number;
}

const DEFAULT_SEND_TIMEOUT_MS = 120_000;
const SEND_OPTIONS = ["signal", "timeoutMs", "flush", "lingerMs"] as const;
const ENQUEUE_OPTIONS = ["signal", "flush", "lingerMs"] as const;

/** See the module comment. */
export class TopicCore {
  /** Name of the topic. */
  readonly name: string;
  /** Its lanes. */
  readonly lanes: TopicLanes;
  /** The way into them. */
  readonly intake: Intake;
  /** Streams that write to it and are not closed. */
  readonly openStreams: Set<OpenStream> = new Set();
  /** Handles of the topic: each has listeners of its own. */
  readonly handles: Set<EventHandle> = new Set();
  /** Whether somebody was given a handle of it, who may use it at any time. */
  isHandedOut = false;
  /** Its options as they are now. */
  options: ResolvedTopicOptions;
  readonly #settings: TopicSettings;
  #lastEnqueued: Recipient = enqueued;
  readonly #producer: ProducerCore;
  /** One function for all calls. */
  readonly #report: ReportRefusal = (error, failure) => this.reportRefusal(error, failure);

  /**
   * @param producer Its producer.
   * @param name Name of the topic.
   * @param options What the producer's options say of it.
   */
  constructor(producer: ProducerCore, name: string, options: TopicOptions) {
    this.#producer = producer;
    this.name = name;
    this.#settings = new TopicSettings(name, options, (given) => producer.resolveTopic(given));
    this.options = this.#settings.current;
    this.lanes = new TopicLanes(producer.context, name, () => this.options);
    this.intake = new Intake(this.lanes, producer.context, () => this.options);
  }

  /**
   * Applies a handle's options: those of the first handle that has any.
   *
   * @throws {TypeError} When another value was set before.
   */
  configureOnce(options: TopicOptions): void {
    if (this.#settings.setOnce(options, { isUsed: this.lanes.hasLanes })) this.#optionsChanged();
  }

  /** Changes options: see `Topic.configure`. */
  configure(changes: TopicChanges): void {
    this.assertOpen("configure");
    this.#settings.change(changes);
    this.#optionsChanged();
  }

  /**
   * Delivers records. Not an async function, and neither are those that pass its promise on: each would hold objects of
   * its own for every record that is under way.
   */
  send(input: RecordInput | readonly RecordInput[], options: SendOptions = {}): Promise<Delivery | Delivery[]> {
    try {
      return this.#send(input, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #send(input: RecordInput | readonly RecordInput[], options: SendOptions): Promise<Delivery | Delivery[]> {
    this.assertOpen("send");
    checkCallOptions(options, SEND_OPTIONS);
    const { signal, flush = options.lingerMs === undefined } = options;
    const lingerMs = flush ? 0 : options.lingerMs ?? Infinity;
    const timeoutMs = this.timeoutMs(options.timeoutMs, DEFAULT_SEND_TIMEOUT_MS);
    const isMany = Array.isArray(input);
    const inputs: readonly RecordInput[] = isMany ? input : [input as RecordInput];
    this.intake.check(inputs);
    if (inputs.length === 0) return Promise.resolve([]);
    if (this.lanes.quarantine !== null) throw this.#quarantined();
    if (signal?.aborted) throw this.lanes.refusal(signal.reason);
    const call = isMany
      ? new SendManyCall(this.name, inputs.length, signal !== undefined)
      : new SendCall(this.name, signal !== undefined);
    call.caller = this.caller();
    const admission = this.intake.admit(inputs, { recipient: call, timeoutMs, lingerMs });
    admission?.ended.catch(() => {}); // The call's outcome tells.
    return signal === undefined ? call.outcome : this.#withdrawable(call, admission, signal);
  }

  /** The outcome of a `send` that its signal may end. */
  async #withdrawable(
    call: SendCall | SendManyCall,
    admission: Admission | null,
    signal: AbortSignal,
  ): Promise<Delivery | Delivery[]> {
    const onAbort = () => {
      if (admission !== null) this.intake.giveUp(admission, signal.reason);
      this.#withdrawSpans(call.spans!, signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await call.outcome;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Accepts records. Not an async function, for the reason that `send` has. */
  enqueue(
    input: RecordInput | readonly RecordInput[],
    options: EnqueueOptions = {},
  ): Promise<Enqueued | EnqueuedMany> {
    try {
      return this.#enqueue(input, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #enqueue(input: RecordInput | readonly RecordInput[], options: EnqueueOptions): Promise<Enqueued | EnqueuedMany> {
    this.assertOpen("enqueue");
    checkCallOptions(options, ENQUEUE_OPTIONS);
    const { signal, flush = false } = options;
    const lingerMs = flush ? 0 : options.lingerMs ?? Infinity;
    const isMany = Array.isArray(input);
    const inputs: readonly RecordInput[] = isMany ? input : [input as RecordInput];
    this.intake.check(inputs);
    if (inputs.length === 0) return Promise.resolve({ partitions: [], buffered: 0 });
    signal?.throwIfAborted();
    if (this.lanes.quarantine !== null) throw this.#quarantined();
    const call = new EnqueueCall(this.#report);
    call.caller = this.caller();
    const recipient = this.lanes.room === null ? this.#enqueuedBy(call.caller) : call;
    const timeoutMs = this.timeoutMs(undefined, Infinity);
    const { partitions } = call;
    const admission = this.intake.admit(inputs, { recipient, refusals: call, timeoutMs, lingerMs, partitions });
    const pause = admission === null ? this.intake.pause() : undefined;
    const isOver = admission === null && pause === undefined && this.lanes.room === null;
    return isOver
      ? Promise.resolve(this.#accepted(call, isMany))
      : this.#acceptedLater(call, { isMany, admission, pause, signal });
  }

  /** What an `enqueue` resolves with that has to wait: for room, for its turn, or for a first word of a broker. */
  async #acceptedLater(
    call: EnqueueCall,
    { isMany, admission, pause, signal }: {
      isMany: boolean;
      admission: Admission | null;
      pause: Promise<void> | undefined;
      signal: AbortSignal | undefined;
    },
  ): Promise<Enqueued | EnqueuedMany> {
    if (admission !== null) {
      const onAbort = () => this.intake.giveUp(admission, signal!.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        await admission.ended;
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    }
    if (pause !== undefined) await pause;
    // The partition is worth waiting for as long as a first answer may come; the record is accepted either way.
    if (call.partitions.includes(null) && this.lanes.room !== null) {
      // The signal's end is no rejection here: that would say that the record is not in.
      await this.#producer.held(() => this.#abortable(this.lanes.firstWord(), signal).catch(() => {}));
    }
    return this.#accepted(call, isMany);
  }

  #accepted(call: EnqueueCall, isMany: boolean): Enqueued | EnqueuedMany {
    call.end(isMany);
    const { partitions } = call;
    return isMany
      ? { partitions, buffered: this.#bufferedIn(new Set(partitions)) }
      : { partition: partitions[0]!, buffered: this.#buffered(partitions[0]!) };
  }

  /** Connects. */
  async prepare(signal?: AbortSignal): Promise<TopicMetadata> {
    this.assertOpen("prepare");
    this.lanes.watch();
    const metadata = this.#producer.context.cluster.lastMetadata(this.name) ?? await this.metadata(signal);
    const brokers = new Set(metadata.partitions.map(({ leader }) => leader).filter((leader) => leader !== null));
    const lanes = Array.from({ length: this.options.lanesPerPartition.min }, (_, lane) => lane);
    await Promise.all([...brokers].flatMap((id) => lanes.map((lane) => this.#producer.connect(id, lane, signal))));
    return metadata;
  }

  /** Fetches metadata. */
  async metadata(signal?: AbortSignal): Promise<TopicMetadata> {
    this.assertOpen("fetch metadata");
    return await this.#producer.context.cluster.fetchTopic(this.name, signal && { signal });
  }

  /** Asks the strategy. */
  async pick(input: RecordInput = "", signal?: AbortSignal): Promise<Pick> {
    this.assertOpen("pick");
    this.intake.checkOne(input);
    signal?.throwIfAborted();
    if (this.lanes.room !== null) {
      // One round, at once: whoever asks where a record would go does not want to wait for an absent broker.
      await this.metadata(signal);
      this.lanes.watch();
      if (this.lanes.room !== null) await this.#producer.held(() => this.#abortable(this.lanes.firstWord(), signal));
      this.assertOpen("pick");
      if (this.lanes.room !== null) throw this.lanes.lastError;
    }
    const { record } = this.intake;
    record.prepare(input, this.wallMs());
    const partition = this.lanes.route(record);
    if (typeof partition === "number") {
      return { partition, lane: this.lanes.pick(partition, record.key, record.neededBytes) };
    }
    throw partition instanceof RangeError || partition instanceof TypeError ? partition : this.lanes.refusal(partition);
  }

  /**
   * Whether nothing would be lost with it. A topic that has lanes would lose the numbers of its batches: brokers would take
   * those that begin anew for some they have already.
   */
  get isDispensable(): boolean {
    const { lanes, intake, openStreams } = this;
    const isIdle = openStreams.size === 0 && !intake.isWaiting && (lanes.room?.settlement.bufferedRecords ?? 0) === 0;
    return isIdle && !this.isHandedOut && !lanes.hasLanes;
  }

  /** Makes every open batch of the topic due. */
  hurry(): void {
    this.lanes.room?.makeDue();
    for (const lane of this.lanes.lanes()) lane.makeDue();
  }

  /** Settles what a recipient still waits for, each record with the verdict that holds for it. */
  withdraw(recipient: Recipient, cause: unknown): void {
    const spans = this.lanes.batches().flatMap((batch) => batch.spans.filter((span) => span.recipient === recipient));
    this.#withdrawSpans(spans, cause);
  }

  /** Fails all that is not settled, each record with the verdict that holds for it. */
  failAll(cause: unknown): void {
    this.intake.giveUpAll(cause);
    this.lanes.room?.failAll(cause);
    for (const lane of this.lanes.lanes()) lane.failAll(cause);
  }

  /** Settles what should have been settled by `nowMs`; returns the next deadline. */
  expire(nowMs: number): number {
    const cause = () => new Expiry();
    let next = this.intake.expire(nowMs, cause);
    const expired: Span[] = [];
    for (const batch of this.lanes.batches()) next = Math.min(next, expireBatch(batch, nowMs, expired));
    if (expired.length > 0) this.#withdrawSpans(expired, cause());
    return next;
  }

  /** Who makes the present call, as tracing tells; undefined without tracing. */
  caller(): unknown {
    const { tracing, warn } = this.#producer.context;
    if (tracing.capture === null) return undefined;
    try {
      return tracing.capture();
    } catch (error) {
      warn("tracing", "What traceCallers() was given threw", error);
      return undefined;
    }
  }

  /** The recipient of enqueued records: calls in a row by one caller share it, so that their spans can be one. */
  #enqueuedBy(caller: unknown): Recipient {
    if (caller === undefined) return enqueued;
    if (this.#lastEnqueued.caller !== caller) this.#lastEnqueued = { ...enqueued, caller };
    return this.#lastEnqueued;
  }

  /** Milliseconds a record of a call may take. */
  timeoutMs(given: number | undefined, fallback: number): number {
    return given ?? this.options.deliveryTimeoutMs ?? fallback;
  }

  /** @throws {TypeError} When the producer is closed. */
  assertOpen(action: string): void {
    if (this.#producer.isClosed) throw new TypeError(`Cannot ${action}: the producer is closed`);
  }

  /** Milliseconds since the epoch. */
  wallMs(): number {
    return this.#producer.context.timers.wallMs();
  }

  /** Reports a record that was refused and that nobody awaits. */
  reportRefusal(error: DeliveryError, failure: DeliveryFailure): void {
    const { emit } = this.#producer.context;
    emit("deliveryfailed", { topic: this.name, partition: null, count: 1, error, failures: () => [failure] });
  }

  #optionsChanged(): void {
    this.options = this.#settings.current;
    this.lanes.overflow.reopen();
  }

  #withdrawSpans(spans: readonly Span[], cause: unknown): void {
    for (const [keeper, group] of Map.groupBy(spans, (span) => span.batch.keeper)) keeper?.withdraw(group, cause);
  }

  #quarantined(): DeliveryError {
    this.#producer.context.cluster.refresh(this.name);
    return this.lanes.refusal(this.lanes.quarantine);
  }

  #bufferedIn(partitions: Iterable<number | null>): number {
    let buffered = 0;
    for (const partition of partitions) buffered += this.#buffered(partition);
    return buffered;
  }

  #buffered(partition: number | null): number {
    return partition === null ? this.lanes.room?.settlement.bufferedRecords ?? 0 : this.lanes.buffered(partition);
  }

  async #abortable(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    await (signal === undefined ? promise : abortable(promise, signal));
  }
}

/** Collects the spans of a batch that should have been settled; returns the next deadline of the others. */
function expireBatch(batch: Span["batch"], nowMs: number, expired: Span[]): number {
  if (batch.deadlineMs > nowMs) return batch.deadlineMs;
  batch.deadlineMs = Infinity;
  for (const span of batch.spans) {
    if (span.isSettled) continue;
    if (span.deadlineMs <= nowMs) expired.push(span);
    else batch.deadlineMs = Math.min(batch.deadlineMs, span.deadlineMs);
  }
  return batch.deadlineMs;
}
