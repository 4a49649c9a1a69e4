/**
 * Splits a stream of bytes into frames: four bytes of size, then as many bytes.
 *
 * Hot path: `bench/pipeline_bench.ts`.
 *
 * @see {@link https://kafka.apache.org/protocol#protocol_common}
 * @module
 */

import { ProtocolError } from "../../protocol/errors.ts";

/** Largest frame accepted where nothing else is said: 64 MiB. */
export const DEFAULT_MAX_FRAME_BYTES = 67_108_864;

/** No frame is shorter than its correlation id. */
const MIN_FRAME_BYTES = 4;

/** Memory set aside for a frame of which nothing has arrived yet. */
const FIRST_BUFFER_BYTES = 65_536;

const SIZE_BYTES = 4;

const NO_FRAMES: Uint8Array[] = [];

/** Options of {@linkcode FrameSplitter} and {@linkcode FrameStream}. */
export interface FrameOptions {
  /**
   * Largest frame accepted.
   *
   * @default {67108864}
   */
  maxFrameBytes?: number | undefined;
}

/** A frame's announced size was out of bounds. */
export interface RefusedSize {
  /** The four bytes of the size, read as an unsigned integer: tells a peer that speaks another protocol. */
  prefix: number;
  /** Whether this was the first frame of the stream. */
  isFirst: boolean;
}

/** Splits chunks, cut anywhere, into frames. Memory for a frame grows as its bytes arrive, never by its announcement. */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  /** The bytes of the size read so far, and how many. */
  #prefix = 0;
  #prefixBytes = 0;
  /** Size of the frame being gathered, and its bytes so far. */
  #size = 0;
  #buffer: Uint8Array | undefined;
  #filled = 0;
  /** The largest frame that did arrive whole: a peer that sent it may have as much memory at once the next time. */
  #provenBytes = FIRST_BUFFER_BYTES;
  #hasFrame = false;
  /** Set when a size was refused; the splitter is of no more use then. */
  refused: RefusedSize | undefined;

  /**
   * Begins at the start of a stream.
   *
   * @param options Limits.
   */
  constructor(options: FrameOptions = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
  }

  /** Whether a frame has begun and not ended. */
  get isWithinFrame(): boolean {
    return this.#prefixBytes > 0;
  }

  /**
   * Takes the next bytes and returns the frames they complete, without their sizes. A frame that lies within `chunk`
   * is a view of it.
   *
   * @param chunk Any part of the stream.
   * @throws {ProtocolError} If a size is below 4 or above the limit. The splitter stays in that state.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    let frames = NO_FRAMES;
    let at = 0;
    while (at < chunk.length) {
      if (this.#prefixBytes < SIZE_BYTES) {
        at = this.#readPrefix(chunk, at);
        if (this.#prefixBytes < SIZE_BYTES) break;
      }
      const missing = this.#size - this.#filled;
      const available = chunk.length - at;
      let frame: Uint8Array;
      if (this.#buffer === undefined && available >= missing) {
        frame = chunk.subarray(at, at + missing);
      } else {
        this.#gather(chunk.subarray(at, at + Math.min(missing, available)));
        if (available < missing) break;
        frame = this.#buffer!.subarray(0, this.#size);
      }
      at += missing;
      this.#reset();
      if (frames === NO_FRAMES) frames = [frame];
      else frames.push(frame);
    }
    return frames;
  }

  #readPrefix(chunk: Uint8Array, start: number): number {
    let at = start;
    while (this.#prefixBytes < SIZE_BYTES && at < chunk.length) {
      this.#prefix = ((this.#prefix << 8) | chunk[at++]!) >>> 0;
      this.#prefixBytes++;
    }
    if (this.#prefixBytes === SIZE_BYTES) {
      const size = this.#prefix | 0;
      if (size < MIN_FRAME_BYTES || size > this.#maxFrameBytes) {
        this.#prefixBytes = 0;
        this.refused = { prefix: this.#prefix, isFirst: !this.#hasFrame };
        throw new ProtocolError(
          `Cannot read a frame: its size is ${size}, not from ${MIN_FRAME_BYTES} to ${this.#maxFrameBytes}`,
          { offset: 0 },
        );
      }
      this.#size = size;
    }
    return at;
  }

  /** Copies a part of the frame that is not its end, or its end when it began in an earlier chunk. */
  #gather(part: Uint8Array): void {
    const needed = this.#filled + part.length;
    if (this.#buffer === undefined) {
      this.#buffer = new Uint8Array(Math.min(this.#size, Math.max(this.#provenBytes, needed)));
    } else if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#size, Math.max(this.#buffer.length * 2, needed)));
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(part, this.#filled);
    this.#filled = needed;
  }

  #reset(): void {
    if (this.#size > this.#provenBytes) this.#provenBytes = this.#size;
    this.#hasFrame = true;
    this.#prefix = 0;
    this.#prefixBytes = 0;
    this.#size = 0;
    this.#filled = 0;
    this.#buffer = undefined;
  }
}

/**
 * Bytes in, whole frames out, each without its size. Errors with a {@linkcode ProtocolError} for a size out of bounds
 * and for an end within a frame.
 */
export class FrameStream extends TransformStream<Uint8Array, Uint8Array> {
  /**
   * Begins at the start of a stream.
   *
   * @param options Limits.
   */
  constructor(options: FrameOptions = {}) {
    const splitter = new FrameSplitter(options);
    super({
      transform(chunk, controller) {
        for (const frame of splitter.push(chunk)) controller.enqueue(frame);
      },
      flush() {
        if (splitter.isWithinFrame) throw new ProtocolError("Cannot read a frame: the stream ends within it");
      },
    });
  }
}
