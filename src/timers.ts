/**
 * Time, injected: the platform's by default, a hand-driven one in tests.
 *
 * @module
 */

type Timeout = ReturnType<typeof setTimeout>;

/** A pending timer. */
export type TimerHandle = object;

/** Clock and timers. */
export interface Timers {
  /** Milliseconds since the epoch, for record timestamps. */
  wallMs(): number;
  /** Milliseconds of a clock that never goes back, for deadlines and ages. */
  now(): number;
  /** Calls `callback` once after `ms` milliseconds. The timer keeps the process alive until {@linkcode unref}. */
  set(callback: () => void, ms: number): TimerHandle;
  /** Forgets a timer; an unknown or finished one is ignored. */
  clear(handle: TimerHandle): void;
  /** Lets the process end although this timer is pending. */
  unref(handle: TimerHandle): void;
  /** Takes {@linkcode unref} back. */
  ref(handle: TimerHandle): void;
}

/** Timers of the platform. */
export const platformTimers: Timers = {
  wallMs: () => Date.now(),
  now: () => performance.now(),
  // Longer delays than 2^31-1 ms would fire at once.
  set: (callback, ms) => setTimeout(callback, Math.min(Math.max(ms, 0), 2 ** 31 - 1)),
  clear: (handle) => clearTimeout(handle as Timeout),
  unref: (handle) => (handle as Timeout).unref(),
  ref: (handle) => (handle as Timeout).ref(),
};
