/**
 * A program with a producer, for tests that look at what Deno exports of it: `OTEL_DENO` holds for whole processes.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { SpanStatusCode, trace } from "@opentelemetry/api";
import { Producer } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { openTelemetry, traced } from "@ekaf/ekaf/metrics";

const tracer = trace.getTracer("test");

/** Runs `work` in a span. */
function inSpan<T>(name: string, work: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, async (span) => {
    try {
      return await work();
    } finally {
      span.setStatus({ code: SpanStatusCode.OK }).end();
    }
  });
}

await using cluster = await EmbeddedCluster.listen({ topics: { orders: 1, clicks: 1, audit: 1 } });
await using producer = new Producer({
  bootstrap: cluster.bootstrap,
  retryBackoffMs: { initial: 1, max: 2 },
  logger: null,
  lingerMs: 20,
});
using _telemetry = openTelemetry(producer, { spans: Deno.args[0] !== "no-spans" });
await producer.prepare("orders");

// One caller.
const records = [{ value: "a", headers: { own: "x" } }, { value: "b", headers: { traceparent: "mine" } }];
await inSpan("one", () => producer.send("orders", records.map(traced)));
// Two callers in one batch, one of them twice.
const { promise: opened, resolve: open } = Promise.withResolvers<void>();
const hook = cluster.intercept("Produce", async (request, next) => {
  await opened;
  return await next(request);
});
const first = inSpan("first", () => producer.send("clicks", traced("0")));
while (producer.info("clicks")[0]?.inFlightRequests !== 1) await new Promise((resolve) => setTimeout(resolve, 1));
const second = inSpan("second", async () => {
  await producer.enqueue("clicks", traced("1"));
  await producer.enqueue("clicks", traced("2"));
});
const third = inSpan("third", () => producer.send("clicks", traced("3"), { flush: false }));
await second;
open();
await Promise.all([first, third]);
hook[Symbol.dispose]();
// A retry, and a record outside of any span.
cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS");
await producer.send("audit", traced("c"));
await producer.flush();

const text = new TextDecoder();
const headers = ["orders", "clicks", "audit"].flatMap((topic) => cluster.records(topic)).map((record) =>
  Object.fromEntries(record.headers.map(([name, value]) => [name, text.decode(value!)]))
);
console.log(JSON.stringify(headers));
await Deno.stdin.read(new Uint8Array(1));
