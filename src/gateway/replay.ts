/**
 * A request with an `idempotency-key` is done once: sent again, it gets the answer it got.
 *
 * @module
 */

import { digestOf } from "./auth/secret.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";

const KEY = /^[\x21-\x7e]{1,255}$/;
/** Statuses after which another attempt may do better. */
const RETRIABLE = [408, 409, 425, 429];

/**
 * Does what a request asks for, unless that was done.
 *
 * @param exchange The request.
 * @param body Its body: the same key with another one is a mistake.
 * @param run Does it. Where it throws, the key is free again: nothing was stored, or another attempt may do better.
 * @throws {GatewayError} 400 for a key that is none; 409 and 422 as `IdempotencyStore.begin` has them.
 */
export async function once(exchange: Exchange, body: Uint8Array, run: () => Promise<Response>): Promise<Response> {
  const key = exchange.headers.get("idempotency-key");
  const { idempotency, metrics } = exchange.gateway;
  if (key === undefined || idempotency === null) return await run();
  if (!KEY.test(key)) {
    throw new GatewayError("INVALID_METADATA", "Cannot use the idempotency-key: it has 1 to 255 printable characters");
  }
  const scope = { principal: exchange.principal?.name ?? null, topic: exchange.topic!.name, key };
  const kept = idempotency.begin(
    scope,
    digestOf(`${exchange.route!.id} ${exchange.partition}?${exchange.queryText}\n`, body),
  );
  if (kept !== null) {
    metrics.idempotentReplays++;
    const headers = new Headers(kept.headers.map(([name, value]): [string, string] => [name, value]));
    headers.set("idempotency-replayed", "true");
    headers.set("x-request-id", exchange.requestId);
    return new Response(kept.status === 204 ? null : kept.body as Uint8Array<ArrayBuffer>, {
      status: kept.status,
      headers,
    });
  }
  let response: Response;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    response = await run();
    bytes = await response.bytes();
  } catch (error) {
    idempotency.finish(scope, null);
    throw error;
  }
  const { status, headers } = response;
  const isFinal = status < 500 && !RETRIABLE.includes(status);
  idempotency.finish(scope, isFinal ? { status, headers: [...headers], body: bytes } : null);
  return new Response(status === 204 ? null : bytes, { status, headers });
}
