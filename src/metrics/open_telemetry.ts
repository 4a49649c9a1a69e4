/**
 * A producer's metrics and spans for OpenTelemetry.
 *
 * @module
 */

import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  metrics,
  type Observable,
} from "@opentelemetry/api";
import type { FlushDetail, ProducerEventMap } from "../events.ts";
import { checkAll, checkMeasured, checkOptions, typed } from "../option_checks.ts";
import type { TracedProducer } from "../stats.ts";
import { traceBatches } from "./batch_spans.ts";
import { BYTES, RECORDS, SECONDS } from "./buckets.ts";
import {
  type Instruments,
  LABEL_CHECKS,
  type LabelOptions,
  Measurement,
  type Reading,
  type SentLabels,
  type TopicReading,
} from "./measurement.ts";
import { BROKER, ERROR_TYPE, OPERATION_NAME, SCOPE, SYSTEM, TOPIC } from "./semantics.ts";

/** Options of {@linkcode openTelemetry}. */
export interface OpenTelemetryOptions extends LabelOptions {
  /**
   * Whether each batch becomes a span, every time it is sent: the child of the span that was active where its records
   * came from, or with a link to each of several.
   *
   * @default {true}
   */
  spans?: boolean;
}

/** What measures a producer. */
export interface OpenTelemetryAttachment extends Disposable {
  /** Listens to the producer no more. */
  close(): void;
}

/**
 * Measures a producer from now on, through the API of OpenTelemetry: with `OTEL_DENO=true` Deno itself exports metrics
 * and spans. Without it, or another SDK, nothing comes of it.
 *
 * @param producer The producer.
 * @param options Whether there are spans; how many topics get an attribute of their own.
 *
 * @example
 * ```ts
 * import { Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 * import { openTelemetry } from "@ekaf/ekaf/metrics";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { greetings: 1 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap });
 * using _telemetry = openTelemetry(producer);
 * await producer.send("greetings", "hello"); // a span, and the metrics, for OTEL_EXPORTER_OTLP_ENDPOINT
 * ```
 */
export function openTelemetry(producer: TracedProducer, options: OpenTelemetryOptions = {}): OpenTelemetryAttachment {
  checkMeasured(producer);
  checkOptions("measure a producer", options);
  checkAll(options, { ...LABEL_CHECKS, spans: typed("boolean") }, "option");
  const { spans = true, ...labels } = options;
  const meter = metrics.getMeter(SCOPE);
  const measurement = new Measurement(producer, new OtelInstruments(meter), labels);
  const stopReading = addReadings(meter, () => measurement.read());
  const stopSpans = spans ? traceBatches(producer) : () => {};
  const close = () => {
    measurement.close();
    stopReading();
    stopSpans();
  };
  return { close, [Symbol.dispose]: close };
}

/** What is counted as it happens. */
class OtelInstruments implements Instruments {
  readonly #batches: ReturnType<typeof batchInstruments>;
  readonly #brokers: ReturnType<typeof brokerInstruments>;

  constructor(meter: Meter) {
    this.#batches = batchInstruments(meter);
    this.#brokers = brokerInstruments(meter);
  }

  sent({ topic }: SentLabels, { records, bytes, attempt, queuedMs }: FlushDetail): void {
    const attributes = { [SYSTEM]: "kafka", [TOPIC]: topic };
    this.#batches.bytes.add(bytes, attributes);
    this.#batches.batches.add(1, attributes);
    if (attempt > 1) return;
    this.#batches.records.record(records, attributes);
    this.#batches.size.record(bytes, attributes);
    this.#batches.queued.record(queuedMs / 1_000, attributes);
  }

  answered({ topic }: SentLabels, detail: ProducerEventMap["flushreplied"], errorType: string | null): void {
    const attributes: Attributes = { [SYSTEM]: "kafka", [OPERATION_NAME]: "send", [TOPIC]: topic };
    if (errorType !== null) attributes[ERROR_TYPE] = errorType;
    this.#batches.messages.add(detail.records, attributes);
    this.#batches.duration.record(detail.ms / 1_000, attributes);
  }

  throttled(broker: string, ms: number): void {
    this.#brokers.throttles.add(1, { [BROKER]: broker });
    this.#brokers.throttled.add(ms / 1_000, { [BROKER]: broker });
  }

  connected(ms: number, isReconnect: boolean): void {
    this.#brokers.connects.add(1);
    if (isReconnect) this.#brokers.reconnects.add(1);
    this.#brokers.connecting.record(ms / 1_000);
  }

  wasDown(topic: string, ms: number): void {
    this.#brokers.downtimes.add(1, { [TOPIC]: topic });
    this.#brokers.down.add(ms / 1_000, { [TOPIC]: topic });
  }
}

function histogram(meter: Meter, name: string, description: string, unit: string, buckets: readonly number[]) {
  return meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries: [...buckets] } });
}

function counter(meter: Meter, name: string, description: string, unit: string) {
  return meter.createCounter(name, { description, unit });
}

function batchInstruments(meter: Meter) {
  const queued = "Age of a batch's first record when the batch is sent for the first time";
  return {
    messages: counter(meter, "messaging.client.sent.messages", "Records sent, retries included", "{message}"),
    duration: histogram(
      meter,
      "messaging.client.operation.duration",
      "From a batch's send to its answer",
      "s",
      SECONDS,
    ),
    bytes: counter(meter, "ekaf.sent.size", "Bytes of batches sent, retries included", "By"),
    batches: counter(meter, "ekaf.sent.batches", "Batches sent, retries included", "{batch}"),
    records: histogram(meter, "ekaf.batch.records", "Records in a batch at its first send", "{record}", RECORDS),
    size: histogram(meter, "ekaf.batch.size", "Bytes of a batch at its first send", "By", BYTES),
    queued: histogram(meter, "ekaf.batch.queue.duration", queued, "s", SECONDS),
  };
}

function brokerInstruments(meter: Meter) {
  return {
    throttles: counter(meter, "ekaf.throttles", "Pauses that a broker asked for", "{pause}"),
    throttled: counter(meter, "ekaf.throttle.duration", "Length of these pauses", "s"),
    connects: counter(meter, "ekaf.connects", "Connections that were made, to any broker", "{connection}"),
    reconnects: counter(meter, "ekaf.reconnects", "Of these, to a broker that had been lost", "{connection}"),
    connecting: histogram(meter, "ekaf.connect.duration", "How long it took to connect", "s", SECONDS),
    downtimes: counter(meter, "ekaf.downtimes", "Times that a topic was down and came up again", "{downtime}"),
    down: counter(meter, "ekaf.downtime.duration", "How long, counted when it is up again", "s"),
  };
}

/** Adds what is read from the producer at each export; returns what takes it back. */
function addReadings(meter: Meter, read: () => Reading): () => void {
  const total = (name: string, description: string, unit: string) =>
    meter.createObservableCounter(name, { description, unit });
  const gauge = (name: string, description: string, unit: string) =>
    meter.createObservableUpDownCounter(name, { description, unit });
  const byTopic = new Map<Observable, (topic: TopicReading) => number>([
    [total("ekaf.records.delivered", "Records acknowledged", "{record}"), (topic) => topic.delivered],
    [total("ekaf.records.failed", "Records accepted and not acknowledged", "{record}"), (topic) => topic.failed],
    [total("ekaf.retries", "Batches sent again", "{batch}"), (topic) => topic.retries],
    [gauge("ekaf.buffer.records", "Records accepted and not settled", "{record}"), (topic) => topic.bufferedRecords],
    [gauge("ekaf.buffer.usage", "Bytes of these records", "By"), (topic) => topic.bufferedBytes],
    [gauge("ekaf.in_flight", "Batches without an answer", "{batch}"), (topic) => topic.inFlight],
    [gauge("ekaf.topics.down", "Topics for which no broker can be reached", "{topic}"), (topic) => topic.down],
  ]);
  const limit = gauge("ekaf.buffer.limit", "Bytes of the whole buffer", "By");
  const waiting = gauge("ekaf.waiting_calls", "Calls and streams that wait for room", "{call}");
  const lanes = gauge("ekaf.lanes", "Lanes by the state of their broker", "{lane}");
  const observe: BatchObservableCallback = (result) => {
    const reading = read();
    result.observe(limit, reading.bufferMaxBytes);
    result.observe(waiting, reading.waitingCalls);
    for (const [topic, stats] of reading.topics) {
      for (const [instrument, value] of byTopic) result.observe(instrument, value(stats), { [TOPIC]: topic });
      for (const [state, count] of Object.entries(stats.lanes)) {
        result.observe(lanes, count, { [TOPIC]: topic, "ekaf.lane.state": state });
      }
    }
  };
  const observables = [...byTopic.keys(), limit, waiting, lanes];
  meter.addBatchObservableCallback(observe, observables);
  return () => meter.removeBatchObservableCallback(observe, observables);
}
