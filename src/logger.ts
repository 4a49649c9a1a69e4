/**
 * Where the library's few messages go.
 *
 * @module
 */

import type { Timers } from "./timers.ts";

/** Receives messages. Methods that are absent are not called; `console` is one. */
export interface Logger {
  /** Steps of interest to somebody who looks for a fault. */
  debug?(message: string, context?: Record<string, unknown>): void;
  /** What happened in the normal course of things. */
  info?(message: string, context?: Record<string, unknown>): void;
  /** Something is wrong and the library goes on. */
  warn?(message: string, context?: Record<string, unknown>): void;
  /** Something is lost. */
  error?(message: string, context?: Record<string, unknown>): void;
}

/**
 * Warns about something.
 *
 * @param kind What it is about, the same for every message of its kind, e.g. `"bootstrapunreachable"`.
 * @param message One line.
 * @param error The error behind it.
 */
export type Warn = (kind: string, message: string, error?: unknown) => void;

/** A kind of warning is logged at most once in this time. */
export const WARNING_INTERVAL_MS = 10_000;

/** Writes warnings and errors to the console: the logger of a producer that was given none. */
export const consoleLogger: Logger = {
  // deno-lint-ignore no-console
  warn: (message) => console.warn(`ekaf: ${message}`),
  // deno-lint-ignore no-console
  error: (message) => console.error(`ekaf: ${message}`),
};

/**
 * Makes a {@linkcode Warn} that passes each kind on at most once in {@linkcode WARNING_INTERVAL_MS}, so that a broker
 * that is away for an hour does not fill a disk. A logger that throws changes nothing.
 *
 * @param logger Where to, null for nowhere.
 * @param timers The clock.
 */
export function limitedWarnings(logger: Logger | null, timers: Pick<Timers, "now">): Warn {
  const quietUntilMs = new Map<string, number>();
  return (kind, message, error) => {
    const now = timers.now();
    if (now < (quietUntilMs.get(kind) ?? -Infinity)) return;
    quietUntilMs.set(kind, now + WARNING_INTERVAL_MS);
    try {
      logger?.warn?.(message, error === undefined ? { kind } : { kind, error });
    } catch {
      // The logger is the caller's; there is nobody left to tell.
    }
  };
}
