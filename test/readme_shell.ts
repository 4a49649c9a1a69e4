/**
 * Command lines as a reader would type them, run without a shell and without leaving the process.
 *
 * @module
 */

import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { runCommandLine } from "../src/cli/command_line.ts";
import { FakeShell } from "./cli/fake_shell.ts";
import { withWrittenPort } from "./readme_snippets.ts";

/** What a command did that can be seen from outside. */
export interface CommandTranscript {
  /** Its exit code. */
  code: number;
  /** What it wrote to standard output. */
  stdout: string;
  /** What it wrote to standard error. */
  stderr: string;
}

/** What there is besides the command. */
export interface CommandWorld {
  /** Who is at port 9092. */
  cluster: EmbeddedCluster;
  /** What `curl` gets. */
  body: string;
  /** Files by path. */
  files: Record<string, string>;
}

/** Interrupted as soon as a broker listens: it would run for ever. */
class ImpatientShell extends FakeShell {
  override printError(text: string): void {
    super.printError(text);
    if (text.includes("listening on")) queueMicrotask(() => this.interrupt());
  }
}

/** The words of a command, without its quotes and without a comment at its end. */
export function wordsOf(command: string): string[] {
  const words = command.replace(/\s#\s.*$/, "").matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g);
  return Array.from(words, ([, single, double, plain]) => single ?? double ?? plain!);
}

/** Runs `ekaf …`, or `echo …` or `curl …` piped into it. */
export async function runCommand(line: string, world: CommandWorld): Promise<CommandTranscript> {
  const commands = line.split(" | ").map(wordsOf);
  const [, ...args] = commands.at(-1)!;
  const stdin = commands.length === 1 ? "" : outputOf(commands[0]!, world);
  const shell = new ImpatientShell({ stdin, files: world.files });
  using _port = withWrittenPort(world.cluster);
  const code = await runCommandLine(shell, args);
  return { code, stdout: shell.stdout, stderr: shell.stderr };
}

/** Whether a line runs `ekaf`, alone or at the end of a pipe. */
export function isEkaf(line: string): boolean {
  return /^(.* \| )?ekaf /.test(line);
}

/** Whether a line posts to the gateway. */
export function isCurl(line: string): boolean {
  return line.startsWith("curl ") && !line.includes(" | ");
}

/** The request that a `curl …` makes. */
export function curlRequest(line: string, files: Record<string, string>): Request {
  const [, ...words] = wordsOf(line);
  const headers = new Headers();
  let url = "";
  let body: string | null = null;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "-H") {
      const [name, value] = words[++index]!.split(": ");
      headers.set(name!, value!);
    } else if (word === "-d" || word === "--data-binary") {
      const data = words[++index]!;
      body = data.startsWith("@") ? files[data.slice(1)]! : data;
      if (!headers.has("content-type")) headers.set("content-type", "application/x-www-form-urlencoded");
    } else if (!word.startsWith("-")) {
      url = word;
    }
  }
  return new Request(url, { method: body === null ? "GET" : "POST", headers, body });
}

/** The flags that the help of a command lists. */
export async function flagsInHelp(command: string): Promise<string[]> {
  const shell = new FakeShell();
  await runCommandLine(shell, [command, "--help"]);
  return Array.from(shell.stdout.matchAll(/^ {2}(--[a-z-]+.*?)(?: {2}|$)/gm), ([, flag]) => flag!);
}

function outputOf([name, ...args]: string[], { body }: CommandWorld): string {
  if (name === "echo") return `${args.join(" ")}\n`;
  if (name === "curl") return body;
  throw new Error(`Cannot run "${name}": only echo and curl are known here`);
}
