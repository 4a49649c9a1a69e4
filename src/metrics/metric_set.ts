/**
 * The metrics that one producer has in a registry of prom-client.
 *
 * @module
 */

import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Labels and value of what is read when it is scraped. */
export type Sample = [labels: Record<string, string>, value: number];

/** Makes metrics in a registry, and takes them out again. */
export class MetricSet {
  readonly #registry: Registry;
  readonly #prefix: string;
  readonly #names: string[] = [];

  /**
   * @param registry Where to put them.
   * @param prefix What every name begins with.
   */
  constructor(registry: Registry, prefix: string) {
    this.#registry = registry;
    this.#prefix = prefix;
  }

  /** A count of what happens. */
  counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ ...this.#add(name), help, labelNames });
  }

  /** Values by size. */
  histogram(name: string, help: string, buckets: readonly number[], ...labelNames: string[]): Histogram {
    return new Histogram({ ...this.#add(name), help, labelNames, buckets: [...buckets] });
  }

  /** A count that is kept elsewhere. */
  total(name: string, help: string, samples: () => Sample[], ...labelNames: string[]): void {
    new Counter({
      ...this.#add(name),
      help,
      labelNames,
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.inc(labels, value);
      },
    });
  }

  /** What is at hand just now. */
  gauge(name: string, help: string, samples: () => Sample[], ...labelNames: string[]): void {
    new Gauge({
      ...this.#add(name),
      help,
      labelNames,
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.set(labels, value);
      },
    });
  }

  /** Takes all out of the registry. */
  remove(): void {
    for (const name of this.#names) this.#registry.removeSingleMetric(name);
  }

  #add(suffix: string): { name: string; registers: Registry[] } {
    const name = `${this.#prefix}${suffix}`;
    if (this.#registry.getSingleMetric(name) !== undefined) {
      this.remove();
      throw new TypeError(`Cannot measure the producer: the registry has ${JSON.stringify(name)} already`);
    }
    this.#names.push(name);
    return { name, registers: [this.#registry] };
  }
}
