/**
 * Bodies of requests, read within bounds of size and time.
 *
 * @module
 */

import type { DeadlineLine } from "./deadline_line.ts";
import { GatewayError } from "./gateway_error.ts";
import type { Housekeeping, Watched } from "./housekeeping.ts";
import type { ResolvedLimits } from "./options.ts";
import { READ_BYTES, type UnreadChunksGauge } from "./unread_chunks.ts";

/** How long a body may be slow. */
const GRACE_MS = 5_000;

/** Bytes of bodies that are being read, all requests together. */
export class ReadingGauge {
  /** Bytes of bodies that were read whole so far, and were not compressed. */
  plainBytes = 0;
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes Most of them. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many there are. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Counts bytes.
   *
   * @throws {GatewayError} When there would be too many.
   */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes) {
      throw new GatewayError(
        "OVERLOADED",
        `Cannot read the body: as many bytes of bodies as allowed are being read, ${this.#maxBytes}`,
      );
    }
    this.#bytes += bytes;
  }

  /** Counts them no more. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** What reading takes. */
export interface BodyContext {
  /** Watches the time. */
  readonly housekeeping: Housekeeping;
  /** Bodies that are being read in one go. */
  readonly bodies: DeadlineLine;
  /** Counts the bytes. */
  readonly reading: ReadingGauge;
  /** Counts what is kept of bodies in chunks. */
  readonly unreadChunks: UnreadChunksGauge;
  /** The bounds. */
  readonly limits: ResolvedLimits;
}

/** The chunks of a body. Time counts only while the client is waited for. */
export class BodyChunks implements Watched {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null;
  readonly #context: BodyContext;
  readonly #hasLength: boolean;
  readonly #startedMs: number;
  #maxMs: number;
  #maxSilenceMs: number;
  #minBytesPerSecond = 0;
  #bytes = 0;
  /** What its reads may have taken from the socket beside what they brought. */
  #besideBytes = 0;
  /** When the wait for the present chunk began. */
  #waitingSinceMs = 0;
  /** Time spent otherwise: waiting for room, for one. */
  #otherMs = 0;
  #lastEndedMs: number;
  #reject: ((error: GatewayError) => void) | null = null;
  /** Whether the client is gone. */
  isBrokenOff = false;

  /**
   * @param reader Where chunks come from, null for no body.
   * @param context What reading takes.
   * @param options Whether it was told how long the body is; else it may come in chunks of HTTP/1.1.
   */
  constructor(
    reader: ReadableStreamDefaultReader<Uint8Array> | null,
    context: BodyContext,
    { hasLength }: { hasLength: boolean },
  ) {
    this.#reader = reader;
    this.#context = context;
    this.#hasLength = hasLength;
    this.#startedMs = this.#lastEndedMs = context.housekeeping.now();
    this.#maxMs = context.limits.streamMaxMs;
    this.#maxSilenceMs = context.limits.streamIdleMs;
  }

  /** Bounds it as a body that is read whole. */
  bound(maxMs: number, minBytesPerSecond: number): void {
    this.#maxMs = maxMs;
    this.#maxSilenceMs = Infinity;
    this.#minBytesPerSecond = minBytesPerSecond;
  }

  /**
   * The next chunk, null at the end.
   *
   * @throws {GatewayError} 408 when it takes too long, 400 when the client breaks off, 503 when too much is kept of it.
   */
  async next(): Promise<Uint8Array | null> {
    if (this.#reader === null) return null;
    const { housekeeping } = this.#context;
    this.#waitingSinceMs = housekeeping.now();
    this.#otherMs += this.#waitingSinceMs - this.#lastEndedMs;
    housekeeping.watch(this);
    try {
      const expired = new Promise<never>((_, reject) => this.#reject = reject);
      const { done, value } = await Promise.race([this.#reader.read(), expired]);
      if (done) return null;
      this.#bytes += value.length;
      if (!this.#hasLength) this.#noteUnread(Math.max(0, READ_BYTES - value.length));
      return value;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      this.isBrokenOff = true;
      throw brokenOff(error);
    } finally {
      housekeeping.unwatch(this);
      this.#lastEndedMs = housekeeping.now();
    }
  }

  /** Reads no more of it. */
  async cancel(): Promise<void> {
    await this.#reader?.cancel().catch(() => {}); // It ended by itself, or the client is gone.
  }

  /** Implements `Watched`. */
  check(nowMs: number): boolean {
    const reason = this.#lateness(nowMs);
    if (reason === null) return false;
    this.#reject?.(tooSlow(reason));
    return true;
  }

  #noteUnread(besideBytes: number): void {
    this.#besideBytes += besideBytes;
    this.#context.unreadChunks.note(besideBytes, this.#besideBytes);
  }

  #lateness(nowMs: number): string | null {
    const takenMs = nowMs - this.#startedMs - this.#otherMs;
    if (takenMs >= this.#maxMs) return `it took longer than ${this.#maxMs} ms`;
    if (nowMs - this.#waitingSinceMs >= this.#maxSilenceMs) return `nothing came for ${this.#maxSilenceMs} ms`;
    if (takenMs >= GRACE_MS && this.#bytes < this.#minBytesPerSecond * takenMs / 1000) {
      return `less than ${this.#minBytesPerSecond} bytes a second came`;
    }
    return null;
  }
}

/** What a body of more than `maxBytes` is refused with. */
export function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError("BODY_TOO_LARGE", `Cannot take the body: it is larger than ${maxBytes} bytes`);
}

/** What a body that takes too long is refused with. */
export function tooSlow(reason: string): GatewayError {
  return new GatewayError("BODY_TIMEOUT", `Cannot wait for the body: ${reason}`);
}

/** What a body that does not come whole is refused with. */
export function brokenOff(cause: unknown): GatewayError {
  return new GatewayError("MALFORMED_BODY", "Cannot read the body: it broke off", { cause });
}
