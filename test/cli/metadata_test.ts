import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { FakeShell } from "./fake_shell.ts";

async function metadata(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const shell = new FakeShell();
  const code = await runCommandLine(shell, ["metadata", ...args]);
  return { code, stdout: shell.stdout, stderr: shell.stderr };
}

Deno.test("ekaf metadata shows brokers, topics and partitions", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, replication: 2, topics: { b: 2, a: 1 } });

  const { code, stdout, stderr } = await metadata("--bootstrap", cluster.bootstrap[1]!);

  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^Cluster \S+, 2 brokers, controller 1\n/);
  for (const address of cluster.bootstrap) assertStringIncludes(stdout, address);
  assertMatch(stdout, /\nTopic a, 1 partition, id \S+\n[^]*\nTopic b, 2 partitions, id \S+\n/);
  assertMatch(stdout, /\n +1 +[12] +\d,\d +\d,\d +-\n$/);
});

Deno.test("ekaf metadata --topic shows only that, and ends with 1 when there is none", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { a: 1, b: 1 } });

  const { code, stdout } = await metadata("--bootstrap", cluster.bootstrap[0]!, "--topic", "b", "--topic", "nope");

  assertEquals(code, 1);
  assertStringIncludes(stdout, "Topic b, 1 partition");
  assertStringIncludes(stdout, "Topic nope: UNKNOWN_TOPIC_OR_PARTITION\n");
  assertEquals(stdout.includes("Topic a"), false);
});

Deno.test("ekaf metadata says when there are no topics", async () => {
  await using cluster = await EmbeddedCluster.listen();

  const { code, stdout } = await metadata("--bootstrap", cluster.bootstrap[0]!);

  assertEquals(code, 0);
  assertStringIncludes(stdout, "No topics\n");
});

Deno.test("ekaf metadata asks the next broker when one cannot be reached", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { a: 1 } });

  const { code, stdout } = await metadata("--bootstrap", `127.0.0.1:1,${cluster.bootstrap[0]}`, "--json");

  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout).topics[0].topic, "a");
});

Deno.test("ekaf metadata asks a broker that knows only the oldest version for all topics", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { a: 1 }, versions: { Metadata: [0, 0] } });

  const { code, stdout } = await metadata("--bootstrap", cluster.bootstrap[0]!, "--json");

  const { clusterId, topics } = JSON.parse(stdout);
  assertEquals(code, 0);
  assertEquals([clusterId, topics[0].topic, topics[0].topicId], [null, "a", null]);
});

Deno.test("ekaf metadata ends with 2 when no broker can be reached, naming each", async () => {
  const { code, stderr } = await metadata("--bootstrap", "127.0.0.1:1,127.0.0.1:2");

  assertEquals(code, 2);
  assertMatch(stderr, /^ekaf: Cannot reach a broker: .*127\.0\.0\.1:1.*127\.0\.0\.1:2.*\n$/);
});

Deno.test("ekaf metadata names the argument that is wrong", async (t) => {
  const cases: [args: string[], part: string][] = [
    [[], "--bootstrap"],
    [["--bootstrap", "a b"], "--bootstrap a b"],
    [["--bootstrap", "a", "--topic", "b c"], '--topic "b c"'],
    [["--bootstrap", "a", "events"], '"events"'],
    [["--bootstrap", "a", "--jsn"], "--jsn"],
  ];
  for (const [args, part] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stderr } = await metadata(...args);

      assertEquals(code, 64);
      assertStringIncludes(stderr, part);
      assertStringIncludes(stderr, "Try: ekaf metadata --help");
    });
  }
});

Deno.test("ekaf metadata shows brokers of Kafka 0.8, found out or told", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { a: 1 }, versions: "0.8" });
  const bootstrap = ["--bootstrap", cluster.bootstrap[0]!, "--json"];

  for (const protocol of [[], ["--protocol", "0.8"]]) {
    const { code, stdout } = await metadata(...bootstrap, ...protocol);

    const { brokers, topics } = JSON.parse(stdout);
    assertEquals([code, brokers.length, topics[0].topic], [0, 1, "a"]);
  }
});

Deno.test("ekaf metadata refuses a --protocol that it does not know", async () => {
  const { code, stderr } = await metadata("--bootstrap", "localhost", "--protocol", "0.7");

  assertEquals(code, 64);
  assertStringIncludes(stderr, '--protocol "0.7"');
});
