/**
 * Checks of option values, each by its kind: an error names the option and quotes the value.
 *
 * @module
 */

/** Throws when `value` is not a valid value of the option `name`. */
export type Check = (name: string, value: unknown) => void;

/** Shows a value in an error message, short. */
export function quote(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return String(value); // JSON has no NaN.
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Throws when `value` is no object of options. */
export function checkOptions(action: string, value: unknown): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`Cannot ${action}: options must be an object, not ${quote(value)}`);
}

/** Throws when `value` cannot be listened to as a producer can. */
export function checkMeasured(value: unknown): void {
  if (typeof (value as Partial<EventTarget> | null | undefined)?.addEventListener === "function") return;
  throw new TypeError(`Cannot measure ${quote(value)}: it must be a producer`);
}

/** Checks each option there is, and refuses names that are none. */
export function checkAll(options: object, checks: Record<string, Check>, what: string): void {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) throw new TypeError(`Cannot use ${what} ${quote(name)}: there is no such option`);
    if (value !== undefined) check(name, value);
  }
}

/** A value of a primitive type. */
export function typed(type: "string" | "number" | "boolean"): Check {
  return (name, value) => {
    const actual: string = typeof value;
    if (actual !== type) throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be a ${type}`);
  };
}

/** A function. */
export function callable(name: string, value: unknown): void {
  if (typeof value !== "function") {
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be a function`);
  }
}

/** A function, or null for none. */
export function callableOrNull(name: string, value: unknown): void {
  if (value === null || typeof value === "function") return;
  throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be a function or null`);
}

/** One of a few values. */
export function oneOf(...values: readonly unknown[]): Check {
  return (name, value) => {
    if (values.includes(value)) return;
    const error = values.some((allowed) => typeof allowed === typeof value) ? RangeError : TypeError;
    throw new error(`Cannot use ${quote(name)} ${quote(value)}: it must be one of ${values.map(quote).join(", ")}`);
  };
}

/** A whole number within bounds, both included. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check {
  return (name, value) => {
    typed("number")(name, value);
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      throw new RangeError(`Cannot use ${quote(name)} ${String(value)}: it must be an integer from ${min} to ${max}`);
    }
  };
}

/** A whole number, or `{ min, max }` of two that are in order; within bounds, both included. */
export function checkRange(least: number, most: number): Check {
  const check = integer(least, most);
  return (name, value) => {
    if (typeof value === "number") return check(name, value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be a number or { min, max }`);
    }
    const checkEnd: Check = (end, each) => check(`${name}.${end}`, each);
    checkAll(value, { min: checkEnd, max: checkEnd }, `${quote(name)}'s`);
    const { min, max } = value as { min?: number; max?: number };
    if (min === undefined || max === undefined) {
      throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must have min and max`);
    }
    if (min > max) throw new RangeError(`Cannot use ${quote(name)} ${quote(value)}: min must not be above max`);
  };
}

/** A time, from `min` on. */
export function milliseconds(min: number, { infinite = false } = {}): Check {
  return (name, value) => {
    typed("number")(name, value);
    const ms = value as number;
    if (ms >= min && (Number.isFinite(ms) || (infinite && ms === Infinity))) return;
    const bounds = infinite ? `at least ${min} milliseconds` : `at least ${min} milliseconds, and finite`;
    throw new RangeError(`Cannot use ${quote(name)} ${String(ms)}: it must be ${bounds}`);
  };
}

/** Addresses: a string, or an array of them that is not empty. */
export function checkBootstrap(name: string, value: unknown): void {
  if (typeof value === "string") return;
  if (Array.isArray(value)) return checkNames(name, value, { empty: false });
  throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be a string or an array of strings`);
}

/** An array of strings. */
export function checkNames(name: string, value: unknown, { empty = true }: { empty?: boolean } = {}): void {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === "string")) {
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be an array of strings`);
  }
  if (!empty && value.length === 0) throw new RangeError(`Cannot use ${quote(name)} []: it must not be empty`);
}

/** Kafka's rule: 1 to 249 of letters, digits, dot, underscore and hyphen, not `.` or `..`. */
export function checkTopicName(name: unknown): void {
  if (typeof name !== "string") throw new TypeError(`Cannot use a topic named ${quote(name)}: it must be a string`);
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== "." && name !== "..") return;
  const rule = `it must be 1 to 249 letters, digits, ".", "_" or "-", and not "." or ".."`;
  throw new RangeError(`Cannot use a topic named ${quote(name)}: ${rule}`);
}

/** An array of topics' names. */
export function checkTopicNames(name: string, value: unknown): void {
  checkNames(name, value);
  for (const topic of value as readonly string[]) within(`it stands in ${quote(name)}`, () => checkTopicName(topic));
}

/** Runs a check, whose error says where, too. */
export function within(where: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    (error as Error).message += `; ${where}`;
    throw error;
  }
}

/** An object of topics' options; they are checked where they are resolved. */
export function checkTopics(name: string, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be an object of topic options`);
  }
  checkTopicNames(name, Object.keys(value));
}

/** A logger, or null. */
export function checkLogger(name: string, value: unknown): void {
  if (value !== null && (typeof value !== "object" || Array.isArray(value))) {
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it must be null or an object with methods`);
  }
  for (const level of ["debug", "info", "warn", "error"]) {
    const method = (value as Record<string, unknown> | null)?.[level];
    if (method !== undefined) callable(`${name}.${level}`, method);
  }
}
