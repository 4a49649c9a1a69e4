/**
 * A producer of which a test says what happens to it.
 *
 * @module
 */

import { type ProducerEventMap, ProducerEvents, type ProducerEventType } from "../src/events.ts";
import type { LaneInfo } from "../src/record.ts";
import type { MeasuredProducer, ProducerStats, TopicStats } from "../src/stats.ts";

/** Emits what it is told to, and has the figures it is given. */
export class FakeProducer extends ProducerEvents implements MeasuredProducer {
  /** What {@linkcode stats} gives. */
  topics: TopicStats[] = [];

  constructor() {
    super((_type, error) => {
      throw error;
    });
  }

  emit<K extends ProducerEventType>(type: K, detail: ProducerEventMap[K]): boolean {
    return this.emitEvent(type, detail);
  }

  stats(): ProducerStats {
    return {
      bufferedBytes: 0,
      bufferMaxBytes: 1_000,
      waitingCalls: 0,
      waitedCalls: 0,
      waitedMs: 0,
      isReachable: true,
      topics: this.topics,
    };
  }
}

/** Figures of a topic in which nothing has happened, but for `given`. */
export function topicStats(given: Partial<TopicStats> & { topic: string }): TopicStats {
  return {
    isDown: false,
    bufferedRecords: 0,
    bufferedBytes: 0,
    batchMaxRecords: 100,
    partitionMaxBytes: 1_000,
    delivered: 0,
    failed: 0,
    retries: 0,
    lanes: [],
    ...given,
  };
}

/** A lane on which nothing has happened, but for `given`. */
export function laneInfo(given: Partial<LaneInfo>): LaneInfo {
  return {
    partition: 0,
    lane: 0,
    broker: 1,
    address: "kafka:9092",
    state: "up",
    bufferedRecords: 0,
    bufferedBytes: 0,
    inFlightRequests: 0,
    delivered: 0,
    failed: 0,
    retries: 0,
    ...given,
  };
}
