/**
 * What it costs to measure a batch: its two events, heard by nobody or by those who measure.
 *
 * `OTEL_DENO=true` before the command has OpenTelemetry really record.
 *
 * @module
 */

import { openTelemetry, prometheus } from "@ekaf/ekaf/metrics";
import { statsd } from "@ekaf/ekaf/statsd";
import type { FlushDetail } from "../src/events.ts";
import { FakeProducer } from "../test/measured_producer.ts";

const DETAIL: FlushDetail = {
  topic: "clicks",
  partition: 0,
  lane: 0,
  broker: 1,
  records: 1_000,
  bytes: 100_000,
  attempt: 1,
  queuedMs: 2,
  callers: [],
};

function benchBatch(name: string, producer: FakeProducer, baseline = false): void {
  Deno.bench({
    name,
    group: "the events of a batch",
    baseline,
    fn: () => {
      producer.emit("flush", DETAIL);
      producer.emit("flushreplied", { ...DETAIL, ms: 1, error: null });
    },
  });
}

/** A producer that nobody traces, for those who may. */
function producer(): FakeProducer & { traceCallers(): void } {
  return Object.assign(new FakeProducer(), { traceCallers: () => {} });
}

benchBatch("nobody listens", producer(), true);

const listened = producer();
listened.addEventListener("flush", () => {});
listened.addEventListener("flushreplied", () => {});
benchBatch("listeners that do nothing", listened);

const scraped = producer();
prometheus(scraped);
benchBatch("prometheus", scraped);

const reported = producer();
statsd(reported);
benchBatch("statsd", reported);

const exported = producer();
openTelemetry(exported, { spans: false });
benchBatch("openTelemetry, spans: false", exported);

const traced = producer();
openTelemetry(traced);
benchBatch("openTelemetry", traced);
