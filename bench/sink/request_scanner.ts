/**
 * Splits a byte stream of Kafka requests and summarises Produce requests without looking at their records.
 *
 * @module
 */

/** Bytes of a record batch up to its first record. */
const BATCH_HEADER_BYTES = 61;
/** Where the part of a batch begins that its checksum covers. */
const CRC_START_BYTES = 21;
const PRODUCE_KEY = 0;
/** First version of Produce with compact strings and tagged fields. */
const FLEXIBLE_PRODUCE_VERSION = 9;
/** First version of Produce that names topics by id. */
const TOPIC_ID_PRODUCE_VERSION = 13;

/** Header of one record batch, as far as the sink looks at it. */
export interface BatchSummary {
  /** Whole length of the batch on the wire. */
  bytes: number;
  /** How many records the header says the batch holds. */
  recordCount: number;
  /** Producer id, `-1n` when not idempotent. */
  producerId: bigint;
  /** Producer epoch. */
  producerEpoch: number;
  /** Sequence number of the first record. */
  baseSequence: number;
  /** Whether the checksum is right; null when it was not looked at. */
  crcIsValid: boolean | null;
}

/** One topic of a Produce request: its name, or its id from version 13. */
export interface ProduceTopicSummary {
  /** Name, null where the request carries ids. */
  name: string | null;
  /** The 16 bytes of the id, null where the request carries names. */
  id: Uint8Array | null;
  /** Partitions in request order. */
  partitions: { index: number; batches: BatchSummary[] }[];
}

/** A Produce request without its records. */
export interface ProduceSummary {
  /** Version of the request. */
  version: number;
  /** Correlation id to answer with. */
  correlationId: number;
  /** -1, 0 or 1; 0 wants no answer. */
  acks: number;
  /** Topics in request order. */
  topics: ProduceTopicSummary[];
}

/** Told of each request once it has been read whole. */
export interface RequestListener {
  /** A Produce request ended. */
  onProduce(request: ProduceSummary): void;
  /** Any other request, without its 4-byte size; the bytes are valid during the call only. */
  onRequest(frame: Uint8Array): void;
}

/** Continues a CRC-32C over more bytes. */
export type Crc32c = (bytes: Uint8Array, start: number, end: number, seed: number) => number;

/**
 * Incremental scanner over one reusable buffer: the caller reads into {@linkcode space} and reports with
 * {@linkcode advance}. Records are skipped where they lie; only bytes of unfinished headers are ever moved.
 */
export class RequestScanner {
  readonly #buffer: Uint8Array;
  readonly #view: DataView;
  readonly #listener: RequestListener;
  readonly #crc32c: Crc32c | null;
  readonly #scan: Generator<void, never, void>;
  /** First byte not yet consumed, and the end of what was read. */
  #start = 0;
  #end = 0;

  /**
   * @param bufferBytes Size of the read buffer, and the largest request that is not Produce.
   * @param listener Told of each request.
   * @param crc32c Checks the checksum of each batch when given.
   */
  constructor(bufferBytes: number, listener: RequestListener, crc32c: Crc32c | null = null) {
    this.#buffer = new Uint8Array(bufferBytes);
    this.#view = new DataView(this.#buffer.buffer);
    this.#listener = listener;
    this.#crc32c = crc32c;
    this.#scan = this.#requests();
    this.#scan.next();
  }

  /** Where to read to: never empty. */
  space(): Uint8Array {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    else if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    return this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
  }

  /** Scans `count` bytes that were read into {@linkcode space}. */
  advance(count: number): void {
    this.#end += count;
    this.#scan.next();
  }

  *#requests(): Generator<void, never, void> {
    for (;;) {
      yield* this.#need(8);
      const sizeBytes = this.#view.getInt32(this.#start);
      if (sizeBytes < 8) throw new Error(`Cannot read a request: its size is ${sizeBytes}`);
      if (this.#view.getInt16(this.#start + 4) === PRODUCE_KEY) {
        this.#listener.onProduce(yield* this.#produce());
      } else {
        yield* this.#need(4 + sizeBytes);
        const frame = this.#buffer.subarray(this.#start + 4, this.#start + 4 + sizeBytes);
        this.#start += 4 + sizeBytes;
        this.#listener.onRequest(frame);
      }
    }
  }

  *#produce(): Generator<void, ProduceSummary, void> {
    yield* this.#need(14);
    const version = this.#view.getInt16(this.#start + 6);
    const correlationId = this.#view.getInt32(this.#start + 8);
    const isFlexible = version >= FLEXIBLE_PRODUCE_VERSION;
    this.#start += 12;
    yield* this.#string(false); // client id: not compact, even in the flexible header
    if (isFlexible) yield* this.#tags();
    yield* this.#string(isFlexible); // transactional id
    yield* this.#need(6);
    const acks = this.#view.getInt16(this.#start);
    this.#start += 6; // acks and timeout
    const topics: ProduceTopicSummary[] = [];
    for (let left = yield* this.#length(isFlexible); left > 0; left--) topics.push(yield* this.#topic(version));
    if (isFlexible) yield* this.#tags();
    return { version, correlationId, acks, topics };
  }

  *#topic(version: number): Generator<void, ProduceTopicSummary, void> {
    const isFlexible = version >= FLEXIBLE_PRODUCE_VERSION;
    const topic: ProduceTopicSummary = { name: null, id: null, partitions: [] };
    if (version >= TOPIC_ID_PRODUCE_VERSION) {
      yield* this.#need(16);
      topic.id = this.#buffer.slice(this.#start, this.#start + 16);
      this.#start += 16;
    } else topic.name = yield* this.#string(isFlexible);
    for (let left = yield* this.#length(isFlexible); left > 0; left--) {
      yield* this.#need(4);
      const index = this.#view.getInt32(this.#start);
      this.#start += 4;
      const recordsBytes = yield* this.#length(isFlexible);
      topic.partitions.push({ index, batches: yield* this.#batches(recordsBytes) });
      if (isFlexible) yield* this.#tags();
    }
    if (isFlexible) yield* this.#tags();
    return topic;
  }

  *#batches(recordsBytes: number): Generator<void, BatchSummary[], void> {
    const batches: BatchSummary[] = [];
    for (let left = recordsBytes; left > 0;) {
      yield* this.#need(BATCH_HEADER_BYTES);
      const view = this.#view;
      const start = this.#start;
      const batch: BatchSummary = {
        bytes: view.getInt32(start + 8) + 12,
        producerId: view.getBigInt64(start + 43),
        producerEpoch: view.getInt16(start + 51),
        baseSequence: view.getInt32(start + 53),
        recordCount: view.getInt32(start + 57),
        crcIsValid: null,
      };
      if (view.getInt8(start + 16) !== 2) throw new Error(`Cannot read a batch: magic ${view.getInt8(start + 16)}`);
      if (batch.bytes < BATCH_HEADER_BYTES || batch.bytes > left) {
        throw new Error(`Cannot read a batch: ${batch.bytes} bytes where ${left} are left`);
      }
      const expectedCrc = view.getUint32(start + 17);
      const crc = this.#crc32c?.(this.#buffer, start + CRC_START_BYTES, start + BATCH_HEADER_BYTES, 0) ?? 0;
      this.#start += BATCH_HEADER_BYTES;
      const bodyCrc = yield* this.#skip(batch.bytes - BATCH_HEADER_BYTES, crc);
      if (this.#crc32c !== null) batch.crcIsValid = bodyCrc === expectedCrc;
      batches.push(batch);
      left -= batch.bytes;
    }
    return batches;
  }

  /** Passes over `count` bytes without keeping them, and continues `crc` over them when checksums are checked. */
  *#skip(count: number, crc: number): Generator<void, number, void> {
    for (let left = count;;) {
      const taken = Math.min(left, this.#end - this.#start);
      if (this.#crc32c !== null) crc = this.#crc32c(this.#buffer, this.#start, this.#start + taken, crc);
      this.#start += taken;
      left -= taken;
      if (left === 0) return crc;
      yield;
    }
  }

  *#need(count: number): Generator<void, void, void> {
    if (count > this.#buffer.length) {
      throw new Error(`Cannot hold ${count} bytes: the buffer has ${this.#buffer.length}`);
    }
    while (this.#end - this.#start < count) yield;
  }

  /** A length before an array or bytes; a null array counts 0. */
  *#length(isCompact: boolean): Generator<void, number, void> {
    if (isCompact) return Math.max(0, (yield* this.#unsignedVarint()) - 1);
    yield* this.#need(4);
    const length = this.#view.getInt32(this.#start);
    this.#start += 4;
    return Math.max(0, length);
  }

  *#string(isCompact: boolean): Generator<void, string, void> {
    let length: number;
    if (isCompact) length = (yield* this.#unsignedVarint()) - 1;
    else {
      yield* this.#need(2);
      length = this.#view.getInt16(this.#start);
      this.#start += 2;
    }
    if (length <= 0) return "";
    yield* this.#need(length);
    const text = decodeText(this.#buffer, this.#start, length);
    this.#start += length;
    return text;
  }

  *#unsignedVarint(): Generator<void, number, void> {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      yield* this.#need(1);
      const byte = this.#buffer[this.#start++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
      if (shift === 28) throw new Error("Cannot read a varint: it is longer than 5 bytes");
    }
  }

  *#tags(): Generator<void, void, void> {
    for (let left = yield* this.#unsignedVarint(); left > 0; left--) {
      yield* this.#unsignedVarint();
      const sizeBytes = yield* this.#unsignedVarint();
      yield* this.#need(sizeBytes);
      this.#start += sizeBytes;
    }
  }
}

const textDecoder = new TextDecoder();

function decodeText(bytes: Uint8Array, start: number, length: number): string {
  return textDecoder.decode(bytes.subarray(start, start + length));
}
