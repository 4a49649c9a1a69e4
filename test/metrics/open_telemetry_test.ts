import { type Meter, metrics } from "@opentelemetry/api";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { openTelemetry, type OpenTelemetryOptions, traced } from "@ekaf/ekaf/metrics";
import { FakeProducer } from "../measured_producer.ts";
import { rig } from "../producer/rig.ts";
import { type Exported, exportedBy } from "./collector.ts";

const PROGRAM = "test/metrics/telemetry_process.ts";

/** Whether the export holds that came after the program's last record: the readings of an end are not exported. */
function hasAll({ metrics }: Exported): boolean {
  const delivered = metrics.get("ekaf.records.delivered")?.points.map(({ value }) => value) ?? [];
  const inFlight = metrics.get("ekaf.in_flight")?.points.map(({ value }) => value) ?? [];
  return delivered.reduce((sum, value) => sum + value, 0) === 7 && inFlight.every((value) => value === 0);
}

/** The one point of a metric with these attributes. */
function point({ metrics }: Exported, name: string, attributes: Record<string, string> = {}) {
  const metric = metrics.get(name);
  assert(metric !== undefined, `no ${name} among ${[...metrics.keys()]}`);
  const points = metric.points.filter((each) =>
    Object.entries(attributes).every(([key, value]) => each.attributes[key] === value)
  );
  assertEquals(points.length, 1, `${name} ${JSON.stringify(attributes)}: ${JSON.stringify(metric.points)}`);
  return { ...points[0]!, unit: metric.unit };
}

Deno.test("openTelemetry() with OTEL_DENO=true has metrics and spans exported, with no further code", async (t) => {
  const exported = await exportedBy(PROGRAM, hasAll);
  const named = (name: string) => exported.spans.filter((span) => span.name === name);
  const caller = (name: string) => named(name)[0]!;

  await t.step("messaging.client.sent.messages counts records, apart from those with an error", () => {
    const name = "messaging.client.sent.messages";
    const orders = point(exported, name, { "messaging.destination.name": "orders" });
    assertEquals([orders.value, orders.unit], [2, "{message}"]);
    assertEquals(orders.attributes, {
      "messaging.system": "kafka",
      "messaging.operation.name": "send",
      "messaging.destination.name": "orders",
    });
    assertEquals(point(exported, name, { "error.type": "NOT_ENOUGH_REPLICAS" }).value, 1);
  });

  await t.step("messaging.client.operation.duration is a histogram in seconds", () => {
    const { count, sum, unit, bounds } = point(exported, "messaging.client.operation.duration", {
      "messaging.destination.name": "orders",
    });
    assertEquals([count, unit, bounds.at(-1)], [1, "s", 10]);
    assert(sum > 0 && sum < 10);
  });

  await t.step("what is read from the producer is exported as well", () => {
    const topic = { "messaging.destination.name": "audit" };
    assertEquals(point(exported, "ekaf.records.delivered", topic).value, 1);
    assertEquals(point(exported, "ekaf.records.failed", topic).value, 0);
    assertEquals(point(exported, "ekaf.retries", topic).value, 1);
    assertEquals(point(exported, "ekaf.buffer.records", topic).value, 0);
    assertEquals(point(exported, "ekaf.in_flight", topic).value, 0);
    assertEquals(point(exported, "ekaf.lanes", { ...topic, "ekaf.lane.state": "up" }).value, 1);
    assertEquals(point(exported, "ekaf.buffer.limit").value, 32 * 1024 * 1024);
    assertEquals(point(exported, "ekaf.waiting_calls").value, 0);
  });

  await t.step("batches and connections are measured", () => {
    const topic = { "messaging.destination.name": "orders" };
    assertEquals(point(exported, "ekaf.sent.batches", topic).value, 1);
    assertEquals(point(exported, "ekaf.batch.records", topic).sum, 2);
    assertEquals(point(exported, "ekaf.batch.size", topic).sum, point(exported, "ekaf.sent.size", topic).value);
    assertEquals(point(exported, "ekaf.batch.queue.duration", topic).count, 1);
    assertEquals(point(exported, "ekaf.connect.duration").count, point(exported, "ekaf.connects").value);
  });

  await t.step("a batch of one caller is a child of the caller's span", () => {
    const [span] = named("send orders");
    assertEquals([span!.kind, span!.parentSpanId, span!.traceId], [3, caller("one").spanId, caller("one").traceId]);
    assertEquals(span!.links.map(({ spanId }) => spanId), [caller("one").spanId]);
    const { "ekaf.batch.size": size, ...attributes } = span!.attributes;
    assert((size as number) > 0);
    assertEquals(attributes, {
      "messaging.system": "kafka",
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.destination.name": "orders",
      "messaging.destination.partition.id": "0",
      "messaging.batch.message_count": 2,
      "ekaf.broker.id": "1",
    });
    assert(BigInt(span!.startTimeUnixNano) < BigInt(span!.endTimeUnixNano));
  });

  await t.step("a batch of several callers links to each once, in a trace of its own", () => {
    const span = named("send clicks").find(({ links }) => links.length > 1)!;
    assertEquals(
      span.links.map(({ traceId, spanId }) => [traceId, spanId]),
      ["second", "third"].map((name) => [caller(name).traceId, caller(name).spanId]),
    );
    assertEquals(span.parentSpanId, "");
    assert(!["first", "second", "third"].some((name) => caller(name).traceId === span.traceId));
    assertEquals(span.attributes["messaging.batch.message_count"], 3);
  });

  await t.step("a batch that is refused is a span with an error, and the retry is another", () => {
    const [refused, acknowledged] = named("send audit");
    assertEquals([refused!.status.code, refused!.attributes["error.type"]], [2, "NOT_ENOUGH_REPLICAS"]);
    assertEquals(acknowledged!.attributes["ekaf.batch.attempt"], 2);
    assertEquals([acknowledged!.status.code ?? 0, refused!.links, refused!.parentSpanId], [0, [], ""]);
  });

  await t.step("traced() puts the active span into headers, beside those of the record", () => {
    const headers = JSON.parse(exported.output) as Record<string, string>[];
    const parent = (name: string) => `00-${caller(name).traceId}-${caller(name).spanId}-01`;
    assertEquals(headers, [
      { own: "x", traceparent: parent("one") },
      { traceparent: "mine" },
      ...["first", "second", "third", "second"].map((name) => ({ traceparent: parent(name) })),
      {},
    ]);
  });
});

Deno.test("openTelemetry() makes no spans of batches with spans: false", async () => {
  const { spans, metrics } = await exportedBy(PROGRAM, hasAll, ["no-spans"]);

  assertEquals(spans.filter(({ name }) => name.startsWith("send")), []);
  assert(metrics.has("messaging.client.sent.messages"));
});

Deno.test("openTelemetry() without OTEL_DENO changes nothing, and listens no more once it is closed", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const telemetry = openTelemetry(r.producer);

  await r.producer.send("t", "a");
  telemetry.close();
  telemetry.close();
  await r.producer.send("t", "b");

  assertEquals(r.cluster.records("t").length, 2);
  assertEquals(r.warnings, []);
});

Deno.test("openTelemetry() takes back what it asked of the producer when it is closed, and asks nothing without spans", () => {
  const asked: string[] = [];
  const producer = Object.assign(new FakeProducer(), {
    traceCallers: (capture: unknown) => void asked.push(capture === null ? "nobody" : "callers"),
  });

  openTelemetry(producer, { spans: false })[Symbol.dispose]();
  openTelemetry(producer)[Symbol.dispose]();

  assertEquals(asked, ["callers", "nobody"]);
});

Deno.test("openTelemetry() takes back its readings when it is closed", () => {
  const readers = new Map<unknown, unknown>();
  const instrument = { add: () => {}, record: () => {} };
  const meter = new Proxy({
    addBatchObservableCallback: (read: unknown, of: unknown) => void readers.set(read, of),
    removeBatchObservableCallback: (read: unknown, of: unknown) => {
      assertEquals(readers.get(read), of);
      readers.delete(read);
    },
  }, { get: (own, name) => Reflect.get(own, name) ?? (() => ({ ...instrument })) });
  metrics.setGlobalMeterProvider({ getMeter: () => meter as unknown as Meter });
  try {
    const telemetry = openTelemetry(Object.assign(new FakeProducer(), { traceCallers: () => {} }));
    const whileOpen = readers.size;
    telemetry.close();

    assertEquals([whileOpen, readers.size], [1, 0]);
  } finally {
    metrics.disable();
  }
});

Deno.test("openTelemetry() refuses options of the wrong type or unknown, naming them", async () => {
  await using r = await rig();
  for (const [options, text] of [[{ spans: 1 }, '"spans"'], [{ maxTopics: "1" }, '"maxTopics"'], [{ x: 1 }, '"x"']]) {
    assertThrows(() => openTelemetry(r.producer, options as OpenTelemetryOptions), TypeError, text as string);
  }
  for (const wrong of [null, 5, []] as unknown as OpenTelemetryOptions[]) {
    assertThrows(() => openTelemetry(r.producer, wrong), TypeError, "options must be an object");
  }
  const nobody = {} as typeof r.producer;
  assertThrows(() => openTelemetry(nobody), TypeError, "Cannot measure {}: it must be a producer");
});

Deno.test("traced() without tracing gives the record as it is, and does not change it", () => {
  const record = { value: "a", headers: { traceparent: "mine" } };

  assertEquals(traced(record), record);
  assertEquals(traced("a"), { value: "a" });
  assertEquals(traced(new Uint8Array([1])), { value: new Uint8Array([1]) });
});
