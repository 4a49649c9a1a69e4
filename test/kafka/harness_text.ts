/**
 * Kafka's console consumer and kcat: two more foreign readers, for whoever does not trust the first.
 *
 * @module
 */

import type { KafkaVersion } from "./harness_jars.ts";
import { launchJava, logTail } from "./harness_java.ts";
import type { ReadRecord } from "./harness_witness.ts";

/** A record as the console consumer prints it. */
export interface TextRecord {
  partition: number;
  offset: bigint;
  timestamp: number;
  key: string | null;
  value: string | null;
}

/** What the console consumer prints for null: it has to be something no test sends. */
const NULL_TEXT = "\u2400null";
const CONSOLE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer";

/** Reads `recordCount` records of a topic from its beginning with Kafka's console consumer, by partition. */
export async function readWithConsoleConsumer(
  version: KafkaVersion,
  options: { bootstrap: string; topic: string; recordCount: number; directory: string },
): Promise<TextRecord[]> {
  const { bootstrap, topic, recordCount, directory } = options;
  if (recordCount === 0) return []; // It would wait for ever.
  const properties = ["timestamp", "partition", "offset", "key", "value"].map((name) => `print.${name}=true`);
  // 4.2 renamed it, and prints a warning among the records when given the old name.
  const propertyOption = version.startsWith("3.") ? "--property" : "--formatter-property";
  const process = await launchJava(version, {
    args: [
      CONSOLE_CONSUMER,
      ...["--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning"],
      ...["--max-messages", String(recordCount), "--timeout-ms", "60000"],
      ...[...properties, `null.literal=${NULL_TEXT}`].flatMap((property) => [propertyOption, property]),
    ],
    directory,
    name: "console-consumer",
    isPiped: true,
  });
  const [text] = await Promise.all([new Response(process.stdout).text(), process.stdin.close()]);
  const { code } = await process.status;
  if (code !== 0) {
    const log = await logTail({ directory, name: "console-consumer" });
    throw new Error(`Cannot read ${JSON.stringify(topic)}: the console consumer ended with code ${code}:\n${log}`);
  }
  const records = text.split("\n").slice(0, -1).map(parseConsoleLine);
  return records.sort((a, b) => a.partition - b.partition); // Stable: the order within a partition is the consumer's.
}

/** `CreateTime:1 \t Partition:0 \t Offset:0 \t key \t value`, without the blanks. */
function parseConsoleLine(line: string): TextRecord {
  const [time, partition, offset, key, value] = line.split("\t");
  const number = (text: string | undefined) => text!.slice(text!.indexOf(":") + 1);
  const text = (text: string | undefined) => text === undefined || text === NULL_TEXT ? null : text;
  return {
    partition: Number(number(partition)),
    offset: BigInt(number(offset)),
    timestamp: Number(number(time)),
    key: text(key),
    value: text(value),
  };
}

/**
 * Reads all records of a topic with kcat, by partition. Header values must be text without commas.
 *
 * @param settings More settings of kcat's, `name=value`.
 */
export async function readWithKcat(
  bootstrap: string,
  topic: string,
  settings: readonly string[] = [],
): Promise<ReadRecord[]> {
  const { code, stdout, stderr } = await new Deno.Command("kcat", {
    args: [
      ...["-C", "-q", "-e", "-b", bootstrap, "-t", topic, "-o", "beginning"],
      ...["-f", "%p %o %T %K %S %h\\n%k%s"],
      ...["-X", "check.crcs=true", "-X", "fetch.wait.max.ms=50", "-X", "message.max.bytes=100000000"],
      ...settings.flatMap((setting) => ["-X", setting]),
    ],
    stdin: "null",
  }).output();
  if (code !== 0) {
    throw new Error(`Cannot read ${JSON.stringify(topic)}: kcat says ${new TextDecoder().decode(stderr)}`);
  }
  const records = parseKcat(stdout);
  return records.sort((a, b) => a.partition - b.partition);
}

/** Id of the leader of a partition as kcat is told by the first broker that answers; null while there is none. */
export async function askLeaderWithKcat(bootstrap: string, topic: string, partition: number): Promise<number | null> {
  const { code, stdout, stderr } = await new Deno.Command("kcat", {
    args: ["-L", "-J", "-b", bootstrap, "-t", topic, "-m", "5"],
    stdin: "null",
  }).output();
  if (code !== 0) {
    throw new Error(
      `Cannot find the leader of ${JSON.stringify(topic)}: kcat says ${new TextDecoder().decode(stderr)}`,
    );
  }
  const { topics } = JSON.parse(new TextDecoder().decode(stdout)) as {
    topics: { partitions: { partition: number; leader: number }[] }[];
  };
  const leader = topics[0]?.partitions.find((found) => found.partition === partition)?.leader ?? -1;
  return leader < 0 ? null : leader;
}

/** A line of numbers and headers, then the bytes of key and value, for each record. */
function parseKcat(bytes: Uint8Array): ReadRecord[] {
  const decoder = new TextDecoder();
  const records: ReadRecord[] = [];
  let at = 0;
  const take = (length: number) => length < 0 ? null : bytes.subarray(at, at += length);
  while (at < bytes.length) {
    const line = decoder.decode(take(bytes.indexOf(0x0a, at) - at)!);
    at++;
    const [partition, offset, timestamp, keyLength, valueLength, ...rest] = line.split(" ");
    records.push({
      partition: Number(partition),
      offset: BigInt(offset!),
      timestamp: Number(timestamp),
      key: take(Number(keyLength)),
      value: take(Number(valueLength)),
      headers: parseKcatHeaders(rest.join(" ")),
    });
  }
  return records;
}

function parseKcatHeaders(text: string): [string, Uint8Array | null][] {
  if (text === "") return [];
  return text.split(",").map((pair) => {
    const [name, value] = pair.split("=");
    return [name!, value === "NULL" ? null : new TextEncoder().encode(value)];
  });
}
