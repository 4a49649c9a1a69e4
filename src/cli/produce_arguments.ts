/**
 * Arguments of `ekaf produce`.
 *
 * @module
 */

import type { Acks, Compression } from "@ekaf/ekaf";
import { checkCompression } from "../compression.ts";
import { parseAddresses } from "../net/address.ts";
import { type Flags, type FlagValues, HELP_FLAG, parseCount, parseFlags, required, UsageError } from "./flags.ts";
import { jsonFormat, plainFormat, type RecordExtras, type RecordFormat } from "./record_format.ts";

/** How old the brokers are. */
export const PROTOCOL_FLAG = {
  kind: "value",
  placeholder: "auto|0.8|0.9",
  help: ["How old the brokers are that cannot tell; auto", "(default) asks them"],
} as const satisfies Flags[string];

/** Flags of `ekaf produce`. */
export const PRODUCE_FLAGS = {
  "bootstrap": { kind: "values", placeholder: "HOST:PORT,…", help: ["Brokers to begin with; no port: 9092"] },
  "topic": { kind: "value", placeholder: "NAME", help: ["Topic to write to"] },
  "key-separator": {
    kind: "value",
    placeholder: "TEXT",
    help: [
      "What precedes the first TEXT of a line is its key;",
      "\\t is a tab, \\\\ a backslash; without TEXT, no key",
    ],
  },
  "null": { kind: "switch", help: ["An empty value is null (a tombstone), and so is", "an empty key"] },
  "header": { kind: "values", placeholder: "NAME=VALUE", help: ["Header for every record; may be repeated"] },
  "partition": { kind: "value", placeholder: "NUMBER", help: ["Partition for records that name none"] },
  "acks": {
    kind: "value",
    placeholder: "all|1|0",
    help: ["Who must have a record: all in-sync replicas", "(default), the leader, nobody"],
  },
  "compression": {
    kind: "value",
    placeholder: "CODEC",
    help: ["none (default), gzip, snappy, lz4 or zstd; with a", "level: gzip:1 to gzip:9, zstd:-7 to zstd:22"],
  },
  "json-records": {
    kind: "switch",
    help: [
      'Lines are {"key", "value", "headers", "timestamp",',
      '"partition"}; only value must be there; key, value',
      "and values of headers are text or null",
    ],
  },
  "protocol": PROTOCOL_FLAG,
  "wait": { kind: "switch", help: ["Keep trying while no broker can be reached"] },
  ...HELP_FLAG,
} as const satisfies Flags;

/** What `ekaf produce` was asked to do. */
export interface ProduceSettings {
  /** Brokers to begin with. */
  readonly bootstrap: readonly string[];
  /** Topic to write to. */
  readonly topic: string;
  /** Files to read; `-` is standard input. */
  readonly paths: readonly string[];
  /** How a line becomes a record. */
  readonly format: RecordFormat;
  /** Whether lines are JSON, and so longer than the record in them. */
  readonly isJson: boolean;
  /** Partition given for every record. */
  readonly partition: number | undefined;
  /** Who must have a record. */
  readonly acks: Acks;
  /** How old the brokers are. */
  readonly protocol: "auto" | "0.8" | "0.9";
  /** How batches are compressed. */
  readonly compression: Compression;
  /** Whether to keep trying while no broker can be reached. */
  readonly isPatient: boolean;
}

const MAX_PARTITION = 2 ** 31 - 1;
const STDIN_PATH = "-";

/**
 * Reads the arguments.
 *
 * @param args What was written behind `produce`.
 * @returns What to do, null to show the help.
 * @throws {UsageError} When they make no sense; the message names the argument.
 */
export function parseProduceArguments(args: readonly string[]): ProduceSettings | null {
  const { flags, operands } = parseFlags(PRODUCE_FLAGS, args);
  if (flags.help) return null;
  const extras: RecordExtras = {
    headers: flags.header.map(parseHeader),
    partition: flags.partition === undefined
      ? undefined
      : parseCount("--partition", flags.partition, { min: 0, max: MAX_PARTITION }),
  };
  return {
    bootstrap: parseBootstrap(flags.bootstrap),
    topic: parseTopic(required("topic", flags.topic)),
    paths: parsePaths(operands),
    format: parseFormat(flags, extras),
    isJson: flags["json-records"],
    partition: extras.partition,
    acks: parseAcks(flags.acks),
    protocol: parseProtocol(flags.protocol),
    compression: parseCompression(flags.compression),
    isPatient: flags.wait,
  };
}

/**
 * Checks the addresses of `--bootstrap`.
 *
 * @param values What was written.
 * @throws {UsageError} When it is missing or no address.
 */
export function parseBootstrap(values: string[]): string[] {
  const given = required("bootstrap", values);
  try {
    parseAddresses(given);
  } catch (cause) {
    throw new UsageError(`Cannot use --bootstrap ${given.join(",")}: ${reasonOf(cause)}`, { cause });
  }
  return given;
}

/**
 * Checks the name of a topic.
 *
 * @param name What was written.
 * @throws {UsageError} When no topic can be called so.
 */
export function parseTopic(name: string): string {
  // Kafka's rule, see Topic.validate of its clients.
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== "." && name !== "..") return name;
  throw new UsageError(
    `Cannot use --topic ${JSON.stringify(name)}: it must be 1 to 249 letters, digits, ".", "_" or "-"`,
  );
}

function parsePaths(operands: readonly string[]): readonly string[] {
  if (operands.length === 0) return [STDIN_PATH];
  const empty = operands.indexOf("");
  if (empty !== -1) throw new UsageError(`Cannot use argument ${empty + 1} as the name of a file: it is empty`);
  if (operands.indexOf(STDIN_PATH) !== operands.lastIndexOf(STDIN_PATH)) {
    throw new UsageError('Cannot use "-" twice: standard input can be read only once');
  }
  return operands;
}

function parseFormat(flags: FlagValues<typeof PRODUCE_FLAGS>, extras: RecordExtras): RecordFormat {
  if (!flags["json-records"]) {
    return plainFormat({ ...extras, keySeparator: parseSeparator(flags["key-separator"]), isEmptyNull: flags.null });
  }
  for (const name of ["key-separator", "null"] as const) {
    if (flags[name]) throw new UsageError(`Cannot use --${name} with --json-records: such lines say it themselves`);
  }
  return jsonFormat(extras);
}

function parseSeparator(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  if (text === "") throw new UsageError('Cannot use --key-separator "": it must not be empty');
  if (text.includes("\n")) throw new UsageError("Cannot use --key-separator with a line break: lines are split there");
  return new TextEncoder().encode(text.replaceAll(/\\([t\\])/g, (_, char) => char === "t" ? "\t" : "\\"));
}

function parseHeader(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`Cannot use --header ${JSON.stringify(text)}: it must be NAME=VALUE`);
}

function parseAcks(text: string | undefined): Acks {
  if (text === undefined || text === "all" || text === "-1") return "all";
  if (text === "1" || text === "0") return text === "1" ? 1 : 0;
  throw new UsageError(`Cannot use --acks ${JSON.stringify(text)}: it must be all, 1 or 0`);
}

/**
 * Checks what `--protocol` says.
 *
 * @param text What was written.
 * @throws {UsageError} When there is no such choice.
 */
export function parseProtocol(text: string | undefined): "auto" | "0.8" | "0.9" {
  if (text === undefined) return "auto";
  if (text === "auto" || text === "0.8" || text === "0.9") return text;
  throw new UsageError(`Cannot use --protocol ${JSON.stringify(text)}: it must be auto, 0.8 or 0.9`);
}

function parseCompression(text = "none"): Compression {
  const [codec, level, ...rest] = text.split(":");
  // What it may be is checked where the producer checks it.
  const value = level === undefined ? codec : { codec, level: /^-?\d+$/.test(level) ? Number(level) : level };
  try {
    if (rest.length > 0) throw new RangeError("it must be CODEC or CODEC:LEVEL");
    checkCompression("compression", value);
    return value as Compression;
  } catch (cause) {
    throw new UsageError(`Cannot use --compression ${JSON.stringify(text)}: ${reasonOf(cause)}`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
