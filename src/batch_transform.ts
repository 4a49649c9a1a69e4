/**
 * What a batch transform is: it rewrites the records of a batch before the batch goes out.
 *
 * @module
 */

import type { RecordInput } from "./record.ts";

/** A record of a batch that is about to go out. It is a copy: whatever is done to it, the caller's record stays whole. */
export interface BatchRecord {
  /** Key, null for none. */
  key: Uint8Array | null;
  /** Value, null for a tombstone. */
  value: Uint8Array | null;
  /** Headers, in order. */
  headers: [string, Uint8Array | null][];
  /** Milliseconds since the epoch. */
  timestamp: number;
  /** The value as UTF-8 text, `""` for a tombstone. */
  text(): string;
}

/** Where a batch goes. */
export interface BatchContext {
  /** Its topic. */
  readonly topic: string;
  /** Its partition. */
  readonly partition: number;
}

/**
 * Gives the records that go out instead of a batch's own.
 *
 * - As many as there were: outcomes are one to one.
 * - Another number: every record of the batch settles with the offset of the first that went out.
 * - None: every record of the batch fails, `notPersisted`, "dropped by transformBatch".
 *
 * It is called once the batch is about to be numbered, so never again when the batch is sent again. When the result does
 * not fit `batchMaxBytes`, the batch is halved and it is called for each half. When it throws, or what it returns is no
 * array of records for this partition, the batch goes out unchanged and a warning is logged. It must not wait: what
 * takes time belongs before the producer, in a `TransformStream`.
 *
 * A result that has no timestamp gets that of the record in its place, or of the newest one when their numbers differ.
 *
 * @param records The records in the order in which they were accepted. The array is the function's own.
 * @param context Where they go.
 */
export type BatchTransform = (records: BatchRecord[], context: BatchContext) => readonly RecordInput[];
