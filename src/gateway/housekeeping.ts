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
  /** Ends their wait for room. */
  readonly signal: AbortSignal;
}

/** What housekeeping does. */
export interface HousekeepingOptions {
  /** How long calls wait for room. */
  readonly bufferWaitMs: number;
  /** What all of them reject with when there was none: made once, as a new one each tick would be seen in profiles. */
  readonly waitedInVain: Error;
  /** Called at each tick. */
  readonly onTick: (nowMs: number) => void;
}

/** Requests a tick from which on the timer runs through. */
const BUSY_COUNT = 200;
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
  #nowMs = 0;
  /** Requests that began since `#windowStartMs`, a tick ago at most on a busy server. */
  #begunCount = 0;
  #windowStartMs = 0;
  #isBusy = false;
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

  /** The same, up to a tick ago, without asking the clock. */
  get recentMs(): number {
    return this.#nowMs;
  }

  /** A request began; returns when. */
  enter(): number {
    const nowMs = this.#nowMs = this.#timers.now();
    const windowMs = nowMs - this.#windowStartMs;
    if (windowMs >= TICK_MS) {
      this.#isBusy = this.#begunCount >= BUSY_COUNT && windowMs < 2 * TICK_MS;
      this.#windowStartMs = nowMs;
      this.#begunCount = 0;
    }
    this.#begunCount++;
    this.#underWay++;
    if (this.#timer === null) this.#arm();
    return nowMs;
  }

  /** A request is over. */
  leave(): void {
    if (--this.#underWay > 0) return;
    // On a busy server the next one is near, and the timer costs more than a tick for nothing.
    if (!this.#isBusy) this.#disarm();
    if (this.#idle.length > 0) this.#tellIdle();
  }

  /** Resolves when no request is under way, or when `ms` are over; tells which. By then another one may have come. */
  async idle(ms: number): Promise<boolean> {
    if (this.#underWay === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#idle.push(() => resolve(true));
    const timer = this.#timers.set(() => resolve(false), ms);
    const isIdle = await promise;
    this.#timers.clear(timer);
    return isIdle;
  }

  /** Options whose signal is aborted `bufferWaitMs` from now, up to two ticks later. */
  waitOptions(nowMs: number): SharedOptions {
    const last = this.#waits.at(-1);
    if (last !== undefined && nowMs - last.bornMs < TICK_MS) return last.options;
    const controller = new AbortController();
    const options: SharedOptions = { signal: controller.signal };
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

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #arm(): void {
    this.#timer = this.#timers.set(this.#tick, TICK_MS);
    this.#timers.unref(this.#timer);
  }

  #disarm(): void {
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#timer = null;
    this.#waits.length = 0;
  }

  readonly #tick = (): void => {
    const nowMs = this.#nowMs = this.#timers.now();
    this.#timer = null;
    if (this.#underWay === 0 && nowMs - this.#windowStartMs >= TICK_MS) return this.#disarm();
    this.#arm();
    for (const watched of this.#watched) if (watched.check(nowMs)) this.#watched.delete(watched);
    this.#options.onTick(nowMs);
    const isLate = (wait: Wait) => nowMs - wait.bornMs >= TICK_MS + this.#options.bufferWaitMs;
    while (this.#waits.length > 0 && isLate(this.#waits[0]!)) {
      this.#waits.shift()!.controller.abort(this.#options.waitedInVain);
    }
  };
}
