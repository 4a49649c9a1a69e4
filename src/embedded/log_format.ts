/**
 * What lies in a log: record batches, or messages in a broker older than Kafka 0.11; and what a reader gets of it.
 *
 * @module
 */

import type { MessageMagic } from "../../protocol/message_layout.ts";
import { encodeMessageSet } from "../../protocol/message_set.ts";
import { type DecodedMessage, readMessageSet } from "../../protocol/message_set_reader.ts";
import { NO_HEADERS, RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { readRecords } from "../../protocol/record_batch_reader.ts";
import { unpackMessages } from "./message_codec.ts";

/** A format of records: 0 until Kafka 0.9, 1 in 0.10, 2 since 0.11. */
export type RecordFormat = MessageMagic | 2;

/** A batch in the log; before Kafka 0.11, a message, which may hold others, compressed. */
export interface LogBatch {
  /** Its bytes, with base offset and leader epoch filled in. */
  readonly bytes: Uint8Array;
  /** Their format. */
  readonly format: RecordFormat;
  /** Epoch of the leader that appended it. */
  readonly leaderEpoch: number;
  /** Offset of its first record. */
  readonly baseOffset: bigint;
  /** Offset of its last record. */
  readonly lastOffset: bigint;
  /** Largest timestamp of its records. */
  readonly maxTimestamp: bigint;
}

/** A record of a log, whatever its format. */
export interface LogEntry {
  /** Place in the log. */
  readonly offset: bigint;
  /** Milliseconds since 1970, -1 for none. */
  readonly timestamp: number;
  /** Key, null for none. */
  readonly key: Uint8Array | null;
  /** Value, null for a tombstone. */
  readonly value: Uint8Array | null;
  /** Headers, in order. */
  readonly headers: [string, Uint8Array | null][];
}

/** The records of a batch, in order. */
export function* entriesOf({ bytes, format, baseOffset }: LogBatch): Generator<LogEntry, void, undefined> {
  if (format !== 2) {
    for (const message of readMessageSet(bytes, unpackMessages)) yield { ...message, headers: [] };
    return;
  }
  for (const record of readRecords(bytes)) {
    const { timestamp, key, value, headers } = record;
    yield { offset: baseOffset + BigInt(record.offsetDelta), timestamp, key, value, headers };
  }
}

/** The newest format that a reader knows. */
export function formatOfFetch(version: number): RecordFormat {
  return version < 2 ? 0 : version < 4 ? 1 : 2;
}

/**
 * The bytes of batches for a reader that may know older formats alone. What is newer is written anew for it, as real
 * brokers do: without compression, without headers, and from the offset on that was asked for.
 *
 * @param batches What was read.
 * @param reader Newest format that is understood, and the offset that was asked for.
 */
export function bytesFor(batches: readonly LogBatch[], reader: { format: RecordFormat; from: bigint }): Uint8Array {
  const { format, from } = reader;
  const parts = batches.map((batch) => {
    if (batch.format <= format) return batch.bytes;
    const entries = [...entriesOf(batch)].filter(({ offset }) => offset >= from);
    return encodeMessageSet(entries, format as MessageMagic);
  });
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** Messages as the one record batch that a broker of format 2 stores of them. */
export function batchOf(messages: Iterable<DecodedMessage>): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (const { key, value, timestamp } of messages) builder.append({ key, value, timestamp, headers: NO_HEADERS });
  builder.seal();
  builder.number(-1n, -1, -1);
  return builder.bytes;
}
