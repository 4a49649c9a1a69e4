/**
 * A body whose answer is written meanwhile.
 *
 * As long as an answer over HTTP/1.1 is open and has nothing to send, Deno (2.9) takes whatever the client sends into memory,
 * without bound, read or not: so it notices when the client goes away. Nothing here can hold such a client back. What can be
 * done is to begin the answer only when the client is slower than whoever reads the body, and from then on to read all of it
 * at once, so that nothing gathers where nobody counts, and to let go of it when it is too much.
 *
 * @see https://github.com/denoland/deno/pull/36629
 * @module
 */

import type { ReadingGauge } from "./body_reader.ts";
import type { ChunkSource } from "./body/inflation.ts";
import { GatewayError } from "./gateway_error.ts";

/** What a body may be ahead by in any case, however far others are. */
const FREE_BYTES = 64 * 1024;
/** Places of chunks that were taken, after which the others move up. */
const MOST_EMPTY_PLACES = 1_000;

/**
 * How long a client has to be watched at least to be called slow, how much of that time it was waited for, and how much it
 * sent: one that sends as fast as it can is waited for now and then as well.
 */
const SLOW_WINDOW_MS = 40;
const SLOW_SHARE = 0.5;
const SLOW_BYTES_PER_SECOND = 16 * 1024 * 1024;

/** See the module comment. */
export class ReadAhead implements ChunkSource {
  readonly #source: ChunkSource;
  readonly #maxBytes: number;
  readonly #gauge: ReadingGauge;
  /** Chunks that nobody has taken, from `#first` on. */
  #chunks: Uint8Array[] = [];
  #first = 0;
  #bytes = 0;
  #gaugedBytes = 0;
  #isOver = false;
  /** Whether what comes is let go of. */
  #isDropping = false;
  #error: unknown = null;
  #wake: (() => void) | null = null;
  readonly #now: () => number;
  #isAhead = false;
  /** The read that is under way for somebody, before {@linkcode begin}. */
  #reading: Promise<Uint8Array | null> | null = null;
  #readingSinceMs = 0;
  /** How long the client was waited for since `#windowMs`. */
  #waitedMs = 0;
  /** What it sent since then. */
  #windowBytes = 0;
  #windowMs: number;

  /**
   * Reads what is asked for, until {@linkcode begin}.
   *
   * @param source The body.
   * @param options How far it may be ahead of what is taken of it; counts what all such bodies are ahead by; a clock.
   */
  constructor(
    source: ChunkSource,
    { maxBytes, gauge, now }: { maxBytes: number; gauge: ReadingGauge; now: () => number },
  ) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#gauge = gauge;
    this.#now = now;
    this.#windowMs = now();
  }

  /** Whether it is the client that is waited for, mostly, and not the other way round. To be asked now and then; starts anew. */
  isClientSlow(nowMs: number): boolean {
    const windowMs = nowMs - this.#windowMs;
    if (windowMs < SLOW_WINDOW_MS) return false;
    const waitedMs = this.#waitedMs + (this.#reading === null ? 0 : nowMs - this.#readingSinceMs);
    const bytesPerSecond = this.#windowBytes / windowMs * 1_000;
    this.#windowMs = this.#readingSinceMs = nowMs;
    this.#waitedMs = this.#windowBytes = 0;
    return waitedMs >= windowMs * SLOW_SHARE && bytesPerSecond <= SLOW_BYTES_PER_SECOND;
  }

  /** The answer is about to begin: from now on it is read whether somebody asks or not. */
  begin(): void {
    if (this.#isAhead) return;
    this.#isAhead = true;
    this.#run(); // Never rejects.
  }

  /** Implements `ChunkSource`. */
  get isBrokenOff(): boolean {
    return this.#source.isBrokenOff;
  }

  /** Implements `ChunkSource`: 503 when the body is too far ahead. What was ahead then is lost. */
  async next(): Promise<Uint8Array | null> {
    if (!this.#isAhead) return await this.#nextDirectly();
    while (this.#first === this.#chunks.length) {
      if (this.#error !== null) throw this.#error;
      if (this.#isOver) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const chunk = this.#chunks[this.#first++]!;
    if (this.#first === this.#chunks.length || this.#first > MOST_EMPTY_PLACES) {
      this.#chunks.splice(0, this.#first);
      this.#first = 0;
    }
    this.#count(-chunk.length);
    return chunk;
  }

  /** Implements `ChunkSource`. Once the answer has begun it is read on, and what comes is let go of: unread, it would gather. */
  async cancel(): Promise<void> {
    if (!this.#isAhead) return await this.#source.cancel();
    this.#drop();
  }

  async #nextDirectly(): Promise<Uint8Array | null> {
    this.#readingSinceMs = this.#now();
    this.#reading = this.#source.next();
    try {
      const chunk = await this.#reading;
      this.#windowBytes += chunk?.length ?? 0;
      return chunk;
    } finally {
      this.#reading = null;
      this.#waitedMs += this.#now() - this.#readingSinceMs;
    }
  }

  async #run(): Promise<void> {
    try {
      await this.#reading; // Whoever asked for it gets it.
      for (let chunk = await this.#source.next(); chunk !== null; chunk = await this.#source.next()) this.#push(chunk);
    } catch (error) {
      this.#error ??= error;
    }
    this.#isOver = true;
    this.#wake?.();
  }

  #push(chunk: Uint8Array): void {
    if (this.#isDropping) return;
    try {
      if (this.#bytes + chunk.length > this.#maxBytes) throw tooFar(`${this.#maxBytes} bytes`);
      this.#count(chunk.length);
    } catch (error) {
      this.#error = error;
      this.#drop();
      return;
    }
    // A piece of something larger would keep all of that.
    this.#chunks.push(chunk.length * 2 < chunk.buffer.byteLength ? chunk.slice() : chunk);
    this.#wake?.();
  }

  #drop(): void {
    this.#isDropping = true;
    this.#chunks = [];
    this.#first = 0;
    this.#count(-this.#bytes);
    this.#wake?.();
  }

  /** @throws {GatewayError} When all together are too far ahead. */
  #count(bytes: number): void {
    const gaugedBytes = Math.max(0, this.#bytes + bytes - FREE_BYTES);
    if (gaugedBytes > this.#gaugedBytes) this.#gauge.take(gaugedBytes - this.#gaugedBytes);
    else this.#gauge.give(this.#gaugedBytes - gaugedBytes);
    this.#gaugedBytes = gaugedBytes;
    this.#bytes += bytes;
  }
}

function tooFar(by: string): GatewayError {
  return new GatewayError(
    "OVERLOADED",
    `Cannot read on: the body is ${by} ahead of its receipts, and cannot be held back while they are sent`,
  );
}
