/**
 * Writes Kafka's primitive types into a buffer that grows.
 *
 * Hot path: `bench/codec_bench.ts`.
 *
 * @module
 */

const encoder = new TextEncoder();

/** From this size on, {@linkcode ByteWriter.writeRecords} keeps the caller's memory instead of copying it. */
export const DIRECT_WRITE_MIN_BYTES = 65_536;

const DEFAULT_INITIAL_BYTES = 256;

/** Where a {@linkcode ByteWriter} takes memory from. */
export interface ByteWriterOptions {
  /**
   * Size of the first buffer. A good guess saves growing.
   *
   * @default {256}
   */
  initialBytes?: number | undefined;
  /** Gives a buffer of at least that many bytes. Plain allocation if left out. */
  allocate?: ((minBytes: number) => Uint8Array) | undefined;
  /** Takes back a buffer that was outgrown. */
  release?: ((buffer: Uint8Array) => void) | undefined;
}

/** Bytes of the caller's that stand between two parts of the buffer. */
interface DirectSegment {
  /** Length of the buffer when they were written. */
  at: number;
  bytes: Uint8Array;
}

/**
 * A growing buffer, big-endian. Integers are written as they are: out of range, they lose their upper bits.
 *
 * Big records are not copied; they are segments of their own, and their memory must not change until the segments are
 * on the wire.
 */
export class ByteWriter {
  readonly #allocate: (minBytes: number) => Uint8Array;
  readonly #release: ((buffer: Uint8Array) => void) | undefined;
  #buffer: Uint8Array;
  #view: DataView;
  #length = 0;
  #direct: DirectSegment[] | undefined;
  #directBytes = 0;

  /**
   * An empty buffer.
   *
   * @param options Where to take memory from.
   */
  constructor(options: ByteWriterOptions = {}) {
    this.#allocate = options.allocate ?? allocatePlain;
    this.#release = options.release;
    this.#buffer = this.#allocate(options.initialBytes ?? DEFAULT_INITIAL_BYTES);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.byteLength);
  }

  /** How many bytes were written, those kept as segments included. */
  get byteLength(): number {
    return this.#length + this.#directBytes;
  }

  /**
   * Writes one byte.
   *
   * @param value -128 to 127.
   */
  writeInt8(value: number): void {
    const at = this.#take(1); // first: it may replace the view
    this.#view.setInt8(at, value);
  }

  /**
   * Writes two bytes.
   *
   * @param value -32768 to 32767.
   */
  writeInt16(value: number): void {
    const at = this.#take(2);
    this.#view.setInt16(at, value);
  }

  /**
   * Writes four bytes.
   *
   * @param value -2147483648 to 2147483647.
   */
  writeInt32(value: number): void {
    const at = this.#take(4);
    this.#view.setInt32(at, value);
  }

  /**
   * Writes eight bytes.
   *
   * @param value A signed integer of 64 bits.
   */
  writeInt64(value: bigint): void {
    const at = this.#take(8);
    this.#view.setBigInt64(at, value);
  }

  /**
   * Writes eight bytes.
   *
   * @param value A double.
   */
  writeFloat64(value: number): void {
    const at = this.#take(8);
    this.#view.setFloat64(at, value);
  }

  /**
   * Writes one byte, 0 or 1.
   *
   * @param value Which.
   */
  writeBoolean(value: boolean): void {
    this.writeInt8(value ? 1 : 0);
  }

  /**
   * Writes a base-128 integer.
   *
   * @param value 0 to 4294967295.
   */
  writeUnsignedVarint(value: number): void {
    if (value >>> 7 === 0) return this.writeInt8(value);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.writeInt8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.writeInt8(rest);
  }

  /**
   * Writes a zigzag base-128 integer.
   *
   * @param value -2147483648 to 2147483647.
   */
  writeVarint(value: number): void {
    this.writeUnsignedVarint((value << 1) ^ (value >> 31));
  }

  /**
   * Writes a zigzag base-128 integer.
   *
   * @param value A signed integer of 64 bits.
   */
  writeVarlong(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    while (rest > 0x7fn) {
      this.writeInt8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.writeInt8(Number(rest));
  }

  /**
   * Copies raw bytes.
   *
   * @param bytes Any.
   */
  writeBytes(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#buffer.set(bytes, at);
  }

  /**
   * Writes record batches: copied if smaller than {@linkcode DIRECT_WRITE_MIN_BYTES}, else kept as a segment.
   *
   * @param records The batches; when kept, they must not change until they are on the wire.
   */
  writeRecords(records: Uint8Array): void {
    if (records.length < DIRECT_WRITE_MIN_BYTES) return this.writeBytes(records);
    (this.#direct ??= []).push({ at: this.#length, bytes: records });
    this.#directBytes += records.length;
  }

  /**
   * Writes text as UTF-8 behind its length, in two bytes, or compact: its length plus one as a varint (KIP-482).
   *
   * @param text The text.
   * @param isCompact How to write the length.
   * @throws {RangeError} If it has more than 32767 bytes.
   */
  writeString(text: string, isCompact: boolean): void {
    if (this.#writeAscii(text, isCompact)) return;
    const bytes = encoder.encode(text);
    checkStringBytes(bytes.length);
    if (isCompact) this.writeUnsignedVarint(bytes.length + 1);
    else this.writeInt16(bytes.length);
    this.writeBytes(bytes);
  }

  /**
   * Replaces four bytes.
   *
   * @param at Where they start. No kept segment may stand before them.
   * @param value -2147483648 to 2147483647.
   */
  setInt32(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  /**
   * Everything written, in order. The writer is not to be used any more.
   *
   * @returns Parts of the buffer, between them the records that were kept. Never empty.
   */
  finish(): Uint8Array[] {
    if (this.#direct === undefined) return [this.#buffer.subarray(0, this.#length)];
    const segments: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#direct) {
      if (at > from) segments.push(this.#buffer.subarray(from, at));
      segments.push(bytes);
      from = at;
    }
    if (this.#length > from) segments.push(this.#buffer.subarray(from, this.#length));
    return segments;
  }

  /**
   * Everything written, in one piece. The writer is not to be used any more.
   *
   * @returns A view of the buffer, or a copy when there are kept segments.
   */
  toBytes(): Uint8Array {
    const segments = this.finish();
    if (segments.length === 1) return segments[0]!;
    const bytes = new Uint8Array(this.byteLength);
    let at = 0;
    for (const segment of segments) {
      bytes.set(segment, at);
      at += segment.length;
    }
    return bytes;
  }

  /** Topic names and client ids are ASCII and short: one loop instead of a call and a copy. */
  #writeAscii(text: string, isCompact: boolean): boolean {
    const length = text.length;
    if (length > 126) return false;
    const mark = this.#length;
    if (isCompact) this.writeInt8(length + 1);
    else this.writeInt16(length);
    const at = this.#take(length);
    const buffer = this.#buffer;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) {
        this.#length = mark;
        return false;
      }
      buffer[at + index] = unit;
    }
    return true;
  }

  /** Makes room for `length` bytes and returns where they start. */
  #take(length: number): number {
    const at = this.#length;
    const end = at + length;
    if (end > this.#buffer.length) this.#grow(end);
    this.#length = end;
    return at;
  }

  #grow(minBytes: number): void {
    const old = this.#buffer;
    const buffer = this.#allocate(Math.max(minBytes, old.length * 2));
    buffer.set(old.subarray(0, this.#length));
    this.#buffer = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#release?.(old);
  }
}

function allocatePlain(minBytes: number): Uint8Array {
  return new Uint8Array(minBytes);
}

function checkStringBytes(length: number): void {
  if (length > 32_767) throw new RangeError(`Cannot write a string: it has ${length} bytes, 32767 are allowed`);
}
