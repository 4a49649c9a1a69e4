/**
 * The log of one partition: batches as they came, and what a broker must know to append the next.
 *
 * @module
 */

import { NO_TIMESTAMP } from "../../protocol/message_layout.ts";
import { crc32c } from "../../protocol/crc32c.ts";
import { BatchOffset, LOG_APPEND_TIME_FLAG } from "../../protocol/record_batch_layout.ts";
import { batchOf, entriesOf, type LogBatch, type LogEntry, type RecordFormat } from "./log_format.ts";
import { LogRecord } from "./log_record.ts";
import { ProducerStates } from "./producer_state.ts";
import { isRefusal, receiveBatch, type ReceivedBatch, type Refusal, refusal } from "./received_batch.ts";
import { latestOf, type ReceivedMessages, receiveMessages, storedMessages } from "./received_messages.ts";

/** Where a batch went. */
export interface Appended {
  /** Offset of its first record. */
  baseOffset: bigint;
  /** -1, or for a batch that was in the log already the largest timestamp of its records, as in Kafka. */
  logAppendTimeMs: bigint;
}

/** Where a record is, and when it happened. */
export interface RecordPlace {
  /** Its offset. */
  offset: bigint;
  /** Its timestamp in milliseconds since the epoch. */
  timestamp: bigint;
  /** Epoch of the leader that appended it. */
  leaderEpoch: number;
}

/** What a log needs to know of its surroundings. */
export interface PartitionLogOptions {
  /** Topic it belongs to. */
  topic: string;
  /** Partition it belongs to. */
  partition: number;
  /** Largest batch it takes, in bytes: Kafka's `max.message.bytes`. */
  maxMessageBytes: number;
  /** Most bytes of batches that it keeps, one batch at least, all if left out: Kafka's `retention.bytes`. */
  retentionBytes?: number | undefined;
  /** Format in which it stores records, 2 if left out: Kafka's `message.format.version`. */
  format?: RecordFormat | undefined;
  /** Milliseconds since the epoch. */
  wallMs: () => number;
  /** Called after each append. */
  onAppend: (log: PartitionLog) => void;
}

const NO_APPEND_TIME = -1n;

/** Batches by offset, and the sequence state of the producers that wrote them. Shared by all replicas. */
export class PartitionLog {
  /** Topic it belongs to. */
  readonly topic: string;
  /** Partition it belongs to. */
  readonly partition: number;
  /** The sequence state of the producers that write here. */
  readonly producers: ProducerStates = new ProducerStates();

  readonly #options: PartitionLogOptions;
  readonly #batches: LogBatch[] = [];
  #keptBytes = 0;
  #startOffset = 0n;
  #endOffset = 0n;

  /** @param options Where it belongs and whom it tells of appends. */
  constructor(options: PartitionLogOptions) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.#options = options;
  }

  /** Offset of the first record that may be read. */
  get startOffset(): bigint {
    return this.#startOffset;
  }

  /** Offset the next record will get. */
  get endOffset(): bigint {
    return this.#endOffset;
  }

  /**
   * Checks a batch and appends it.
   *
   * @param bytes Exactly one batch. They are copied.
   * @param leaderEpoch Written into the stored batch.
   */
  append(bytes: Uint8Array, leaderEpoch: number): Appended | Refusal {
    const batch = receiveBatch(bytes, {
      maxMessageBytes: this.#options.maxMessageBytes,
      nowMs: this.#options.wallMs(),
    });
    if (isRefusal(batch)) return batch;
    if (batch.header.producerId < 0n) return this.#store(batch, leaderEpoch);
    const verdict = this.producers.judge(batch.header);
    if (verdict.action === "refuse") return refusal(verdict.error);
    if (verdict.action === "acknowledge") {
      return { baseOffset: verdict.batch.baseOffset, logAppendTimeMs: verdict.batch.maxTimestamp };
    }
    this.producers.remember(batch.header, { baseOffset: this.#endOffset, maxTimestamp: batch.maxTimestamp });
    return this.#store(batch, leaderEpoch);
  }

  /**
   * Checks a message set, which is what producers send below version 3, and appends it: message by message, or as one
   * batch where the log's format is 2.
   *
   * @param set The messages. They are copied.
   * @param leaderEpoch Written into the stored batch.
   */
  appendMessages(set: Uint8Array | null, leaderEpoch: number): Appended | Refusal {
    const { maxMessageBytes, format = 2 } = this.#options;
    const received = receiveMessages(set, { maxMessageBytes });
    if (isRefusal(received)) return received;
    if (received.length === 0) return { baseOffset: -1n, logAppendTimeMs: NO_APPEND_TIME };
    if (format === 2) return this.append(batchOf(received.flatMap(({ messages }) => messages)), leaderEpoch);
    const baseOffset = this.#endOffset;
    for (const messages of received) this.#storeMessages(messages, { format, leaderEpoch });
    this.#options.onAppend(this);
    return { baseOffset, logAppendTimeMs: NO_APPEND_TIME };
  }

  /**
   * Batches from the one that holds `offset` on, in order, as long as they are within `maxBytes`.
   *
   * @param limits With `atLeastOne` the first batch is given whatever its size (KIP-74), with `isCut` also the one that
   * goes beyond `maxBytes`.
   */
  read(
    offset: bigint,
    { maxBytes, atLeastOne, isCut = false }: { maxBytes: number; atLeastOne: boolean; isCut?: boolean },
  ): LogBatch[] {
    const found: LogBatch[] = [];
    let bytes = 0;
    for (let i = this.#indexOf(offset); i < this.#batches.length; i++) {
      const batch = this.#batches[i]!;
      if (isCut && bytes >= maxBytes) break;
      bytes += batch.bytes.length;
      if (bytes > maxBytes && !isCut && !(atLeastOne && found.length === 0)) break;
      found.push(batch);
    }
    return found;
  }

  /** Bytes from the batch that holds `offset` to the end of the log, counted up to `enough`. */
  bytesFrom(offset: bigint, enough: number): number {
    let bytes = 0;
    for (let i = this.#indexOf(offset); i < this.#batches.length && bytes < enough; i++) {
      bytes += this.#batches[i]!.bytes.length;
    }
    return bytes;
  }

  /** The first record of a timestamp or a later one, or undefined. */
  findByTime(timestamp: bigint): RecordPlace | undefined {
    for (const batch of this.#batches) {
      if (batch.maxTimestamp < timestamp || batch.lastOffset < this.#startOffset) continue;
      const place = this.#placeWithin(batch, (record) => BigInt(record.timestamp) >= timestamp);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  /** The first of the records with the largest timestamp, or undefined. */
  latest(): RecordPlace | undefined {
    let latest: LogBatch | undefined;
    for (const batch of this.#batches) {
      if (latest === undefined || batch.maxTimestamp > latest.maxTimestamp) latest = batch;
    }
    return latest && this.#placeWithin(latest, (record) => BigInt(record.timestamp) === latest.maxTimestamp);
  }

  /** The batches that hold records that may be read, in order. */
  batches(): readonly LogBatch[] {
    return this.#batches;
  }

  /** The records that may be read, in order. */
  *records(): Generator<LogRecord, void, undefined> {
    for (const batch of this.#batches) {
      for (const entry of entriesOf(batch)) {
        if (entry.offset >= this.#startOffset) yield new LogRecord(this, entry);
      }
    }
  }

  /** Forgets the records before an offset, as retention does. What is known of their producers stays. */
  deleteBefore(offset: bigint): void {
    if (offset < this.#startOffset || offset > this.#endOffset) {
      throw new RangeError(
        `Cannot delete records before offset ${offset}: the log of "${this.topic}" partition ${this.partition} ` +
          `begins at ${this.#startOffset} and ends at ${this.#endOffset}`,
      );
    }
    this.#startOffset = offset;
    for (const { bytes } of this.#batches.splice(0, this.#indexOf(offset))) this.#keptBytes -= bytes.length;
  }

  /** Adds a batch; the oldest are forgotten when that makes them too many. */
  #keep(batch: LogBatch): void {
    this.#batches.push(batch);
    this.#endOffset = batch.lastOffset + 1n;
    this.#keptBytes += batch.bytes.length;
    const { retentionBytes = Infinity } = this.#options;
    let goneBytes = this.#keptBytes - retentionBytes;
    if (goneBytes <= 0) return;
    let count = 0;
    while (goneBytes > 0 && count < this.#batches.length - 1) goneBytes -= this.#batches[count++]!.bytes.length;
    if (count > 0) this.deleteBefore(this.#batches[count]!.baseOffset);
  }

  #placeWithin(batch: LogBatch, isMeant: (entry: LogEntry) => boolean): RecordPlace | undefined {
    const { leaderEpoch } = batch;
    for (const entry of entriesOf(batch)) {
      if (entry.offset < this.#startOffset || !isMeant(entry)) continue;
      return { offset: entry.offset, timestamp: BigInt(entry.timestamp), leaderEpoch };
    }
    return undefined;
  }

  #store({ header, bytes, maxTimestamp, isHeaderRight }: ReceivedBatch, leaderEpoch: number): Appended {
    const baseOffset = this.#endOffset;
    const lastOffset = baseOffset + BigInt(header.lastOffsetDelta);
    const stored = bytes.slice();
    const view = new DataView(stored.buffer);
    view.setBigInt64(BatchOffset.baseOffset, baseOffset);
    view.setInt32(BatchOffset.partitionLeaderEpoch, leaderEpoch);
    if (!isHeaderRight) {
      view.setInt16(BatchOffset.attributes, header.attributes & ~LOG_APPEND_TIME_FLAG);
      view.setBigInt64(BatchOffset.maxTimestamp, maxTimestamp);
      view.setUint32(BatchOffset.crc, crc32c(stored, BatchOffset.attributes));
    }
    this.#keep({ bytes: stored, format: 2, leaderEpoch, baseOffset, lastOffset, maxTimestamp });
    this.#options.onAppend(this);
    return { baseOffset, logAppendTimeMs: NO_APPEND_TIME };
  }

  #storeMessages(
    received: ReceivedMessages,
    { format, leaderEpoch }: { format: 0 | 1; leaderEpoch: number },
  ): void {
    const baseOffset = this.#endOffset;
    const lastOffset = baseOffset + BigInt(received.messages.length - 1);
    const bytes = storedMessages(received, { format, baseOffset });
    const maxTimestamp = BigInt(format === 0 ? NO_TIMESTAMP : latestOf(received.messages));
    this.#keep({ bytes, format, leaderEpoch, baseOffset, lastOffset, maxTimestamp });
  }

  /** Index of the first batch that ends at `offset` or later. */
  #indexOf(offset: bigint): number {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
