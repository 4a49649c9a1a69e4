/**
 * Figures and tables for a terminal.
 *
 * @module
 */

/**
 * Lines up columns of figures to the right, under a head.
 *
 * @param head Names of the columns.
 * @param rows Cells, as many a row as there are columns.
 * @returns One line a row, the head first, without line ends.
 */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  const lineOf = (cells: readonly string[]) => cells.map((cell, column) => cell.padStart(widths[column]!)).join("  ");
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
