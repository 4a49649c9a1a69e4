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

/**
 * Where a request comes from. What a proxy says of that is believed of those that are trusted: the last address in
 * `x-forwarded-for` that is no proxy's own.
 */
export function clientAddress({ info, headers, gateway }: Exchange): string {
  const remote = info?.remoteAddr;
  let address = remote !== undefined && "hostname" in remote ? remote.hostname : "";
  const proxies = gateway.options.trustedProxies;
  const forwarded = (headers.get("x-forwarded-for") ?? "").split(",").map((one) => one.trim()).filter((one) =>
    one !== ""
  );
  while (proxies.includes(address) && forwarded.length > 0) address = forwarded.pop()!;
  return address;
}
