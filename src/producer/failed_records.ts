/**
 * The records of a batch that failed, kept for whoever wants to see them.
 *
 * @module
 */

import { type EncodableRecord, RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { type DecodedRecord, decodeRecord } from "../../protocol/record_batch_reader.ts";
import { RecordCursor } from "../../protocol/record_cursor.ts";
import type { DeliveryError } from "../errors.ts";
import type { DeliveryFailure, StoredRecord } from "../record.ts";
import type { Batch } from "./batch.ts";
import type { Span } from "./span.ts";

const decoder = new TextDecoder();

/** Records of a batch, copied for reports: its buffer is long used by another batch when somebody looks. */
export interface KeptRecords {
  /** The record at that index of the batch. */
  at(index: number): DecodedRecord;
}

/**
 * A copy of some consecutive records of a batch, decoded when first looked at. Never of more than have failed: whoever
 * keeps one report would keep the others' records too, and the copies of a batch whose records expire one after another
 * would grow with the square of its size.
 */
export class FailedRun implements KeptRecords {
  readonly #bytes: Uint8Array;
  readonly #first: number;
  readonly #count: number;
  readonly #baseTimestamp: number;
  #records: readonly DecodedRecord[] | null = null;

  /**
   * @param batch The batch.
   * @param range Index of the first record, and behind the last.
   */
  constructor({ builder, offsets }: Batch, { from, to }: { from: number; to: number }) {
    const end = to === builder.count ? builder.byteLength : offsets.startOf(to);
    this.#bytes = builder.buffer.slice(offsets.startOf(from), end);
    this.#first = from;
    this.#count = to - from;
    this.#baseTimestamp = builder.baseTimestamp;
  }

  /** Implements `KeptRecords`. */
  at(index: number): DecodedRecord {
    this.#records ??= this.#decode();
    return this.#records[index - this.#first]!;
  }

  #decode(): DecodedRecord[] {
    const cursor = new RecordCursor(this.#bytes, { start: 0, end: this.#bytes.length, count: this.#count });
    const records: DecodedRecord[] = [];
    while (cursor.next()) records.push(decodeRecord(cursor, this.#baseTimestamp + cursor.timestampDelta));
    return records;
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
  const records = span.batch.failedRecords(span);
  return Array.from({ length: span.count }, (_, i) => new LazyFailure(at, error, { records, index: span.first + i }));
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
  return new LazyFailure(at, error, { records: { at: () => builder.records().next().value! }, index: 0 });
}

class LazyFailure implements DeliveryFailure {
  readonly topic: string;
  readonly partition: number | null;
  readonly error: DeliveryError;
  readonly #records: KeptRecords;
  readonly #index: number;
  #record: StoredRecord | null = null;

  constructor(
    at: { topic: string; partition: number | null },
    error: DeliveryError,
    kept: { records: KeptRecords; index: number },
  ) {
    this.topic = at.topic;
    this.partition = at.partition;
    this.error = error;
    this.#records = kept.records;
    this.#index = kept.index;
  }

  get record(): StoredRecord {
    return this.#record ??= this.#stored(this.#records.at(this.#index));
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
