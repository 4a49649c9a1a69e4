/**
 * What the page shows at one moment. Counters are sums since the start: whoever reads two samples has the rates between.
 *
 * @module
 */

import type { LaneInfo } from "../../record.ts";
import type { TopicStats } from "../../stats.ts";
import type { GatewayCore } from "../gateway_core.ts";
import { type RouteMetrics, TIME_CLASSES_SECONDS } from "../gateway_metrics.ts";
import type { RecentFailure } from "./recent_failures.ts";

/** A topic, as the page shows it. */
export interface TopicSample extends Omit<TopicStats, "lanes" | "batchMaxRecords" | "partitionMaxBytes"> {
  /** How many partitions are known. */
  readonly partitions: number;
  /** Lanes by state. */
  readonly states: Readonly<Record<LaneInfo["state"], number>>;
  /** The lanes, those first that are not up; not more than there is room for. */
  readonly lanes: readonly LaneInfo[];
}

/** How many took how long. */
export interface TimesSample {
  /** How many there were. */
  readonly count: number;
  /** How many in each class of time. */
  readonly classes: readonly number[];
}

/** See the module comment. */
export interface Sample {
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** When, by a clock that never goes back. */
  readonly ms: number;
  /** Name of the node. */
  readonly node: string;
  /** Where the gateway is on its way to its end. */
  readonly phase: string;
  /** Requests: under way, by hundreds of their status, and how long they took. */
  readonly http: TimesSample & { readonly underWay: number; readonly statuses: readonly number[] };
  /** Answers of Kafka: how long batches took, as long as somebody watches. */
  readonly kafka: TimesSample;
  /** Upper bounds of the classes of time in seconds; the last class has none. */
  readonly bounds: readonly number[];
  /** Records of all topics. */
  readonly records: { readonly delivered: number; readonly failed: number; readonly retries: number };
  /** The producer's buffer. */
  readonly buffer: {
    readonly bytes: number;
    readonly maxBytes: number;
    readonly highWaterBytes: number;
    readonly records: number;
    readonly waitingCalls: number;
  };
  /** Topics, those first that are down, then by what was delivered. */
  readonly topics: readonly TopicSample[];
  /** How many topics there are beyond those. */
  readonly moreTopics: number;
  /** What went wrong lately, the last first. */
  readonly failures: readonly RecentFailure[];
}

/** What a sample is made of beside the gateway itself. */
export interface SampleSources {
  /** Figures of the routes that records come in by. */
  readonly routes: readonly RouteMetrics[];
  /** Figures of batches. */
  readonly kafka: RouteMetrics;
  /** What went wrong. */
  readonly failures: readonly RecentFailure[];
}

/** Topics of a sample: a page that shows more helps nobody, and each sample is sent every second. */
export const MAX_TOPICS = 50;
/** Lanes of a sample, of all topics together. */
export const MAX_LANES = 500;

/**
 * Takes a sample.
 *
 * @param core The gateway.
 * @param sources What else it is made of.
 */
export function takeSample(core: GatewayCore, { routes, kafka, failures }: SampleSources): Sample {
  const { options, timers, housekeeping } = core;
  const stats = options.producer.stats();
  const { topics } = stats;
  const sum = (name: "delivered" | "failed" | "retries" | "bufferedRecords") =>
    topics.reduce((total, topic) => total + topic[name], 0);
  return {
    at: timers.wallMs(),
    ms: timers.now(),
    node: options.nodeName,
    phase: core.phase,
    http: { ...timesOf(routes), underWay: housekeeping.underWay, statuses: statusesOf(routes) },
    kafka: timesOf([kafka]),
    bounds: TIME_CLASSES_SECONDS,
    records: { delivered: sum("delivered"), failed: sum("failed"), retries: sum("retries") },
    buffer: {
      bytes: stats.bufferedBytes,
      maxBytes: stats.bufferMaxBytes,
      highWaterBytes: options.highWaterBytes,
      records: sum("bufferedRecords"),
      waitingCalls: stats.waitingCalls,
    },
    topics: topicsOf(topics),
    moreTopics: Math.max(topics.length - MAX_TOPICS, 0),
    failures,
  };
}

function topicsOf(topics: readonly TopicStats[]): TopicSample[] {
  const first = topics.toSorted((a, b) => Number(b.isDown) - Number(a.isDown) || b.delivered - a.delivered);
  let room = MAX_LANES;
  return first.slice(0, MAX_TOPICS).map(({ lanes, batchMaxRecords: _, partitionMaxBytes: __, ...topic }) => {
    const states = { up: 0, connecting: 0, down: 0 };
    for (const { state } of lanes) states[state]++;
    const shown = lanes.toSorted((a, b) => Number(a.state === "up") - Number(b.state === "up")).slice(0, room);
    room -= shown.length;
    return { ...topic, partitions: new Set(lanes.map(({ partition }) => partition)).size, states, lanes: shown };
  });
}

function timesOf(routes: readonly RouteMetrics[]): TimesSample {
  const classes: number[] = new Array(TIME_CLASSES_SECONDS.length + 1).fill(0);
  for (const route of routes) route.classes.forEach((count, index) => classes[index]! += count);
  return { count: classes.reduce((total, count) => total + count, 0), classes };
}

/** How many answers there were of 1xx, 2xx and so on. */
function statusesOf(routes: readonly RouteMetrics[]): number[] {
  const statuses = [0, 0, 0, 0, 0];
  for (const route of routes) {
    for (const [status, count] of route.statuses()) statuses[Math.floor(status / 100) - 1]! += count;
  }
  return statuses;
}
