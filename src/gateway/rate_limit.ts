/**
 * How often a client may ask: a bucket of tokens for each, filled at a steady rate.
 *
 * @module
 */

import { RecentMap } from "./recent_map.ts";

/** Clients that are remembered; one that was forgotten begins with a full bucket. */
export const MAX_RATE_BUCKETS = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** What a limit is made of. */
export interface RateLimitOptions {
  /** Requests a second, in the long run. */
  perSecond: number;
  /** Requests at once, after a pause. */
  burst: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/** See the module comment. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #buckets = new RecentMap<string, Bucket>(MAX_RATE_BUCKETS);

  /** @param options What it is made of. */
  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Clients that are remembered. */
  get clientCount(): number {
    return this.#buckets.size;
  }

  /**
   * Takes a token of a client.
   *
   * @param client Who asks.
   * @returns 0 when there was one, else the whole seconds until there is.
   */
  take(client: string): number {
    const { perSecond, burst, now } = this.#options;
    const atMs = now();
    let bucket = this.#buckets.get(client);
    if (bucket === undefined) this.#buckets.set(client, bucket = { tokens: burst, atMs });
    bucket.tokens = Math.min(burst, bucket.tokens + (atMs - bucket.atMs) * perSecond / 1000);
    bucket.atMs = atMs;
    if (bucket.tokens >= 1) {
      bucket.tokens--;
      return 0;
    }
    return Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond));
  }
}
