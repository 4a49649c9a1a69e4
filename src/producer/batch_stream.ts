/**
 * One partition's `TransformStream`: records of many calls in, sealed batches out.
 *
 * @module
 */

import type { EncodableRecord } from "../../protocol/record_batch.ts";
import type { TimerHandle, Timers } from "../timers.ts";
import { type Batch, MAX_BATCH_BYTES } from "./batch.ts";
import type { SpanTarget } from "./span.ts";

/**
 * What one task appended to a lane: one chunk a task, however many records. The records themselves are in the open
 * batch already, copied when they were admitted, so that a caller may reuse its buffers at once.
 */
export interface Gathering {
  /** Batches that became full meanwhile, in order. */
  readonly full: readonly Batch[];
  /** Whether the open batch, as far as it has grown by then, is to be sealed too. */
  readonly sealOpen: boolean;
}

/** Limits of a batch; read anew for each, so that they may change. An object of them does not change. */
export interface BatchLimits {
  /** Most bytes of an encoded batch. */
  readonly batchMaxBytes: number;
  /** Most records in a batch. */
  readonly batchMaxRecords: number;
  /** See `TopicOptions.lingerMs`. */
  readonly lingerMs: number | "auto";
  /** See `TopicOptions.idleMs`. */
  readonly idleMs: number | undefined;
}

/** What a batch stream needs and whom it tells. */
export interface BatchStreamOptions {
  /** Limits of a batch. */
  limits: () => BatchLimits;
  /** Size of the queue of sealed batches, in bytes of records. */
  readableMaxBytes: number;
  /** Clock and timers. */
  timers: Timers;
  /** Opens an empty batch. */
  open: () => Batch;
  /** Ends a batch. May take its time: what comes behind waits in the stream. */
  seal: (batch: Batch) => void | Promise<void>;
  /** Told when a batch lies ready on the readable side. */
  onSealed: () => void;
  /** Told when the open batch became due by time. */
  onDue: () => void;
}

/** What became full, where nothing did. */
const NONE: readonly Batch[] = [];
/** Longest time a record waits for company while a request is under way and `lingerMs` is `"auto"`. */
const AUTO_LINGER_MS = 5;

/**
 * Batches records by bytes, count and age.
 *
 * A batch is *full* by bytes or count and then sealed at once; it is *due* by its age, by idleness or because somebody
 * asked, and then sealed when its outbox has a free slot, so that it grows while the window is full. Order is kept. The
 * transformer never throws and the stream never errors. Its timers end with the stream, on abort and on cancel.
 */
export class BatchStream extends TransformStream<Gathering, Batch> {
  readonly #options: BatchStreamOptions;
  readonly #writer: WritableStreamDefaultWriter<Gathering>;
  #openBatch: Batch | null = null;
  #openedCount = 0;
  /** Limits of the open batch. */
  #limits: BatchLimits;
  #full: Batch[] = [];
  #isDue = false;
  /** When the open batch is due because of what a call asked for; `Infinity` when none did. */
  #askedDueMs = Infinity;
  #isSealing = false;
  #lingerTimer: TimerHandle | null = null;
  /** When that timer ends. */
  #lingerTimerMs = 0;
  #idleTimer: TimerHandle | null = null;

  /** @param options What the stream needs and whom it tells. */
  constructor(options: BatchStreamOptions) {
    super(
      {
        transform: (gathering, controller) => this.#transform(gathering, controller),
        cancel: () => this.#clearTimers(),
      },
      { highWaterMark: 1 },
      {
        highWaterMark: options.readableMaxBytes,
        size: (batch) => batch!.queuedBytes,
      },
    );
    this.#options = options;
    this.#limits = options.limits();
    this.#writer = this.writable.getWriter();
    // The stream ends only with its producer; who waits for records is told by their own recipients.
    this.#writer.closed.catch(() => {});
  }

  /** The batch being filled, null when there is none. */
  get openBatch(): Batch | null {
    return this.#openBatch;
  }

  /** Number of the batch that the next record comes into, unless it finds that one full; counted from 1. */
  get batchNumber(): number {
    return this.#openBatch === null ? this.#openedCount + 1 : this.#openedCount;
  }

  /** Whether the open batch, if there is one, surely takes another record of at most `bytes`. */
  hasRoomFor(bytes: number): boolean {
    if (this.#openBatch === null) return true;
    const { count, byteLength } = this.#openBatch.builder;
    return count < this.#limits.batchMaxRecords && byteLength + bytes <= this.#limits.batchMaxBytes;
  }

  /** Ends the open batch: it counts as full. {@linkcode commit} is to follow. */
  finish(): void {
    if (this.#openBatch !== null) this.#retire(this.#openBatch);
  }

  /** Batches that are full and not yet in the stream: until {@linkcode commit}. */
  get hasFull(): boolean {
    return this.#full.length > 0;
  }

  /** Whether there is an open batch whose sealing has not been asked for. */
  get canSeal(): boolean {
    return this.#openBatch !== null && !this.#isSealing;
  }

  /** Whether there is an open batch that should go out as soon as it can. */
  get isDue(): boolean {
    return this.#isDue && this.canSeal;
  }

  /** Whether the open batch waits for company only while a request is under way. */
  get isAuto(): boolean {
    return this.#limits.lingerMs === "auto";
  }

  /**
   * Copies a record into the open batch, beginning a new one when that is full. A record that was accepted under a higher
   * limit of bytes gets a batch of its own.
   *
   * @returns Bytes taken.
   */
  append(record: EncodableRecord, to: SpanTarget): number {
    let batch = this.#openBatch;
    if (batch !== null) {
      const bytes = batch.builder.count < this.#limits.batchMaxRecords
        ? batch.tryAppend(record, this.#limits.batchMaxBytes, to)
        : 0;
      if (bytes > 0) return bytes;
      this.#retire(batch);
    }
    this.#limits = this.#options.limits();
    batch = this.#openBatch = this.#options.open();
    this.#openedCount++;
    return batch.tryAppend(record, this.#limits.batchMaxBytes, to) || batch.tryAppend(record, MAX_BATCH_BYTES, to);
  }

  /** Hands what was appended since the last time to the stream: once a task. */
  commit(sealOpen = false): void {
    // A chunk that will seal the open batch is on its way and takes all that is full by then. Were a full batch sent
    // after it in a chunk of its own, the batch opened behind that one would be sealed before it.
    if (this.#isSealing) return;
    this.#isSealing = sealOpen;
    // Never the array that goes on growing: the chunk may have to wait for batches before it that are being compressed.
    const full = this.#full.length > 0 ? this.#full : NONE;
    if (full !== NONE) this.#full = [];
    // Rejects only when the stream was aborted, whose caller settles every batch.
    this.#writer.write({ full, sealOpen }).catch(() => {});
  }

  /** Makes the open batch due now. */
  makeDue(): void {
    this.#isDue = true;
  }

  /** Makes the open batch due `lingerMs` from now, unless it is sooner. {@linkcode commit} is to follow. */
  makeDueWithin(lingerMs: number): void {
    if (this.#openBatch === null || this.#isDue) return;
    this.#askedDueMs = Math.min(this.#askedDueMs, this.#options.timers.now() + lingerMs);
  }

  /** Ends the stream; batches in it are lost to it, their owner has them. */
  async abort(): Promise<void> {
    this.#clearTimers();
    this.#openBatch = null;
    this.#full = [];
    await this.#writer.abort().catch(() => {});
  }

  async #transform(gathering: Gathering, controller: TransformStreamDefaultController<Batch>): Promise<void> {
    await this.#emit(gathering.full, controller);
    if (gathering.sealOpen) {
      if (this.#openBatch !== null) this.#retire(this.#openBatch);
      const full = this.#full;
      this.#full = [];
      this.#isSealing = false;
      await this.#emit(full, controller);
    }
    if (this.#openBatch !== null) this.#startTimers(this.#openBatch);
  }

  async #emit(batches: readonly Batch[], controller: TransformStreamDefaultController<Batch>): Promise<void> {
    for (const batch of batches) {
      // Without compression there is no promise, and no turn of the microtask queue, between sealing and the queue.
      const sealing = this.#options.seal(batch);
      if (sealing !== undefined) await sealing;
      controller.enqueue(batch);
      this.#options.onSealed();
    }
  }

  /** The open batch takes no more records. */
  #retire(batch: Batch): void {
    this.#full.push(batch);
    this.#openBatch = null;
    this.#isDue = false;
    this.#askedDueMs = Infinity;
    this.#clearTimers();
  }

  #startTimers(batch: Batch): void {
    const { lingerMs, idleMs } = this.#limits;
    const { timers } = this.#options;
    if (this.#isDue) return;
    const ownDueMs = batch.openedMs + (lingerMs === "auto" ? AUTO_LINGER_MS : lingerMs);
    this.#setLingerTimer(Math.min(ownDueMs, this.#askedDueMs));
    if (idleMs === undefined || this.#isDue) return;
    if (this.#idleTimer !== null) timers.clear(this.#idleTimer);
    this.#idleTimer = timers.set(() => this.#onTimer(), idleMs);
  }

  #setLingerTimer(dueMs: number): void {
    const { timers } = this.#options;
    if (this.#lingerTimer !== null) {
      if (dueMs >= this.#lingerTimerMs) return;
      timers.clear(this.#lingerTimer);
      this.#lingerTimer = null;
    }
    this.#lingerTimerMs = dueMs;
    const waitMs = dueMs - timers.now();
    if (waitMs > 0) this.#lingerTimer = timers.set(() => this.#onTimer(), waitMs);
    else this.#onTimer();
  }

  #onTimer(): void {
    this.#clearTimers();
    this.#isDue = true;
    this.#options.onDue();
  }

  #clearTimers(): void {
    const { timers } = this.#options;
    if (this.#lingerTimer !== null) timers.clear(this.#lingerTimer);
    if (this.#idleTimer !== null) timers.clear(this.#idleTimer);
    this.#lingerTimer = this.#idleTimer = null;
  }
}
