/**
 * What the chaos run's own process holds: producers, proxies, and what callers have not read.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Live memory in MiB, what callers wrote down left out. */
export interface Memory {
  /** Before anything was sent. */
  beforeMib: number;
  /** The most there was at any look. */
  peakMib: number;
  /** When everything was settled, and the producers were not closed yet. */
  settledMib: number;
}

/** Looks at it. Each look collects garbage first: otherwise what is not used any more would count. */
export class MemoryWatch {
  readonly seen: Memory = { beforeMib: 0, peakMib: 0, settledMib: 0 };
  readonly #collectGarbage: () => void;

  constructor() {
    setFlagsFromString("--expose-gc");
    this.#collectGarbage = runInNewContext("gc");
    this.seen.beforeMib = this.look(0);
  }

  /** Live memory in MiB without `ownBytes`, those of the run's own books. */
  look(ownBytes: number): number {
    this.#collectGarbage();
    const { heapUsed, external } = Deno.memoryUsage();
    const mib = (heapUsed + external - ownBytes) / 2 ** 20;
    this.seen.peakMib = Math.max(this.seen.peakMib, mib);
    return mib;
  }
}
