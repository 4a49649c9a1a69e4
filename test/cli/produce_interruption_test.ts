import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { ManualTimers } from "../manual_timers.ts";
import { Exited, FakeShell, type FakeShellOptions } from "./fake_shell.ts";

const encoder = new TextEncoder();

/** `ekaf produce` under way. */
function start(cluster: EmbeddedCluster, options: FakeShellOptions, ...paths: string[]) {
  const shell = new FakeShell(options);
  const running = runCommandLine(shell, ["produce", "--bootstrap", cluster.bootstrap[0]!, "--topic", "t", ...paths]);
  return { shell, running };
}

/** Text that comes, and then nothing: the stream stays open. */
async function* openEnded(text: string): AsyncGenerator<Uint8Array> {
  yield encoder.encode(text);
  await new Promise(() => {});
}

/** Lets the cluster keep the answers to Produce to itself until `release` is called. */
function holdAnswers(cluster: EmbeddedCluster): { asked: Promise<void>; release: () => void; hook: Disposable } {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const hook = cluster.intercept("Produce", async (request, next) => {
    asked.resolve();
    await released.promise;
    return await next(request);
  });
  return { asked: asked.promise, release: released.resolve, hook };
}

Deno.test("ekaf produce ends with 0 at Ctrl-C when all that came is acknowledged", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const { shell, running } = start(cluster, { stdin: openEnded("one\ntwo\n") });

  await cluster.waitFor("t", 2);
  shell.interrupt();
  const code = await running;

  assertEquals(code, 0);
  assertStringIncludes(shell.stderr, "ekaf: 2 records acknowledged");
});

Deno.test("ekaf produce does not send a line that Ctrl-C cuts short, and ends with 1", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const { shell, running } = start(cluster, { stdin: openEnded("one\ntwo\nhal") });

  await cluster.waitFor("t", 2);
  shell.interrupt();
  const code = await running;

  assertEquals(code, 1);
  assertEquals(cluster.records("t").map((record) => record.text()), ["one", "two"]);
  assertStringIncludes(shell.stderr, "ekaf: stopped reading at stdin, line 3");
});

Deno.test("ekaf produce ends with 1 at Ctrl-C when standard input held more", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const { asked, release, hook } = holdAnswers(cluster);
  using _hook = hook;
  const plenty = async function* (): AsyncGenerator<Uint8Array> {
    const chunk = encoder.encode(`${"x".repeat(99_999)}\n`);
    while (true) yield chunk;
  };
  const { shell, running } = start(cluster, { stdin: plenty() });

  await asked;
  shell.interrupt();
  release();
  const code = await running;

  const { length } = cluster.records("t");
  assertEquals(code, 1);
  assertStringIncludes(shell.stderr, `ekaf: stopped reading at stdin, line ${length + 1}\n`);
});

Deno.test("ekaf produce ends with 0 at Ctrl-C when standard input had just ended", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const { asked, release, hook } = holdAnswers(cluster);
  using _hook = hook;
  const { shell, running } = start(cluster, { stdin: "one\n" });

  await asked;
  shell.interrupt();
  release();

  assertEquals(await running, 0);
});

Deno.test("ekaf produce waits at Ctrl-C for what was read, and names the place in the file", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const { asked, release, hook } = holdAnswers(cluster);
  using _hook = hook;
  // More than the producer takes at a time, so that the file cannot have been read to its end.
  const line = "x".repeat(99_999);
  const { shell, running } = start(cluster, { files: { a: `${line}\n`.repeat(1_000) } }, "a");

  await asked;
  shell.interrupt();
  release();
  const code = await running;

  const { length } = cluster.records("t");
  assertEquals(code, 1);
  assertStringIncludes(shell.stderr, "ekaf: interrupted: up to 10 s for ");
  assertStringIncludes(shell.stderr, `ekaf: stopped reading at a, line ${length + 1}\n`);
  assertStringIncludes(shell.stderr, `ekaf: ${length} records acknowledged`);
});

Deno.test("ekaf produce gives up 10 s after Ctrl-C and tells what is not acknowledged", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const { asked, release, hook } = holdAnswers(cluster);
  using _hook = hook;
  const timers = new ManualTimers();
  const { shell, running } = start(cluster, { stdin: openEnded("one\ntwo\n"), timers });

  await asked;
  shell.interrupt();
  await timers.advance(9_999);
  const before = shell.stderr;
  await timers.advance(1);
  const code = await running;
  release();

  assertEquals(code, 1);
  assertEquals(before, "ekaf: interrupted: up to 10 s for 2 records on their way; again to give them up\n");
  assertStringIncludes(shell.stderr, "ekaf: stdin, line 1: Cannot ");
  assertStringIncludes(shell.stderr, "ekaf: stdin, line 2: Cannot ");
  assertStringIncludes(shell.stderr, "ekaf: 0 of 2 records acknowledged");
});

Deno.test("ekaf produce ends with 130 at a second Ctrl-C", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const { asked, release, hook } = holdAnswers(cluster);
  using _hook = hook;
  const { shell, running } = start(cluster, { stdin: openEnded("one\n") });

  await asked;
  shell.interrupt();
  const { code } = await assertRejects(() => Promise.try(() => shell.interrupt()), Exited);
  release(); // A real process would be gone by now.
  await running;

  assertEquals(code, 130);
});
