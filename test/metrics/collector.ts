/**
 * What Deno's own OpenTelemetry exports of a program, received by OTLP over HTTP as JSON.
 *
 * @module
 */

type Value = { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean };
type Attribute = { key: string; value: Value };

/** A span, as exported. */
export interface ExportedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  status: { code?: number; message?: string };
}

/** A data point of a metric, as exported last. */
export interface ExportedPoint {
  attributes: Record<string, unknown>;
  /** Of counters and gauges. */
  value: number;
  /** Of histograms. */
  count: number;
  sum: number;
  bounds: number[];
}

/** What a program exported. */
export interface Exported {
  /** What it wrote to standard output. */
  output: string;
  spans: ExportedSpan[];
  /** By name of the metric: the points of the last export, and its unit. */
  metrics: Map<string, { unit: string; points: ExportedPoint[] }>;
}

/**
 * Runs a program with `OTEL_DENO=true` and receives what it exports.
 *
 * @param path The program. It stays until its standard input ends.
 * @param isDone Whether everything has come: asked after each export.
 * @param args Arguments of the program.
 */
export async function exportedBy(
  path: string,
  isDone: (exported: Exported) => boolean,
  args: readonly string[] = [],
): Promise<Exported> {
  const exported: Exported = { output: "", spans: [], metrics: new Map() };
  const { spans, metrics } = exported;
  const done = Promise.withResolvers<void>();
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => {} };
  const server = Deno.serve(options, async (request) => {
    const body = await request.json();
    for (const { scopeSpans } of body.resourceSpans ?? []) {
      for (const scope of scopeSpans) spans.push(...scope.spans.map(spanOf));
    }
    for (const { scopeMetrics } of body.resourceMetrics ?? []) {
      for (const scope of scopeMetrics) {
        for (const metric of scope.metrics) metrics.set(metric.name, { unit: metric.unit, points: pointsOf(metric) });
      }
    }
    if (isDone(exported)) done.resolve();
    return Response.json({});
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net=127.0.0.1", path, ...args],
    env: {
      OTEL_DENO: "true",
      OTEL_DENO_CONSOLE: "ignore",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "20",
      NO_COLOR: "1",
    },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  await Promise.race([done.promise, output]);
  await child.stdin.close().catch(() => {}); // It has ended already.
  const { code, stdout, stderr } = await output;
  await server.shutdown();
  const text = new TextDecoder();
  if (code !== 0) throw new Error(text.decode(stderr));
  exported.output = text.decode(stdout);
  return exported;
}

// deno-lint-ignore no-explicit-any
function spanOf({ attributes, ...span }: any): ExportedSpan {
  return { ...span, attributes: plain(attributes) };
}

// deno-lint-ignore no-explicit-any
function pointsOf(metric: any): ExportedPoint[] {
  // deno-lint-ignore no-explicit-any
  return (metric.sum ?? metric.gauge ?? metric.histogram).dataPoints.map((point: any) => ({
    attributes: plain(point.attributes),
    value: Number(point.asDouble ?? point.asInt),
    count: Number(point.count),
    sum: point.sum,
    bounds: point.explicitBounds,
  }));
}

function plain(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => {
    return [key, value.stringValue ?? value.doubleValue ?? value.boolValue ?? Number(value.intValue)];
  }));
}
