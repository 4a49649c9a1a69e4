/**
 * Java processes with Kafka's jars.
 *
 * @module
 */

import { kafkaJars, type KafkaVersion, type OldKafkaVersion } from "./harness_jars.ts";

/** How to start a Java process. */
export interface JavaOptions {
  /** What follows the class path: a main class or a source file, and its arguments. */
  args: readonly string[];
  /** Where its log `<name>.log` goes; holds the logging configuration. */
  directory: string;
  /** Name of the log. */
  name: string;
  /** Largest heap, as `-Xmx` has it. */
  heap?: string;
  /** Whether standard input and output are pipes for the caller; otherwise the output goes to the log too. */
  isPiped?: boolean;
}

const LOG4J = [
  "log4j.rootLogger=WARN, A",
  "log4j.appender.A=org.apache.log4j.ConsoleAppender",
  "log4j.appender.A.target=System.err",
  "log4j.appender.A.layout=org.apache.log4j.PatternLayout",
  "log4j.appender.A.layout.ConversionPattern=%d %p %c %m%n",
];

/** Starts Java with the jars of `version`. The process id is Java's own, so that signals reach it. */
export async function launchJava(
  version: KafkaVersion | OldKafkaVersion,
  options: JavaOptions,
): Promise<Deno.ChildProcess> {
  const { args, directory, name, heap = "256m", isPiped = false } = options;
  await Deno.writeTextFile(`${directory}/log4j.properties`, LOG4J.join("\n"));
  const java = [
    "java",
    `-Xmx${heap}`,
    "-XX:+UseSerialGC", // brokers of a test share few cores
    "-XX:TieredStopAtLevel=1", // compiles in a third of the time, which here is most of it
    `-Dlog4j.configuration=file:${directory}/log4j.properties`, // 3.x
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", // 4.x
    "-cp",
    await kafkaJars(version),
    ...args,
  ];
  const redirection = isPiped ? '2>>"$LOG"' : '>>"$LOG" 2>&1';
  return new Deno.Command("sh", {
    args: ["-c", `exec "$@" ${redirection}`, "sh", ...java],
    env: { LOG: `${directory}/${name}.log` },
    stdin: isPiped ? "piped" : "null",
    stdout: isPiped ? "piped" : "null",
    stderr: "null",
  }).spawn();
}

/** Runs Java to its end; rejects with the log when it fails. */
export async function runJava(version: KafkaVersion | OldKafkaVersion, options: JavaOptions): Promise<void> {
  const { code } = await (await launchJava(version, options)).status;
  if (code === 0) return;
  throw new Error(`Cannot run ${options.args[0]}: it ended with code ${code}:\n${await logTail(options)}`);
}

/** The end of a process's log. */
export async function logTail({ directory, name }: { directory: string; name: string }): Promise<string> {
  const text = await Deno.readTextFile(`${directory}/${name}.log`).catch(() => "(no log)");
  return text.slice(-4_000);
}
