/**
 * The batches of a lane that carry no numbers yet.
 *
 * @module
 */

import type { Batch } from "./batch.ts";
import { halveBatch } from "./batch_division.ts";
import type { BatchRewriter } from "./batch_rewriter.ts";
import type { TaskEnd, TaskEndListener } from "./task_end.ts";

/** What a queue needs, and whom it tells: its lane. */
export interface BatchQueueHost<T> {
  /** Where sealed batches come from, in order. */
  readonly sealed: ReadableStreamDefaultReader<Batch>;
  /** The end of the present task. */
  readonly taskEnd: TaskEnd;
  /** Makes the rewriter of the lane's batches, when there is one to rewrite. */
  rewriter(): BatchRewriter;
  /** Numbers a batch that has left the queue. */
  number(batch: Batch): T;
  /** Batches take the place of another: they hold its bytes of the budget from now on. */
  replaced(batch: Batch, parts: readonly Batch[]): void;
  /** A batch is not to be sent. */
  refused(batch: Batch, cause: Error): void;
}

/** See the module comment: from the first record until {@linkcode take}. Here records may be struck out. */
export class BatchQueue<T> implements TaskEndListener {
  readonly #host: BatchQueueHost<T>;
  /** In order: being filled, in the lane's stream, or out of it. */
  readonly #batches: Batch[] = [];
  #sealedCount = 0;
  /** Batches at the head that are out of the stream. */
  #readCount = 0;
  /** Reads of those behind them that are under way. */
  readonly #reads: Promise<boolean>[] = [];
  /** Batches at the head that are being taken. */
  #claimedCount = 0;
  /** Batches whose memory is to be given back when the task ends. */
  readonly #sparse = new Set<Batch>();
  #rewriter: BatchRewriter | null = null;

  /** @param host What it needs, and whom it tells. */
  constructor(host: BatchQueueHost<T>) {
    this.#host = host;
    host.sealed.closed.catch(() => {}); // Ends only with the producer, which settles every batch.
  }

  /** All of them, oldest first. */
  get all(): readonly Batch[] {
    return this.#batches;
  }

  /** Batches that {@linkcode take} would give. */
  get sealedCount(): number {
    return this.#sealedCount;
  }

  /** A batch was opened. */
  add(batch: Batch): void {
    this.#batches.push(batch);
  }

  /** The next batch has been sealed. */
  sealed(): void {
    this.#sealedCount++;
    this.struck(this.#batches[this.#claimedCount + this.#sealedCount - 1]!); // While it was being compressed.
  }

  /** Takes the next sealed batch, numbered; null when nothing of it is to be sent. */
  async take(): Promise<T | null> {
    this.#sealedCount--;
    if (!(await this.#untilOut(this.#claimedCount++))) return null;
    const head = this.#batches[0]!;
    let failure: Error | null = null;
    if (head.transform === null) head.compact();
    else failure = this.#rewrite();
    this.#claimedCount--;
    this.#readCount--;
    const batch = this.#batches.shift()!; // The first part of the head, if that was divided.
    if (failure !== null) this.#host.refused(batch, failure);
    else if (batch.count > 0) return this.#host.number(batch);
    batch.release();
    return null;
  }

  /** Lets go of sealed batches at the head that have no records left, so that an outage does not gather them. */
  discardEmpty(): void {
    while (this.#sealedCount > 0 && this.#batches[this.#claimedCount]?.count === 0) {
      this.take().catch(() => {}); // Rejects only when the lane is closed.
    }
  }

  /**
   * Records of a batch may have been struck out. When these are many, their memory is given back: a batch with a record
   * that lives on would keep that of all others, and of all batches behind it, which are then empty.
   */
  struck(batch: Batch): void {
    // Not at once: an overflow policy may have struck records in this run that it has yet to tell.
    if (batch.isSparse && this.#sparse.add(batch).size === 1) this.#host.taskEnd.ask(this);
  }

  /** Implements `TaskEndListener`. */
  taskEnded(): void {
    let lastEmpty = -1;
    for (let i = this.#claimedCount; i < this.#batches.length; i++) {
      const batch = this.#batches[i]!;
      if (!this.#sparse.has(batch)) continue;
      batch.shrink();
      if (batch.count === 0 && i < this.#claimedCount + this.#sealedCount) lastEmpty = i;
    }
    this.#sparse.clear();
    if (lastEmpty >= 0) this.#discardTo(lastEmpty).catch(() => {}); // Rejects only when the lane is closed.
  }

  /** Lets go of sealed batches without records, up to that one. What the stream holds before it is read out of it. */
  async #discardTo(index: number): Promise<void> {
    await this.#untilOut(index);
    // Those ahead may have become empty meanwhile, and be taken by now, with others behind them that are not read yet.
    if (this.#claimedCount >= this.#readCount) return;
    let kept = this.#claimedCount;
    for (let i = kept; i < this.#readCount; i++) {
      const batch = this.#batches[i]!;
      if (batch.count > 0) this.#batches[kept++] = batch;
      else batch.release();
    }
    const gone = this.#readCount - kept;
    this.#batches.splice(kept, gone);
    this.#readCount -= gone;
    this.#sealedCount -= gone;
  }

  /** Resolves when the batch at that index, which is sealed, is out of the stream; with false when that has ended. */
  async #untilOut(index: number): Promise<boolean> {
    if (index < this.#readCount) {
      await Promise.resolve(); // One who takes the batch before this one may be at it right now.
      return true;
    }
    while (this.#readCount + this.#reads.length <= index) this.#read();
    return await this.#reads[index - this.#readCount]!;
  }

  #read(): void {
    const reading = this.#host.sealed.read().then(({ done }) => {
      this.#reads.shift();
      if (!done) this.#readCount++;
      return !done;
    });
    reading.catch(() => {}); // Whoever awaits it is told; not everybody does.
    this.#reads.push(reading);
  }

  /** Has the batch at the head rewritten; it is halved until it fits. Returns why it cannot be sent. */
  #rewrite(): Error | null {
    const rewriter = this.#rewriter ??= this.#host.rewriter();
    for (;;) {
      const batch = this.#batches[0]!;
      batch.compact();
      if (batch.count === 0) return null;
      const failure = rewriter.rewrite(batch);
      if (batch.hasStruck) continue; // By the function itself: it may call what it likes, abort() included.
      if (failure === null) {
        batch.wire.seal();
        batch.outgoing.compressAgain();
        return null;
      }
      if (failure.type === "dropped" || batch.count === 1) return failure.cause;
      this.#halve(batch);
    }
  }

  #halve(batch: Batch): void {
    const halves = halveBatch(batch);
    this.#host.replaced(batch, halves);
    this.#batches.splice(0, 1, ...halves);
    this.#readCount++;
    this.#sealedCount++;
    batch.release();
  }
}
