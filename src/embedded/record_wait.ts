/**
 * Waiting for records to come.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import type { AppendSignal } from "./append_signal.ts";
import type { Topology } from "./topology.ts";

/** Options of `EmbeddedCluster.waitFor()`. */
export interface WaitForOptions {
  /**
   * Longest time to wait, in milliseconds.
   *
   * @default {5_000}
   */
  timeoutMs?: number;
}

/** Where records come. */
export interface RecordWaitSurroundings {
  /** The topics. */
  topology: Topology;
  /** Told of every append. */
  appends: AppendSignal;
  /** Clock. */
  timers: Timers;
  /** Aborted when the cluster is disposed of. */
  signal: AbortSignal;
}

const DEFAULT_WAIT_MS = 5_000;

/**
 * Resolves once a topic has `count` records or more.
 *
 * @throws {Error} When they do not come in time, or before the signal is aborted: how many came is in the message.
 */
export function recordsArrived(
  { topic, count, timeoutMs = DEFAULT_WAIT_MS }: WaitForOptions & { topic: string; count: number },
  { topology, appends, timers, signal }: RecordWaitSurroundings,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      unsubscribe();
      timers.clear(timer);
      signal.removeEventListener("abort", onEnding);
    };
    const fail = (when: string) => {
      end();
      reject(new Error(`Cannot wait for ${count} records: ${progressOf(topic, topology)} ${when}`));
    };
    const check = () => {
      if (sum(recordCounts(topic, topology)) < count) return;
      end();
      resolve();
    };
    const unsubscribe = appends.subscribe((log) => {
      if (log.topic === topic) check();
    });
    const timer = timers.set(() => fail(`after ${timeoutMs} ms`), timeoutMs);
    const onEnding = () => fail("when the cluster was disposed of");
    signal.addEventListener("abort", onEnding);
    if (signal.aborted) onEnding();
    else check();
  });
}

function recordCounts(topic: string, topology: Topology): number[] {
  const partitions = topology.topics.get(topic)?.partitions ?? [];
  return partitions.map(({ log }) => Number(log.endOffset - log.startOffset));
}

function progressOf(topic: string, topology: Topology): string {
  if (!topology.topics.has(topic)) return `there was no topic "${topic}"`;
  const counts = recordCounts(topic, topology);
  return `${sum(counts)} had come to "${topic}" (by partition: ${counts.join(", ")})`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
