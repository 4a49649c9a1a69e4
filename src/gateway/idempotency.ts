/**
 * Requests that are sent again: the answer to one is kept under its `idempotency-key`, and given again. In the memory of this
 * process alone.
 *
 * @see {@link https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/}
 * @module
 */

import { GatewayError } from "./gateway_error.ts";
import { RecentMap } from "./recent_map.ts";

/** An answer that is kept. */
export interface KeptAnswer {
  /** Its status. */
  readonly status: number;
  /** Its headers. */
  readonly headers: readonly (readonly [string, string])[];
  /** Its body. */
  readonly body: Uint8Array;
}

interface Entry {
  readonly digest: Uint8Array;
  /** Null while the request is under way. */
  answer: KeptAnswer | null;
  atMs: number;
}

/** Whose key it is, and for what. */
export interface KeyScope {
  /** Who asks, null for nobody in particular. */
  readonly principal: string | null;
  /** Topic of the request. */
  readonly topic: string;
  /** The key. */
  readonly key: string;
}

/** Bounds of what is kept. */
export interface IdempotencyOptions {
  /** How long an answer is kept. */
  ttlMs: number;
  /** Most answers. */
  maxEntries: number;
  /** Most bytes of their bodies. */
  maxBytes: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/** See the module comment. */
export class IdempotencyStore {
  readonly #options: IdempotencyOptions;
  readonly #finished: RecentMap<string, Entry>;
  /** Requests under way; their number is bounded by that of requests. */
  readonly #underWay = new Map<string, Entry>();
  #bytes = 0;

  /** @param options Bounds of what is kept. */
  constructor(options: IdempotencyOptions) {
    this.#options = options;
    this.#finished = new RecentMap(options.maxEntries);
  }

  /** Bytes of the bodies kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Answers kept. */
  get size(): number {
    return this.#finished.size;
  }

  /**
   * Begins with a request.
   *
   * @param scope Whose key it is.
   * @param digest The body's.
   * @returns The answer that is kept; null for a new request, which then has to end by {@linkcode finish}.
   * @throws {GatewayError} 409 while one with the same key is under way, 422 when that came with another body.
   */
  begin(scope: KeyScope, digest: Uint8Array): KeptAnswer | null {
    const id = idOf(scope);
    const underWay = this.#underWay.get(id);
    const entry = underWay ?? this.#alive(id);
    if (entry === undefined) {
      this.#underWay.set(id, { digest, answer: null, atMs: this.#options.now() });
      return null;
    }
    if (!isSame(entry.digest, digest)) {
      throw new GatewayError(
        "IDEMPOTENCY_KEY_REUSED",
        "Cannot take the request: its idempotency-key came with another body",
      );
    }
    if (entry.answer !== null) return entry.answer;
    throw new GatewayError(
      "REQUEST_IN_PROGRESS",
      "Cannot take the request: one with its idempotency-key is under way",
      {
        retryAfter: 1,
      },
    );
  }

  /**
   * Ends a request that was begun.
   *
   * @param scope Whose key it is.
   * @param answer Its answer; null for one that is not to be given again, because another attempt may do better.
   */
  finish(scope: KeyScope, answer: KeptAnswer | null): void {
    const id = idOf(scope);
    const entry = this.#underWay.get(id);
    this.#underWay.delete(id);
    const { maxBytes, now } = this.#options;
    if (entry === undefined || answer === null || answer.body.length > maxBytes) return;
    entry.answer = answer;
    entry.atMs = now();
    this.#bytes += answer.body.length;
    const forgotten = this.#finished.set(id, entry);
    this.#bytes -= forgotten?.answer?.body.length ?? 0;
    for (const [oldest] of this.#finished.entries()) {
      if (this.#bytes <= maxBytes) break;
      this.#forget(oldest);
    }
  }

  #alive(id: string): Entry | undefined {
    const entry = this.#finished.get(id);
    if (entry === undefined || this.#options.now() - entry.atMs < this.#options.ttlMs) return entry;
    this.#forget(id);
    return undefined;
  }

  #forget(id: string): void {
    this.#bytes -= this.#finished.get(id)?.answer?.body.length ?? 0;
    this.#finished.delete(id);
  }
}

/** A name for all three, in which none can pass for a part of another. */
function idOf({ principal, topic, key }: KeyScope): string {
  return JSON.stringify([principal, topic, key]);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
