/**
 * A producer's figures for statsd.
 *
 * @module
 */

import {
  callable,
  checkAll,
  checkMeasured,
  checkOptions,
  integer,
  milliseconds,
  quote,
  typed,
} from "../option_checks.ts";
import type { MeasuredProducer } from "../stats.ts";
import { platformTimers, type TimerHandle, type Timers } from "../timers.ts";
import { DatagramSender } from "./datagrams.ts";
import { datagramsOf, lineOf } from "./lines.ts";
import { Pending } from "./pending.ts";
import { Reporter } from "./reporter.ts";

/** Options of {@linkcode statsd}. */
export interface StatsdOptions {
  /**
   * Whether topics are reported that {@linkcode topics} does not name.
   *
   * @default {true}
   */
  enabled?: boolean;
  /**
   * Which topics are reported, by name. When none can be, there is no socket.
   *
   * @default {{}}
   */
  topics?: Readonly<Record<string, boolean>>;
  /**
   * Where statsd listens: a name or an address. `localhost` is 127.0.0.1.
   *
   * @default {"localhost"}
   */
  host?: string;
  /**
   * The port there.
   *
   * @default {8125}
   */
  port?: number;
  /**
   * What every name begins with; `:`, `|`, `@` and white space become `_`.
   *
   * @default {"ekaf."}
   */
  prefix?: string;
  /**
   * How often values are sent, in milliseconds: counts as their sums, gauges as they were last.
   *
   * @default {1000}
   */
  intervalMs?: number;
  /**
   * Most bytes of a datagram, so that it fits the network's frames. Longer lines are dropped.
   *
   * @default {1432}
   */
  maxDatagramBytes?: number;
  /**
   * Most names in an interval; values of others are dropped.
   *
   * @default {10000}
   */
  maxNames?: number;
  /** Told of a datagram that could not be sent; by default nobody is. */
  onError?: (error: unknown) => void;
}

/** Sends values to statsd. Nothing of it throws, waits or keeps the process alive. */
export interface Statsd extends AsyncDisposable {
  /** Whether there is a socket. */
  readonly isOpen: boolean;
  /**
   * Adds to a counter of your own, in a datagram of its own; nothing without a socket.
   *
   * @param name Its name behind the prefix; `:`, `|`, `@` and white space become `_`.
   * @param by How much, 1 by default.
   */
  increment(name: string, by?: number): void;
  /**
   * Sets a gauge of your own, in a datagram of its own; nothing without a socket.
   *
   * @param name Its name behind the prefix; `:`, `|`, `@` and white space become `_`.
   * @param value A finite number; others are dropped.
   */
  gauge(name: string, value: number): void;
  /** Sends what is pending and closes the socket. */
  close(): Promise<void>;
}

/** How long `close()` waits for the last datagrams: a resolver may take its time. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Sends a producer's events and figures to statsd, under the names that ekaf's demo gave them.
 *
 * @param producer The producer.
 * @param options Where to, what, and how often.
 * @param timers Clock and timers.
 * @throws {Deno.errors.NotCapable} When a permission is missing, naming it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 * import { statsd } from "@ekaf/ekaf/statsd";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { greetings: 1 } });
 * await using producer = new Producer({ bootstrap: cluster.bootstrap });
 * await using stats = statsd(producer, { host: "127.0.0.1", enabled: false, topics: { greetings: true } });
 * await producer.send("greetings", "hello");
 * assertEquals(stats.isOpen, true);
 * ```
 */
export function statsd(producer: MeasuredProducer, options: StatsdOptions = {}): Statsd {
  return new StatsdReporting(producer, options, platformTimers);
}

const CHECKS = {
  enabled: typed("boolean"),
  topics: checkSwitches,
  host: checkHost,
  port: integer(1, 65_535),
  prefix: typed("string"),
  intervalMs: milliseconds(1),
  maxDatagramBytes: integer(512, 65_507),
  maxNames: integer(1),
  onError: callable,
};

/** See {@linkcode statsd}; with timers of its own in tests. */
export class StatsdReporting implements Statsd {
  readonly #prefix: string;
  readonly #maxBytes: number;
  readonly #intervalMs: number;
  readonly #timers: Timers;
  readonly #pending: Pending;
  readonly #sender: DatagramSender | null;
  readonly #reporter: Reporter | null;
  #timer: TimerHandle | null = null;
  #closing: Promise<void> | null = null;

  /**
   * @param producer The producer.
   * @param options Where to, what, and how often.
   * @param timers Clock and timers.
   */
  constructor(producer: MeasuredProducer, options: StatsdOptions, timers: Timers) {
    checkMeasured(producer);
    checkOptions("report to statsd", options);
    checkAll(options, CHECKS, "option");
    const { enabled = true, topics = {}, host = "localhost", port = 8125, onError = () => {} } = options;
    this.#prefix = options.prefix ?? "ekaf.";
    this.#maxBytes = options.maxDatagramBytes ?? 1_432;
    this.#intervalMs = options.intervalMs ?? 1_000;
    this.#timers = timers;
    this.#pending = new Pending(this.#prefix, options.maxNames ?? 10_000);
    const isOn = enabled || Object.values(topics).includes(true);
    this.#sender = isOn ? new DatagramSender({ host, port }, onError) : null;
    const isEnabled = (topic: string) => Object.hasOwn(topics, topic) ? topics[topic]! : enabled;
    this.#reporter = isOn ? new Reporter(producer, this.#pending, isEnabled) : null;
    if (isOn) this.#wait();
  }

  /** Implements `Statsd`. */
  get isOpen(): boolean {
    return this.#sender !== null && this.#closing === null;
  }

  /** Implements `Statsd`. */
  increment(name: string, by = 1): void {
    if (this.isOpen && Number.isFinite(by)) this.#send([lineOf(this.#prefix + name, by, "c")]);
  }

  /** Implements `Statsd`. */
  gauge(name: string, value: number): void {
    if (this.isOpen && Number.isFinite(value)) this.#send([lineOf(this.#prefix + name, value, "g")]);
  }

  /** Implements `Statsd`. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Like {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #wait(): void {
    this.#timer = this.#timers.set(() => {
      this.#report();
      this.#wait();
    }, this.#intervalMs);
    this.#timers.unref(this.#timer);
  }

  #report(): void {
    this.#reporter!.read();
    this.#send(this.#pending.take());
  }

  #send(lines: readonly string[]): void {
    for (const datagram of datagramsOf(lines, this.#maxBytes)) this.#sender!.send(datagram);
  }

  async #close(): Promise<void> {
    if (this.#sender === null) return;
    if (this.#timer !== null) this.#timers.clear(this.#timer);
    this.#reporter!.close();
    this.#report();
    const timeOut = Promise.withResolvers<void>();
    const timer = this.#timers.set(timeOut.resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.#sender.sent(), timeOut.promise]);
    this.#timers.clear(timer);
    await this.#sender.close();
  }
}

function checkSwitches(name: string, value: unknown): void {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject || Object.values(value).some((each) => typeof each !== "boolean")) {
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be an object of booleans, by topic`);
  }
}

function checkHost(name: string, value: unknown): void {
  typed("string")(name, value);
  if (value === "") throw new RangeError(`Cannot use ${quote(name)} "": it must name a host`);
}
