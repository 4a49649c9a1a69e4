/**
 * Sends clients to another gateway while this one is overloaded: once, and only where the configuration says.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import { isOn } from "./query.ts";
import { requestPath } from "./request_path.ts";

/** Picks peers in turn. */
export class HandOffs {
  readonly #peers: readonly string[];
  #next = 0;

  /** @param peers Their origins. */
  constructor(peers: readonly string[]) {
    this.#peers = peers;
  }

  /**
   * The answer that sends a client on, null where this gateway has to answer itself: it is not overloaded, or the client
   * was sent here by a peer.
   */
  answer(exchange: Exchange): Response | null {
    const { gateway } = exchange;
    if (this.#peers.length === 0 || !gateway.buffer.isAboveHighWater || isOn(exchange.query, "hop")) return null;
    const peer = this.#peers[this.#next++ % this.#peers.length]!;
    const { path, query } = requestPath(exchange.request.url);
    gateway.metrics.rejected("handed_off");
    // 307, as it keeps method and body.
    return new Response(null, {
      status: 307,
      headers: {
        "location": `${peer}${path}?${query === "" ? "" : `${query}&`}hop=1`,
        "x-request-id": exchange.requestId,
      },
    });
  }
}
