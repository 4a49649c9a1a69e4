/**
 * `ekaf metadata`: brokers, topics and partitions as a broker tells them.
 *
 * @module
 */

import { ConnectionError } from "@ekaf/ekaf";
import type { RequestInput, ResponseOf } from "../../protocol/apis.ts";
import { errorCode } from "../../protocol/error_codes.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { type Address, formatAddress, parseAddresses } from "../net/address.ts";
import type { ProtocolEra } from "../net/api_negotiation.ts";
import { Connection } from "../net/connection.ts";
import { denoTransport } from "../net/transport.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit_code.ts";
import { describeFlags, type Flags, HELP_FLAG, parseFlags, refuseOperands, TOPICS_BY_FLAG } from "./flags.ts";
import { parseBootstrap, parseProtocol, parseTopic, PROTOCOL_FLAG } from "./produce_arguments.ts";
import type { Shell } from "./shell.ts";
import { textTable } from "./text_table.ts";

const FLAGS = {
  "bootstrap": { kind: "values", placeholder: "HOST:PORT,…", help: ["Brokers to ask, in turn, until one answers"] },
  "topic": { kind: "values", placeholder: "NAME", help: ["Only this topic; may be repeated"] },
  "protocol": PROTOCOL_FLAG,
  "json": { kind: "switch", help: ["Print one JSON object"] },
  ...HELP_FLAG,
} as const satisfies Flags;

const HELP = `Usage: ekaf metadata --bootstrap HOST:PORT [OPTION…]

Shows the brokers of a cluster, its topics and their partitions.

Options:
${describeFlags(FLAGS)}

Exit codes:
  0   all is well
  1   a topic does not exist or has a fault
  2   no broker can be reached
  64  wrong arguments
`;

/** The answer in the form in which it is printed: the names are those of `producer.metadata()`. */
interface ClusterReport {
  clusterId: string | null;
  controller: number | null;
  brokers: { id: number; host: string; port: number; rack: string | null }[];
  topics: TopicReport[];
}

interface TopicReport {
  topic: string;
  topicId: string | null;
  error: string | null;
  partitions: {
    partition: number;
    leader: number | null;
    leaderEpoch: number;
    replicas: readonly number[];
    isr: readonly number[];
    error: string | null;
  }[];
}

const CONNECT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Runs the command.
 *
 * @param shell The process around it.
 * @param args What was written behind `metadata`.
 * @returns The exit code.
 * @throws {UsageError} When the arguments make no sense.
 * @throws {ConnectionError} When no broker can be reached.
 */
export async function metadata(shell: Shell, args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(FLAGS, args);
  if (flags.help) {
    shell.print(HELP);
    return EXIT_OK;
  }
  refuseOperands(operands, TOPICS_BY_FLAG);
  const addresses = parseAddresses(parseBootstrap(flags.bootstrap));
  const topics = flags.topic.map(parseTopic);
  const protocol = parseProtocol(flags.protocol);
  const report = reportOf(await ask(shell, addresses, { topics, protocol }));
  shell.print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  const isFaulty = report.topics.some(({ error, partitions }) => {
    return error !== null || partitions.some((partition) => partition.error !== null);
  });
  return isFaulty ? EXIT_FAILED : EXIT_OK;
}

/** Asks one broker after the other until one answers. */
async function ask(
  { timers }: Shell,
  addresses: readonly Address[],
  { topics, protocol }: { topics: readonly string[]; protocol: ProtocolEra },
): Promise<ResponseOf<"Metadata">> {
  const failures: Error[] = [];
  for (const address of addresses) {
    let connection: Connection | undefined;
    try {
      connection = await Connection.open(address, {
        transport: denoTransport,
        clientId: "ekaf-cli",
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        timers,
        protocol,
        ref: true,
      });
      return await connection.request("Metadata", requestFor(topics, connection.version("Metadata") ?? 0));
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      failures.push(error);
    } finally {
      connection?.close();
    }
  }
  throw new ConnectionError(`Cannot reach a broker: ${failures.map(({ message }) => message).join("; ")}`, {
    address: addresses.map(formatAddress).join(", "),
    cause: failures[0],
  });
}

/** MetadataRequest.json: version 0 takes an empty list for all topics, later ones null; from version 4 on, it says whether to create. */
function requestFor(topics: readonly string[], version: number): RequestInput<"Metadata"> {
  const all = version === 0 ? [] : null;
  return {
    topics: topics.length === 0 ? all : topics.map((name) => ({ name })),
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
  };
}

function reportOf({ clusterId, controllerId, brokers, topics }: ResponseOf<"Metadata">): ClusterReport {
  return {
    clusterId,
    controller: idOrNull(controllerId),
    brokers: brokers
      .map(({ nodeId, host, port, rack }) => ({ id: nodeId, host, port, rack }))
      .sort((a, b) => a.id - b.id),
    topics: topics.map(topicReportOf).sort((a, b) => a.topic < b.topic ? -1 : 1),
  };
}

function topicReportOf(
  { name, topicId, errorCode, partitions }: ResponseOf<"Metadata">["topics"][number],
): TopicReport {
  return {
    topic: name ?? "",
    topicId: topicId === ZERO_UUID ? null : topicId,
    error: errorName(errorCode),
    partitions: partitions.map((row) => ({
      partition: row.partitionIndex,
      leader: idOrNull(row.leaderId),
      leaderEpoch: row.leaderEpoch,
      replicas: row.replicaNodes,
      isr: row.isrNodes,
      error: errorName(row.errorCode),
    })).sort((a, b) => a.partition - b.partition),
  };
}

function idOrNull(id: number): number | null {
  return id < 0 ? null : id;
}

function errorName(code: number): string | null {
  return code === 0 ? null : errorCode(code).name;
}

function textOf({ clusterId, controller, brokers, topics }: ClusterReport): string {
  const lines = [
    `Cluster ${clusterId ?? "(no id)"}, ${count(brokers.length, "broker")}, controller ${controller ?? "unknown"}`,
    ...indent(textTable(
      ["broker", "address", "rack"],
      brokers.map(({ id, host, port, rack }) => [`${id}`, formatAddress({ host, port }), rack ?? "-"]),
    )),
  ];
  for (const { topic, topicId, error, partitions } of topics) {
    lines.push("");
    if (error !== null) {
      lines.push(`Topic ${topic}: ${error}`);
      continue;
    }
    lines.push(`Topic ${topic}, ${count(partitions.length, "partition")}${topicId === null ? "" : `, id ${topicId}`}`);
    lines.push(...indent(textTable(
      ["partition", "leader", "replicas", "in sync", "error"],
      partitions.map(({ partition, leader, replicas, isr, error }) => {
        return [`${partition}`, `${leader ?? "none"}`, replicas.join(","), isr.join(","), error ?? "-"];
      }),
    )));
  }
  if (topics.length === 0) lines.push("", "No topics");
  return lines.map((line) => `${line}\n`).join("");
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function count(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? "" : "s"}`;
}
