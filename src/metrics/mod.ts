/**
 * A producer's metrics for Prometheus and OpenTelemetry, and its batches as spans.
 *
 * @module
 */

export { type MetricRegistry, prometheus, type PrometheusMetrics, type PrometheusOptions } from "./prometheus.ts";
export type { LabelOptions } from "./measurement.ts";
export { openTelemetry, type OpenTelemetryAttachment, type OpenTelemetryOptions } from "./open_telemetry.ts";
export { traced } from "./traced.ts";
export type { MeasuredProducer, ProducerStats, TopicStats, TracedProducer } from "../stats.ts";
