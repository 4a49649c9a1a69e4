/**
 * Numbers over time as text.
 *
 * @module
 */

const LEVELS = "▁▂▃▄▅▆▇█";

/** A line of bars, scaled from 0 to the largest; each column is the mean of as many values as it takes. */
export function chart(values: readonly number[], columnCount: number): string {
  const columns = Array.from({ length: Math.min(columnCount, values.length) }, (_, column, count = columnCount) => {
    const width = values.length / Math.min(count, values.length);
    return mean(values.slice(Math.floor(column * width), Math.max(1, Math.floor((column + 1) * width))));
  });
  const largest = Math.max(...columns, Number.MIN_VALUE);
  return columns.map((value) => LEVELS[Math.min(LEVELS.length - 1, Math.floor(value / largest * LEVELS.length))]).join(
    "",
  );
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
