/**
 * Command-line flags of the benches: `--name value`, `--name=value`, and `--name` alone for what is false by default.
 *
 * @module
 */
// deno-lint-ignore-file no-console

/** A flag's value: its default tells its type. */
export type FlagValue = number | string | boolean;

type Widened<T> = T extends number ? number : T extends boolean ? boolean : string;

/**
 * Reads flags, or prints `usage` and ends the process on `--help` and on anything unknown.
 *
 * @param args The command line.
 * @param defaults Each flag with its default.
 * @param options Text of the help; one-letter names (`-c`) of flags.
 */
export function readFlags<const T extends Record<string, FlagValue>>(
  args: readonly string[],
  defaults: T,
  options: { usage: string; aliases?: Record<string, string> },
): { [K in keyof T]: Widened<T[K]> } {
  const values: Record<string, FlagValue> = { ...defaults };
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, long, short, inline] = /^(?:--([a-z][a-z-]*)|-([a-z]))(?:=(.*))?$/.exec(arg) ?? [];
    const name = long ?? options.aliases?.[short ?? ""] ?? "";
    const fallback = defaults[name];
    if (fallback === undefined) stop(options.usage, name === "help" ? 0 : `Unknown argument "${arg}"`);
    if (typeof fallback === "boolean") values[name] = inline !== "false";
    else values[name] = readValue(name, inline ?? rest.shift(), { fallback, usage: options.usage });
  }
  return values as { [K in keyof T]: Widened<T[K]> };
}

function readValue(name: string, text: string | undefined, of: { fallback: FlagValue; usage: string }): FlagValue {
  if (text === undefined) stop(of.usage, `--${name} needs a value`);
  if (typeof of.fallback === "string") return text;
  const number = Number(text);
  if (text === "" || Number.isNaN(number)) stop(of.usage, `--${name} needs a number, not "${text}"`);
  return number;
}

function stop(usage: string, problem: string | 0): never {
  if (problem === 0) {
    console.log(usage);
    Deno.exit(0);
  }
  console.error(`${problem}\n${usage}`);
  Deno.exit(2);
}
