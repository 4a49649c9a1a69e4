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

/** How much a message matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Logs a message.
 *
 * @param level How much it matters.
 * @param kind What it is about, the same for every message of its kind.
 * @param message One line.
 * @param context What is known besides.
 */
export type Log = (level: LogLevel, kind: string, message: string, context?: object) => void;

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
 * Makes a {@linkcode Log} that passes each kind on at most once in {@linkcode WARNING_INTERVAL_MS}, so that a broker
 * that is away for an hour does not fill a disk. Only the level debug is passed on whole: whoever asks for it looks for
 * a fault. A logger that throws or rejects changes nothing.
 *
 * @param logger Where to, null for nowhere.
 * @param timers The clock.
 */
export function limitedLog(logger: Logger | null, timers: Pick<Timers, "now">): Log {
  const quietUntilMs = new Map<string, number>();
  return (level, kind, message, context) => {
    if (typeof logger?.[level] !== "function") return;
    if (level !== "debug") {
      const now = timers.now();
      const key = `${level}/${kind}`;
      if (now < (quietUntilMs.get(key) ?? -Infinity)) return;
      quietUntilMs.set(key, now + WARNING_INTERVAL_MS);
    }
    try {
      const result: unknown = logger[level](message, { kind, ...context });
      // The logger is the caller's; there is nobody left to tell.
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // As above.
    }
  };
}

/**
 * Makes a {@linkcode Warn} of a {@linkcode limitedLog}.
 *
 * @param logger Where to, null for nowhere.
 * @param timers The clock.
 */
export function limitedWarnings(logger: Logger | null, timers: Pick<Timers, "now">): Warn {
  return warningsOf(limitedLog(logger, timers));
}

/** The warnings of a {@linkcode Log}. */
export function warningsOf(log: Log): Warn {
  return (kind, message, error) => log("warn", kind, message, error === undefined ? {} : { error });
}
