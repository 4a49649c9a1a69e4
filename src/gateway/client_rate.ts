/**
 * Who counts as one client, and whether it may ask now.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";

/**
 * Whether a client keeps to its rate.
 *
 * @throws {GatewayError} 429 when not.
 */
export function checkRate(exchange: Exchange): void {
  const { rate, metrics, options } = exchange.gateway;
  if (rate === null) return;
  const { principal } = exchange;
  const retryAfter = rate.take(
    principal === null ? `address ${clientAddress(exchange)}` : `principal ${principal.name}`,
  );
  if (retryAfter === 0) return;
  metrics.rejected("rate");
  throw new GatewayError(
    "RATE_LIMITED",
    `Cannot take more than ${options.rateLimitPerSecond} requests a second of a client`,
    {
      retryAfter,
    },
  );
}

/** Where a request comes from, as far as those are trusted who say so. */
export function clientAddress({ info, headers, gateway: { proxies } }: Exchange): string {
  const remote = info?.remoteAddr;
  const peer = remote !== undefined && "hostname" in remote ? remote.hostname : "";
  return proxies === null ? peer : proxies.clientOf(peer, headers.get("x-forwarded-for"));
}
