/**
 * Flags of a command: what there is, parsing, and the text that describes them.
 *
 * Parsing is `parseArgs` of `node:util`: built in, so that it costs no dependency, and its tokens tell what was written
 * where, so that an error can name the argument.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** One flag. */
export interface Flag {
  /** `"switch"` takes no value, `"value"` takes one, `"values"` may be repeated. */
  readonly kind: "switch" | "value" | "values";
  /** What stands for the value in the help. */
  readonly placeholder?: string;
  /** What it does; a line each. */
  readonly help: readonly string[];
}

/** The flags of a command, by name without dashes. */
export type Flags = Readonly<Record<string, Flag>>;

/** The values of `F`. */
export type FlagValues<F extends Flags> = {
  -readonly [Name in keyof F]: F[Name]["kind"] extends "switch" ? boolean
    : F[Name]["kind"] extends "values" ? string[]
    : string | undefined;
};

/** What was written behind the name of a command. */
export interface ParsedArguments<F extends Flags> {
  /** By name; a switch that was not given is false. */
  readonly flags: FlagValues<F>;
  /** What is no flag, in order. */
  readonly operands: readonly string[];
}

/** Arguments that make no sense. The message names the argument. */
export class UsageError extends Error {
  /** Always `"UsageError"`. */
  override readonly name = "UsageError";
}

/** What every command understands. */
export const HELP_FLAG = { help: { kind: "switch", help: ["Show this text"] } } as const satisfies Flags;

/** The one flag that has a short form. */
const SHORT_HELP = "-h";

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];
type OptionToken = Extract<Token, { kind: "option" }>;

/**
 * Reads arguments. Flags and operands may be mixed; behind `--` everything is an operand, and so is `-`.
 *
 * @param known The flags there are.
 * @param args What was written.
 * @throws {UsageError} For an unknown flag, a missing or unexpected value, a flag given twice.
 */
export function parseFlags<const F extends Flags>(known: F, args: readonly string[]): ParsedArguments<F> {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { kind }]) => {
      return [name, { type: kind === "switch" ? "boolean" : "string" } as const];
    }),
  );
  const { tokens } = parseArgs({
    args: args.map((argument) => argument === SHORT_HELP ? "--help" : argument),
    options,
    strict: false, // Its own errors name the argument as well, but tell of node:util's rules in three lines.
    tokens: true,
  });
  const values = Object.fromEntries(Object.entries(known).map(([name, { kind }]) => [name, initialValue(kind)]));
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind === "option") takeOption(known, values, token);
  }
  return { flags: values as FlagValues<F>, operands };
}

/**
 * Describes flags, aligned in two columns.
 *
 * @param flags The flags.
 * @returns A line each, or several.
 */
export function describeFlags(flags: Flags): string {
  const heads = Object.entries(flags).map(([name, { placeholder }]) => {
    return `  --${name}${placeholder === undefined ? "" : ` ${placeholder}`}`;
  });
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  const lines = Object.values(flags).flatMap(({ help }, index) => {
    return help.map((line, i) => `${(i === 0 ? heads[index]! : "").padEnd(width)}${line}`);
  });
  return lines.join("\n");
}

/**
 * Reads a whole number.
 *
 * @param origin Where it was written: `--port`, or the name of a variable.
 * @param text What was written.
 * @param bounds Least and most.
 * @throws {UsageError} When it is none, or out of bounds.
 */
export function parseCount(origin: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`Cannot use ${origin} ${JSON.stringify(text)}: it must be a whole number from ${min} to ${max}`);
}

/**
 * The value of a flag that a command cannot do without.
 *
 * @param name Name of the flag.
 * @param value What was written.
 * @throws {UsageError} When nothing was.
 */
export function required<T extends string | string[]>(name: string, value: T | undefined): T {
  if (value === undefined || value.length === 0) throw new UsageError(`Cannot go on without --${name}`);
  return value;
}

function initialValue(kind: Flag["kind"]): unknown {
  if (kind === "switch") return false;
  return kind === "values" ? [] : undefined;
}

function takeOption(known: Flags, values: Record<string, unknown>, token: OptionToken): void {
  const { name, rawName, value, inlineValue } = token;
  const flag = Object.hasOwn(known, name) && rawName === `--${name}` ? known[name]! : undefined;
  if (flag === undefined) {
    throw new UsageError(`Cannot use ${rawName}: there is no such option${suggestion(known, name)}`);
  }
  if (flag.kind === "switch") {
    if (value !== undefined) throw new UsageError(`Cannot use ${rawName}=${value}: ${rawName} takes no value`);
    values[name] = true;
    return;
  }
  const isNextFlag = inlineValue === false && value !== undefined && isFlag(known, value);
  if (value === undefined || isNextFlag) {
    const hint = isNextFlag ? ` (to give it ${JSON.stringify(value)}, write ${rawName}=${value})` : "";
    throw new UsageError(`Cannot use ${rawName}: its value ${flag.placeholder ?? ""} is missing${hint}`);
  }
  if (flag.kind === "values") (values[name] as string[]).push(value);
  else if (values[name] === undefined) values[name] = value;
  else throw new UsageError(`Cannot use ${rawName} ${JSON.stringify(value)}: it is given twice`);
}

function isFlag(known: Flags, text: string): boolean {
  return text.startsWith("--") && Object.hasOwn(known, text.slice(2).split("=")[0]!);
}

/** Names the flag that was probably meant: one that begins like it or contains it. */
function suggestion(known: Flags, name: string): string {
  const near = Object.keys(known).find((other) => other.startsWith(name) || name.startsWith(other)) ??
    Object.keys(known).find((other) => other.split("-").some((word) => name.split(/[-_]/).includes(word)));
  return near === undefined || name.length < 2 ? "" : `; did you mean --${near}?`;
}

/** Hint for {@linkcode refuseOperands}. */
export const TOPICS_BY_FLAG = "topics are given by --topic";

/**
 * Refuses what stands beside the flags, for a command that takes nothing there.
 *
 * @param operands As parsed.
 * @param hint What to do instead.
 * @throws {UsageError} When there are any.
 */
export function refuseOperands(operands: readonly string[], hint: string): void {
  if (operands.length > 0) throw new UsageError(`Cannot use ${JSON.stringify(operands[0])}: ${hint}`);
}
