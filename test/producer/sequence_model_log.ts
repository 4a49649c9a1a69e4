/**
 * One partition's log as a Kafka broker keeps it, with what it remembers of each producer: written for the model test
 * from Kafka's sources, apart from the embedded broker, which is another reading of them.
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerAppendInfo.java}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateEntry.java}
 * @module
 */

/** Sequence numbers run from 0 to one less, and begin again. */
const SEQUENCE_COUNT = 2 ** 31;

const REMEMBERED_COUNT = 5;

/** The bytes of one request: what was in the batch when it was sent. */
export interface SentBytes {
  /** Ids of the records. Never changed: a batch that changes gets another array. */
  readonly records: readonly number[];
  /** Sequence numbers taken, more than records where the test wants to come near the last number. */
  readonly count: number;
  /** -1n without idempotence. */
  readonly producerId: bigint;
  /** Epoch of the numbers. */
  readonly epoch: number;
  /** Number of the first record. */
  readonly baseSequence: number;
}

/** A batch in the log. */
export interface LogEntry {
  /** What was appended. */
  readonly bytes: SentBytes;
  /** Where. */
  readonly baseOffset: number;
  /** Whether every replica in sync has it: it survives every clean change of leader. */
  isCommitted: boolean;
}

/** What a broker makes of a batch. */
export type LogVerdict =
  | { readonly type: "appended"; readonly entry: LogEntry }
  | { readonly type: "duplicate"; readonly entry: LogEntry }
  | { readonly type: "outOfOrder" }
  | { readonly type: "unknownProducer" }
  | { readonly type: "oldEpoch" };

interface ProducerEntry {
  epoch: number;
  entries: LogEntry[];
}

/** See the module comment. */
export class ModelLog {
  /** Batches, oldest first. */
  entries: LogEntry[] = [];
  /** First offset that retention has left. */
  startOffset = 0;
  readonly #refusesUnknown: boolean;
  #producers = new Map<bigint, ProducerEntry>();
  /** Entries before it do not tell of producers any more. */
  #forgotten = 0;

  /** @param refusesUnknown As before KIP-360 (Kafka 2.5): an unknown producer must begin with 0. */
  constructor(refusesUnknown: boolean) {
    this.#refusesUnknown = refusesUnknown;
  }

  /** Offset of the next record. */
  get endOffset(): number {
    const last = this.entries.at(-1);
    return last === undefined ? 0 : last.baseOffset + last.bytes.count;
  }

  /** Appends a batch, unless its numbers are against it. */
  append(bytes: SentBytes): LogVerdict {
    const verdict = this.#judge(bytes);
    if (verdict !== null) return verdict;
    const entry: LogEntry = { bytes, baseOffset: this.endOffset, isCommitted: false };
    this.entries.push(entry);
    this.#remember(entry);
    return { type: "appended", entry };
  }

  /** Notes that every replica has an entry, hence all before it. */
  commit(entry: LogEntry): void {
    for (const each of this.entries) {
      each.isCommitted = true;
      if (each === entry) return;
    }
  }

  /**
   * Drops up to `count` entries at the end, of the uncommitted ones unless `isUnclean`, as a new leader does that lacks
   * them.
   *
   * @returns The entries dropped.
   */
  truncate(count: number, isUnclean: boolean): LogEntry[] {
    const dropped: LogEntry[] = [];
    while (dropped.length < count && this.entries.length > 0 && (isUnclean || !this.entries.at(-1)!.isCommitted)) {
      dropped.push(this.entries.pop()!);
    }
    if (dropped.length > 0) this.#rebuild();
    return dropped;
  }

  /** Forgets all but the last batch of each producer, as a restart from a snapshot does. */
  restart(): void {
    for (const producer of this.#producers.values()) producer.entries.splice(0, producer.entries.length - 1);
  }

  /** Forgets all producers (`producer.id.expiration.ms`). */
  expireProducers(): void {
    this.#producers.clear();
    this.#forgotten = this.entries.length;
  }

  #judge(bytes: SentBytes): LogVerdict | null {
    if (bytes.producerId === -1n) return null;
    const producer = this.#producers.get(bytes.producerId);
    if (producer === undefined) {
      return this.#refusesUnknown && bytes.baseSequence !== 0 ? { type: "unknownProducer" } : null;
    }
    if (bytes.epoch < producer.epoch) return { type: "oldEpoch" };
    if (bytes.epoch > producer.epoch) return bytes.baseSequence === 0 ? null : { type: "outOfOrder" };
    const last = lastSequence(bytes);
    const same = producer.entries.find((entry) =>
      entry.bytes.baseSequence === bytes.baseSequence && lastSequence(entry.bytes) === last
    );
    if (same !== undefined) return { type: "duplicate", entry: same };
    const expected = (lastSequence(producer.entries.at(-1)!.bytes) + 1) % SEQUENCE_COUNT;
    return bytes.baseSequence === expected ? null : { type: "outOfOrder" };
  }

  #remember(entry: LogEntry): void {
    const { producerId, epoch } = entry.bytes;
    if (producerId === -1n) return;
    let producer = this.#producers.get(producerId);
    if (producer === undefined || producer.epoch !== epoch) {
      producer = { epoch, entries: [] };
      this.#producers.set(producerId, producer);
    }
    producer.entries.push(entry);
    if (producer.entries.length > REMEMBERED_COUNT) producer.entries.shift();
  }

  #rebuild(): void {
    this.#producers.clear();
    for (const entry of this.entries.slice(this.#forgotten)) this.#remember(entry);
  }
}

function lastSequence(bytes: SentBytes): number {
  return (bytes.baseSequence + bytes.count - 1) % SEQUENCE_COUNT;
}
