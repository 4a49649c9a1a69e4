/**
 * What a gateway counts, as plain numbers: the text for Prometheus is made of them when it is asked for.
 *
 * @module
 */

/** What became of the records of a topic, or of all topics that have no label of their own. */
export interface RecordCounts {
  /** Records that the buffer took. */
  accepted: number;
  /** Records that Kafka acknowledged, where the client was told. */
  acked: number;
  /** Records that were not, where the client was told. */
  failed: number;
}

/** Upper bounds of the classes of the histogram of times, in seconds. */
export const TIME_CLASSES_SECONDS: readonly number[] = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
];

/** The requests of one route. */
export class RouteMetrics {
  /** How many took how long; the last class has no upper bound. */
  readonly classes: number[] = new Array(TIME_CLASSES_SECONDS.length + 1).fill(0);
  /** How long they took together. */
  seconds = 0;
  /** How many were answered 200: nearly all of them, and a table would have to be asked twice for each. */
  #okCount = 0;
  readonly #others = new Map<number, number>();

  /** How many by status. */
  *statuses(): Generator<[status: number, count: number]> {
    if (this.#okCount > 0) yield [200, this.#okCount];
    yield* this.#others;
  }

  /** Counts a request. */
  note(status: number, ms: number): void {
    if (status === 200) this.#okCount++;
    else this.#others.set(status, (this.#others.get(status) ?? 0) + 1);
    const seconds = ms / 1_000;
    this.seconds += seconds;
    let index = 0;
    while (index < TIME_CLASSES_SECONDS.length && seconds > TIME_CLASSES_SECONDS[index]!) index++;
    this.classes[index]!++;
  }
}

/** A figure of the moment. */
export interface Gauge {
  /** Its name, without prefix. */
  readonly name: string;
  /** What it tells. */
  readonly help: string;
  /** Its value. */
  readonly value: number;
}

const PREFIX = "ekaf_http_";
/** Names of errors that are counted apart; more would mean that somebody can make them up. */
const MAX_SERIES = 1_000;

/** See the module comment. */
export class GatewayMetrics {
  readonly #routes = new Map<string, RouteMetrics>();
  readonly #records = new Map<string, RecordCounts>();
  readonly #bodyBytes = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #rejected = new Map<string, number>();
  /** Answers that were given before, to the same idempotency key. */
  idempotentReplays = 0;

  /** The figures of a route. */
  route(id: string, method: string): RouteMetrics {
    const labels = `route="${id}",method="${method}"`;
    let route = this.#routes.get(labels);
    if (route === undefined) this.#routes.set(labels, route = new RouteMetrics());
    return route;
  }

  /** The counters of a topic, for whoever counts: the same for each call. */
  records(label: string): RecordCounts {
    let counts = this.#records.get(label);
    if (counts === undefined) this.#records.set(label, counts = { accepted: 0, acked: 0, failed: 0 });
    return counts;
  }

  /** Counts bytes of bodies, as they were sent. */
  bodyBytes(encoding: string, bytes: number): void {
    add(this.#bodyBytes, `encoding="${encoding}"`, bytes);
  }

  /** Counts an answer that tells of an error. */
  error(code: string, retriable: boolean): void {
    add(this.#errors, `code="${code}",retriable="${retriable}"`, 1);
  }

  /** Counts a request that was turned away. */
  rejected(reason: string): void {
    add(this.#rejected, `reason="${reason}"`, 1);
  }

  /**
   * Everything, in the text format of Prometheus.
   *
   * @param gauges Figures of the moment.
   */
  text(gauges: readonly Gauge[]): string {
    const lines: string[] = [];
    const counter = (name: string, help: string, series: Iterable<readonly [labels: string, value: number]>) => {
      lines.push(`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} counter`);
      for (const [labels, value] of series) lines.push(`${PREFIX}${name}{${labels}} ${value}`);
    };
    counter("requests_total", "Requests answered", this.#requests());
    this.#times(lines);
    counter("body_bytes_total", "Bytes of bodies as they were sent", this.#bodyBytes);
    counter("records_total", "Records by what became of them", this.#outcomes());
    counter("errors_total", "Answers that tell of an error", this.#errors);
    counter("rejected_total", "Requests turned away", this.#rejected);
    lines.push(
      `# HELP ${PREFIX}idempotent_replays_total Answers given again for an idempotency key`,
      `# TYPE ${PREFIX}idempotent_replays_total counter`,
      `${PREFIX}idempotent_replays_total ${this.idempotentReplays}`,
    );
    for (const { name, help, value } of gauges) {
      lines.push(`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} gauge`, `${PREFIX}${name} ${value}`);
    }
    return lines.join("\n") + "\n";
  }

  *#requests(): Generator<[string, number]> {
    for (const [labels, route] of this.#routes) {
      for (const [status, count] of route.statuses()) yield [`${labels},code="${status}"`, count];
    }
  }

  *#outcomes(): Generator<[string, number]> {
    for (const [topic, counts] of this.#records) {
      for (const [outcome, count] of Object.entries(counts)) yield [`topic="${topic}",outcome="${outcome}"`, count];
    }
  }

  #times(lines: string[]): void {
    const name = `${PREFIX}request_seconds`;
    lines.push(`# HELP ${name} Time from a request's head to its answer's head`, `# TYPE ${name} histogram`);
    for (const [labels, { classes, seconds }] of this.#routes) {
      let count = 0;
      for (let index = 0; index < classes.length; index++) {
        count += classes[index]!;
        lines.push(`${name}_bucket{${labels},le="${TIME_CLASSES_SECONDS[index] ?? "+Inf"}"} ${count}`);
      }
      lines.push(`${name}_sum{${labels}} ${seconds}`, `${name}_count{${labels}} ${count}`);
    }
  }
}

function add(series: Map<string, number>, labels: string, by: number): void {
  const value = series.get(labels);
  if (value !== undefined || series.size < MAX_SERIES) series.set(labels, (value ?? 0) + by);
}
