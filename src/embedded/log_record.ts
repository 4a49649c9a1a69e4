/**
 * A record as it is read back from an embedded log.
 *
 * @module
 */

import type { LogEntry } from "./log_format.ts";
import type { StoredRecord } from "../record.ts";

const decoder = new TextDecoder();

/** One record. Tests read millions of them back, so its methods are shared and nothing is copied. */
export class LogRecord implements StoredRecord {
  /** Topic of the record. */
  readonly topic: string;
  /** Partition it is in. */
  readonly partition: number;
  /** Place in the partition's log. */
  readonly offset: bigint;
  /** Key, null for none; a view of the log's bytes. */
  readonly key: Uint8Array | null;
  /** Value, null for a tombstone; a view of the log's bytes. */
  readonly value: Uint8Array | null;
  /** Headers, in order. */
  readonly headers: [string, Uint8Array | null][];
  /** Milliseconds since the epoch. */
  readonly timestamp: number;

  /**
   * @param log Where the record is.
   * @param record What is in the log.
   */
  constructor(log: { topic: string; partition: number }, record: LogEntry) {
    this.topic = log.topic;
    this.partition = log.partition;
    this.offset = record.offset;
    this.key = record.key;
    this.value = record.value;
    this.headers = record.headers;
    this.timestamp = record.timestamp;
  }

  /** The value as UTF-8 text, `""` for a tombstone. */
  text(): string {
    return this.value === null ? "" : decoder.decode(this.value);
  }
}
