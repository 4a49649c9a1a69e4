/**
 * `ekaf broker`: the embedded cluster as a process of its own.
 *
 * @module
 */

import { EmbeddedCluster, type EmbeddedClusterOptions } from "@ekaf/ekaf/embedded";
import { EXIT_FAILED, EXIT_OK } from "./exit_code.ts";
import {
  describeFlags,
  type Flags,
  HELP_FLAG,
  parseCount,
  parseFlags,
  refuseOperands,
  TOPICS_BY_FLAG,
  UsageError,
} from "./flags.ts";
import { Interruption } from "./interruption.ts";
import { parseTopic } from "./produce_arguments.ts";
import { PRINTABLE_PRODUCE_VERSIONS, RecordPrinter } from "./record_printer.ts";
import type { Shell } from "./shell.ts";

const FLAGS = {
  "port": {
    kind: "value",
    placeholder: "NUMBER",
    help: ["Port of the first broker, the others follow;", "9092 by default, 0 for any free ones"],
  },
  "brokers": { kind: "value", placeholder: "NUMBER", help: ["How many brokers, 1 by default"] },
  "topic": {
    kind: "values",
    placeholder: "NAME[:PARTITIONS]",
    help: ["A topic; 1 partition unless told; may be repeated"],
  },
  "retention-bytes": {
    kind: "value",
    placeholder: "NUMBER",
    help: ["Bytes that each partition keeps: the oldest records", "are forgotten; by default all are kept"],
  },
  "auto-create": {
    kind: "switch",
    help: ["Clients may create topics by asking for them, as", "they may where there is no --topic"],
  },
  "print": { kind: "switch", help: ["Print each record that arrives"] },
  "json": { kind: "switch", help: ["Print it as JSON, a record a line"] },
  ...HELP_FLAG,
} as const satisfies Flags;

const HELP = `Usage: ekaf broker [OPTION…]

Runs an embedded Kafka on 127.0.0.1 until Ctrl-C, for trials and tests. Any
Kafka client can write to it and read from it. Records are kept in memory, all
of them without --retention-bytes, and gone at the end.

Options:
${describeFlags(FLAGS)}
`;

const DEFAULT_PORT = 9092;
const MAX_PORT = 65_535;
const MAX_BROKER_COUNT = 100;
const MAX_PARTITION_COUNT = 10_000;

/**
 * Runs the command.
 *
 * @param shell The process around it.
 * @param args What was written behind `broker`.
 * @returns The exit code, after a signal.
 * @throws {UsageError} When the arguments make no sense.
 */
export async function broker(shell: Shell, args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(FLAGS, args);
  if (flags.help) {
    shell.print(HELP);
    return EXIT_OK;
  }
  refuseOperands(operands, TOPICS_BY_FLAG);
  const brokers = parseCount("--brokers", flags.brokers ?? "1", { min: 1, max: MAX_BROKER_COUNT });
  const topics = parseTopics(flags.topic);
  const isPrinting = flags.print || flags.json;
  return await serve(shell, {
    options: {
      brokers,
      topics,
      ports: parsePorts(flags.port, brokers),
      ...parseRetention(flags["retention-bytes"]),
      autoCreateTopics: flags["auto-create"] || flags.topic.length === 0,
      ...(isPrinting ? { versions: { Produce: PRINTABLE_PRODUCE_VERSIONS } } : {}),
    },
    printer: isPrinting ? new RecordPrinter(shell, { isJson: flags.json }) : null,
  });
}

async function serve(
  shell: Shell,
  { options, printer }: { options: EmbeddedClusterOptions; printer: RecordPrinter | null },
): Promise<number> {
  const ended = Promise.withResolvers<number>();
  const end = () => ended.resolve(EXIT_OK);
  using _interruption = new Interruption(shell, {
    drainMs: 0,
    onFirst: end,
    onTimeout: end,
    onSecond: () => {},
  });
  await using cluster = await listen(options);
  // Whoever read the records has left.
  using _printing = printer?.follow(cluster, () => ended.resolve(EXIT_FAILED));
  const names = Object.keys(options.topics ?? {});
  const topics = names.length === 0 ? "topics are made as clients ask for them" : `topics ${names.join(", ")}`;
  shell.printError(`ekaf: listening on ${cluster.bootstrap.join(",")}, ${topics}; Ctrl-C ends it\n`);
  return await ended.promise;
}

async function listen(options: EmbeddedClusterOptions): Promise<EmbeddedCluster> {
  try {
    return await EmbeddedCluster.listen(options);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse || cause instanceof Deno.errors.PermissionDenied)) throw cause;
    const ports = options.ports ?? [];
    const range = ports.length > 1 ? `ports ${ports[0]} to ${ports.at(-1)}` : `port ${ports[0]}`;
    const reason = cause instanceof Deno.errors.AddrInUse ? "another program listens there" : cause.message;
    throw new Error(`Cannot listen on ${range}: ${reason}; use another --port`, { cause });
  }
}

function parseRetention(text: string | undefined): { retentionBytes?: number } {
  if (text === undefined) return {};
  return { retentionBytes: parseCount("retention-bytes", text, { min: 1, max: Number.MAX_SAFE_INTEGER }) };
}

function parsePorts(text: string | undefined, brokers: number): number[] {
  const first = text === undefined ? DEFAULT_PORT : parseCount("--port", text, { min: 0, max: MAX_PORT - brokers + 1 });
  return Array.from({ length: brokers }, (_, i) => first === 0 ? 0 : first + i);
}

function parseTopics(texts: readonly string[]): Record<string, number> {
  const topics: Record<string, number> = {};
  for (const text of texts) {
    const [name, partitions = "1", ...rest] = text.split(":");
    if (rest.length > 0) {
      throw new UsageError(`Cannot use --topic ${JSON.stringify(text)}: it must be NAME or NAME:PARTITIONS`);
    }
    if (Object.hasOwn(topics, name!)) {
      throw new UsageError(`Cannot use --topic ${JSON.stringify(text)}: it is given twice`);
    }
    topics[parseTopic(name!)] = parsePartitions(text, partitions);
  }
  return topics;
}

function parsePartitions(topic: string, text: string): number {
  try {
    return parseCount("--topic", text, { min: 1, max: MAX_PARTITION_COUNT });
  } catch {
    throw new UsageError(
      `Cannot use --topic ${JSON.stringify(topic)}: the partitions must be from 1 to ${MAX_PARTITION_COUNT}`,
    );
  }
}
