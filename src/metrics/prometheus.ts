/**
 * A producer's metrics as Prometheus scrapes them.
 *
 * @module
 */

import { Registry } from "prom-client";
import type { FlushDetail, ProducerEventMap } from "../events.ts";
import { type Check, checkAll, checkMeasured, checkOptions, quote, typed } from "../option_checks.ts";
import type { MeasuredProducer } from "../stats.ts";
import { BYTES, RECORDS, SECONDS } from "./buckets.ts";
import { MetricSet, type Sample } from "./metric_set.ts";
import {
  type Instruments,
  LABEL_CHECKS,
  type LabelOptions,
  Measurement,
  type Reading,
  type SentLabels,
  type TopicReading,
} from "./measurement.ts";

/** A `Registry` of prom-client, as far as it is used here. */
export interface MetricRegistry {
  /** Media type of the text. */
  readonly contentType: string;
  /** All metrics as text. */
  metrics(): Promise<string>;
  /** A metric by its name. */
  getSingleMetric(name: string): unknown;
  /** Takes a metric out. */
  removeSingleMetric(name: string): void;
}

/** Options of {@linkcode prometheus}. */
export interface PrometheusOptions<R extends MetricRegistry = MetricRegistry> extends LabelOptions {
  /**
   * A `Registry` of prom-client to put the metrics into, beside your own. It takes the metrics of one producer for each
   * prefix. By default a new one, without prom-client's default metrics.
   */
  registry?: R;
  /**
   * What every name begins with.
   *
   * @default {"ekaf_"}
   */
  prefix?: string;
}

/** The metrics of a producer. */
export interface PrometheusMetrics<R extends MetricRegistry = MetricRegistry> extends Disposable {
  /** Where they are. */
  readonly registry: R;
  /** Media type of {@linkcode text}, for the header `content-type`. */
  readonly contentType: string;
  /** Everything in the registry, in the text format of Prometheus. */
  text(): Promise<string>;
  /** Listens to the producer no more, and takes its metrics out of the registry. */
  close(): void;
}

/**
 * Measures a producer from now on, for Prometheus.
 *
 * What is counted costs a few operations a batch, nothing a record. Gauges are read when they are scraped.
 *
 * @param producer The producer.
 * @param options Another registry or prefix; how many topics get a label of their own.
 * @throws {TypeError} When the registry has metrics of these names already.
 *
 * @example
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 * import { prometheus } from "@ekaf/ekaf/metrics";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { greetings: 1 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap });
 * using metrics = prometheus(producer);
 * await producer.send("greetings", "hello");
 * assertStringIncludes(await metrics.text(), 'ekaf_records_delivered_total{topic="greetings"} 1');
 * ```
 */
export function prometheus<R extends MetricRegistry = MetricRegistry>(
  producer: MeasuredProducer,
  options: PrometheusOptions<R> = {},
): PrometheusMetrics<R> {
  checkMeasured(producer);
  checkOptions("measure a producer", options);
  checkAll(options, { ...LABEL_CHECKS, registry: checkRegistry, prefix: checkPrefix }, "option");
  const { registry = new Registry() as MetricRegistry as R, prefix = "ekaf_", ...labels } = options;
  const metrics = new MetricSet(registry as MetricRegistry as Registry, prefix);
  const instruments = new PrometheusInstruments(metrics);
  const measurement = new Measurement(producer, instruments, labels);
  addReadings(metrics, () => measurement.read());
  const close = () => {
    measurement.close();
    metrics.remove();
  };
  return {
    registry,
    get contentType() {
      return registry.contentType;
    },
    text: () => registry.metrics(),
    close,
    [Symbol.dispose]: close,
  };
}

/** Any version's `Registry` will do, so it is known by what it can do. */
const checkRegistry: Check = (name, value) => {
  if (typeof (value as Registry | null)?.getSingleMetric === "function") return;
  throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be a Registry of prom-client`);
};

/** Names of Prometheus begin with it. */
const checkPrefix: Check = (name, value) => {
  typed("string")(name, value);
  if (/^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(value as string)) return;
  const rule = "it must be letters, digits, _ and :, and not begin with a digit";
  throw new RangeError(`Cannot use ${quote(name)} ${quote(value)}: ${rule}`);
};

/** What is counted as it happens. */
class PrometheusInstruments implements Instruments {
  readonly #batches: ReturnType<typeof batchMetrics>;
  readonly #brokers: ReturnType<typeof brokerMetrics>;

  constructor(metrics: MetricSet) {
    this.#batches = batchMetrics(metrics);
    this.#brokers = brokerMetrics(metrics);
  }

  sent({ topic }: SentLabels, { records, bytes, attempt, queuedMs }: FlushDetail): void {
    const labels = { topic };
    this.#batches.sentRecords.inc(labels, records);
    this.#batches.sentBytes.inc(labels, bytes);
    this.#batches.sentBatches.inc(labels);
    if (attempt > 1) return;
    this.#batches.records.observe(labels, records);
    this.#batches.bytes.observe(labels, bytes);
    this.#batches.queueSeconds.observe(labels, queuedMs / 1_000);
  }

  answered({ topic, broker }: SentLabels, { ms }: ProducerEventMap["flushreplied"], errorType: string | null): void {
    this.#brokers.requestSeconds.observe({ broker }, ms / 1_000);
    if (errorType !== null) this.#batches.errors.inc({ topic, code: errorType });
  }

  throttled(broker: string, ms: number): void {
    this.#brokers.throttles.inc({ broker });
    this.#brokers.throttleSeconds.inc({ broker }, ms / 1_000);
  }

  connected(ms: number, isReconnect: boolean): void {
    this.#brokers.connects.inc();
    if (isReconnect) this.#brokers.reconnects.inc();
    this.#brokers.connectSeconds.observe(ms / 1_000);
  }

  wasDown(topic: string, ms: number): void {
    this.#batches.downtimes.inc({ topic });
    this.#batches.downSeconds.inc({ topic }, ms / 1_000);
  }
}

function batchMetrics(metrics: MetricSet) {
  const queued = "Age of a batch's first record when the batch is sent for the first time";
  return {
    sentRecords: metrics.counter("records_sent_total", "Records handed to a connection, retries included", "topic"),
    sentBytes: metrics.counter("sent_bytes_total", "Bytes of batches handed to a connection", "topic"),
    sentBatches: metrics.counter("batches_sent_total", "Batches handed to a connection, retries included", "topic"),
    records: metrics.histogram("batch_records", "Records in a batch at its first send", RECORDS, "topic"),
    bytes: metrics.histogram("batch_size_bytes", "Bytes of a batch at its first send", BYTES, "topic"),
    queueSeconds: metrics.histogram("batch_queue_seconds", queued, SECONDS, "topic"),
    errors: metrics.counter("errors_total", "Batches that were sent and not acknowledged", "topic", "code"),
    downtimes: metrics.counter("downtimes_total", "Times that a topic was down and came up again", "topic"),
    downSeconds: metrics.counter("down_seconds_total", "How long, counted when it is up again", "topic"),
  };
}

function brokerMetrics(metrics: MetricSet) {
  const request = "From a batch's hand-over to its connection to the answer, or to the end of waiting";
  return {
    requestSeconds: metrics.histogram("request_duration_seconds", request, SECONDS, "broker"),
    throttles: metrics.counter("throttles_total", "Pauses that a broker asked for", "broker"),
    throttleSeconds: metrics.counter("throttle_seconds_total", "Length of these pauses", "broker"),
    connects: metrics.counter("connects_total", "Connections that were made, to any broker"),
    reconnects: metrics.counter("reconnects_total", "Of these, to a broker whose connection had been lost"),
    connectSeconds: metrics.histogram("connect_seconds", "How long it took to connect", SECONDS),
  };
}

/** Adds what is read from the producer when it is scraped. */
function addReadings(metrics: MetricSet, read: () => Reading): void {
  let reading: Reading | null = null;
  /** One reading serves all metrics of a scrape: they are collected in one task. */
  const current = () => {
    if (reading === null) queueMicrotask(() => reading = null);
    return reading ??= read();
  };
  const topics = (value: (topic: TopicReading) => number) => () =>
    Array.from(current().topics, ([topic, stats]): Sample => [{ topic }, value(stats)]);
  const one = (value: (reading: Reading) => number) => (): Sample[] => [[{}, value(current())]];
  const lanes = () =>
    Array.from(current().topics).flatMap(([topic, stats]) =>
      Object.entries(stats.lanes).map(([state, count]): Sample => [{ topic, state }, count])
    );
  metrics.total("records_delivered_total", "Records acknowledged", topics((topic) => topic.delivered), "topic");
  metrics.total(
    "records_failed_total",
    "Records accepted and not acknowledged",
    topics((topic) => topic.failed),
    "topic",
  );
  metrics.total("retries_total", "Batches sent again", topics((topic) => topic.retries), "topic");
  metrics.gauge("buffered_records", "Records accepted, not settled", topics((topic) => topic.bufferedRecords), "topic");
  metrics.gauge("buffered_bytes", "Bytes of these records", topics((topic) => topic.bufferedBytes), "topic");
  metrics.gauge("in_flight_batches", "Batches without an answer", topics((topic) => topic.inFlight), "topic");
  metrics.gauge("topics_down", "Topics for which no broker can be reached", topics((topic) => topic.down), "topic");
  metrics.gauge("lanes", "Lanes by the state of their broker", lanes, "topic", "state");
  metrics.gauge("buffer_used_bytes", "Bytes of the buffer in use", one((stats) => stats.bufferedBytes));
  metrics.gauge("buffer_max_bytes", "Bytes of the whole buffer", one((stats) => stats.bufferMaxBytes));
  metrics.gauge("waiting_calls", "Calls and streams that wait for room", one((stats) => stats.waitingCalls));
}
