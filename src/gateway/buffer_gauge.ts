/**
 * How full the producer's buffer is, and when it will be less so.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import type { GatewayProducer } from "./hooks.ts";
import { RetryAfter } from "./retry_after.ts";

/** What a gauge depends on. */
export interface BufferGaugeOptions {
  /** Clock. */
  readonly timers: Timers;
  /** Bytes above which the buffer counts as full. */
  readonly highWaterBytes: number;
}

/** How often the producer is asked: it counts up every topic. */
const SAMPLE_MS = 100;
/** What a producer's buffer is compared with below which requests are welcome. */
const LOW_WATER_SHARE = 0.5;

/** See the module comment. */
export class BufferGauge {
  readonly #producer: GatewayProducer;
  readonly #highWaterBytes: number;
  readonly #timers: Timers;
  readonly #retryAfter: RetryAfter;
  /** Bytes that this gateway has put into the buffer so far. */
  #acceptedBytes = 0;
  #sample = { atMs: -Infinity, bufferedBytes: 0, acceptedBytes: 0 };

  /**
   * @param producer Whose buffer it is.
   * @param options What it depends on.
   */
  constructor(producer: GatewayProducer, { timers, highWaterBytes }: BufferGaugeOptions) {
    this.#producer = producer;
    this.#highWaterBytes = highWaterBytes;
    this.#timers = timers;
    this.#retryAfter = new RetryAfter({
      now: () => timers.now(),
      bufferedBytes: () => this.#sample.bufferedBytes,
      lowWaterBytes: highWaterBytes * LOW_WATER_SHARE,
    });
  }

  /** Bytes in the buffer, as of a moment ago. */
  get bufferedBytes(): number {
    this.tick(this.#timers.now());
    return this.#sample.bufferedBytes;
  }

  /** Whether that is above the high-water mark. */
  get isAboveHighWater(): boolean {
    return this.bufferedBytes > this.#highWaterBytes;
  }

  /** Bytes a second that left the buffer lately. */
  get drainBytesPerSecond(): number {
    return this.#retryAfter.drainBytesPerSecond;
  }

  /** Notes bytes that went into the buffer. */
  accepted(bytes: number): void {
    this.#acceptedBytes += bytes;
  }

  /** Seconds after which a client that was turned away should come back. */
  retryAfterSeconds(): number {
    this.tick(this.#timers.now());
    return this.#retryAfter.seconds();
  }

  /** Looks at the buffer, if that was not done just now. */
  tick(nowMs: number): void {
    const last = this.#sample;
    if (nowMs - last.atMs < SAMPLE_MS) return;
    const { bufferedBytes } = this.#producer.stats();
    const acceptedBytes = this.#acceptedBytes;
    const drained = acceptedBytes - last.acceptedBytes - (bufferedBytes - last.bufferedBytes);
    if (drained > 0) this.#retryAfter.drained(drained);
    this.#sample = { atMs: nowMs, bufferedBytes, acceptedBytes };
  }
}
