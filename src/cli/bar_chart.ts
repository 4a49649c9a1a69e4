/**
 * Small charts of text: no colours, no movement, so that a pipe, a log and any terminal can hold them.
 *
 * @module
 */

const FULL = "█";
/** A block that is one to seven eighths wide. */
const PARTS = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/** A block that is one to eight eighths high. */
const HEIGHTS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/**
 * A bar to the right. What is not nothing has at least an eighth of a column.
 *
 * @param value Its length, at least 0.
 * @param max The value that fills all columns.
 * @param columns How many there are.
 * @returns The bar, without blanks behind it.
 */
export function bar(value: number, max: number, columns: number): string {
  if (value <= 0 || max <= 0) return "";
  const eighths = Math.max(1, Math.round(Math.min(value / max, 1) * columns * 8));
  const part = eighths % 8;
  return FULL.repeat(Math.floor(eighths / 8)) + (part === 0 ? "" : PARTS[part - 1]!);
}

/**
 * Bars side by side, a column each; nothing is a blank, and the largest is as high as a line.
 *
 * @param values Their heights, at least 0.
 */
export function columnChart(values: readonly number[]): string {
  const max = Math.max(0, ...values);
  return values.map((value) => value <= 0 ? " " : HEIGHTS[Math.ceil(value / max * 8) - 1]!).join("");
}
