/**
 * The gateway: requests in, answers out.
 *
 * @module
 */

import { platformTimers, type Timers } from "../timers.ts";
import { authenticate, checkOrigin, checkRoom } from "./admission_checks.ts";
import { failureAnswer } from "./answers.ts";
import { drainGateway, type DrainOptions, type DrainReport } from "./drain.ts";
import { Exchange } from "./exchange.ts";
import { GatewayCore } from "./gateway_core.ts";
import { GatewayError } from "./gateway_error.ts";
import { HandOffs } from "./hand_off.ts";
import type { RouteMetrics } from "./gateway_metrics.ts";
import type { RequestInfo } from "./hooks.ts";
import { kafboyRoutes } from "./kafboy_routes.ts";
import { openApi } from "./openapi.ts";
import { checkRate } from "./client_rate.ts";
import { confluentRoutes } from "./confluent_route.ts";
import { discoRoutes, operationRoutes } from "./operation_routes.ts";
import { type GatewayOptions, resolveGatewayOptions } from "./options.ts";
import { PageFeed } from "./page/feed.ts";
import { pageRoutes } from "./page/page_routes.ts";
import { requestPath } from "./request_path.ts";
import type { Route } from "./route.ts";
import { Router } from "./router.ts";
import { streamRoutes } from "./stream_route.ts";

/** A gateway: what `Deno.serve`, `deno serve` and every router of fetch handlers can use. */
export interface Gateway {
  /**
   * Answers a request; never rejects. It needs no `this`.
   *
   * @param request The request.
   * @param info Who sent it, as `Deno.serve` says.
   */
  readonly fetch: (request: Request, info?: RequestInfo) => Promise<Response>;
  /**
   * Answers a request for `/healthz`, `/readyz`, `/metrics` and `/openapi.json`, and nothing else: for a port of their
   * own, with the option `operation: false`.
   */
  readonly fetchOperation: (request: Request, info?: RequestInfo) => Promise<Response>;
  /**
   * Ends in order: not ready at once; served on for `preStopMs`; then new requests are answered 503, those under way get
   * `drainRequestsMs`, and what the buffer holds `drainFlushMs`. The producer stays open: closing it is up to its owner.
   *
   * @param options What is done when no more requests are taken.
   */
  readonly drain: (options?: DrainOptions) => Promise<DrainReport>;
}

/**
 * Makes a gateway over a producer. It opens no port and reads no environment.
 *
 * @param options The producer, and how the gateway behaves.
 * @throws {TypeError} For an option of the wrong type or an unknown name, naming it.
 * @throws {RangeError} For an option out of bounds.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 * import { createGateway } from "@ekaf/ekaf/gateway";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap });
 * const gateway = createGateway({ producer, topics: ["events"] });
 * const response = await gateway.fetch(new Request("http://localhost/sync/events", { method: "POST", body: "hello" }));
 * assertEquals(await response.text(), '[{"ok":true}]');
 * assertEquals(cluster.records("events").map((record) => record.text()), ["hello"]);
 * ```
 */
export function createGateway(options: GatewayOptions): Gateway {
  return makeGateway(options, platformTimers);
}

/** {@linkcode createGateway} with a clock of one's own. */
export function makeGateway(options: GatewayOptions, timers: Timers): Gateway {
  const resolved = resolveGatewayOptions(options);
  const core = new GatewayCore(resolved, timers);
  let document: string | null = null;
  const operation = (isThere: boolean) =>
    operationRoutes({ ...resolved, operation: isThere }, () => document ??= openApi(routes, resolved));
  const routes: readonly Route[] = [
    ...kafboyRoutes(resolved),
    ...streamRoutes(resolved),
    ...confluentRoutes(resolved),
    ...discoRoutes(resolved),
    ...operation(resolved.operation),
    ...(resolved.page ? pageRoutes(resolved) : []),
  ];
  if (resolved.page) {
    core.page = new PageFeed(
      core,
      routes.filter(({ describe }) => !["operation", "page"].includes(describe.tag)),
    );
  }
  const all = new Server(core, routes);
  const operationOnly = new Server(core, operation(true));
  return {
    fetch: (request, info) => all.answer(request, info),
    fetchOperation: (request, info) => operationOnly.answer(request, info),
    drain: (drainOptions) => drainGateway(core, drainOptions),
  };
}

/** Answers requests by a set of routes. */
class Server {
  readonly #core: GatewayCore;
  readonly #router: Router;
  readonly #handOffs: HandOffs;
  readonly #metrics: ReadonlyMap<Route, RouteMetrics>;
  readonly #noRoute: RouteMetrics;

  constructor(core: GatewayCore, routes: readonly Route[]) {
    this.#core = core;
    this.#router = new Router(routes);
    this.#metrics = new Map(routes.map((route) => [route, core.metrics.route(route.id, route.method)]));
    this.#noRoute = core.metrics.route("none", "other");
    this.#handOffs = new HandOffs(core.options.handOff?.peers ?? []);
  }

  answer(request: Request, info: RequestInfo | undefined): Promise<Response> {
    const core = this.#core;
    const { path, query } = requestPath(request.url);
    const exchange = new Exchange(core, request, { info, query, nowMs: core.housekeeping.enter() });
    let answered: Promise<Response>;
    try {
      answered = this.#handle(exchange, path);
    } catch (error) {
      return Promise.resolve(this.#end(exchange, this.#fail(exchange, error)));
    }
    // Not an async function: what answers a request may be something else than its route, a body that is late for one.
    return new Promise((resolve) => {
      // A hook may have begun to read the body and answered without it.
      exchange.onLate = (error) => exchange.isAnswered || resolve(this.#end(exchange, this.#fail(exchange, error)));
      answered.then(
        (response) => exchange.isAnswered || resolve(this.#end(exchange, response)),
        (error) => exchange.isAnswered || resolve(this.#end(exchange, this.#fail(exchange, exchange.failed(error)))),
      );
    });
  }

  /** What remains to be done when the answer is known. */
  #end(exchange: Exchange, response: Response): Response {
    const core = this.#core;
    const { housekeeping } = core;
    exchange.isAnswered = true;
    if (exchange.ended === null) housekeeping.leave();
    else exchange.ended.then(() => housekeeping.leave());
    const metrics = exchange.route === null ? this.#noRoute : this.#metrics.get(exchange.route)!;
    metrics.note(response.status, housekeeping.now() - exchange.startedMs);
    if (response.status >= 400) core.page?.noteRefusal(exchange, response.status);
    if (response.status >= 400 && core.options.onError !== undefined) this.#report(exchange, response.status);
    if (core.options.origins.length > 0) allowOrigin(exchange, response);
    return response;
  }

  #handle(exchange: Exchange, path: string): Promise<Response> {
    const match = this.#router.match(path);
    if (match === null) throw new GatewayError("NOT_FOUND", "Cannot answer here: there is nothing at this path");
    const { method } = exchange.request;
    const route = match.methods.get(method) ?? (method === "HEAD" ? match.methods.get("GET") : undefined);
    exchange.route = route ?? match.methods.values().next().value!;
    checkOrigin(exchange);
    if (route === undefined) return Promise.resolve(otherMethod(exchange, match.methods));
    if (route.isOperation) return route.handle(exchange);
    checkRoom(exchange);
    exchange.partition = match.partition;
    if (this.#core.options.authenticate !== undefined) return this.#handleKnown(exchange, match.topic);
    return this.#handleTopic(exchange, match.topic);
  }

  async #handleKnown(exchange: Exchange, topic: string | null): Promise<Response> {
    const who = await authenticate(exchange);
    // A copy: the headers of one that was fetched, or of a redirect, cannot be added to.
    if (who instanceof Response) return new Response(who.body, who);
    exchange.principal = who;
    return await this.#handleTopic(exchange, topic);
  }

  #handleTopic(exchange: Exchange, topic: string | null): Promise<Response> {
    const core = this.#core;
    // A page is a handful of requests at a time; its records count.
    if (exchange.route!.describe.tag !== "page") checkRate(exchange);
    if (topic !== null) exchange.topic = core.topics.use(topic, exchange.principal);
    const elsewhere = topic === null ? null : this.#handOffs.answer(exchange);
    return elsewhere === null ? exchange.route!.handle(exchange) : Promise.resolve(elsewhere);
  }

  /** The answer to what went wrong. The body is let go of: its client may still be sending. */
  #fail(exchange: Exchange, error: unknown): Response {
    const response = failureAnswer(exchange, error);
    if (error instanceof GatewayError && error.code === "BUFFER_FULL") this.#core.metrics.rejected("buffer_full");
    exchange.refused ??= { message: error instanceof Error ? error.message : String(error), cause: error };
    const { request } = exchange;
    if (request.body !== null && !request.bodyUsed) {
      response.headers.set("connection", "close");
      exchange.discardBody(); // Never rejects, and may take as long as the client.
    }
    return response;
  }

  /** Tells the owner, apart from the answer. */
  #report(exchange: Exchange, status: number): void {
    const { refused, topic, requestId } = exchange;
    const failure = {
      status,
      message: refused?.message ?? "",
      cause: refused?.cause,
      topic: topic?.name ?? null,
      requestId,
    };
    // What the hook throws must harm nobody: there is nobody to tell.
    Promise.resolve().then(() => this.#core.options.onError!(failure)).catch(() => {});
  }
}

/** The answer to a method that a path does not have: that of a browser which asks beforehand, or 405. */
function otherMethod(exchange: Exchange, methods: ReadonlyMap<string, Route>): Response {
  const allow = [...methods.keys()].join(", ");
  const isPreflight = exchange.request.method === "OPTIONS" && exchange.headers.origin !== undefined &&
    exchange.gateway.options.origins.length > 0;
  if (!isPreflight) {
    throw new GatewayError("METHOD_NOT_ALLOWED", `Cannot ${exchange.request.method} here: there is ${allow}`, {
      headers: { allow },
    });
  }
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": allow,
      "access-control-allow-headers": exchange.request.headers.get("access-control-request-headers") ?? "content-type",
      "access-control-max-age": "600",
    },
  });
}

/** Lets a page of an origin that may write read the answer as well. */
function allowOrigin(exchange: Exchange, response: Response): void {
  const origin = exchange.headers.origin;
  if (origin === undefined || !exchange.gateway.options.origins.includes(origin)) return;
  response.headers.set("access-control-allow-origin", origin);
  response.headers.append("vary", "origin");
  response.headers.set(
    "access-control-expose-headers",
    "x-request-id, x-error-code, retry-after, x-kafka-partition, x-kafka-offset",
  );
}
