/**
 * Notices when a request has waited too long.
 *
 * @module
 */

import type { TimerHandle, Timers } from "../timers.ts";
import type { PendingRequest } from "./pending_request.ts";

/** Whom {@linkcode RequestDeadlines} asks and tells. */
export interface RequestDeadlinesHost {
  /** The requests that have not settled. */
  pending(): readonly PendingRequest[];
  /** One of them has waited too long. */
  onExpired(request: PendingRequest): void;
}

/**
 * One timer for all requests of a connection. It runs to the earliest deadline and looks for the next when it fires:
 * where requests are answered in time, that is one timer in `requestTimeoutMs`, not one a request.
 */
export class RequestDeadlines {
  readonly #timers: Timers;
  readonly #host: RequestDeadlinesHost;
  #timer: TimerHandle | undefined;
  #timerAtMs = Infinity;
  #isRef = true;

  /**
   * Sets no timer yet.
   *
   * @param timers Clock and timers.
   * @param host Whom to ask and tell.
   */
  constructor(timers: Timers, host: RequestDeadlinesHost) {
    this.#timers = timers;
    this.#host = host;
  }

  /**
   * A request was added.
   *
   * @param deadlineMs Its deadline.
   */
  add(deadlineMs: number): void {
    if (deadlineMs < this.#timerAtMs) this.#start(deadlineMs);
  }

  /** The timer keeps the process alive, from now on. */
  ref(): void {
    this.#isRef = true;
    if (this.#timer !== undefined) this.#timers.ref(this.#timer);
  }

  /** The timer lets the process end, from now on. */
  unref(): void {
    this.#isRef = false;
    if (this.#timer !== undefined) this.#timers.unref(this.#timer);
  }

  /** Clears the timer. */
  stop(): void {
    if (this.#timer !== undefined) this.#timers.clear(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #start(atMs: number): void {
    if (this.#timer !== undefined) this.#timers.clear(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = this.#timers.set(() => this.#check(), atMs - this.#timers.now());
    if (!this.#isRef) this.#timers.unref(this.#timer);
  }

  #check(): void {
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
    const now = this.#timers.now();
    let nextMs = Infinity;
    for (const request of this.#host.pending()) {
      if (request.deadlineMs <= now) return this.#host.onExpired(request);
      nextMs = Math.min(nextMs, request.deadlineMs);
    }
    if (nextMs !== Infinity) this.#start(nextMs);
  }
}
