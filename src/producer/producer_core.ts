/**
 * What a producer consists of: its topics, outboxes, budget, connections, and its life from first use to close.
 *
 * @module
 */

import type { Cluster } from "../cluster/cluster.ts";
import { openCluster } from "../cluster/open_cluster.ts";
import { DeliveryError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { consoleLogger, limitedLog, type Log, type Warn, warningsOf } from "../logger.ts";
import { checkTopicName } from "../option_checks.ts";
import { type ResolvedOptions, resolveTopicOptions, type TopicOptions } from "../options.ts";
import type { DeliveryFailure } from "../record.ts";
import type { ProducerStats } from "../stats.ts";
import { platformTimers, type TimerHandle, type Timers } from "../timers.ts";
import type { Barrier } from "./batch.ts";
import { Budget } from "./budget.ts";
import { BufferPool } from "./buffer_pool.ts";
import { Compressors } from "./compressor.ts";
import { Expiry } from "./expiry.ts";
import { failuresOf } from "./failed_records.ts";
import { Outbox } from "./outbox.ts";
import { ProducerIds } from "./producer_ids.ts";
import type { Span } from "./span.ts";
import { TaskEnd } from "./task_end.ts";
import { TopicCore } from "./topic_core.ts";
import type { TopicContext } from "./topic_lanes.ts";
import { WaitingCalls } from "./waiting_calls.ts";

/** See the module comment. */
export class ProducerCore {
  /** What its topics share. */
  readonly context: TopicContext;
  /** Logs a warning; each kind at most once in 10 s. */
  readonly warn: Warn;
  /** Logs a message of any level. */
  readonly log: Log;
  readonly #options: ResolvedOptions;
  readonly #timers: Timers;
  readonly #cluster: Cluster;
  readonly #budget: Budget;
  readonly #topics = new Map<string, TopicCore>();
  readonly #ids: ProducerIds[] = [];
  /** By broker id, then by number of the lane. */
  readonly #outboxes = new Map<number, Outbox[]>();
  /** Records accepted and not settled, and admissions that wait. */
  #unsettled = 0;
  readonly #waiters: WaitingCalls;
  #isServing = false;
  #deadlineMs = Infinity;
  #deadlineTimer: TimerHandle | null = null;
  #idle: (() => void)[] = [];
  #closing: Promise<void> | null = null;
  #isAborted = false;

  /**
   * @param options Checked options.
   * @param emit Emits an event of the producer.
   * @param timers Clock and timers.
   */
  constructor(options: ResolvedOptions, emit: Emit, timers: Timers = platformTimers) {
    this.#options = options;
    this.#timers = timers;
    this.#waiters = new WaitingCalls(() => timers.now());
    this.log = limitedLog(options.logger === undefined ? consoleLogger : options.logger, timers);
    this.warn = warningsOf(this.log);
    this.#cluster = openCluster({
      ...options,
      timers,
      emit,
      warn: this.warn,
    });
    this.#budget = new Budget(options.bufferMaxBytes);
    this.context = {
      producer: options,
      cluster: this.#cluster,
      timers,
      budget: this.#budget,
      pool: new BufferPool(options.bufferMaxBytes),
      compressors: new Compressors({ timers, warn: this.warn, log: this.log }),
      taskEnd: new TaskEnd(),
      random: Math.random,
      failureLog: { listener: null },
      tracing: { capture: null },
      emit,
      warn: this.warn,
      log: this.log,
      ids: (lane) => this.#ids[lane] ??= new ProducerIds(this.#cluster),
      outbox: (broker, lane) => this.#outbox(broker, lane),
      accepted: (count) => this.#hold(count),
      settled: (count) => this.#hold(-count),
      budgetGiven: () => this.#serveSoon(),
      waiting: (delta) => this.#waiting(delta),
      noteDeadline: (atMs) => this.#noteDeadline(atMs),
    };
  }

  /** Whether new records are refused. */
  get isClosed(): boolean {
    return this.#closing !== null || this.#isAborted;
  }

  /** Topics in use. */
  get topics(): Iterable<TopicCore> {
    return this.#topics.values();
  }

  /** A topic, made on first use. */
  topic(name: string): TopicCore {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      checkTopicName(name);
      topic = new TopicCore(this, name, this.configured(name));
      this.#topics.set(name, topic);
    }
    return topic;
  }

  /** A topic that was used, undefined otherwise. */
  known(name: string): TopicCore | undefined {
    return this.#topics.get(name);
  }

  /** See `Producer.forget`. */
  forget(name: string): boolean {
    const topic = this.#topics.get(name);
    if (topic === undefined) return true;
    if (!topic.isDispensable) return false;
    topic.lanes.unwatch();
    return this.#topics.delete(name);
  }

  /** See `Producer.stats`. */
  stats(): ProducerStats {
    return {
      bufferedBytes: this.#budget.usedBytes,
      bufferMaxBytes: this.#options.bufferMaxBytes,
      waitingCalls: this.#waiters.count,
      waitedCalls: this.#waiters.total,
      waitedMs: this.#waiters.ms,
      isReachable: this.#cluster.isReachable,
      topics: Array.from(this.topics, ({ lanes }) => lanes.stats()),
    };
  }

  /** What the producer's own options say of a topic. */
  configured(name: string): TopicOptions {
    return Object.hasOwn(this.#options.topics, name) ? this.#options.topics[name]! : {};
  }

  /** Checks and completes options of a topic. */
  resolveTopic(options: TopicOptions): TopicCore["options"] {
    return resolveTopicOptions(this.#options, options);
  }

  /** Connects to a broker, for one number of lanes. */
  async connect(broker: number, lane: number, signal?: AbortSignal): Promise<void> {
    await this.held(() => this.#outbox(broker, lane).connect(signal));
  }

  /** Keeps the process alive while `work` is under way. */
  async held<T>(work: () => Promise<T>): Promise<T> {
    this.#hold(1);
    try {
      return await work();
    } finally {
      this.#hold(-1);
    }
  }

  /** Resolves when every record accepted before the call, of one topic or all, is settled. */
  async flush(signal: AbortSignal | undefined, topics: Iterable<TopicCore> = this.topics): Promise<void> {
    signal?.throwIfAborted();
    const barrier = new FlushBarrier();
    for (const topic of topics) {
      for (const batch of topic.lanes.batches()) {
        batch.barriers.push(barrier);
        barrier.batchAdded();
      }
      topic.hurry();
    }
    await barrier.passed(signal);
  }

  /** See `Producer.close`. */
  close(signal?: AbortSignal): Promise<void> {
    return this.#closing ??= this.#close(signal);
  }

  /** See `Producer.abort`. */
  async abort(reason: unknown): Promise<DeliveryFailure[]> {
    const isFirst = !this.#isAborted;
    this.#isAborted = true;
    this.#closing ??= Promise.resolve();
    const failures = isFirst ? this.#failAll(reason) : [];
    await this.#shut();
    return failures;
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    const closed = new TypeError("Cannot write: the producer is closed");
    for (const topic of this.topics) {
      topic.intake.giveUpAll(closed);
      for (const stream of [...topic.openStreams]) stream.end(closed);
    }
    const outcome = await this.held(() => this.#settledInTime(signal));
    const failures = outcome === null ? [] : this.#failAll(outcome.reason);
    this.#isAborted = true;
    await this.#shut();
    if (outcome === null) return;
    if (signal?.aborted) throw signal.reason;
    throw new DeliveryError(`Cannot close cleanly: ${failures.length} records were not delivered in time`, {
      topic: failures[0]?.topic ?? "",
      partition: null,
      attempts: failures.reduce((most, { error }) => Math.max(most, error.attempts), 0),
      verdict: failures.some(({ error }) => error.verdict === "possiblyPersisted")
        ? "possiblyPersisted"
        : "notPersisted",
      outcomes: failures,
      cause: outcome.reason,
    });
  }

  /** Null when everything was settled; why not, when the time was over first. */
  async #settledInTime(signal: AbortSignal | undefined): Promise<{ reason: unknown } | null> {
    const { closeTimeoutMs } = this.#options;
    const deadline = new AbortController();
    const onAbort = () => deadline.abort(signal!.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = closeTimeoutMs === Infinity ? null : this.#timers.set(
      () => deadline.abort(new Expiry(`closeTimeoutMs ${closeTimeoutMs} is over`)),
      closeTimeoutMs,
    );
    try {
      await this.flush(deadline.signal);
      return null;
    } catch (reason) {
      return { reason };
    } finally {
      if (timer !== null) this.#timers.clear(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Settles everything as failed; returns the failures, each with its verdict. */
  #failAll(reason: unknown): DeliveryFailure[] {
    const failures: DeliveryFailure[] = [];
    const onFailure = (span: Span, at: { topic: string; partition: number | null }, error: DeliveryError) => {
      // One by one: there may be more than a call takes arguments.
      for (const failure of failuresOf(span, at, error)) failures.push(failure);
    };
    this.context.failureLog.listener = onFailure;
    for (const topic of this.topics) {
      for (const stream of [...topic.openStreams]) stream.end(reason);
      topic.failAll(reason);
    }
    this.context.failureLog.listener = null;
    return failures;
  }

  async #shut(): Promise<void> {
    this.#cluster.close();
    if (this.#deadlineTimer !== null) this.#timers.clear(this.#deadlineTimer);
    this.#deadlineTimer = null;
    for (const outboxes of this.#outboxes.values()) for (const outbox of outboxes) outbox?.close();
    this.context.compressors.close();
    for (const topic of this.topics) await topic.lanes.close();
  }

  #outbox(broker: number, lane: number): Outbox {
    let outboxes = this.#outboxes.get(broker);
    if (outboxes === undefined) this.#outboxes.set(broker, outboxes = []);
    return outboxes[lane] ??= new Outbox(this.context, broker, lane);
  }

  #hold(delta: number): void {
    const before = this.#unsettled;
    this.#unsettled += delta;
    if (before === 0 && this.#unsettled > 0) {
      this.#cluster.hold();
      if (this.#deadlineTimer !== null) this.#timers.ref(this.#deadlineTimer);
    } else if (before > 0 && this.#unsettled === 0) {
      this.#cluster.release();
      if (this.#deadlineTimer !== null) this.#timers.unref(this.#deadlineTimer);
    }
  }

  #waiting(delta: 1 | -1): void {
    this.#hold(delta);
    this.#waiters.change(delta);
    // While anyone waits, every open batch is due; those opened from now on find it out when they are appended to.
    if (delta > 0 && this.#waiters.count === 1) { for (const topic of this.topics) topic.hurry(); }
  }

  #serveSoon(): void {
    if (this.#isServing || !this.#budget.hasWaiters) return;
    this.#isServing = true;
    queueMicrotask(() => {
      this.#isServing = false;
      this.#budget.serve();
    });
  }

  #noteDeadline(atMs: number): void {
    if (atMs >= this.#deadlineMs) return;
    if (this.#deadlineTimer !== null) this.#timers.clear(this.#deadlineTimer);
    this.#deadlineMs = atMs;
    this.#deadlineTimer = this.#timers.set(() => this.#expire(), Math.ceil(atMs - this.#timers.now()));
    if (this.#unsettled === 0) this.#timers.unref(this.#deadlineTimer);
  }

  #expire(): void {
    this.#deadlineTimer = null;
    this.#deadlineMs = Infinity;
    const now = this.#timers.now();
    let next = Infinity;
    for (const topic of this.topics) next = Math.min(next, topic.expire(now));
    if (next !== Infinity) this.#noteDeadline(next);
  }
}

/** Waits for batches. */
class FlushBarrier implements Barrier {
  #missing = 0;
  readonly #passed = Promise.withResolvers<void>();

  batchAdded(): void {
    this.#missing++;
  }

  batchSettled(): void {
    if (--this.#missing === 0) this.#passed.resolve();
  }

  async passed(signal: AbortSignal | undefined): Promise<void> {
    if (this.#missing === 0) return;
    const onAbort = () => this.#passed.reject(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#passed.promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
