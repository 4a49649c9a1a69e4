import { assertEquals, assertMatch } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { runSnippet, snippetsOf, type Transcript } from "./readme_snippets.ts";

const TOPICS = { greetings: 1, ticks: 1, events: 3, clicks: 1, audit: 2 };
const LINES = ['{"n":1,"user":"a"}', '{"n":2,"user":"b"}', '{"n":3,"user":"a"}'];
const BODY = LINES.join("\n") + "\n";

type Check = (seen: Transcript & { texts: (topic: keyof typeof TOPICS) => string[] }) => void | Promise<void>;

/** By heading, the second below one with its number: what a reader who copies the snippet may expect. */
const CHECKS: Record<string, Check> = {
  "ekaf": ({ output, texts }) => {
    assertEquals(output, ["stored in partition 0 at offset 0"]);
    assertEquals(texts("greetings"), ["hello"]);
    assertEquals(texts("events").toSorted(), LINES);
  },
  "One record, or several": ({ output, texts }) => {
    assertEquals(texts("ticks"), ["1.0872", "1", "2", ""]);
    assertMatch(output[0]!, /^0 0 \d+$/);
    assertEquals(output[1], "1,2,3");
  },
  "A fetch body, line by line": ({ texts }) => {
    assertEquals(texts("events").toSorted(), LINES);
    assertEquals(texts("events").filter((text) => text.includes('"a"')), [LINES[0], LINES[2]]);
  },
  "A fetch body, line by line (2)": ({ texts }) => {
    assertEquals(texts("events").toSorted(), LINES);
  },
  "What became of each record": ({ output }) => {
    assertEquals(output, ["stored: 0 0", "stored: 0 1", "stored: 0 2"]);
  },
  "Options for a topic": ({ texts }) => {
    assertEquals(texts("clicks"), ['{"page":"/"}']);
    assertEquals(texts("audit"), ["a page was seen"]);
  },
  "Accepted now, delivered later": ({ output, texts }) => {
    assertEquals(output, ["0 1"]);
    assertEquals(texts("clicks"), ["/", "/cart"]);
  },
  "Shutdown": ({ output, texts }) => {
    assertEquals(output, []);
    assertEquals(texts("clicks"), ["/", "/cart"]);
  },
  "Your own tests, without Kafka": async ({ tests }) => {
    assertEquals(tests.map(({ name }) => name), ["a click arrives although its leader has moved"]);
    for (const { run } of tests) await run();
  },
  "Events": ({ output }) => {
    assertEquals(output.length, 1);
    assertMatch(output[0]!, /^ticks\/0: 1 records in [\d.]+ ms$/);
  },
};

Deno.test("snippetsOf() finds the fenced blocks of TypeScript, with the heading above each", () => {
  const markdown = "# a\n\n```ts\n1;\n```\n\n```sh\n# b\n2\n```\n\n## c\n\n```ts\n3;\n4;\n```\n";

  assertEquals(snippetsOf(markdown), [{ heading: "a", code: "1;\n" }, { heading: "c", code: "3;\n4;\n" }]);
});

const snippets = snippetsOf(await Deno.readTextFile("README.md"));

Deno.test("README.md has the snippets that are checked here, and no others", () => {
  assertEquals(snippets.map(({ heading }) => heading), Object.keys(CHECKS));
});

for (const snippet of snippets) {
  Deno.test(`README.md "${snippet.heading}" does as written`, async () => {
    await using cluster = await EmbeddedCluster.listen({ topics: TOPICS });

    const transcript = await runSnippet(snippet, { cluster, body: BODY });

    const texts = (topic: string) => cluster.records(topic).map((record) => record.text());
    await CHECKS[snippet.heading]!({ ...transcript, texts });
  });
}
