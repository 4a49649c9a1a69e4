/**
 * Whether what a log holds is what was sent.
 *
 * @module
 */

import type { StoredRecord } from "../record.ts";
import type { ExpectedRecord } from "./demo_lines.ts";

/** What a comparison found. */
export interface Comparison {
  /** Records that were expected. */
  readonly expected: number;
  /** Records that were found, all told. */
  readonly found: number;
  /** Expected records that are not there. */
  readonly missing: number;
  /** Copies beyond the first. */
  readonly doubled: number;
  /** Records that nobody sent: another value, or another key. */
  readonly foreign: number;
  /**
   * Records that stand behind one that was sent after them, of the same key; for those without, of the same source in the
   * same partition.
   */
  readonly outOfOrder: number;
  /** Keys with records in more than one partition. */
  readonly scatteredKeys: number;
}

/** Where a key, or the records of a source without one in a partition, stand so far. */
interface Progress {
  readonly partition: number | null;
  lastIndex: number;
}

/**
 * Compares a log with what was sent, record by record.
 *
 * @param expected What was sent, in order by source; no two values may be equal.
 * @param found What the log holds, by partition, then offset.
 */
export function compareRecords(expected: Iterable<ExpectedRecord>, found: Iterable<StoredRecord>): Comparison {
  const indexes = new Map<string, number>();
  const sent: { source: string; key: string | null }[] = [];
  for (const { source, key, value } of expected) {
    indexes.set(value, sent.length);
    sent.push({ source, key });
  }
  if (indexes.size < sent.length) throw new RangeError("Cannot compare records: two expected values are equal");
  const isFound = new Uint8Array(sent.length);
  const progress = new Map<string, Progress>();
  const scattered = new Set<string>();
  const decoder = new TextDecoder();
  let total = 0;
  let doubled = 0;
  let foreign = 0;
  let outOfOrder = 0;
  for (const record of found) {
    total++;
    const key = record.key === null ? null : decoder.decode(record.key);
    const index = indexes.get(record.text());
    if (index === undefined || sent[index]!.key !== key) {
      foreign++;
      continue;
    }
    if (isFound[index] === 1) doubled++;
    isFound[index] = 1;
    const strand = key === null ? `${sent[index]!.source} in ${record.partition}` : `key ${key}`;
    const at = progress.get(strand);
    if (at === undefined) {
      progress.set(strand, { partition: record.partition, lastIndex: index });
      continue;
    }
    if (key !== null && at.partition !== record.partition) scattered.add(key);
    else if (index < at.lastIndex) outOfOrder++;
    at.lastIndex = Math.max(at.lastIndex, index);
  }
  const present = isFound.reduce((sum, one) => sum + one, 0);
  return {
    expected: sent.length,
    found: total,
    missing: sent.length - present,
    doubled,
    foreign,
    outOfOrder,
    scatteredKeys: scattered.size,
  };
}

/**
 * Whether everything that was sent is there: once, unchanged and in order.
 *
 * @param comparison What was found.
 */
export function isWhole(comparison: Comparison): boolean {
  const { expected, found, missing, doubled, foreign, outOfOrder, scatteredKeys } = comparison;
  return expected === found && missing + doubled + foreign + outOfOrder + scatteredKeys === 0;
}
