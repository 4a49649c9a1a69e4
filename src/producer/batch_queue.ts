/**
 * The batches of a lane that carry no numbers yet.
 *
 * @module
 */

import type { Batch } from "./batch.ts";
import { halveBatch } from "./batch_division.ts";
import type { BatchRewriter } from "./batch_rewriter.ts";

/** What a queue needs, and whom it tells: its lane. */
export interface BatchQueueHost<T> {
  /** Where sealed batches come from, in order. */
  readonly sealed: ReadableStreamDefaultReader<Batch>;
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
export class BatchQueue<T> {
  readonly #host: BatchQueueHost<T>;
  /** In order: being filled, in the lane's stream, or out of it. */
  readonly #batches: Batch[] = [];
  #sealedCount = 0;
  /** Batches at the head that are out of the stream, because of a division. */
  #readCount = 0;
  /** Of these, how many are being taken. */
  #reservedCount = 0;
  /** Batches at the head that are being taken. */
  #claimedCount = 0;
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
  }

  /** Takes the next sealed batch, numbered; null when nothing of it is to be sent. */
  async take(): Promise<T | null> {
    this.#sealedCount--;
    this.#claimedCount++;
    if (!(await this.#read())) return null;
    this.#readCount--;
    const head = this.#batches[0]!;
    let failure: Error | null = null;
    if (head.transform === null) head.compact();
    else failure = this.#rewrite();
    this.#claimedCount--;
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

  /** Has the next batch ready out of the stream; false when the stream has ended. */
  async #read(): Promise<boolean> {
    if (this.#readCount > this.#reservedCount) {
      this.#reservedCount++;
      await Promise.resolve(); // One who takes the batch before this one may be at it right now.
      this.#reservedCount--;
      return true;
    }
    const { done } = await this.#host.sealed.read();
    if (!done) this.#readCount++;
    return !done;
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
