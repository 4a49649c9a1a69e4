/**
 * What the page lives on: a sample a second to everybody who watches, as server-sent events. While nobody does, nothing
 * is sampled and nothing is timed.
 *
 * @module
 */

import type { TimerHandle } from "../../timers.ts";
import type { Exchange } from "../exchange.ts";
import type { GatewayCore } from "../gateway_core.ts";
import { GatewayError } from "../gateway_error.ts";
import { RouteMetrics } from "../gateway_metrics.ts";
import type { GatewayProducer } from "../hooks.ts";
import type { Route } from "../route.ts";
import { RecentFailures } from "./recent_failures.ts";
import { takeSample } from "./sample.ts";

/** How often there is a sample. */
export const SAMPLE_MS = 1_000;
/** Samples that somebody who watches may leave unread; at the next one they are let go, and may come back. */
export const MAX_UNREAD_SAMPLES = 5;

type Watcher = ReadableStreamDefaultController<Uint8Array>;

const encoder = new TextEncoder();

/** See the module comment. */
export class PageFeed {
  /** What went wrong lately. */
  readonly failures: RecentFailures;
  readonly #core: GatewayCore;
  readonly #routes: readonly RouteMetrics[];
  readonly #watchers = new Set<Watcher>();
  readonly #kafka = new RouteMetrics();
  #timer: TimerHandle | null = null;
  /** Ends what is listened to while somebody watches. */
  #watching: AbortController | null = null;

  /**
   * @param core The gateway.
   * @param routes The routes that records come in by.
   */
  constructor(core: GatewayCore, routes: readonly Route[]) {
    this.#core = core;
    this.#routes = routes.map(({ id, method }) => core.metrics.route(id, method));
    this.failures = new RecentFailures(() => core.timers.wallMs());
    this.#noteEvents(core.options.producer);
  }

  /** How many watch. */
  get watcherCount(): number {
    return this.#watchers.size;
  }

  /**
   * Samples from now on, until the reader leaves, does not keep up, or the gateway takes no more requests.
   *
   * @throws {GatewayError} 503 when too many watch.
   */
  watch(): ReadableStream<Uint8Array> {
    const { pageMaxWatchers } = this.#core.options;
    if (this.#watchers.size >= pageMaxWatchers) {
      this.#core.metrics.rejected("watchers");
      throw new GatewayError("OVERLOADED", `Cannot be watched by more than ${pageMaxWatchers} at a time`);
    }
    let watcher: Watcher;
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        watcher = controller;
        this.#enter(watcher);
      },
      cancel: () => this.#leave(watcher),
    }, { highWaterMark: MAX_UNREAD_SAMPLES });
  }

  /** Keeps in mind that a request was not answered as its client hoped. */
  noteRefusal({ topic, refused }: Exchange, status: number): void {
    this.failures.note(String(status), topic?.name ?? null, refused?.message ?? "");
  }

  /** Ends what everybody watches. */
  end(): void {
    for (const watcher of [...this.#watchers]) this.#close(watcher);
  }

  #enter(watcher: Watcher): void {
    this.#watchers.add(watcher);
    if (this.#watching === null) {
      this.#watching = new AbortController();
      this.#noteBatches(this.#watching.signal);
      this.#arm();
    }
    watcher.enqueue(encoder.encode(`retry: ${SAMPLE_MS}\n${this.#event()}`));
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    if (this.#timer !== null) this.#core.timers.clear(this.#timer);
    this.#timer = null;
    this.#watching?.abort();
    this.#watching = null;
  }

  #close(watcher: Watcher): void {
    this.#leave(watcher);
    watcher.close();
  }

  #arm(): void {
    const { timers } = this.#core;
    this.#timer = timers.set(this.#tick, SAMPLE_MS);
    timers.unref(this.#timer);
  }

  readonly #tick = (): void => {
    this.#arm();
    const event = encoder.encode(this.#event());
    for (const watcher of [...this.#watchers]) {
      if (watcher.desiredSize! > 0) watcher.enqueue(event);
      else this.#close(watcher);
    }
  };

  #event(): string {
    const sample = takeSample(this.#core, {
      routes: this.#routes,
      kafka: this.#kafka,
      failures: this.failures.list,
    });
    return `data: ${JSON.stringify(sample)}\n\n`;
  }

  /** Batches cost a little each: only while somebody watches. */
  #noteBatches(signal: AbortSignal): void {
    this.#core.options.producer.addEventListener("flushreplied", ({ detail: { topic, ms, attempt, error } }) => {
      this.#kafka.note(error === null ? 200 : 500, ms);
      if (error !== null) this.failures.note("batch", topic, `Attempt ${attempt}: ${error.message}`);
    }, { signal });
  }

  /**
   * These are rare, and wanted also by those who look later. `deliveryfailed` is none of them: the producer logs it as
   * long as nobody listens.
   */
  #noteEvents(producer: GatewayProducer): void {
    const { failures } = this;
    producer.addEventListener("lanedown", ({ detail: { topic, partition, lane, address, cause } }) => {
      failures.note(
        "lane down",
        topic,
        `Partition ${partition}, lane ${lane}, ${address ?? "no leader"}${textOf(cause)}`,
      );
    });
    producer.addEventListener("bootstrapunreachable", ({ detail: { addresses, cause } }) => {
      failures.note("no broker", null, `None of ${addresses.join(", ")} answers${textOf(cause)}`);
    });
    producer.addEventListener("dataloss", ({ detail: { topic, partition, logStartOffset } }) => {
      failures.note("data loss", topic, `Partition ${partition}: its log begins at ${logStartOffset} now`);
    });
    producer.addEventListener("downtimefull", ({ detail: { topic, records, policy } }) => {
      failures.note("buffer full", topic, `${records} records are kept; what is done with more: ${policy}`);
    });
  }
}

function textOf(cause: unknown): string {
  if (cause === null || cause === undefined) return "";
  return `: ${cause instanceof Error ? cause.message : String(cause)}`;
}
