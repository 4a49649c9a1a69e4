/**
 * The options of single calls and streams, checked.
 *
 * @module
 */

import { milliseconds, quote } from "../option_checks.ts";

/** Throws when `value` is not valid for the option. */
type Check = (value: unknown) => void;

const checkLinger = milliseconds(0, { infinite: true });

const checks = {
  signal: (value: unknown) => {
    if (value instanceof AbortSignal) return;
    throw new TypeError(`Cannot use "signal" ${quote(value)}: it must be an AbortSignal`);
  },
  timeoutMs: (value: unknown) => {
    if (typeof value !== "number") {
      throw new TypeError(`Cannot use "timeoutMs" ${quote(value)}: it must be a number`);
    }
    if (!(value > 0)) throw new RangeError(`Cannot use "timeoutMs" ${value}: it must be above 0`);
  },
  lingerMs: (value: unknown) => checkLinger("lingerMs", value),
  flush: (value: unknown) => {
    if (typeof value !== "boolean") throw new TypeError(`Cannot use "flush" ${quote(value)}: it must be a boolean`);
  },
  onFailure: oneOf("onFailure", ["error", "report"]),
  outcomes: oneOf("outcomes", ["each", "arrays"]),
  maxUnread: (value: unknown) => {
    if (typeof value !== "number") {
      throw new TypeError(`Cannot use "maxUnread" ${quote(value)}: it must be a number`);
    }
    if (Number.isInteger(value) && value >= 1) return;
    throw new RangeError(`Cannot use "maxUnread" ${value}: it must be an integer of at least 1`);
  },
} satisfies Record<string, Check>;

/** Name of an option of a call or stream. */
export type CallOptionName = keyof typeof checks;

/**
 * Checks the options of a call.
 *
 * @param options What the caller passed.
 * @param allowed Names of the options that the call has.
 * @throws {TypeError} For a value of the wrong type or an unknown name, naming it.
 * @throws {RangeError} For a value out of bounds.
 */
export function checkCallOptions(options: object | undefined, allowed: readonly CallOptionName[]): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot use options ${quote(options)}: they must be an object`);
  }
  for (const name in options) { // Object.entries would make an array for each call.
    if (!allowed.includes(name as CallOptionName)) {
      throw new TypeError(`Cannot use option ${quote(name)}: there is no such option`);
    }
    const value: unknown = options[name as keyof typeof options];
    if (value !== undefined) checks[name as CallOptionName](value);
  }
}

/**
 * The options of a call whose only option is a signal, checked.
 *
 * @param options What the caller passed.
 * @returns The same.
 * @throws {TypeError} For a signal that is none, or an unknown name.
 */
export function signalOnly(options: { signal?: AbortSignal }): { signal?: AbortSignal } {
  checkCallOptions(options, ["signal"]);
  return options;
}

function oneOf(name: string, allowed: readonly string[]): Check {
  return (value) => {
    if (allowed.includes(value as string)) return;
    const error = typeof value === "string" ? RangeError : TypeError;
    throw new error(`Cannot use ${quote(name)} ${quote(value)}: it must be one of ${allowed.map(quote).join(", ")}`);
  };
}
