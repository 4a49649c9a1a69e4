/**
 * What has to happen after a while, for all requests by one timer: it runs only while a request is under way.
 *
 * @module
 */

import type { TimerHandle, Timers } from "../timers.ts";

/** Something that may take too long. */
export interface Watched {
  /**
   * Looks whether it has.
   *
   * @param nowMs The time.
   * @returns Whether it need not be watched any more.
   */
  check(nowMs: number): boolean;
}

/** Options of calls that give up together, made once for all of them. */
export interface SharedOptions {
  /** For records that go out as soon as they can. */
  readonly due: { readonly signal: AbortSignal; readonly flush: true };
  /** For records that wait for company. */
  readonly batched: { readonly signal: AbortSignal; readonly flush: false };
}

/** What housekeeping does. */
export interface HousekeepingOptions {
  /** How long calls wait for room. */
  readonly bufferWaitMs: number;
  /** Called at each tick. */
  readonly onTick: (nowMs: number) => void;
}

/** How often it is looked. */
export const TICK_MS = 50;

/**
 * Calls that began in the same tick share the signal that ends their wait for room: a signal and a timer for each
 * request would cost more than all else that is done for it.
 */
interface Wait {
  readonly bornMs: number;
  readonly controller: AbortController;
  readonly options: SharedOptions;
}

/** See the module comment. */
export class Housekeeping {
  readonly #timers: Timers;
  readonly #options: HousekeepingOptions;
  readonly #watched = new Set<Watched>();
  #underWay = 0;
  #timer: TimerHandle | null = null;
  /** In the order of their making; the last is the one that new calls join. */
  #waits: Wait[] = [];
  #idle: (() => void)[] = [];

  /**
   * @param timers Clock and timers.
   * @param options What it does.
   */
  constructor(timers: Timers, options: HousekeepingOptions) {
    this.#timers = timers;
    this.#options = options;
  }

  /** Requests under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Milliseconds of the clock that deadlines are of. */
  now(): number {
    return this.#timers.now();
  }

  /** A request began. */
  enter(): void {
    this.#underWay++;
    if (this.#timer !== null) return;
    this.#timer = this.#timers.set(this.#tick, TICK_MS);
    this.#timers.unref(this.#timer);
  }

  /** A request is over. */
  leave(): void {
    if (--this.#underWay > 0) return;
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#timer = null;
    this.#waits.length = 0;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Resolves when no request is under way, or when `ms` are over; tells which. */
  async idle(ms: number): Promise<boolean> {
    if (this.#underWay === 0) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    const timer = this.#timers.set(resolve, ms);
    await promise;
    this.#timers.clear(timer);
    return this.#underWay === 0;
  }

  /** Options whose signal is aborted `bufferWaitMs` from now, up to two ticks later. */
  waitOptions(nowMs: number): SharedOptions {
    const last = this.#waits.at(-1);
    if (last !== undefined && nowMs - last.bornMs < TICK_MS) return last.options;
    const controller = new AbortController();
    const { signal } = controller;
    const options: SharedOptions = { due: { signal, flush: true }, batched: { signal, flush: false } };
    this.#waits.push({ bornMs: nowMs, controller, options });
    return options;
  }

  /** Looks at `watched` at each tick. */
  watch(watched: Watched): void {
    this.#watched.add(watched);
  }

  /** Looks at it no more. */
  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
  }

  readonly #tick = (): void => {
    const nowMs = this.#timers.now();
    this.#timer = this.#timers.set(this.#tick, TICK_MS);
    this.#timers.unref(this.#timer);
    for (const watched of this.#watched) if (watched.check(nowMs)) this.#watched.delete(watched);
    this.#options.onTick(nowMs);
    const isOver = (wait: Wait) => nowMs - wait.bornMs >= TICK_MS + this.#options.bufferWaitMs;
    while (this.#waits.length > 0 && isOver(this.#waits[0]!)) {
      this.#waits.shift()!.controller.abort(new DOMException("the buffer stayed full", "TimeoutError"));
    }
  };
}
