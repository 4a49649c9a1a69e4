import { assert, assertArrayIncludes, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { resolveOptions } from "../src/options.ts";
import { GATEWAY_OPTION_NAMES } from "../src/gateway/options.ts";
import manifest from "../deno.json" with { type: "json" };
import { Producer } from "@ekaf/ekaf";
import { createGateway } from "@ekaf/ekaf/gateway";
import { curlRequest, flagsInHelp, isCurl, isEkaf, runCommand, wordsOf } from "./readme_shell.ts";
import { runSnippet, snippetsOf, type Transcript } from "./readme_snippets.ts";

const TOPICS = { greetings: 1, ticks: 1, events: 3, clicks: 1, audit: 2, logs: 1, users: 3 };
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
  "Bytes into lines": ({ texts }) => {
    assertEquals(texts("events").toSorted(), LINES);
  },
  "What became of each record": ({ output }) => {
    assertEquals(output, ["stored: 0 0", "stored: 0 1", "stored: 0 2"]);
  },
  "Options for a topic": ({ texts }) => {
    assertEquals(texts("clicks"), ['{"page":"/"}', '{"page":"/cart"}']);
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
  "Compression": ({ output, texts }) => {
    assertEquals(output, []);
    assertEquals(texts("audit"), ['{"page":"/"}'.repeat(100)]);
  },
  "Partitioners": ({ output }) => {
    assertEquals(output, [
      "1 1",
      'Cannot deliver to "audit": Cannot accept a record: the partitioner refused it: too long for the audit',
    ]);
  },
  "Batches rewritten": ({ output, texts }) => {
    assertEquals(output, ["0,0,0"]);
    assertEquals(texts("clicks"), ['[{"page":"/"},{"page":"/cart"},"no JSON"]']);
    assertEquals(texts("logs"), ["listening"]);
  },
  "Events": ({ output }) => {
    assertEquals(output.length, 1);
    assertMatch(output[0]!, /^ticks\/0: 1 records in [\d.]+ ms$/);
  },
  "Prometheus": ({ output }) => {
    assertEquals(output, ['ekaf_records_delivered_total{topic="ticks"} 2']);
  },
  "OpenTelemetry": ({ texts }) => {
    assertEquals(texts("ticks"), ["1.0872"]);
  },
  "Statsd": ({ output, texts }) => {
    assertEquals(output, []);
    assertEquals(texts("ticks"), ["1.0872"]);
  },
  "Test your own code": async ({ tests }) => {
    assertEquals(tests.map(({ name }) => name), ["placeOrder() writes an order once although the answer gets lost"]);
    for (const { run } of tests) await run();
  },
  "Shape the cluster": ({ output }) => {
    assertEquals(output, []);
  },
  "Let things go wrong": ({ output }) => {
    assertEquals(output, ["asked to pause for 20 ms"]);
  },
  "Spoil the network": ({ output }) => {
    assertMatch(output.at(-1)!, /^stored 1, connections [2-9]$/);
  },
  "HTTP gateway": ({ output, texts }) => {
    assertEquals(output, ['200 [{"ok":true}]']);
    assertEquals(texts("clicks"), ['{"page":"/"}']);
  },
  "Who may write what": ({ output, texts }) => {
    assertEquals(output, ["200 403 401"]);
    assertEquals(texts("clicks"), ['{"page":"/","seen":true}']);
  },
  "Ready-made hooks": ({ output }) => {
    assertEquals(output, ["shop"]);
  },
};

Deno.test("snippetsOf() finds the fenced blocks of TypeScript, with the heading above each", () => {
  const markdown = "# a\n\n```ts\n1;\n```\n\n```sh\n# b\n2\n```\n\n## c\n\n```ts\n3;\n4;\n```\n";

  assertEquals(snippetsOf(markdown), [{ heading: "a", code: "1;\n" }, { heading: "c", code: "3;\n4;\n" }]);
});

const markdown = await Deno.readTextFile("README.md");
const snippets = snippetsOf(markdown);

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

const FILES = {
  "access.log": "GET /\r\nGET /cart\r\n",
  "error.log": "a pipe broke",
  "users.txt": "ada:admin\ngrace:guest\n",
};

/** Command lines, in order. */
const COMMANDS = snippetsOf(markdown, "sh").flatMap(({ code }) => code.trimEnd().split("\n"));

Deno.test("README.md: what is sent by the command lines arrives", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: TOPICS });

  for (const line of COMMANDS.filter(isEkaf)) {
    const transcript = await runCommand(line, { cluster, body: BODY, files: FILES });

    assertEquals(transcript.code, 0, `${line}\n${transcript.stderr}`);
    if (line.includes("ekaf metadata")) assertMatch(transcript.stdout, /^Topic users, 3 partitions/m);
    else assertMatch(transcript.stderr, /^ekaf: (\d records? acknowledged|listening on)/);
  }

  const texts = (topic: string) => cluster.records(topic).map((record) => record.text()).toSorted();
  assertEquals(texts("greetings"), ["hello"]);
  assertEquals(cluster.records("logs").map((record) => record.text()), ["GET /\r", "GET /cart\r", "a pipe broke"]);
  assertEquals(cluster.records("logs")[0]!.headers, [["host", new TextEncoder().encode("web-1")]]);
  assertEquals(texts("users"), ["admin", "guest"]);
  assertEquals(texts("events"), ["1.0872", ...LINES]);
});

Deno.test("README.md: what is sent by curl arrives", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: TOPICS });
  await using producer = new Producer({ bootstrap: cluster.bootstrap });
  const gateway = createGateway({ producer });

  const answers = [];
  for (const line of COMMANDS.filter(isCurl)) {
    const response = await gateway.fetch(curlRequest(line, { "events.ndjson": BODY }));
    answers.push(`${response.status} ${await response.text()}`);
  }
  await producer.flush();

  const stored = '200 {"accepted":3,"acked":3,"failed":[]}';
  assertEquals(answers, ['200 [{"ok":true}]', '200 {"ok":1}', stored, '200 {"ready":true}']);
  const texts = (topic: string) => cluster.records(topic).map((record) => record.text());
  assertEquals([texts("greetings"), texts("clicks")], [["hello"], ['{"page":"/"}']]);
  assertEquals(texts("events").toSorted(), LINES);
});

Deno.test("README.md: every other command line is one of Deno, with flags that Deno has", async (t) => {
  const others = COMMANDS.filter((line) => !isEkaf(line) && !isCurl(line)).map(wordsOf);
  for (const [name, subcommand, ...args] of others) {
    await t.step([name, subcommand, ...args].join(" "), async () => {
      assertEquals(name, "deno");
      const { stdout } = await new Deno.Command(Deno.execPath(), { args: [subcommand!, "--help=full"] }).output();
      const help = new TextDecoder().decode(stdout);
      const script = args.findIndex((arg) => arg.startsWith("jsr:"));
      const [own, ekafs] = script === -1 ? [args, []] : [args.slice(0, script), args.slice(script + 1)];
      for (const flag of own.filter((arg) => arg.startsWith("-"))) assertStringIncludes(help, flag.split("=")[0]!);
      for (const flag of own.filter((flag) => flag.startsWith("--v8-flags="))) {
        const { success } = await new Deno.Command(Deno.execPath(), { args: ["eval", flag, "0"] }).output();
        assert(success, `V8 does not know ${flag}`);
      }
      const [command, ...flags] = ekafs;
      const known = command === undefined ? [] : (await flagsInHelp(command)).map((flag) => flag.split(" ")[0]!);
      for (const flag of flags.filter((arg) => arg.startsWith("-"))) assertArrayIncludes(known, [flag]);
      for (const [, path] of args.join(" ").matchAll(/jsr:@ekaf\/ekaf(\/\S+)?/g)) {
        assert(`.${path ?? ""}` in manifest.exports, `"${path}" is not exported`);
      }
    });
  }
});

for (const command of ["produce", "metadata", "broker", "gateway"]) {
  Deno.test(`README.md names every flag of "ekaf ${command}", and no other`, async () => {
    const section = markdown.split(`### \`ekaf ${command}\`\n`)[1]!.split(/^##/m)[0]!;

    const flags = Array.from(section.matchAll(/^\| `(--.*?)` +\|/gm), ([, flag]) => flag!.replaceAll("\\|", "|"));

    assertEquals(flags, await flagsInHelp(command));
  });
}

Deno.test("README.md names only tasks that exist", () => {
  const tasks = Array.from(markdown.matchAll(/deno(?:@[\d.]+)? task ([\w:]+)/g), ([, task]) => task!);

  assertEquals(tasks.filter((task) => !(task in manifest.tasks)), []);
});

Deno.test("README.md links to files that exist, and to headings of its own", async () => {
  const links = Array.from(markdown.matchAll(/\]\(([^)]+)\)/g), ([, link]) => link!);
  const slugs = Array.from(markdown.matchAll(/^#+ (.*)$/gm), ([, title]) => {
    return `#${title!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")}`;
  });

  for (const link of links.filter((link) => !link.startsWith("https:"))) {
    if (link.startsWith("#")) assert(slugs.includes(link), link);
    else await Deno.stat(link);
  }
});

/** The first cells of the table below a heading, without what is not code; with `column`, another cell beside it. */
function tableOf(heading: string, column: number): [name: string, cell: string][] {
  const section = markdown.split(`\n## ${heading}\n`)[1]!.split(/^## /m)[0]!;
  return Array.from(section.matchAll(/^\| `(\w+)`.*$/gm), ([row, name]) => [name!, row.split(" | ")[column]!.trim()]);
}

Deno.test("README.md has a row for every option, with its default", () => {
  const { bootstrap: _, ...defaults } = resolveOptions({ bootstrap: "localhost" });
  const rows = tableOf("Options", 2);

  assertEquals(rows.map(([name]) => name).toSorted(), ["bootstrap", ...Object.keys(defaults)].toSorted());
  for (const [name, cell] of rows) {
    const value = defaults[name as keyof typeof defaults];
    if (typeof value === "number") assertEquals(Number(cell.replaceAll(" ", "")), value, name);
    if (typeof value === "string" || typeof value === "boolean") {
      assertEquals(cell, `\`${JSON.stringify(value)}\``, name);
    }
  }
});

Deno.test("README.md names every option of the gateway, and no other", async () => {
  const section = (await Deno.readTextFile("README.md")).split("### Clients and their limits")[1]!.split("\n### ")[0]!;
  const cells = section.split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split("|")[1]!);

  const named = cells.flatMap((cell) => Array.from(cell.matchAll(/`(\w+)`/g), ([, name]) => name!));
  assertEquals(named.toSorted(), GATEWAY_OPTION_NAMES.toSorted());
});

Deno.test("README.md has a row for every event, and no other", async () => {
  const source = await Deno.readTextFile("src/events.ts");
  const map = source.split("export interface ProducerEventMap {")[1]!.split(/^}/m)[0]!;
  const events = Array.from(map.matchAll(/^ {2}(\w+): /gm), ([, name]) => name!);

  assertEquals(tableOf("Events", 1).map(([name]) => name), events);
});
