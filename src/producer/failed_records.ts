/**
 * The records of a batch that failed, kept for whoever wants to see them.
 *
 * @module
 */

import { type EncodableRecord, RecordBatchBuilder } from "../../protocol/record_batch.ts";
import type { DecodedRecord } from "../../protocol/record_batch_reader.ts";
import type { DeliveryError } from "../errors.ts";
import type { DeliveryFailure, StoredRecord } from "../record.ts";
import type { Span } from "./batch.ts";

const decoder = new TextDecoder();

/** A copy of a batch's records, decoded when first looked at: its buffer is long used by another batch then. */
export class FailedRecords {
  readonly #copy: RecordBatchBuilder;
  #records: readonly DecodedRecord[] | null = null;

  /** @param builder The batch as it stands. */
  constructor(builder: RecordBatchBuilder) {
    this.#copy = builder.clone();
  }

  /** The record at that index of the batch. */
  at(index: number): DecodedRecord {
    this.#records ??= [...this.#copy.records()];
    return this.#records[index]!;
  }
}

/**
 * The failures of a span's records, in the order of the batch.
 *
 * @param span Which records.
 * @param at The topic and partition they were meant for.
 * @param error Why they failed.
 */
export function failuresOf(
  span: Span,
  at: { topic: string; partition: number | null },
  error: DeliveryError,
): DeliveryFailure[] {
  const records = span.batch.failedRecords();
  return Array.from({ length: span.count }, (_, i) => new LazyFailure(at, error, () => records.at(span.first + i)));
}

/**
 * The failure of a record that never came into a batch.
 *
 * @param record What would have been encoded; copied.
 * @param at The topic and partition it was meant for.
 * @param error Why it failed.
 */
export function failureOf(
  record: EncodableRecord,
  at: { topic: string; partition: number | null },
  error: DeliveryError,
): DeliveryFailure {
  const builder = new RecordBatchBuilder({ initialBytes: 256 });
  builder.append(record);
  return new LazyFailure(at, error, () => builder.records().next().value!);
}

class LazyFailure implements DeliveryFailure {
  readonly topic: string;
  readonly partition: number | null;
  readonly error: DeliveryError;
  readonly #decode: () => DecodedRecord;
  #record: StoredRecord | null = null;

  constructor(at: { topic: string; partition: number | null }, error: DeliveryError, decode: () => DecodedRecord) {
    this.topic = at.topic;
    this.partition = at.partition;
    this.error = error;
    this.#decode = decode;
  }

  get record(): StoredRecord {
    return this.#record ??= this.#stored(this.#decode());
  }

  #stored({ key, value, headers, timestamp }: DecodedRecord): StoredRecord {
    const { topic, partition } = this;
    return {
      topic,
      partition,
      offset: null,
      key,
      value,
      headers,
      timestamp,
      text: () => value === null ? "" : decoder.decode(value),
    };
  }
}
