/**
 * Those who send during the chaos run, each in its own way, and write down what they are told.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { DeliveryError, type Producer } from "@ekaf/ekaf";
import type { Random } from "../protocol/random_messages.ts";
import { Ledger } from "./chaos_ledger.ts";
import { recordsFrom } from "./chaos_records.ts";

/** How a caller sends. */
export interface CallerOptions {
  producer: Producer;
  topic: string;
  /** Its number among the callers. */
  caller: number;
  /** Records a second; `Infinity` for as many as it is let. */
  recordsPerSecond: number;
}

const TICK_MS = 10;
/** What was missed while the producer did not take records is not made up for. */
const MAX_TICK_MS = 100;
const BURST_CHUNK_RECORDS = 1_000;

/** A source of so and so many records a second. */
export class Pace {
  #recordsPerSecond: number;
  #lastMs = performance.now();
  #owed = 0;

  constructor(recordsPerSecond: number) {
    this.#recordsPerSecond = recordsPerSecond;
  }

  set recordsPerSecond(value: number) {
    this.#recordsPerSecond = value;
  }

  /** How many records are due; waits for the next tick first. */
  async next(): Promise<number> {
    if (this.#recordsPerSecond !== Infinity) await delay(TICK_MS);
    if (this.#recordsPerSecond === Infinity) return BURST_CHUNK_RECORDS; // now, or since the delay began
    const nowMs = performance.now();
    this.#owed += Math.min(MAX_TICK_MS, nowMs - this.#lastMs) * this.#recordsPerSecond / 1000;
    this.#lastMs = nowMs;
    const count = Math.floor(this.#owed);
    this.#owed -= count;
    return count;
  }
}

/** A caller of `delivery()`; with `timeoutMs: Infinity` one that waits for as long as it takes. */
export class StreamCaller {
  readonly ledger = new Ledger();
  readonly pace: Pace;
  readonly #options: CallerOptions & { timeoutMs: number };
  #isOver = false;

  constructor(options: CallerOptions & { timeoutMs: number }) {
    this.#options = options;
    this.pace = new Pace(options.recordsPerSecond);
  }

  /** Sends until {@linkcode stop}; resolves when the last outcome is known. */
  async run(): Promise<void> {
    const { producer, topic, timeoutMs } = this.#options;
    const { writable, readable } = producer.delivery(topic, { outcomes: "arrays", maxUnread: 500_000, timeoutMs });
    await Promise.all([this.#write(writable.getWriter()), this.#read(readable)]);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #write(writer: WritableStreamDefaultWriter): Promise<void> {
    while (!this.#isOver) {
      const count = await this.pace.next();
      if (count === 0) continue;
      await writer.ready;
      // Its failure is that of `close()` below.
      writer.write(recordsFrom(this.#options.caller, this.ledger.take(count), count)).catch(() => {});
    }
    await writer.close();
  }

  /** Outcomes come in the order of the input. */
  async #read(readable: ReadableStream): Promise<void> {
    let number = 0;
    for await (const outcomes of readable) {
      for (const outcome of outcomes) this.ledger.settle(number++, outcome);
    }
  }
}

const MOST_CALLS = 300;
const LONGEST_PATIENCE_MS = 3_000;

/** A caller of `send()` with a time-out or a signal, which strikes some records before, some after they were sent. */
export class SendCaller {
  readonly ledger = new Ledger();
  readonly #options: CallerOptions & { random: Random };
  readonly #pace: Pace;
  readonly #calls = new Set<Promise<void>>();
  #isOver = false;
  /** What a call rejected with, other than what became of its records. */
  #failure: { error: unknown } | undefined;

  constructor(options: CallerOptions & { random: Random }) {
    this.#options = options;
    this.#pace = new Pace(options.recordsPerSecond);
  }

  /** Sends until {@linkcode stop}; resolves when the last outcome is known. */
  async run(): Promise<void> {
    while (!this.#isOver) {
      const count = await this.#pace.next();
      if (count === 0) continue;
      if (this.#calls.size >= MOST_CALLS) await Promise.race(this.#calls);
      const call = this.#send(count).catch((error) => void (this.#failure ??= { error })).finally(() => {
        this.#calls.delete(call);
      });
      this.#calls.add(call);
    }
    await Promise.all(this.#calls);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  stop(): void {
    this.#isOver = true;
  }

  async #send(count: number): Promise<void> {
    const { producer, topic, caller, random } = this.#options;
    const first = this.ledger.take(count);
    const patienceMs = 1 + random.below(LONGEST_PATIENCE_MS);
    const controller = random.below(2) === 0 ? new AbortController() : null;
    const timer = controller === null ? undefined : setTimeout(() => controller.abort(), patienceMs);
    try {
      const records = recordsFrom(caller, first, count);
      const limit = controller === null ? { timeoutMs: patienceMs } : { signal: controller.signal };
      const deliveries = await producer.send(topic, records, limit);
      deliveries.forEach((delivery, i) => this.ledger.settle(first + i, delivery));
    } catch (error) {
      if (!(error instanceof DeliveryError) || error.outcomes === undefined) throw error;
      error.outcomes.forEach((outcome, i) => this.ledger.settle(first + i, outcome));
    } finally {
      clearTimeout(timer);
    }
  }
}
