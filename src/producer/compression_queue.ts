/**
 * Where batches wait to be compressed, so that one topic's compression holds up another's records as little as it can:
 * gzip and zstd in threads, snappy and LZ4 in short steps with a turn of the event loop between them.
 *
 * @module
 */

import { compressInSteps, type CompressionCodec } from "../../protocol/compression.ts";
import type { TimerHandle, Timers } from "../timers.ts";
import { CompressionThread, type CompressionThreadListener } from "./compression_thread.ts";

/** Bytes to compress. */
export interface CompressionJob {
  /** How. */
  readonly codec: CompressionCodec;
  /** How hard. */
  readonly level: number | undefined;
  /** What; must stay as they are until the job is done. */
  readonly bytes: Uint8Array;
}

interface WaitingJob extends CompressionJob {
  readonly done: PromiseWithResolvers<Uint8Array>;
  steps: Generator<void, Uint8Array, void> | null;
}

/** Most threads: the producer needs a core for itself. */
const MAX_THREADS = Math.min(4, Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1));
/** A thread that had nothing to do for so long is ended: it would keep the process alive. */
const THREAD_IDLE_MS = 1_000;

/** Runs jobs, those of one kind in the order in which they came. */
export class CompressionQueue implements CompressionThreadListener {
  readonly #timers: Timers;
  readonly #onThreadless: (error: unknown) => void;
  /** Snappy and LZ4, and whatever has to be done without threads. */
  readonly #steps: WaitingJob[] = [];
  readonly #forThreads: WaitingJob[] = [];
  #threads: CompressionThread[] = [];
  #hasThreads = true;
  #isStepping = false;
  #isClosed = false;
  #idleTimer: TimerHandle | null = null;

  /**
   * @param timers Clock and timers.
   * @param onThreadless Told once when threads cannot be had: everything is compressed in the producer's own then.
   */
  constructor(timers: Timers, onThreadless: (error: unknown) => void) {
    this.#timers = timers;
    this.#onThreadless = onThreadless;
  }

  /** Whether nothing is compressed any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Threads that run now. */
  get threads(): number {
    return this.#threads.length;
  }

  /** Whether a thread has started that takes jobs. */
  get hasThread(): boolean {
    return this.#threads.some(({ isReady }) => isReady);
  }

  /** Compresses; rejects when that fails, or the queue is closed. */
  compress(job: CompressionJob): Promise<Uint8Array> {
    const done = Promise.withResolvers<Uint8Array>();
    if (this.#isClosed) done.reject(closed());
    else if (job.codec === "gzip" || job.codec === "zstd") this.#forThreads.push({ ...job, done, steps: null });
    else this.#steps.push({ ...job, done, steps: null });
    this.#assign();
    return done.promise;
  }

  /** Ends all threads; what is not done rejects. */
  close(): void {
    this.#isClosed = true;
    this.#endThreads();
    for (const { done } of [...this.#steps.splice(0), ...this.#forThreads.splice(0)]) done.reject(closed());
  }

  /** Implements `CompressionThreadListener`. */
  onRoom(): void {
    this.#assign();
  }

  /** Implements `CompressionThreadListener`. */
  onBroken(thread: CompressionThread, error: unknown): void {
    this.#threads = this.#threads.filter((each) => each !== thread);
    this.#giveUpThreads(error);
    this.#assign();
  }

  #assign(): void {
    if (this.#isClosed) return;
    const waiting = this.#forThreads;
    while (waiting.length > 0) {
      const thread = this.#freest();
      if (thread === undefined) break;
      const { codec, bytes, level, done } = waiting.shift()!;
      thread.compress(codec, bytes, level).then(done.resolve, done.reject);
    }
    if (waiting.length > 0) this.#startThread();
    if (this.#hasStep && !this.#isStepping) {
      this.#isStepping = true;
      setImmediate(() => this.#step());
    }
    this.#watchIdle();
  }

  #freest(): CompressionThread | undefined {
    let freest: CompressionThread | undefined;
    for (const thread of this.#threads) {
      if (thread.hasRoom && (freest === undefined || thread.jobs < freest.jobs)) freest = thread;
    }
    return freest;
  }

  #startThread(): void {
    if (!this.#hasThreads || this.#threads.length >= MAX_THREADS) return;
    if (this.#threads.some(({ isReady }) => !isReady)) return;
    try {
      this.#threads.push(new CompressionThread(this));
    } catch (error) {
      this.#giveUpThreads(error);
    }
  }

  #giveUpThreads(error: unknown): void {
    if (!this.#hasThreads || this.#isClosed) return;
    this.#hasThreads = false;
    this.#onThreadless(error);
  }

  /** Whether there is work for this thread: none waits for others that have yet to start. */
  get #hasStep(): boolean {
    return this.#steps.length > 0 || (this.#forThreads.length > 0 && !this.hasThread);
  }

  /** One step, then whatever else the event loop has to do. */
  #step(): void {
    this.#isStepping = false;
    if (this.#isClosed || !this.#hasStep) return;
    const from = this.#steps.length > 0 ? this.#steps : this.#forThreads;
    const job = from[0]!;
    try {
      job.steps ??= compressInSteps(job.codec, job.bytes, { level: job.level });
      const step = job.steps.next();
      if (step.done) {
        from.shift();
        job.done.resolve(step.value);
      }
    } catch (error) {
      from.shift();
      job.done.reject(error);
    }
    this.#assign();
  }

  #watchIdle(): void {
    if (this.#idleTimer !== null) this.#timers.clear(this.#idleTimer);
    this.#idleTimer = null;
    // One that has yet to start is not idle: on a busy machine that takes longer, and it would be ended over and over.
    if (this.#threads.length === 0 || this.#threads.some(({ isReady, jobs }) => !isReady || jobs > 0)) return;
    // The threads keep the process alive until then; nothing else of a producer that is idle does.
    this.#idleTimer = this.#timers.set(() => this.#endThreads(), THREAD_IDLE_MS);
  }

  #endThreads(): void {
    if (this.#idleTimer !== null) this.#timers.clear(this.#idleTimer);
    this.#idleTimer = null;
    for (const thread of this.#threads.splice(0)) thread.close();
  }
}

function closed(): Error {
  return new Error("Cannot compress: the producer is closed");
}
