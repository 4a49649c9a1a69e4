/**
 * What a gateway process tells of failures: a line of JSON each, at most so many a second.
 *
 * @module
 */

import type { Logger, Producer } from "@ekaf/ekaf";
import type { GatewayFailure } from "@ekaf/ekaf/gateway";
import type { Shell } from "./shell.ts";

/** Lines a second; those beyond are counted. */
const MAX_LINES_PER_SECOND = 10;
/** The client's faults are the client's to know. */
const MIN_STATUS = 500;

/** See the module comment. Payloads are never written. */
export class FailureLog implements Logger {
  readonly #shell: Shell;
  #secondStartMs = -Infinity;
  #lines = 0;
  #suppressed = 0;
  /** Records that had been accepted and were lost. */
  lostCount = 0;

  /** @param shell Where lines are written. */
  constructor(shell: Shell) {
    this.#shell = shell;
  }

  /** Implements `Logger`. */
  warn(message: string): void {
    this.#write({ level: "warn", message });
  }

  /** Implements `Logger`. */
  error(message: string): void {
    this.#write({ level: "error", message });
  }

  /** Notes a failed request. */
  note({ status, message, cause, topic, requestId }: GatewayFailure): void {
    if (status < MIN_STATUS) return;
    this.#write({ level: "error", status, message, topic, "request_id": requestId, cause: causeOf(cause) });
  }

  /** Notes records that nobody awaits and that are lost, until what is returned is disposed of. */
  follow(producer: Producer): Disposable {
    const listener = (
      { detail: { topic, count, error } }: CustomEvent<{ topic: string; count: number; error: Error }>,
    ) => {
      this.lostCount += count;
      this.#write({ level: "error", message: "records were lost", topic, count, cause: causeOf(error) });
    };
    producer.addEventListener("deliveryfailed", listener);
    return { [Symbol.dispose]: () => producer.removeEventListener("deliveryfailed", listener) };
  }

  #write(line: Readonly<Record<string, unknown>>): void {
    const { timers } = this.#shell;
    const nowMs = timers.now();
    if (nowMs - this.#secondStartMs >= 1_000) {
      this.#secondStartMs = nowMs;
      this.#lines = 0;
    }
    if (++this.#lines > MAX_LINES_PER_SECOND) {
      this.#suppressed++;
      return;
    }
    const time = new Date(timers.wallMs()).toISOString();
    const left = this.#suppressed > 0 ? { suppressed: this.#suppressed } : {};
    this.#suppressed = 0;
    this.#shell.printError(`${JSON.stringify({ time, ...line, ...left })}\n`);
  }
}

function causeOf(cause: unknown): string | undefined {
  if (cause === undefined || cause === null) return undefined;
  if (!(cause instanceof Error)) return String(cause);
  // Where a program's own fault lies is told by its stack; Kafka's errors say all in their message.
  return cause.message.startsWith("Cannot ") ? cause.message : cause.stack ?? cause.message;
}
