/**
 * Prometheus' text format, read strictly.
 *
 * @module
 */

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"`;
const SAMPLE = new RegExp(`^(${NAME})((?:\\{${LABEL}(?:,${LABEL})*\\})?) ([-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|Inf)|NaN)$`);
const HELP = new RegExp(`^# HELP (${NAME}) .+$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);

/** Every sample by its name and labels as they stand in `text`. */
export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = line.match(SAMPLE);
    if (match !== null) samples.set(match[1]! + match[2]!, Number(match[3]!.replace("Inf", "Infinity")));
  }
  return samples;
}

/**
 * Throws unless `text` is made of whole families: HELP, TYPE, then samples of that name, none twice, buckets growing to
 * `+Inf`, which is the count.
 */
export function assertExposition(text: string): void {
  const seen = new Set<string>();
  let family = "";
  let type = "";
  const buckets = new Map<string, number>();
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.trimEnd().split("\n")) {
    if (line === "") continue;
    const help = line.match(HELP);
    const typed = line.match(TYPE);
    const sample = line.match(SAMPLE);
    if (help !== null) [family, type] = [help[1]!, ""];
    else if (typed !== null && typed[1] === family && type === "") type = typed[2]!;
    else if (sample === null || type === "") throw new Error(`no line of the format: ${line}`);
    else {
      const [, name, labels, value] = sample;
      if (seen.has(name! + labels!)) throw new Error(`twice: ${line}`);
      seen.add(name! + labels!);
      const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!suffixes.some((suffix) => name === family + suffix)) throw new Error(`not of ${family}: ${line}`);
      if (type === "counter" && !family.endsWith("_total")) throw new Error(`a counter without _total: ${line}`);
      if (type !== "histogram") continue;
      const others = family + labels!.replace(/le="[^"]*",?|[{},]/g, "");
      const last = buckets.get(others) ?? 0;
      if (name === `${family}_bucket` && Number(value) < last) throw new Error(`a smaller bucket: ${line}`);
      if (name === `${family}_count` && Number(value) !== last) throw new Error(`not the last bucket: ${line}`);
      if (name === `${family}_bucket`) buckets.set(others, Number(value));
    }
  }
}
