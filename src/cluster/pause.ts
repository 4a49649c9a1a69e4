/**
 * Waiting between attempts.
 *
 * @module
 */

import type { Timers } from "../timers.ts";

/**
 * Resolves after some milliseconds, or rejects with the signal's reason. Leaves no timer behind.
 *
 * @param ms How long.
 * @param options Clock and signal.
 */
export function pause(ms: number, options: { timers: Timers; signal: AbortSignal }): Promise<void> {
  const { timers, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => {
      timers.clear(timer);
      reject(signal.reason);
    };
    const timer = timers.set(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
