import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { VERSION } from "../../src/cli/version.ts";
import { FakeShell } from "./fake_shell.ts";

const COMMANDS = ["produce", "metadata", "broker"];
const WIDEST_COLUMNS = 80;

async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const shell = new FakeShell();
  const code = await runCommandLine(shell, args);
  return { code, stdout: shell.stdout, stderr: shell.stderr };
}

Deno.test("ekaf --version shows the version of the package", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));

  assertEquals(VERSION, version);
  assertEquals(await run("--version"), { code: 0, stdout: `ekaf ${version}\n`, stderr: "" });
});

Deno.test("ekaf --help shows all commands, and each command its own help", async () => {
  const help = await run("--help");
  const helps = await Promise.all(COMMANDS.map((command) => run(command, "--help")));

  assertEquals(help.code, 0);
  for (const command of COMMANDS) assertStringIncludes(help.stdout, `\n  ${command} `);
  for (const [i, { code, stdout, stderr }] of helps.entries()) {
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, `Usage: ekaf ${COMMANDS[i]} `);
    assertEquals(await run("help", COMMANDS[i]!), { code, stdout, stderr });
    assertEquals(await run(COMMANDS[i]!, "-h"), { code, stdout, stderr });
  }
  assertEquals(await run("-h"), help);
  assertEquals(await run("help"), help);
});

Deno.test("ekaf --help fits a terminal of 80 columns", async () => {
  const helps = await Promise.all([run("--help"), ...COMMANDS.map((command) => run(command, "--help"))]);

  const long = helps.flatMap(({ stdout }) => stdout.split("\n")).filter((line) => line.length > WIDEST_COLUMNS);
  assertEquals(long, []);
});

Deno.test("ekaf without a command shows the help as an error", async () => {
  const { code, stdout, stderr } = await run();

  assertEquals([code, stdout], [64, ""]);
  assertStringIncludes(stderr, "Usage: ekaf COMMAND");
});

Deno.test("ekaf names a command that does not exist, and an option in front of the command", async () => {
  const unknown = await run("prodce", "--topic", "t");
  const early = await run("--topic", "t", "produce");

  assertEquals(unknown, {
    code: 64,
    stdout: "",
    stderr: 'ekaf: Cannot run "prodce": the commands are produce, metadata, broker, gateway\nTry: ekaf --help\n',
  });
  assertEquals(early, {
    code: 64,
    stdout: "",
    stderr:
      "ekaf: Cannot use --topic here: it must follow a command, one of produce, metadata, broker, gateway\nTry: ekaf --help\n",
  });
});
