/**
 * Metrics as lines of statsd's protocol, and lines as datagrams.
 *
 * @module
 * @see {@link https://github.com/statsd/statsd/blob/v0.10.2/docs/metric_types.md}
 */

/** `c` adds to a counter, `g` sets a gauge. */
export type MetricType = "c" | "g";

/** Characters that would end the name, or the line. */
// deno-lint-ignore no-control-regex
const UNFIT = /[:|@\s\x00-\x1f\x7f]/g;

/**
 * A line. ekaf wrote the sample rate of 1 too, which is the default.
 *
 * @param name Name of the metric; what would end it becomes `_`.
 * @param value A finite number.
 * @param type Kind of the metric.
 */
export function lineOf(name: string, value: number, type: MetricType): string {
  const fit = name.replace(UNFIT, "_");
  const line = `${fit}:${value}|${type}|@1.0`;
  // A gauge with a sign is moved by that much, so it has to be set to 0 before it can become negative.
  return type === "g" && value < 0 ? `${fit}:0|g|@1.0\n${line}` : line;
}

/**
 * Puts lines together, as many in a datagram as fit.
 *
 * @param lines Lines.
 * @param maxBytes Most bytes of a datagram; a line that is longer is left out.
 */
export function datagramsOf(lines: Iterable<string>, maxBytes: number): Uint8Array<ArrayBuffer>[] {
  const encoder = new TextEncoder();
  const datagrams: Uint8Array<ArrayBuffer>[] = [];
  let text = "";
  let bytes = 0;
  for (const line of lines) {
    const lineBytes = encoder.encode(line).length;
    if (lineBytes > maxBytes) continue;
    if (bytes > 0 && bytes + 1 + lineBytes > maxBytes) {
      datagrams.push(encoder.encode(text));
      [text, bytes] = ["", 0];
    }
    text += bytes === 0 ? line : `\n${line}`;
    bytes += bytes === 0 ? lineBytes : lineBytes + 1;
  }
  if (bytes > 0) datagrams.push(encoder.encode(text));
  return datagrams;
}
