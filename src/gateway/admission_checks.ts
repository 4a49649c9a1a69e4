/**
 * What is checked before a route sees a request: in order, and before anything of the body is read.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import type { Principal } from "./hooks.ts";

/**
 * Whether the host and the origin of a request may be answered.
 *
 * A page of any web site can post forms and plain text without asking; its browser then says where the page is from. And
 * a site whose name suddenly means 127.0.0.1 is known by its `Host`.
 *
 * @throws {GatewayError} 403 when not.
 */
export function checkOrigin({ headers, gateway }: Exchange): void {
  const { hosts, origins } = gateway.options;
  const host = headers.host;
  if (hosts !== undefined && host !== undefined && !hosts.includes(withoutPort(host.toLowerCase()))) {
    gateway.metrics.rejected("host");
    throw new GatewayError("FORBIDDEN_ORIGIN", "Cannot answer under that host name");
  }
  const origin = headers.origin;
  if (origin === undefined || origins.includes(origin)) return;
  if (host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)) return;
  gateway.metrics.rejected("origin");
  throw new GatewayError("FORBIDDEN_ORIGIN", "Cannot take requests of pages of that origin");
}

/**
 * Whether there is room for one more request.
 *
 * @throws {GatewayError} 503 when not.
 */
export function checkRoom({ gateway }: Exchange): void {
  if (gateway.phase === "draining") {
    gateway.metrics.rejected("draining");
    throw new GatewayError("DRAINING", "Cannot take requests any more: this gateway is about to end", {
      headers: { connection: "close" },
      retryAfter: 1,
    });
  }
  const { maxRequests } = gateway.options;
  if (gateway.housekeeping.underWay <= maxRequests) return;
  gateway.metrics.rejected("requests");
  throw new GatewayError("OVERLOADED", `Cannot take more than ${maxRequests} requests at a time`);
}

/**
 * Who sent a request.
 *
 * @returns The principal, or the answer that the hook gave instead.
 * @throws {GatewayError} 401 when nobody that is known did.
 */
export async function authenticate(exchange: Exchange): Promise<Principal | Response> {
  const { request, gateway, route } = exchange;
  const unknown = (cause?: unknown) => {
    gateway.metrics.rejected("authentication");
    return new GatewayError("UNAUTHENTICATED", "Cannot tell who is asking", {
      headers: { "www-authenticate": "Bearer" },
      ...(cause === undefined ? {} : { cause }),
    });
  };
  try {
    const who = await gateway.options.authenticate!({
      headers: request.headers,
      method: request.method,
      url: request.url,
      body: () => {
        const body = route!.maxBodyBytes > 0 ? exchange.rawBody() : Promise.reject(unknown());
        body.catch(() => {}); // A hook that does not wait for it must not end the process.
        return body;
      },
    });
    // A hook in JavaScript may end without a `return`: that lets nobody in.
    if (typeof who === "object" && who !== null) return who;
  } catch (error) {
    throw error instanceof GatewayError ? error : unknown(error);
  }
  throw unknown();
}

function withoutPort(host: string): string {
  const end = host.endsWith("]") ? -1 : host.lastIndexOf(":");
  return end === -1 ? host : host.slice(0, end);
}
