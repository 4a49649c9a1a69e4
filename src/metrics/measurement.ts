/**
 * What of a producer is measured, whoever writes it down.
 *
 * @module
 */

import { BrokerError, ConnectionError, DeliveryError, ProtocolError } from "../errors.ts";
import type { FlushDetail, ProducerEventMap } from "../events.ts";
import { type Check, integer } from "../option_checks.ts";
import type { LaneInfo } from "../record.ts";
import type { MeasuredProducer } from "../stats.ts";
import { LabelLimit, OTHER } from "./label_limit.ts";

/** How topics and brokers become labels. */
export interface LabelOptions {
  /**
   * Most topics with a label of their own; those used later share the label `"other"`.
   *
   * @default {100}
   */
  maxTopics?: number;
  /**
   * Most brokers with a label of their own; those seen later share the label `"other"`.
   *
   * @default {100}
   */
  maxBrokers?: number;
}

/** Checks of {@linkcode LabelOptions}. */
export const LABEL_CHECKS: Record<keyof LabelOptions, Check> = { maxTopics: integer(1), maxBrokers: integer(1) };

/** A sent batch, with its labels. */
export interface SentLabels {
  /** Name of the topic, or `"other"`. */
  readonly topic: string;
  /** Id of the broker, or `"other"`. */
  readonly broker: string;
}

/** Who writes down what happens. */
export interface Instruments {
  /** A batch was handed to its connection. */
  sent(labels: SentLabels, detail: FlushDetail): void;
  /** A batch was answered. `errorType` is null when it was acknowledged. */
  answered(labels: SentLabels, detail: ProducerEventMap["flushreplied"], errorType: string | null): void;
  /** A broker asked for a pause. */
  throttled(broker: string, ms: number): void;
  /** A connection stands. */
  connected(ms: number, isReconnect: boolean): void;
  /** A topic was down and is up again. */
  wasDown(topic: string, ms: number): void;
}

/** What a topic holds just now, or the topics that share a label. */
export interface TopicReading {
  /** Records accepted and not settled. */
  bufferedRecords: number;
  /** Their bytes. */
  bufferedBytes: number;
  /** Batches unanswered. */
  inFlight: number;
  /** Lanes by their state. */
  lanes: Record<LaneInfo["state"], number>;
  /** Records acknowledged so far. */
  delivered: number;
  /** Records that failed so far. */
  failed: number;
  /** Batches sent again so far. */
  retries: number;
  /** Topics that are down. */
  down: number;
}

/** What a producer holds just now. */
export interface Reading {
  /** Bytes of all records accepted and not settled. */
  bufferedBytes: number;
  /** Most bytes that may be buffered. */
  bufferMaxBytes: number;
  /** Calls and streams that wait for room. */
  waitingCalls: number;
  /** By label. */
  topics: Map<string, TopicReading>;
}

/** Names of errors that are labels; any other is `"other"`. */
const NAMED_ERRORS = new Set(["AbortError", "Error", "NotCapable", "RangeError", "TimeoutError", "TypeError"]);

/** Listens to a producer, and reads it. */
export class Measurement {
  readonly #producer: MeasuredProducer;
  readonly #topics: LabelLimit;
  readonly #brokers: LabelLimit;
  readonly #listening = new AbortController();

  /**
   * Begins to listen.
   *
   * @param producer Whose events.
   * @param instruments Told of each.
   * @param options How many labels.
   */
  constructor(producer: MeasuredProducer, instruments: Instruments, options: LabelOptions) {
    const { maxTopics = 100, maxBrokers = 100 } = options;
    this.#producer = producer;
    this.#topics = new LabelLimit(maxTopics);
    this.#brokers = new LabelLimit(maxBrokers);
    this.#listen(instruments);
  }

  #listen(instruments: Instruments): void {
    const { signal } = this.#listening;
    /** Brokers whose connection was lost and not made again. */
    const lost = new Set<number>();
    const labelsOf = (detail: FlushDetail): SentLabels => ({
      topic: this.#topics.limited(detail.topic),
      broker: this.#brokers.limited(String(detail.broker)),
    });
    this.#producer.addEventListener("flush", ({ detail }) => instruments.sent(labelsOf(detail), detail), { signal });
    this.#producer.addEventListener("flushreplied", ({ detail }) => {
      instruments.answered(labelsOf(detail), detail, detail.error === null ? null : errorTypeOf(detail.error));
    }, { signal });
    this.#producer.addEventListener("throttled", ({ detail: { broker, ms } }) => {
      instruments.throttled(this.#brokers.limited(String(broker)), ms);
    }, { signal });
    this.#producer.addEventListener("lanedown", ({ detail: { broker } }) => {
      if (broker !== null) lost.add(broker);
    }, { signal });
    this.#producer.addEventListener("timetoconnect", ({ detail: { broker, ms } }) => {
      instruments.connected(ms, broker !== null && lost.delete(broker));
    }, { signal });
    this.#producer.addEventListener("timedown", ({ detail: { topic, ms } }) => {
      instruments.wasDown(this.#topics.limited(topic), ms);
    }, { signal });
  }

  /** What the producer holds just now. */
  read(): Reading {
    const { topics, ...rest } = this.#producer.stats();
    const reading: Reading = { ...rest, topics: new Map() };
    for (const stats of topics) {
      const label = this.#topics.limited(stats.topic);
      let topic = reading.topics.get(label);
      if (topic === undefined) reading.topics.set(label, topic = emptyReading());
      topic.bufferedRecords += stats.bufferedRecords;
      topic.bufferedBytes += stats.bufferedBytes;
      topic.delivered += stats.delivered;
      topic.failed += stats.failed;
      topic.retries += stats.retries;
      topic.down += stats.isDown ? 1 : 0;
      for (const lane of stats.lanes) {
        topic.inFlight += lane.inFlightRequests;
        topic.lanes[lane.state]++;
      }
    }
    return reading;
  }

  /** Listens no more. */
  close(): void {
    this.#listening.abort();
  }
}

/** An error as a label: Kafka's name for what a broker answered, else the name of one of the few classes. */
export function errorTypeOf(error: Error): string {
  if (error instanceof BrokerError) return error.errorName;
  if (error instanceof ConnectionError || error instanceof ProtocolError) return error.name;
  if (error instanceof DeliveryError) return error.cause instanceof Error ? errorTypeOf(error.cause) : error.name;
  return NAMED_ERRORS.has(error.name) ? error.name : OTHER;
}

function emptyReading(): TopicReading {
  return {
    bufferedRecords: 0,
    bufferedBytes: 0,
    inFlight: 0,
    lanes: { connecting: 0, up: 0, down: 0 },
    delivered: 0,
    failed: 0,
    retries: 0,
    down: 0,
  };
}
