/**
 * What only the process itself knows of its memory, told by it at each SIGUSR2: a line on standard error, `self` and
 * {@linkcode SelfReport} in JSON. Loaded before a program by `--preload`, which then need not know of it.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { timerCount } from "../soak/timer_count.ts";

/** What a process says of itself. */
export interface SelfReport {
  /** Live objects: after a collection where it was started with `--expose-gc`. */
  heapBytes: number;
  /** Memory outside of V8's heap that its objects hold: buffers. */
  externalBytes: number;
  /** Timers that are pending. */
  timers: number;
}

/** What stands before a report. */
export const SELF_PREFIX = "self ";

Deno.addSignalListener("SIGUSR2", () => {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  const report: SelfReport = { heapBytes: heapUsed, externalBytes: external, timers: timerCount() };
  console.error(SELF_PREFIX + JSON.stringify(report));
});
