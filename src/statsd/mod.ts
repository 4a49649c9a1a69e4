/**
 * A producer's events and figures for statsd, as ekaf for Erlang named them.
 *
 * @module
 */

export { type Statsd, statsd, type StatsdOptions } from "./statsd.ts";
export type { MeasuredProducer, ProducerStats, TopicStats } from "../stats.ts";
