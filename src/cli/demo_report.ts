/**
 * What the demo shows at its end: a table of the partitions, a chart over time, and whether everything is there.
 *
 * @module
 */

import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import type { StoredRecord } from "../record.ts";
import { bar, columnChart } from "./bar_chart.ts";
import { DEMO_TOPIC, type DemoRun, STOPPED_BROKER } from "./demo_run.ts";
import { slotOf } from "./demo_tally.ts";
import type { Comparison } from "./read_back.ts";
import { isWhole } from "./read_back.ts";
import { formatCount, formatMegabytes, textTable } from "./text_table.ts";

/** What a report is made of. */
export interface DemoReportOptions {
  /** Where the logs are. */
  readonly cluster: EmbeddedCluster;
  /** All records of the logs. */
  readonly found: readonly StoredRecord[];
  /** How the run went. */
  readonly run: DemoRun;
  /** Most columns of a line. */
  readonly maxColumns: number;
}

const HEAD = ["partition", "records", "batches", "mean batch", "bytes", "throughput"];
/** Left out in this order where the terminal is too narrow. */
const EXPENDABLE = ["throughput", "mean batch", "bytes", "batches"];
const GAP = "  ";
const BAR_COLUMNS = 20;
const MIN_BAR_COLUMNS = 6;
const CHART_COLUMNS = 60;

/** Figures of a partition, or of all. */
interface PartitionFigures {
  records: number;
  batches: number;
  bytes: number;
}

/**
 * A line for each partition with a bar of its records, and the sum.
 *
 * @param options What to tell of.
 */
export function partitionTable({ cluster, found, run, maxColumns }: DemoReportOptions): string[] {
  const seconds = (run.endMs - run.beginMs) / 1_000;
  const partitions = figuresByPartition(cluster, found);
  const all: PartitionFigures = { records: 0, batches: 0, bytes: 0 };
  for (const figures of partitions.values()) {
    all.records += figures.records;
    all.batches += figures.batches;
    all.bytes += figures.bytes;
  }
  const rowOf = (name: string, { records, batches, bytes }: PartitionFigures) => [
    name,
    formatCount(records),
    formatCount(batches),
    `${(bytes / Math.max(batches, 1) / 1e3).toFixed(1)} kB`,
    formatMegabytes(bytes),
    `${formatMegabytes(bytes / seconds)}/s`,
  ];
  const rows = [...partitions].map(([partition, figures]) => rowOf(String(partition), figures));
  const room = maxColumns - GAP.length - MIN_BAR_COLUMNS;
  const lines = textTable(HEAD, [...rows, rowOf("all", all)], { maxColumns: room, expendable: EXPENDABLE });
  const columns = Math.min(BAR_COLUMNS, maxColumns - lines[0]!.length - GAP.length);
  const most = Math.max(...[...partitions.values()].map(({ records }) => records));
  const bars = [...partitions.values()].map(({ records }) => bar(records, most, Math.max(columns, 0)));
  // The head and the rule are in front of the first bar; the sum has none.
  return lines.map((line, i) => `${line}${GAP}${bars[i - 2] ?? ""}`.trimEnd());
}

function figuresByPartition(
  cluster: EmbeddedCluster,
  found: readonly StoredRecord[],
): Map<number | null, PartitionFigures> {
  const partitions = new Map<number | null, PartitionFigures>();
  for (const { partition, sizeBytes } of cluster.batches(DEMO_TOPIC)) {
    const figures = partitions.get(partition) ?? { records: 0, batches: 0, bytes: 0 };
    figures.batches++;
    figures.bytes += sizeBytes;
    partitions.set(partition, figures);
  }
  for (const { partition } of found) partitions.get(partition)!.records++;
  return partitions;
}

/**
 * Acknowledgements over the time of the run, with the time in which the broker was away marked below.
 *
 * @param options What to tell of.
 */
export function timeChart({ run: { tally, beginMs, endMs, outage }, maxColumns }: DemoReportOptions): string[] {
  const spaces = { beginMs, endMs, count: Math.max(1, Math.min(CHART_COLUMNS, maxColumns)) };
  const lines = [
    `Acknowledged in each ${Math.round((endMs - beginMs) / spaces.count)} ms:`,
    columnChart(tally.histogram(spaces)),
  ];
  if (outage.stopMs === null || outage.startMs === null) return lines;
  const [from, to] = [slotOf(outage.stopMs, spaces), slotOf(outage.startMs, spaces)];
  const mark = `${" ".repeat(from)}${"^".repeat(to - from + 1)}`;
  return [...lines, mark, `${" ".repeat(from)}broker ${STOPPED_BROKER} away`.slice(0, maxColumns)];
}

/**
 * Whether everything is there, in words.
 *
 * @param comparison What was found.
 */
export function verdictLines(comparison: Comparison): string[] {
  const { expected, found, missing, doubled, foreign, outOfOrder, scatteredKeys } = comparison;
  return [
    `Read back ${formatCount(found)} of ${formatCount(expected)} records:`,
    `${formatCount(missing)} missing, ${formatCount(doubled)} doubled, ${formatCount(outOfOrder)} out of order,`,
    `${formatCount(foreign)} changed, ${formatCount(scatteredKeys)} keys in two partitions`,
    isWhole(comparison) ? "Whole." : "NOT whole.",
  ];
}
