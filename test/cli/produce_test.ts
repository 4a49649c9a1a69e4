import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import type { StoredRecord } from "@ekaf/ekaf";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { FakeShell, type FakeShellOptions } from "./fake_shell.ts";

const UNREACHABLE = "127.0.0.1:1";

interface Result {
  code: number;
  shell: FakeShell;
}

async function produce(
  bootstrap: readonly string[],
  args: readonly string[],
  options: FakeShellOptions,
): Promise<Result> {
  const shell = new FakeShell(options);
  const code = await runCommandLine(shell, ["produce", "--bootstrap", bootstrap.join(","), "--topic", "t", ...args]);
  assertEquals(shell.listenerCount, 0, "signals are still listened to");
  assertEquals([...shell.open], [], "files are still open");
  assertEquals(shell.stdout, "");
  return { code, shell };
}

function listen(partitions = 1): Promise<EmbeddedCluster> {
  return EmbeddedCluster.listen({ topics: { t: partitions } });
}

function textsOf(records: readonly StoredRecord[]): string[] {
  return records.map((record) => record.text());
}

function keyOf({ key }: StoredRecord): string | null {
  return key === null ? null : new TextDecoder().decode(key);
}

Deno.test("ekaf produce sends each line of standard input and ends with 0 and a summary", async () => {
  await using cluster = await listen();

  const { code, shell } = await produce(cluster.bootstrap, [], { stdin: "one\r\n\ntwo\n\ufefflast" });

  assertEquals(code, 0);
  assertEquals(textsOf(cluster.records("t")), ["one\r", "", "two", "last"]); // text() takes the mark off
  assertEquals(cluster.records("t")[3]!.value!.length, 7);
  assertEquals(cluster.records("t").map(keyOf), [null, null, null, null]);
  assertMatch(shell.stderr, /^ekaf: 4 records acknowledged: 17 B in \d+\.\d s \([\d,]+ records\/s, [\d.]+ k?B\/s\)\n$/);
});

Deno.test("ekaf produce reads files in turn, and standard input where it says -", async () => {
  await using cluster = await listen();

  const { code } = await produce(cluster.bootstrap, ["a", "-", "b"], {
    stdin: "in",
    files: { a: "a1\na2", b: "b1\n" },
  });

  assertEquals(code, 0);
  assertEquals(textsOf(cluster.records("t")), ["a1", "a2", "in", "b1"]);
});

Deno.test("ekaf produce ends with 0 when there is nothing to send", async () => {
  await using cluster = await listen();

  const { code, shell } = await produce(cluster.bootstrap, ["-", "empty"], { files: { empty: "" } });

  assertEquals(code, 0);
  assertEquals(cluster.records("t"), []);
  assertStringIncludes(shell.stderr, "ekaf: 0 records acknowledged");
});

Deno.test("ekaf produce --key-separator --null sends keys and tombstones", async () => {
  await using cluster = await listen();

  const { code } = await produce(cluster.bootstrap, ["--key-separator", "\\t", "--null"], {
    stdin: "k\tv\tw\nk\t\n\tv\nplain\n",
  });

  assertEquals(code, 0);
  assertEquals(
    cluster.records("t").map((record) => [keyOf(record), record.value === null ? null : record.text()]),
    [["k", "v\tw"], ["k", null], [null, "v"], [null, "plain"]],
  );
});

Deno.test("ekaf produce --header --partition gives every record both", async () => {
  await using cluster = await listen(3);

  const { code } = await produce(
    cluster.bootstrap,
    ["--header", "a=1", "--header", "a==2", "--header", "b=", "--partition", "2"],
    { stdin: "one\ntwo" },
  );

  const records = cluster.records("t", 2);
  assertEquals(code, 0);
  assertEquals(textsOf(records), ["one", "two"]);
  const decoder = new TextDecoder();
  for (const { headers } of records) {
    assertEquals(headers.map(([name, value]) => [name, decoder.decode(value!)]), [["a", "1"], ["a", "=2"], ["b", ""]]);
  }
});

Deno.test("ekaf produce --json-records sends what the lines say", async () => {
  await using cluster = await listen(3);
  const lines = [
    { key: "k", value: "v", headers: { h: "1" }, timestamp: 1_700_000_000_000, partition: 1 },
    { value: null, partition: 1 },
    { value: "line\nbreak", partition: 1 },
  ];

  const { code } = await produce(cluster.bootstrap, ["--json-records"], {
    stdin: lines.map((line) => JSON.stringify(line)).join("\r\n"),
  });

  const [first, second, third] = cluster.records("t", 1);
  assertEquals(code, 0);
  assertEquals([keyOf(first!), first!.text(), first!.timestamp], ["k", "v", 1_700_000_000_000]);
  assertEquals(first!.headers, [["h", new TextEncoder().encode("1")]]);
  assertEquals(second!.value, null);
  assertEquals(third!.text(), "line\nbreak");
});

Deno.test("ekaf produce --json-records takes a record whose JSON is much longer than itself", async () => {
  await using cluster = await listen();
  const value = "\u0001".repeat(900_000);

  const { code, shell } = await produce(cluster.bootstrap, ["--json-records"], { stdin: JSON.stringify({ value }) });

  assertEquals(code, 0, shell.stderr);
  assertEquals(cluster.records("t")[0]!.value!.length, 900_000);
});

for (const acks of ["all", "1", "0"]) {
  Deno.test(`ekaf produce --acks ${acks} asks the broker for that`, async () => {
    await using cluster = await listen();
    const asked = new Set<number>();
    using _hook = cluster.intercept("Produce", (request, next) => {
      asked.add(request.body.acks);
      return next(request);
    });

    const { code, shell } = await produce(cluster.bootstrap, ["--acks", acks], { stdin: "one" });
    await cluster.waitFor("t", 1);

    assertEquals(code, 0);
    assertEquals([...asked], [acks === "all" ? -1 : Number(acks)]);
    assertStringIncludes(shell.stderr, acks === "0" ? "1 record sent (acks 0)" : "1 record acknowledged");
  });
}

Deno.test("ekaf produce stops at a line that is no record, naming file and line", async (t) => {
  const long = "x".repeat(1_000_001);
  const cases: [name: string, args: string[], line: string, reason: string][] = [
    ["too long a line", [], long, "Cannot accept a line of more than 1000000 bytes"],
    ["too large a record", [], "x".repeat(999_950), "Cannot accept a record of 999950 bytes: encoded it takes"],
    ["JSON that is none", ["--json-records"], "{", "Cannot read the record: no JSON"],
    ["too large a record in JSON", ["--json-records"], JSON.stringify({ value: long }), "Cannot accept a record of"],
  ];
  for (const [name, args, line, reason] of cases) {
    await t.step(name, async () => {
      await using cluster = await listen();
      const good = args.length === 0 ? "good" : '{"value":"good"}';

      const { code, shell } = await produce(cluster.bootstrap, [...args, "a", "b", "c"], {
        files: { a: good, b: `${good}\n${line}\n${good}`, c: good },
      });

      assertEquals(code, 1);
      assertEquals(textsOf(cluster.records("t")), ["good", "good"]);
      assertStringIncludes(shell.stderr, `ekaf: b, line 2: ${reason}`);
      assertStringIncludes(shell.stderr, "ekaf: 2 records acknowledged: ");
    });
  }
});

Deno.test("ekaf produce names the lines that the broker refused, and reads no further", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, maxMessageBytes: 5_000 });
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    yield new TextEncoder().encode(`small\n${"x".repeat(10_000)}\n`);
    await new Promise(() => {}); // Reading on would wait for ever.
  };

  const { code, shell } = await produce(cluster.bootstrap, [], { stdin: endless() });

  assertEquals(code, 1);
  assertEquals(textsOf(cluster.records("t")), ["small"]);
  assertMatch(shell.stderr, /ekaf: stdin, line 2: Cannot .*MESSAGE_TOO_LARGE/);
  assertStringIncludes(shell.stderr, "ekaf: 1 of 2 records acknowledged");
});

Deno.test("ekaf produce finds every file before it sends anything", async () => {
  await using cluster = await listen();

  const { code, shell } = await produce(cluster.bootstrap, ["a", "nope"], { files: { a: "one" } });

  assertEquals(code, 1);
  assertEquals(cluster.records("t"), []);
  assertEquals(shell.stderr, 'ekaf: Cannot read "nope": there is no such file\n');
});

Deno.test("ekaf produce ends with 64 when there is no such partition", async () => {
  await using cluster = await listen(2);

  const { code, shell } = await produce(cluster.bootstrap, ["--partition", "2"], { stdin: "one" });

  assertEquals(code, 64);
  assertEquals(
    shell.stderr,
    'ekaf: Cannot use --partition 2: "t" has partitions 0, 1\nTry: ekaf produce --help\n',
  );
});

Deno.test("ekaf produce ends with 2 when no broker can be reached, and says so once", async () => {
  const { code, shell } = await produce([UNREACHABLE], [], { stdin: "one" });

  assertEquals(code, 2);
  assertMatch(shell.stderr, /^ekaf: Cannot .*127\.0\.0\.1:1.*\n$/);
});

Deno.test("ekaf produce --wait keeps trying until a broker is there", async () => {
  await using cluster = await listen();
  await cluster.stop(1);
  const timers = new ManualTimers();
  const shell = new FakeShell({ stdin: "one", timers });
  const running = runCommandLine(shell, ["produce", "--bootstrap", cluster.bootstrap[0]!, "--topic", "t", "--wait"]);

  while (timers.nextInMs !== 1_000) await settled();
  await cluster.start(1);
  await timers.advance(1_000);
  const code = await running;

  assertEquals(code, 0);
  assertEquals(textsOf(cluster.records("t")), ["one"]);
});

Deno.test("ekaf produce --wait ends with 2 when interrupted before a broker is there", async () => {
  const shell = new FakeShell({ stdin: "one" });
  const running = runCommandLine(shell, ["produce", "--bootstrap", UNREACHABLE, "--topic", "t", "--wait"]);

  while (shell.stderr === "") await settled();
  shell.interrupt();

  assertEquals(await running, 2);
});

Deno.test("ekaf produce draws its progress on a terminal and takes it off again", async () => {
  await using cluster = await listen();

  const { code, shell } = await produce(cluster.bootstrap, ["a"], { files: { a: "one\ntwo" }, terminalColumns: 80 });

  assertEquals(code, 0);
  assertStringIncludes(shell.stderr, "\x1b[?25l");
  assertStringIncludes(shell.stderr, "0%");
  assert(shell.stderr.indexOf("\x1b[?25h") < shell.stderr.indexOf("ekaf: 2 records acknowledged"));
});
