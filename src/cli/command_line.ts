/**
 * The command line as a whole: which command, and what becomes of errors.
 *
 * @module
 */

import { ConnectionError, KafkaError } from "@ekaf/ekaf";
import { broker } from "./broker.ts";
import { EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE } from "./exit_code.ts";
import { UsageError } from "./flags.ts";
import { gateway } from "./gateway.ts";
import { metadata } from "./metadata.ts";
import { produce } from "./produce.ts";
import type { Shell } from "./shell.ts";
import { VERSION } from "./version.ts";

const HELP = `ekaf ${VERSION}: a Kafka producer, and a Kafka to try it with

Usage: ekaf COMMAND [OPTION…]

Commands:
  produce   Send the lines of files or of standard input
  metadata  Show brokers, topics and partitions
  broker    Run an embedded Kafka on this machine, for trials and tests
  gateway   Take records over HTTP and send them to Kafka

Options:
  --help     Show this text; "ekaf COMMAND --help" shows that of a command
  --version  Show the version

Example, in two terminals:
  ekaf broker --port 9092 --topic greetings --print
  echo hello | ekaf produce --bootstrap localhost:9092 --topic greetings
`;

/** A command: takes the arguments behind its name and resolves with the exit code. */
type Command = (shell: Shell, args: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = { produce, metadata, broker, gateway };

/**
 * Runs the command line.
 *
 * @param shell The process around it.
 * @param args The arguments.
 * @returns The exit code. Never rejects, unless the fault is the program's own.
 */
export async function runCommandLine(shell: Shell, args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === undefined) {
      shell.printError(HELP);
      return EXIT_USAGE;
    }
    if (name === "--version") return show(shell, `ekaf ${VERSION}\n`);
    if (name === "--help" || name === "-h") return show(shell, HELP);
    if (name === "help") return await runCommandLine(shell, [...rest, "--help"]);
    return await commandOf(name)(shell, rest);
  } catch (error) {
    return report(shell, { error, command: name });
  }
}

function show(shell: Shell, text: string): number {
  shell.print(text);
  return EXIT_OK;
}

function commandOf(name: string): Command {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name]!;
  const names = Object.keys(COMMANDS).join(", ");
  if (name.startsWith("-")) {
    throw new UsageError(`Cannot use ${name} here: it must follow a command, one of ${names}`);
  }
  throw new UsageError(`Cannot run ${JSON.stringify(name)}: the commands are ${names}`);
}

/** Tells of an error and gives its exit code. */
function report(shell: Shell, { error, command }: { error: unknown; command: string | undefined }): number {
  // Whoever read the output has left, as `head` does: nothing is wrong, and nobody is there to be told.
  if (error instanceof Deno.errors.BrokenPipe) return EXIT_FAILED;
  shell.printError(`ekaf: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) {
    const about = command !== undefined && Object.hasOwn(COMMANDS, command) ? `ekaf ${command} --help` : "ekaf --help";
    shell.printError(`Try: ${about}\n`);
    return EXIT_USAGE;
  }
  if (error instanceof ConnectionError) return EXIT_UNREACHABLE;
  // Where the message is not meant for a user, the place in the program is what helps.
  if (!(error instanceof KafkaError) && isBug(error)) shell.printError(`${(error as Error).stack}\n`);
  return EXIT_FAILED;
}

function isBug(error: unknown): boolean {
  return error instanceof Error && !error.message.startsWith("Cannot ");
}
