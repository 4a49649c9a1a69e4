import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Producer } from "@ekaf/ekaf";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { settled } from "../manual_timers.ts";
import { RawClient } from "../embedded/raw_client.ts";
import { FakeShell } from "./fake_shell.ts";

/** `ekaf broker` on free ports, once it listens. */
async function start(...args: string[]) {
  const shell = new FakeShell();
  const running = runCommandLine(shell, ["broker", "--port", "0", ...args]);
  while (!shell.stderr.includes("\n")) await settled();
  const bootstrap = /listening on ([\d.:,]+),/.exec(shell.stderr)![1]!;
  return { shell, running, bootstrap };
}

Deno.test("ekaf broker listens until Ctrl-C and ends with 0", async () => {
  const { shell, running, bootstrap } = await start("--brokers", "2", "--topic", "a:3", "--topic", "b");

  const metadata = new FakeShell();
  const metadataCode = await runCommandLine(metadata, ["metadata", "--bootstrap", bootstrap, "--json"]);
  shell.interrupt();
  const code = await running;

  assertEquals([metadataCode, code], [0, 0]);
  assertMatch(shell.stderr, /^ekaf: listening on 127\.0\.0\.1:\d+,127\.0\.0\.1:\d+, topics a, b; Ctrl-C ends it\n$/);
  const { brokers, topics } = JSON.parse(metadata.stdout);
  assertEquals(brokers.map(({ id }: { id: number }) => id), [1, 2]);
  assertEquals(
    topics.map(({ topic, partitions }: { topic: string; partitions: unknown[] }) => [topic, partitions.length]),
    [["a", 3], ["b", 1]],
  );
  assertEquals(shell.listenerCount, 0);
});

Deno.test("ekaf broker without --topic lets clients create topics", async () => {
  const { shell, running, bootstrap } = await start();

  await using producer = new Producer({ bootstrap, autoCreateTopics: true });
  const { offset } = await producer.send("new", "one");
  shell.interrupt();

  assertEquals([offset, await running], [0n, 0]);
  assertStringIncludes(shell.stderr, "topics are made as clients ask for them");
});

Deno.test("ekaf broker --retention-bytes forgets the oldest records", async () => {
  const { shell, running, bootstrap } = await start("--topic", "t", "--retention-bytes", "1500");

  await using producer = new Producer({ bootstrap });
  for (let i = 0; i < 3; i++) await producer.send("t", "x".repeat(1_000));
  using client = await RawClient.connect(bootstrap);
  const topics = [{ name: "t", partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -2n }] }];
  const answer = await client.ask("ListOffsets", 4, { replicaId: -1, isolationLevel: 0, topics });
  shell.interrupt();

  assertEquals([answer.topics[0]!.partitions[0]!.offset, await running], [2n, 0]);
});

Deno.test("ekaf broker --print prints each record once, with nothing a terminal would obey", async () => {
  const { shell, running, bootstrap } = await start("--topic", "t", "--print");

  await using producer = new Producer({ bootstrap });
  await producer.send("t", [
    { key: "k", value: "v", headers: { a: "1", b: null } },
    { value: null },
    { value: "a\tb\nc\x1b[2J\x7f" },
    "",
  ]);
  await producer.send("t", "later");
  shell.interrupt();
  await running;

  assertEquals(shell.stdout.split("\n"), [
    "t/0@0 {a=1, b=(null)} k: v",
    "t/0@1 (null)",
    "t/0@2 a\\tb\\nc\\x1b[2J\\x7f",
    "t/0@3 ",
    "t/0@4 later",
    "",
  ]);
});

Deno.test("ekaf broker --json prints each record as JSON", async () => {
  const { shell, running, bootstrap } = await start("--topic", "t:2", "--json");

  await using producer = new Producer({ bootstrap });
  const timestamp = 1_700_000_000_000;
  await producer.send("t", { key: "k", value: "v\n", headers: [["a", "1"], ["a", null]], timestamp, partition: 1 });
  shell.interrupt();
  await running;

  assertEquals(JSON.parse(shell.stdout), {
    topic: "t",
    partition: 1,
    offset: 0,
    timestamp,
    key: "k",
    value: "v\n",
    headers: [["a", "1"], ["a", null]],
  });
});

Deno.test("ekaf broker ends with 1 when the port is taken", async () => {
  const { shell: first, running, bootstrap } = await start();
  const port = bootstrap.split(":")[1]!;

  const shell = new FakeShell();
  const code = await runCommandLine(shell, ["broker", "--port", port]);
  first.interrupt();
  await running;

  assertEquals(code, 1);
  assertEquals(
    shell.stderr,
    `ekaf: Cannot listen on port ${port}: another program listens there; use another --port\n`,
  );
});

Deno.test("ekaf broker names the argument that is wrong", async (t) => {
  const cases: [args: string[], part: string][] = [
    [["--port", "x"], '--port "x"'],
    [["--port", "65536"], '--port "65536"'],
    [["--port", "65535", "--brokers", "2"], '--port "65535"'],
    [["--brokers", "0"], '--brokers "0"'],
    [["--retention-bytes", "0"], 'retention-bytes "0"'],
    [["--topic", "a:0"], '--topic "a:0"'],
    [["--topic", "a:1:2"], '--topic "a:1:2"'],
    [["--topic", ":2"], '--topic ""'],
    [["--topic", "a", "--topic", "a:2"], '--topic "a:2"'],
    [["topic"], '"topic"'],
    [["--bootstrap", "x"], "--bootstrap"],
  ];
  for (const [args, part] of cases) {
    await t.step(args.join(" "), async () => {
      const shell = new FakeShell();

      const code = await runCommandLine(shell, ["broker", ...args]);

      assertEquals(code, 64);
      assertStringIncludes(shell.stderr, part);
      assertStringIncludes(shell.stderr, "Try: ekaf broker --help");
    });
  }
});
