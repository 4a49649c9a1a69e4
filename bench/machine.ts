/**
 * The conditions of a measurement.
 *
 * @module
 */

/** One line: date, processor, cores, memory, system, Deno. */
export function describeMachine(): string {
  const { total } = Deno.systemMemoryInfo();
  const parts = [
    new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
    cpuModel(),
    `${navigator.hardwareConcurrency} cores`,
    `${Math.round(total / 2 ** 30)} GiB`,
    `${Deno.build.os} ${Deno.osRelease()}`,
    `Deno ${Deno.version.deno}`,
    `load ${Deno.loadavg()[0]!.toFixed(2)}`,
  ];
  return parts.join(", ");
}

function cpuModel(): string {
  if (Deno.build.os !== "linux") return Deno.build.arch;
  return /^model name\s*:\s*(.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
}
