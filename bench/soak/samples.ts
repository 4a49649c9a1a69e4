/**
 * What a process holds, once every few seconds.
 *
 * @module
 */

import type { Producer } from "@ekaf/ekaf";
import { chart, median } from "./chart.ts";
import { timerCount } from "./timer_count.ts";

const MIB = 2 ** 20;

/** One look at the process. */
export interface Sample {
  /** Live objects: after a collection where the process was started with `--expose-gc`. */
  heapMib: number;
  /** Memory outside of V8's heap that its objects hold: buffers. */
  externalMib: number;
  rssMib: number;
  /** Open files, sockets among them; only on Linux. */
  descriptors: number;
  timers: number;
  /** Accepted and not settled: as many promises and spans. */
  bufferedRecords: number;
  inFlightRequests: number;
}

/** Name of a figure, unit included. */
export type FigureName = keyof Sample;

/** How much more of a figure in the last third than in the first counts as growth. */
const LIMITS: Record<FigureName, { share: number; amount: number }> = {
  heapMib: { share: 0.1, amount: 2 },
  externalMib: { share: 0.25, amount: 16 },
  rssMib: { share: 0.1, amount: 32 },
  descriptors: { share: 0, amount: 3 },
  timers: { share: 0, amount: 8 },
  bufferedRecords: { share: 0.5, amount: 50_000 },
  inFlightRequests: { share: 0.5, amount: 5 },
};

/** Takes a sample. */
export function takeSample(producer: Producer, topic: string): Sample {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, rss } = Deno.memoryUsage();
  const lanes = producer.info(topic);
  return {
    heapMib: heapUsed / MIB,
    externalMib: external / MIB,
    rssMib: rss / MIB,
    descriptors: Deno.build.os === "linux" ? [...Deno.readDirSync("/proc/self/fd")].length : 0,
    timers: timerCount(),
    bufferedRecords: lanes.reduce((sum, lane) => sum + lane.bufferedRecords, 0),
    inFlightRequests: lanes.reduce((sum, lane) => sum + lane.inFlightRequests, 0),
  };
}

/** A table of the figures that the samples have, and those that grew from the first third to the last. */
export function describeSamples(
  samples: readonly Partial<Sample>[],
  columnCount: number,
): { table: string; grown: FigureName[] } {
  const third = Math.floor(samples.length / 3);
  const grown: FigureName[] = [];
  const names = (Object.keys(LIMITS) as FigureName[]).filter((name) => samples[0]?.[name] !== undefined);
  const lines = names.map((name) => {
    const values = samples.map((sample) => sample[name]!);
    const first = median(values.slice(0, third));
    const last = median(values.slice(-third));
    const { share, amount } = LIMITS[name];
    if (last - first > Math.max(amount, first * share)) grown.push(name);
    const figures = [first, last, Math.max(...values)].map((value) => value.toFixed(1).padStart(9)).join(" ");
    return `${name.padEnd(17)}${figures}  ${chart(values, columnCount)}`;
  });
  return { table: [`${"median of the".padEnd(17)}1st third 3rd third   maximum`, ...lines].join("\n"), grown };
}
