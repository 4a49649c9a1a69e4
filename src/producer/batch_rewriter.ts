/**
 * Has the records of a batch rewritten by a caller's function.
 *
 * @module
 */

import { RecordBatchBuilder } from "../../protocol/record_batch.ts";
import type { DecodedRecord } from "../../protocol/record_batch_reader.ts";
import type { BatchRecord } from "../batch_transform.ts";
import { quote } from "../option_checks.ts";
import type { RecordInput } from "../record.ts";
import type { Batch } from "./batch.ts";
import type { LaneContext } from "./lane_context.ts";
import { textOf } from "./expiry.ts";
import { checkInput, RecordEncoder } from "./record_encoder.ts";

const decoder = new TextDecoder();

/** Why nothing of a batch goes out. */
export type RewriteFailure =
  /** The function gave no records. */
  | { readonly type: "dropped"; readonly cause: Error }
  /** What it gave does not fit a batch. */
  | { readonly type: "tooLarge"; readonly cause: RangeError };

/** Calls `transformBatch` for the batches of one lane. */
export class BatchRewriter {
  readonly #context: LaneContext;
  readonly #partition: number;
  readonly #encoder = new RecordEncoder();

  /**
   * @param context What the lanes of the topic share.
   * @param partition The lane's partition.
   */
  constructor(context: LaneContext, partition: number) {
    this.#context = context;
    this.#partition = partition;
  }

  /**
   * Gives a batch the records that its function makes of its own. Whatever the function does, nothing is thrown.
   *
   * @param batch A compacted batch with at least one record and a function.
   * @returns Null when `batch.wire` may go out.
   */
  rewrite(batch: Batch): RewriteFailure | null {
    batch.rewrite(null);
    const wire = new RecordBatchBuilder({
      initialBytes: batch.pool.firstBytes(batch.builder.byteLength),
      allocate: batch.pool.allocate,
      release: batch.pool.release,
    });
    let failure: RewriteFailure | null = null;
    try {
      failure = this.#fill(wire, batch);
      if (failure === null) {
        batch.rewrite(wire);
        return null;
      }
    } catch (error) {
      this.#report(error);
    }
    batch.pool.release(wire.buffer);
    return failure;
  }

  #fill(wire: RecordBatchBuilder, batch: Batch): RewriteFailure | null {
    const timestamps: number[] = [];
    const results = this.#call(batch, timestamps);
    if (results.length === 0) return { type: "dropped", cause: new Error("dropped by transformBatch") };
    const isOneToOne = results.length === timestamps.length;
    const newest = timestamps.reduce((a, b) => Math.max(a, b));
    const maxBytes = this.#context.options().batchMaxBytes;
    for (let i = 0; i < results.length; i++) {
      this.#encoder.prepare(results[i]!, isOneToOne ? timestamps[i]! : newest);
      if (wire.tryAppend(this.#encoder, maxBytes) === 0) return tooLarge(batch, maxBytes);
    }
    return null;
  }

  /** The function's records, checked; `timestamps` gets those of the batch's own. */
  #call(batch: Batch, timestamps: number[]): readonly RecordInput[] {
    const context = { topic: this.#context.topic, partition: this.#partition };
    const records: BatchRecord[] = [];
    for (const record of batch.builder.clone().records()) {
      timestamps.push(record.timestamp);
      records.push(new RecordCopy(record));
    }
    const results: unknown = batch.transform!(records, context);
    checkResults(results, this.#partition);
    return results;
  }

  /** The batch goes out as it is. */
  #report(error: unknown): void {
    const topic = JSON.stringify(this.#context.topic);
    const text = `The transformBatch of ${topic} failed, and a batch goes out unchanged: ${textOf(error)}`;
    this.#context.warn("transformBatch", text, error);
  }
}

class RecordCopy implements BatchRecord {
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: [string, Uint8Array | null][];
  timestamp: number;

  constructor({ key, value, headers, timestamp }: DecodedRecord) {
    this.key = key;
    this.value = value;
    this.headers = headers;
    this.timestamp = timestamp;
  }

  text(): string {
    return this.value === null ? "" : decoder.decode(this.value);
  }
}

function checkResults(results: unknown, partition: number): asserts results is readonly RecordInput[] {
  if (!Array.isArray(results)) {
    // Nobody else would hear of its failure, and an unheard one ends the process.
    if (results instanceof Promise) results.catch(() => {});
    const given = results instanceof Promise ? "a promise" : quote(results);
    throw new TypeError(`Cannot use what transformBatch returned: it must be an array of records, not ${given}`);
  }
  for (let i = 0; i < results.length; i++) {
    const input: unknown = results[i];
    checkInput(input, Infinity); // Its size is looked at when it is encoded.
    if (typeof input === "string" || input instanceof Uint8Array) continue;
    if (input.partition === undefined || input.partition === partition) continue;
    throw new RangeError(
      `Cannot use what transformBatch returned: a record for partition ${input.partition} in a batch for ${partition}`,
    );
  }
}

function tooLarge(batch: Batch, maxBytes: number): RewriteFailure {
  const what = batch.count === 1 ? "a record" : `${batch.count} records`;
  const text = `what transformBatch made of ${what} takes more than "batchMaxBytes" ${maxBytes}`;
  return { type: "tooLarge", cause: new RangeError(text) };
}
