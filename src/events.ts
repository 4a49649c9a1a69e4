/**
 * The events of a producer and of its topics, and an `EventTarget` whose listeners cannot end the process.
 *
 * @module
 */

import type { DeliveryError } from "./errors.ts";
import type { Overflow } from "./options.ts";
import type { DeliveryFailure } from "./record.ts";

/** One partition's path and the broker it leads to. */
export interface LaneDetail {
  /** Topic of the lane. */
  topic: string;
  /** Partition of the lane. */
  partition: number;
  /** Number of the lane within its partition. */
  lane: number;
  /** Id of the leader, null while there is none. */
  broker: number | null;
  /** `host:port` of the leader, null while there is none. */
  address: string | null;
}

/** A batch went out. */
export interface FlushDetail {
  /** Topic of the batch. */
  topic: string;
  /** Partition of the batch. */
  partition: number;
  /** Number of the lane within its partition. */
  lane: number;
  /** Id of the broker it was sent to. */
  broker: number;
  /** Records in the batch. */
  records: number;
  /** Bytes of the batch. */
  bytes: number;
  /** How many times it was sent, this time included: 1 for the first. */
  attempt: number;
  /** How long it was since the first of its records was accepted, in milliseconds. */
  queuedMs: number;
  /** What `Producer.traceCallers` got for the calls that brought the records, each once, at most 128; else empty. */
  callers: readonly unknown[];
}

/** Records of a topic that is down. */
export interface DowntimeDetail {
  /** The topic. */
  topic: string;
  /** How many records. */
  records: number;
  /** Their bytes, as counted in the buffer. */
  bytes: number;
}

/**
 * Detail of each event, by its name.
 *
 * A topic is *down* from the moment when its last connected partition is lost, or when it is found that no broker
 * answers, until a partition is connected again. That is one episode. What it holds then is kept, in order, and goes out
 * when the episode ends.
 */
export interface ProducerEventMap {
  /** A batch is handed to its connection. */
  flush: FlushDetail;
  /** A batch was answered, or its connection ended. `error` is null when it was acknowledged. */
  flushreplied: FlushDetail & { ms: number; error: Error | null };
  /** A partition's leader is connected. */
  laneup: LaneDetail;
  /** A partition lost its leader or the connection to it. */
  lanedown: LaneDetail & { cause: unknown };
  /** Another attempt to reach a topic's leader failed. */
  lanestilldown: { topic: string; address: string | null; attempt: number; cause: unknown };
  /**
   * Records are kept because the topic is down: those of one call; or, when the episode begins, all that were accepted
   * before and are not settled.
   */
  downtimesaved: DowntimeDetail;
  /** The episode is over: what was kept, but for what was settled meanwhile, goes out. */
  downtimereplayed: DowntimeDetail;
  /**
   * There is no room for another record while the topic is down: the first time in an episode. `records` and `bytes` are
   * what is kept, `dropped` what the policy took so far.
   */
  downtimefull: DowntimeDetail & { dropped: number; policy: Overflow };
  /** The episode is over: how long it was, from the loss, or from the first use of a topic that was never up. */
  timedown: { topic: string; ms: number };
  /** A connection to a broker stands. */
  timetoconnect: { broker: number | null; address: string; ms: number };
  /** Every bootstrap address was tried and none answered. */
  bootstrapunreachable: { addresses: string[]; cause: unknown };
  /** Records that nobody awaits were not delivered: once a batch. */
  deliveryfailed: {
    topic: string;
    partition: number | null;
    count: number;
    error: DeliveryError;
    failures(): DeliveryFailure[];
  };
  /** A log lost records it had acknowledged. */
  dataloss: { topic: string; partition: number; lastAckedOffset: bigint | null; logStartOffset: bigint };
  /** A broker asked to be left alone for `ms` milliseconds. */
  throttled: { broker: number; ms: number };
  /** The partitions of a topic, or their leaders, changed. */
  metadatachanged: { topic: string; partitions: number; brokers: number };
}

/** Name of an event. */
export type ProducerEventType = keyof ProducerEventMap;

/** Listener of an event. */
export type ProducerListener<K extends ProducerEventType> =
  | ((event: CustomEvent<ProducerEventMap[K]>) => unknown)
  | { handleEvent(event: CustomEvent<ProducerEventMap[K]>): unknown };

/** Hands an event to whoever listens. Never throws. */
export type Emit = <K extends ProducerEventType>(type: K, detail: ProducerEventMap[K]) => void;

/**
 * An `EventTarget` with typed events whose listeners are called each in its own try/catch.
 *
 * On Deno an exception in a listener of a plain `EventTarget` ends the process, and so does the rejected promise of an
 * async listener; a metrics callback must not be able to stop a producer.
 */
export class ProducerEvents extends EventTarget {
  readonly #onListenerError: (type: string, error: unknown) => void;
  /** By event name and capture flag, then by the caller's listener: what was really registered. */
  readonly #wrappers = new Map<string, Map<unknown, EventListener>>();

  /**
   * Makes a target without listeners.
   *
   * @param onListenerError Told of each listener that threw or rejected.
   */
  constructor(onListenerError: (type: string, error: unknown) => void) {
    super();
    this.#onListenerError = onListenerError;
  }

  /** Whether anybody listens to `type`: lets a hot path skip making the event. */
  protected listensTo(type: ProducerEventType): boolean {
    return (this.#wrappers.get(`${type}/false`)?.size ?? 0) + (this.#wrappers.get(`${type}/true`)?.size ?? 0) > 0;
  }

  /** Dispatches `type` with `detail` if anybody listens, and returns whether anybody does. */
  protected emitEvent<K extends ProducerEventType>(type: K, detail: ProducerEventMap[K]): boolean {
    const isHeard = this.listensTo(type);
    if (isHeard) this.dispatchEvent(new CustomEvent(type, { detail }));
    return isHeard;
  }

  /**
   * Registers a listener. One that throws or rejects is logged and changes nothing else.
   *
   * @param type Name of the event.
   * @param listener Called with a `CustomEvent` whose `detail` is described by {@linkcode ProducerEventMap}.
   * @param options As for any `EventTarget`.
   */
  override addEventListener<K extends ProducerEventType>(
    type: K,
    listener: ProducerListener<K> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Registers a listener of any other event. */
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any
    listener: any,
    options?: boolean | AddEventListenerOptions,
  ): void {
    if (listener === null || listener === undefined) return;
    const key = wrapperKey(type, options);
    let wrappers = this.#wrappers.get(key);
    if (wrappers === undefined) this.#wrappers.set(key, wrappers = new Map());
    if (wrappers.has(listener)) return; // As with any EventTarget, a second registration is no second call.
    if (typeof options === "object" && options.signal?.aborted) return;
    const once = typeof options === "object" && options.once === true;
    const wrapper = (event: Event) => {
      if (once) wrappers.delete(listener);
      try {
        const result = typeof listener === "function" ? listener.call(this, event) : listener.handleEvent(event);
        if (typeof result?.then === "function") result.then(undefined, (e: unknown) => this.#onListenerError(type, e));
      } catch (error) {
        this.#onListenerError(type, error);
      }
    };
    wrappers.set(listener, wrapper);
    if (typeof options === "object") {
      options.signal?.addEventListener("abort", () => wrappers.delete(listener), { once: true });
    }
    super.addEventListener(type, wrapper, options);
  }

  /**
   * Takes a listener back.
   *
   * @param type Name of the event.
   * @param listener The listener given to {@linkcode addEventListener}.
   * @param options Only `capture` matters.
   */
  override removeEventListener(
    type: string,
    // deno-lint-ignore no-explicit-any
    listener: any,
    options?: boolean | EventListenerOptions,
  ): void {
    const wrappers = this.#wrappers.get(wrapperKey(type, options));
    const wrapper = wrappers?.get(listener);
    if (wrapper === undefined) return;
    wrappers!.delete(listener);
    super.removeEventListener(type, wrapper, options);
  }
}

function wrapperKey(type: string, options?: boolean | EventListenerOptions): string {
  return `${type}/${typeof options === "object" ? options.capture === true : options === true}`;
}
