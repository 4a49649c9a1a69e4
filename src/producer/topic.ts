/**
 * A handle of a topic.
 *
 * @module
 */

import type { TopicMetadata } from "../cluster/metadata.ts";
import { ProducerEvents } from "../events.ts";
import type { ProducerEventMap, ProducerEventType, ProducerListener } from "../events.ts";
import { quote } from "../option_checks.ts";
import type { TopicOptions } from "../options.ts";
import type { Delivery, LaneInfo, RecordInput } from "../record.ts";
import type { DeliveryOptions, DeliveryPair, Outcome } from "./delivery_stream.ts";
import { deliveryStream } from "./delivery_stream.ts";
import { signalOnly } from "./call_options.ts";
import type { ProducerCore } from "./producer_core.ts";
import type { Enqueued, EnqueuedMany, EnqueueOptions, Pick, SendOptions, TopicCore } from "./topic_core.ts";
import type { TopicChanges } from "./topic_settings.ts";
import { topicStream, type WritableOptions } from "./topic_stream.ts";

/** Options of a topic's handle. */
export interface TopicHandleOptions<T> extends TopicOptions {
  /** Turns what the caller writes into a record; belongs to this handle. By default the value is a record already. */
  encode?: (value: T) => RecordInput;
}

/**
 * A topic of a producer. All handles of a topic share its lanes; each may have an `encode` of its own.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { clicks: 1 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap });
 * const clicks = producer.topic<{ page: string }>("clicks", { encode: (click) => JSON.stringify(click) });
 * await clicks.send({ page: "/" });
 * assertEquals(cluster.records("clicks")[0]!.text(), '{"page":"/"}');
 * ```
 */
export class Topic<T = RecordInput> extends ProducerEvents {
  /** Name of the topic. */
  readonly name: string;
  readonly #core: TopicCore;
  readonly #producer: ProducerCore;
  readonly #encode: ((value: T) => RecordInput) | undefined;

  /**
   * Made by `Producer.topic`.
   *
   * @ignore
   */
  constructor(producer: ProducerCore, core: TopicCore, encode: ((value: T) => RecordInput) | undefined) {
    super((type, error) => producer.warn("listener", `A listener of ${quote(type)} failed`, error));
    if (encode !== undefined && typeof encode !== "function") {
      throw new TypeError(`Cannot use "encode" ${quote(encode)}: it must be a function`);
    }
    this.name = core.name;
    this.#core = core;
    this.#producer = producer;
    this.#encode = encode;
  }

  /** Listens to events of this topic: see `ProducerEvents`. */
  override addEventListener<K extends ProducerEventType>(
    type: K,
    listener: ProducerListener<K> | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    // Only now: a handle that nobody listens to must be free to go.
    this.#core.handles.add(this);
    super.addEventListener(type, listener, options);
  }

  /** Delivers a record: see `Producer.send`. */
  send(input: T, options?: SendOptions): Promise<Delivery>;
  /** Delivers records: see `Producer.send`. */
  send(input: readonly T[], options?: SendOptions): Promise<Delivery[]>;
  /** Delivers a record or records: see `Producer.send`. */
  send(input: T | readonly T[], options?: SendOptions): Promise<Delivery | Delivery[]> {
    try {
      return this.#core.send(this.#inputs(input), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Accepts a record: see `Producer.enqueue`. */
  enqueue(input: T, options?: EnqueueOptions): Promise<Enqueued>;
  /** Accepts records: see `Producer.enqueue`. */
  enqueue(input: readonly T[], options?: EnqueueOptions): Promise<EnqueuedMany>;
  /** Accepts a record or records: see `Producer.enqueue`. */
  enqueue(input: T | readonly T[], options?: EnqueueOptions): Promise<Enqueued | EnqueuedMany> {
    try {
      return this.#core.enqueue(this.#inputs(input), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** A fresh `WritableStream` over the topic's lanes: see `Producer.writable`. */
  writable(options: WritableOptions = {}): WritableStream<T | readonly T[]> {
    this.#core.assertOpen("write");
    return topicStream(this.#core, (chunk: T | readonly T[]) => this.#inputs(chunk), options);
  }

  /** Records in, outcomes out: see `Producer.delivery`. */
  delivery(options?: DeliveryOptions & { outcomes?: "each" }): DeliveryPair<T, Outcome>;
  /** Records in, arrays of outcomes out: see `Producer.delivery`. */
  delivery(options: DeliveryOptions & { outcomes: "arrays" }): DeliveryPair<T, Outcome[]>;
  /** Records in, outcomes out: see `Producer.delivery`. */
  delivery(options?: DeliveryOptions): DeliveryPair<T, Outcome | Outcome[]>;
  /** Implements all forms. */
  delivery(options: DeliveryOptions = {}): DeliveryPair<T, Outcome | Outcome[]> {
    this.#core.assertOpen("write");
    return deliveryStream(this.#core, (chunk: T | readonly T[]) => this.#inputs(chunk), options);
  }

  /**
   * Changes options of the topic, for all of its handles: `partitioner` for records whose partition is not chosen yet,
   * `overflow` for calls made from now on, `downtimeMaxRecords` at once, limits of batches for those opened from now on.
   *
   * @param changes What to change. What is left out stays; what is given as undefined goes back to what the producer was
   * made with.
   * @throws {TypeError} For a value of the wrong type, an unknown name, or an option that cannot change, naming it; then
   * nothing is changed. Also when the producer is closed.
   * @throws {RangeError} For a value out of bounds, or bounds that contradict each other.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Producer, strictRoundRobin } from "@ekaf/ekaf";
   * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
   *
   * await using cluster = await EmbeddedCluster.listen({ topics: { clicks: 2 } });
   * await using producer = new Producer({ bootstrap: cluster.bootstrap, partitioner: () => 1 });
   * const clicks = producer.topic("clicks");
   * await clicks.send(["a", "b"]);
   * clicks.configure({ partitioner: strictRoundRobin() });
   * await clicks.send(["c", "d"]);
   * assertEquals(cluster.records("clicks").map((record) => record.text()), ["c", "a", "b", "d"]);
   * ```
   */
  configure(changes: TopicChanges): void {
    this.#core.configure(changes);
  }

  /** Connects: see `Producer.prepare`. */
  async prepare(options: { signal?: AbortSignal } = {}): Promise<TopicMetadata> {
    const { signal } = signalOnly(options);
    return await this.#core.prepare(signal);
  }

  /** Fetches metadata: see `Producer.metadata`. */
  async metadata(options: { signal?: AbortSignal } = {}): Promise<TopicMetadata> {
    const { signal } = signalOnly(options);
    return await this.#core.metadata(signal);
  }

  /** Shows the topic's lanes: see `Producer.info`. */
  info(): LaneInfo[] {
    return this.#core.lanes.info();
  }

  /** Asks the strategy: see `Producer.pick`. */
  async pick(input?: T, options: { signal?: AbortSignal } = {}): Promise<Pick> {
    const { signal } = signalOnly(options);
    return await this.#core.pick(input === undefined ? undefined : this.#input(input), signal);
  }

  /** Resolves when everything accepted for this topic before the call is settled: see `Producer.flush`. */
  async flush(options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = signalOnly(options);
    await this.#producer.held(() => this.#producer.flush(signal, [this.#core]));
  }

  /** Hands an event of the topic to this handle's listeners; returns whether there are any. */
  dispatch<K extends ProducerEventType>(type: K, detail: ProducerEventMap[K]): boolean {
    return this.emitEvent(type, detail);
  }

  #input(value: T): RecordInput {
    return this.#encode === undefined ? value as RecordInput : this.#encode(value);
  }

  #inputs(input: T | readonly T[]): RecordInput | readonly RecordInput[] {
    if (this.#encode === undefined) return input as RecordInput | readonly RecordInput[];
    return Array.isArray(input) ? input.map((value: T) => this.#encode!(value)) : this.#encode(input as T);
  }
}
