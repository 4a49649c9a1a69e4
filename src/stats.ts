/**
 * A producer in figures, and what those who measure it need of it.
 *
 * @module
 */

import type { ProducerEventType, ProducerListener } from "./events.ts";
import type { LaneInfo } from "./record.ts";

/**
 * A topic in figures. What is counted is counted from the first use of the topic and never goes back, unless
 * `Producer.forget` was called.
 */
export interface TopicStats {
  /** Name of the topic. */
  topic: string;
  /** Whether the topic is down: no partition is connected, or no broker answers. */
  isDown: boolean;
  /** Records accepted and not settled, those included that wait for the topic's partitions to be known. */
  bufferedRecords: number;
  /** Their bytes. */
  bufferedBytes: number;
  /** Most records in a batch. */
  batchMaxRecords: number;
  /** Most bytes that may be buffered for one partition. */
  partitionMaxBytes: number;
  /** Records acknowledged so far. */
  delivered: number;
  /** Records that failed so far, of those accepted. */
  failed: number;
  /** Batches sent again so far. */
  retries: number;
  /** Its lanes as they stand: see `Producer.info`. */
  lanes: LaneInfo[];
}

/** A producer in figures, at one moment. */
export interface ProducerStats {
  /** Bytes of all records accepted and not settled. */
  bufferedBytes: number;
  /** Most bytes that may be buffered. */
  bufferMaxBytes: number;
  /** Calls and streams that wait for room in the buffer. */
  waitingCalls: number;
  /** Of those, how many there were so far, those included that wait now. */
  waitedCalls: number;
  /** How long they have waited so far, in milliseconds: of two that wait at once, both count. */
  waitedMs: number;
  /** Whether a broker answered when one was last asked for metadata; false before the first answer. */
  isReachable: boolean;
  /** Every topic that was used, in the order of first use. */
  topics: TopicStats[];
}

/** What those who measure need of a producer: a `Producer` will do. */
export interface MeasuredProducer {
  /** As `Producer.addEventListener`. */
  addEventListener<K extends ProducerEventType>(
    type: K,
    listener: ProducerListener<K>,
    options?: AddEventListenerOptions,
  ): void;
  /** As `Producer.stats`. */
  stats(): ProducerStats;
}

/** What those who trace need of a producer: a `Producer` will do. */
export interface TracedProducer extends MeasuredProducer {
  /** As `Producer.traceCallers`. */
  traceCallers(capture: (() => unknown) | null): void;
}
