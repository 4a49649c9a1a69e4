/**
 * The page's arithmetic: rates and shares between two samples, and how they are written.
 *
 * @module
 */

/** The script. */
export const FIGURES_SCRIPT = `// Rates, shares and how they are written.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** An address beside the page's own, without the name and password that may stand in that: with them nothing is fetched. */
export function here(path) {
  return new URL(path, location.origin + location.pathname);
}

/** All digits, up to a number that nobody reads. */
export function count(value) {
  return value < 1e6 ? whole.format(value) : short.format(value);
}

export function rate(value) {
  if (value > 0 && value < 10) return value.toFixed(1);
  return count(value);
}

export function bytes(value) {
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return (unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)) + " " + UNITS[unit];
}

export function milliseconds(value) {
  if (value === null) return "–";
  if (value >= 1000) return (value / 1000).toFixed(1) + " s";
  return (value < 10 ? value.toFixed(1) : value.toFixed(0)) + " ms";
}

/**
 * How long a share of what came between two samples took at most, in milliseconds; null where nothing came. It is as exact
 * as the classes are narrow.
 */
export function quantile(share, before, after, bounds) {
  const counts = after.map((value, index) => value - before[index]);
  const all = counts.reduce((sum, value) => sum + value, 0);
  if (all === 0) return null;
  let left = share * all;
  for (let index = 0; index < counts.length; index++) {
    if (left <= counts[index]) {
      const low = index === 0 ? 0 : bounds[index - 1];
      const high = index < bounds.length ? bounds[index] : low;
      return 1000 * (low + (high - low) * left / counts[index]);
    }
    left -= counts[index];
  }
  return 1000 * bounds[bounds.length - 1];
}

/** What happened between two samples; null where they do not belong to one run of the gateway. */
export function between(before, after) {
  const seconds = (after.ms - before.ms) / 1000;
  const requests = after.http.count - before.http.count;
  if (seconds <= 0 || requests < 0 || after.records.delivered < before.records.delivered) return null;
  const statuses = after.http.statuses.map((value, index) => value - before.http.statuses[index]);
  const times = (name, share) => quantile(share, before[name].classes, after[name].classes, after.bounds);
  return {
    ms: after.ms,
    delivered: (after.records.delivered - before.records.delivered) / seconds,
    failed: (after.records.failed - before.records.failed) / seconds,
    answered: (statuses[0] + statuses[1] + statuses[2]) / seconds,
    refused: (statuses[3] + statuses[4]) / seconds,
    half: times("http", 0.5),
    most: times("http", 0.99),
    kafka: times("kafka", 0.99),
    buffered: after.buffer.bytes,
    highWater: after.buffer.highWaterBytes,
  };
}

/** Records a second of each topic, by its name. */
export function topicRates(before, after) {
  const seconds = (after.ms - before.ms) / 1000;
  const old = new Map(before.topics.map((topic) => [topic.topic, topic.delivered]));
  return new Map(after.topics.map(({ topic, delivered }) => {
    const known = old.get(topic);
    return [topic, known === undefined || seconds <= 0 ? 0 : Math.max(delivered - known, 0) / seconds];
  }));
}
`;
