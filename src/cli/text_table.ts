/**
 * Figures and tables for a terminal.
 *
 * @module
 */

/** How a table is cut to size. */
export interface TextTableOptions {
  /**
   * Most columns of a line.
   *
   * @default {Infinity}
   */
  maxColumns?: number;
  /** Names of columns that may be left out where there is no room for all, the first one first. */
  expendable?: readonly string[];
}

/** Between two columns. */
const GAP = "  ";

/**
 * Lines up columns of figures to the right, under a head.
 *
 * @param head Names of the columns.
 * @param rows Cells, as many a row as there are columns.
 * @param options How wide it may be.
 * @returns One line a row, the head first, without line ends.
 */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { maxColumns = Infinity, expendable = [] }: TextTableOptions = {},
): string[] {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  const kept = new Set(head.keys());
  const width = () => [...kept].reduce((sum, column) => sum + widths[column]! + GAP.length, -GAP.length);
  for (const name of expendable) if (width() > maxColumns) kept.delete(head.indexOf(name));
  const lineOf = (cells: readonly string[]) => {
    return [...kept].map((column) => cells[column]!.padStart(widths[column]!)).join(GAP);
  };
  return [lineOf(head), lineOf(widths.map((width) => "-".repeat(width))), ...rows.map(lineOf)];
}

/**
 * A count with its thousands set apart: `1,234,567`.
 *
 * @param value Rounded to the nearest whole number.
 */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/**
 * Bytes in megabytes of 10^6, with two decimals: `1.50 MB`.
 *
 * @param bytes How many.
 */
export function formatMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}
