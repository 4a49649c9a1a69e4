/**
 * Waiting that ends early when nobody needs it any more.
 *
 * @module
 */

import type { Timers } from "../timers.ts";

/** Resolves after `ms` milliseconds, or at once when the signal is aborted. Never rejects. */
export function sleep(ms: number, { timers, signal }: { timers: Timers; signal: AbortSignal }): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      timers.clear(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = timers.set(end, ms);
    signal.addEventListener("abort", end);
  });
}
