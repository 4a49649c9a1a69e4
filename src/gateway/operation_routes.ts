/**
 * Routes for those who run the gateway: is it alive, is it ready, what did it do, what can it do.
 *
 * @module
 */

import { jsonAnswer } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import { fieldsAsJson, formFields } from "./form.ts";
import type { GatewayCore } from "./gateway_core.ts";
import type { Gauge } from "./gateway_metrics.ts";
import type { ResolvedGatewayOptions } from "./options.ts";
import type { Route, RouteDescription } from "./route.ts";

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** As Cowboy wrote it. */
const DISCO_TYPE = "text/plain;charset=utf-8";

type Handle = (exchange: Exchange) => Response | Promise<Response>;

/**
 * The routes.
 *
 * @param options Which of them there are.
 * @param openApi Makes the document of all routes.
 */
export function operationRoutes(options: ResolvedGatewayOptions, openApi: () => string): Route[] {
  const routes: Route[] = [];
  if (options.operation) {
    routes.push(
      get("healthz", "Whether the process is alive", healthz, { "text/plain": { example: "ok" } }),
      get("readyz", "Whether records would be taken", readyz, { "application/json": { example: { ready: true } } }, {
        503: {
          description: "They would not",
          content: { "application/json": { example: { ready: false, reasons: ["draining"] } } },
        },
      }),
      get("metrics", "Figures for Prometheus", metrics, { "text/plain": {} }),
      get("openapi.json", "This document", (exchange) => jsonAnswer(exchange, openApi()), { "application/json": {} }),
    );
  }
  return routes;
}

/** Kafboy's other routes. */
export function discoRoutes(options: ResolvedGatewayOptions): Route[] {
  const disco = get("disco", "The name of this node", discoAnswer, { "text/plain": { example: options.nodeName } });
  if (!options.echoPost) return [disco];
  return [disco, {
    id: "echo_post",
    method: "POST",
    path: "/echo_post",
    style: "kafboy",
    maxBodyBytes: options.bodyMaxBytes,
    isOperation: false,
    describe: {
      summary: "The fields of a form as JSON; nothing is sent",
      tag: "operation",
      body: { "application/x-www-form-urlencoded": { schema: { type: "object" }, example: { hello: "world" } } },
      answers: { 200: { description: "The fields", content: { "application/json": { example: { hello: "world" } } } } },
    },
    handle: async (exchange) => jsonAnswer(exchange, fieldsAsJson(formFields(await exchange.wholeBody()))),
  }];
}

function get(
  name: string,
  summary: string,
  handle: Handle,
  content: NonNullable<RouteDescription["answers"][number]["content"]>,
  more: RouteDescription["answers"] = {},
): Route {
  return {
    id: name.replace(".", "_"),
    method: "GET",
    path: `/${name}`,
    style: "problem",
    maxBodyBytes: 0,
    isOperation: true,
    describe: { summary, tag: "operation", answers: { 200: { description: summary, content }, ...more } },
    handle: async (exchange) => await handle(exchange),
  };
}

function healthz(): Response {
  return new Response("ok", { headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } });
}

async function readyz(exchange: Exchange): Promise<Response> {
  const { readiness } = exchange.gateway;
  await readiness.known();
  const reasons = readiness.reasons();
  if (reasons.length > 0) {
    exchange.refused = { message: `Cannot take records: ${reasons.join(", ")}`, cause: undefined };
  }
  const body = reasons.length === 0 ? { ready: true } : { ready: false, reasons };
  const status = reasons.length === 0 ? 200 : 503;
  return jsonAnswer(exchange, JSON.stringify(body), status, { "cache-control": "no-store" });
}

async function metrics({ gateway }: Exchange): Promise<Response> {
  const { metrics, reading } = gateway;
  // Of each body on the hot path, no more than a number is added to a number.
  metrics.bodyBytes("identity", reading.plainBytes);
  reading.plainBytes = 0;
  const own = metrics.text(gauges(gateway)) + bufferWait(gateway);
  const further = await gateway.options.metrics?.() ?? "";
  return new Response(own + further, { headers: { "content-type": METRICS_TYPE } });
}

function gauges({ housekeeping, buffer, reading }: GatewayCore): Gauge[] {
  return [
    // Without the request that asks.
    { name: "in_flight", help: "Requests under way", value: housekeeping.underWay - 1 },
    { name: "reading_bytes", help: "Bytes of bodies being read", value: reading.bytes },
    { name: "buffer_bytes", help: "Bytes in the producer's buffer", value: buffer.bufferedBytes },
    { name: "drain_bytes_per_second", help: "Bytes that left it lately", value: buffer.drainBytesPerSecond },
  ];
}

/** What the producer knows of it: no request has to look at a clock. */
function bufferWait({ options: { producer } }: GatewayCore): string {
  const { waitedCalls, waitedMs } = producer.stats();
  const name = "ekaf_http_buffer_wait_seconds";
  return `# HELP ${name} Time that calls of the producer, and writes of streams, waited for room in its buffer\n` +
    `# TYPE ${name} summary\n${name}_sum ${waitedMs / 1_000}\n${name}_count ${waitedCalls}\n`;
}

function discoAnswer({ gateway }: Exchange): Response {
  return new Response(gateway.options.nodeName, { headers: { "content-type": DISCO_TYPE } });
}
