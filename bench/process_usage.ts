/**
 * CPU time and memory of this process.
 *
 * @module
 */

import process from "node:process";

/** CPU-seconds this process has used so far, user and system, all threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Most memory this process has held at once, in bytes: `VmHWM` on Linux, the present size elsewhere. */
export function peakRssBytes(): number {
  if (Deno.build.os !== "linux") return Deno.memoryUsage().rss;
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1024;
}
