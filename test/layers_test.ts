import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findViolations, layerOf, MAX_CODE_LINES, scan, type SourceFile } from "./layers.ts";

const root = new URL("../", import.meta.url);

function readSources(folder: string): SourceFile[] {
  return [...Deno.readDirSync(new URL(folder, root))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}${name}`;
    if (isDirectory) return readSources(`${path}/`);
    return path.endsWith(".ts") ? [{ path, text: Deno.readTextFileSync(new URL(path, root)) }] : [];
  });
}

/** The one violation of a file, or `""`. */
function violationOf(path: string, text: string): string {
  const violations = findViolations([{ path, text }]);
  assert(violations.length <= 1, violations.join("\n"));
  return violations[0] ?? "";
}

Deno.test("sources import downwards, keep tripwire names in their place and stay short", () => {
  const sources = [
    ...readSources("protocol/"),
    ...readSources("src/"),
    { path: "mod.ts", text: Deno.readTextFileSync(new URL("mod.ts", root)) },
  ];

  const violations = findViolations(sources);

  assertEquals(violations, []);
});

Deno.test("layerOf() finds the layer of nested files, leaves and strangers", () => {
  assertEquals(layerOf("protocol/messages/produce.ts"), "protocol");
  assertEquals(layerOf("src/errors.ts"), "src");
  assertEquals(layerOf("src/embedded/handlers/produce.ts"), "src/embedded");
  assertEquals(layerOf("mod.ts"), "mod.ts");
  assertEquals(layerOf("src/elsewhere/a.ts"), undefined);
  assertEquals(layerOf("test/a.ts"), undefined);
});

Deno.test("findViolations() accepts every import the table allows", () => {
  const files = [
    { path: "protocol/messages/a.ts", text: 'import { S } from "../schema.ts";' },
    { path: "src/net/a.ts", text: 'import type { A } from "../errors.ts"; import "../../protocol/frame.ts";' },
    { path: "src/producer/a.ts", text: 'export { B } from "../cluster/cluster.ts"; import "@std/async/delay";' },
    { path: "src/embedded/handlers/a.ts", text: 'import { F } from "../../net/frame_stream.ts";' },
    { path: "test/a_test.ts", text: 'import { P } from "../src/producer/producer.ts"; setTimeout(f, 1);' },
  ];

  assertEquals(findViolations(files), []);
});

Deno.test("findViolations() names a planted import", async (t) => {
  const planted = [
    ["protocol/a.ts", 'import { KafkaError } from "../src/errors.ts";'],
    ["src/errors.ts", 'import type { A } from "./net/address.ts";'],
    ["src/net/a.ts", 'export * from "../cluster/mod.ts";'],
    ["src/cluster/a.ts", "const { Producer } = await import('../producer/producer.ts');"],
    ["src/producer/a.ts", 'import {\n  a,\n  b,\n} from "../net/connection.ts";'],
    ["src/producer/deep/a.ts", 'import "../../embedded/mod.ts";'],
    ["src/embedded/handlers/a.ts", 'import type { A } from "../../producer/producer.ts";'],
    ["src/gateway/a.ts", 'type A = import("../net/connection.ts").Connection;'],
    ["src/cli/a.ts", 'import { Cluster } from "../cluster/cluster.ts";'],
    ["mod.ts", 'export { EmbeddedCluster } from "./src/embedded/mod.ts";'],
    ["src/net/a.ts", "await import(`../producer/${name}.ts`);"],
    ["src/producer/a.ts", 'import { assert } from "@std/assert";'],
    ["protocol/a.ts", 'import { gzipSync } from "node:zlib";'],
    ["src/elsewhere/a.ts", ""],
  ] as const;
  for (const [path, text] of planted) {
    await t.step(`${path}: ${text}`, () => {
      assertStringIncludes(violationOf(path, text), path);
    });
  }
});

Deno.test("findViolations() names a planted tripwire", async (t) => {
  const planted = [
    ["src/cluster/a.ts", "await Deno.connect({ port });"],
    ["src/net/connection.ts", "await Deno\n  .connectTls({ port });"],
    ["src/embedded/cluster.ts", "Deno.listen({ port: 0 });"],
    ["src/gateway/a.ts", "Deno.serve(handler);"],
    ["src/producer/a.ts", "const home = `${Deno.env.get('HOME')}`;"],
    ["src/producer/a.ts", "if (Deno.args.length > 0) f();"],
    ["protocol/a.ts", "Deno.exit(1);"],
    ["src/producer/a.ts", "const { connect } = Deno;"],
    ["src/producer/a.ts", 'Deno["connect"]();'],
    ["src/producer/a.ts", 'console.log("x");'],
    ["src/producer/a.ts", "const logger = options.logger ?? console;"],
    ["src/producer/a.ts", "globalThis.setTimeout(f, 5);"],
  ] as const;
  for (const [path, text] of planted) {
    await t.step(`${path}: ${text}`, () => {
      assertStringIncludes(violationOf(path, text), "belongs in");
    });
  }
});

Deno.test("findViolations() accepts tripwire names at home, in comments and in strings", () => {
  const files = [
    { path: "src/net/transport.ts", text: "Deno.connect({ port });" },
    { path: "src/embedded/listener.ts", text: "Deno.listen({ port: 0 });" },
    { path: "src/cli/main.ts", text: "console.log(Deno.args, Deno.env); Deno.serve(f); Deno.exit(0);" },
    { path: "src/timers.ts", text: "setTimeout(f, 1);" },
    {
      path: "src/producer/a.ts",
      text: "// never setTimeout\n/** Deno.connect */ const a = 'console', b = `Deno.env`;",
    },
    { path: "src/producer/b.ts", text: "const a = /[\"'`/]console/.test(b) ? x / y : z / 2; // Deno.exit" },
  ];

  assertEquals(findViolations(files), []);
});

Deno.test("findViolations() names a file that is too long or has no noun for a name", () => {
  const lines = "const a = 1; // code\n\n/* not\n code */\n";

  assertEquals(violationOf("src/net/a.ts", lines.repeat(MAX_CODE_LINES)), "");
  assertStringIncludes(violationOf("src/net/a.ts", lines.repeat(MAX_CODE_LINES + 1)), "301 lines of code");
  assertStringIncludes(violationOf("src/net/utils.ts", ""), '"utils.ts"');
  assertStringIncludes(violationOf("src/producer/common/a.ts", ""), '"common"');
});

Deno.test("scan() keeps code and gives strings apart", () => {
  const { code, strings } = scan('import a from "./a.ts"; const b = `x ${f({ c: "d" })} y`; // e\n');

  assertEquals(code, 'import a from ""; const b = (f({ c: "" })); \n');
  assertEquals(strings, [{ value: "./a.ts", isModule: true }, { value: "d", isModule: false }]);
});
