/**
 * CPU time and memory of this process, and of others.
 *
 * @module
 */

import process from "node:process";

/** CPU-seconds this process has used so far, user and system, all threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What `/proc/PID/stat` counts in, on every Linux of today. */
const TICKS_A_SECOND = 100;

/** The same of another process; only on Linux. */
export function cpuSecondsOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
  return (user! + system!) / TICKS_A_SECOND;
}

/** Most memory this process has held at once, in bytes: `VmHWM` on Linux, the present size elsewhere. */
export function peakRssBytes(): number {
  return Deno.build.os === "linux" ? peakRssBytesOf("self") : Deno.memoryUsage().rss;
}

/** The same of another process; only on Linux. */
export function peakRssBytesOf(pid: number | "self"): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1024;
}
