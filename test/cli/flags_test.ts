import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describeFlags, type Flags, parseCount, parseFlags, required, UsageError } from "../../src/cli/flags.ts";

const FLAGS = {
  "topic": { kind: "value", placeholder: "NAME", help: ["Where to"] },
  "header": { kind: "values", placeholder: "NAME=VALUE", help: ["One", "or several"] },
  "null": { kind: "switch", help: ["Empty is null"] },
  "key-separator": { kind: "value", placeholder: "TEXT", help: ["Ends the key"] },
} as const satisfies Flags;

Deno.test("parseFlags() reads flags and operands in any order", () => {
  const { flags, operands } = parseFlags(FLAGS, [
    "a",
    "--null",
    "--topic",
    "t",
    "b",
    "--header=x=1",
    "--header",
    "y=2",
  ]);

  assertEquals(flags, { "topic": "t", "header": ["x=1", "y=2"], "null": true, "key-separator": undefined });
  assertEquals(operands, ["a", "b"]);
});

Deno.test("parseFlags() gives switches as false and values as undefined when they are left out", () => {
  const { flags, operands } = parseFlags(FLAGS, []);

  assertEquals(flags, { "topic": undefined, "header": [], "null": false, "key-separator": undefined });
  assertEquals(operands, []);
});

Deno.test("parseFlags() takes everything behind -- for operands, and a lone dash", () => {
  const { operands } = parseFlags(FLAGS, ["-", "--", "--topic", "-x"]);

  assertEquals(operands, ["-", "--topic", "-x"]);
});

Deno.test("parseFlags() takes values that begin with a dash or are empty", () => {
  assertEquals(parseFlags(FLAGS, ["--key-separator", "-"]).flags["key-separator"], "-");
  assertEquals(parseFlags(FLAGS, ["--key-separator", "--"]).flags["key-separator"], "--");
  assertEquals(parseFlags(FLAGS, ["--key-separator=--null"]).flags["key-separator"], "--null");
  assertEquals(parseFlags(FLAGS, ["--key-separator="]).flags["key-separator"], "");
  assertEquals(parseFlags(FLAGS, ["--topic", "-1"]).flags["topic"], "-1");
});

Deno.test("parseFlags() names the argument that is wrong", async (t) => {
  const cases: [args: string[], message: string][] = [
    [["--topik", "t"], "Cannot use --topik: there is no such option"],
    [["--top", "t"], "Cannot use --top: there is no such option; did you mean --topic?"],
    [["--separator", ":"], "did you mean --key-separator?"],
    [["-x"], "Cannot use -x: there is no such option"],
    [["-t", "x"], "Cannot use -t: there is no such option"],
    [["--no-null"], "Cannot use --no-null: there is no such option"],
    [["--topic"], "Cannot use --topic: its value NAME is missing"],
    [["--topic", "--null"], 'its value NAME is missing (to give it "--null", write --topic=--null)'],
    [["--null=yes"], "Cannot use --null=yes: --null takes no value"],
    [["--topic", "a", "--topic", "b"], 'Cannot use --topic "b": it is given twice'],
    [["--__proto__", "x"], "Cannot use --__proto__: there is no such option"],
    [["--toString"], "Cannot use --toString: there is no such option"],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), () => {
      assertThrows(() => parseFlags(FLAGS, args), UsageError, message);
    });
  }
});

Deno.test("describeFlags() aligns what flags do", () => {
  assertEquals(
    describeFlags(FLAGS),
    [
      "  --topic NAME          Where to",
      "  --header NAME=VALUE   One",
      "                        or several",
      "  --null                Empty is null",
      "  --key-separator TEXT  Ends the key",
    ].join("\n"),
  );
});

Deno.test("parseCount() takes whole numbers within bounds and names the flag otherwise", () => {
  assertEquals(parseCount("--port", "0", { min: 0, max: 9 }), 0);
  assertEquals(parseCount("--port", "9", { min: 0, max: 9 }), 9);
  for (const text of ["10", "-1", "1.5", "", " 1", "0x1", "1e0", "NaN", "9999999999999999"]) {
    const error = assertThrows(() => parseCount("--port", text, { min: 0, max: 9 }), UsageError);
    assertMatch(error.message, /^Cannot use --port ".*": it must be a whole number from 0 to 9$/);
  }
});

Deno.test("required() names a flag that is missing", () => {
  assertEquals(required("topic", "t"), "t");
  assertThrows(() => required("topic", undefined), UsageError, "Cannot go on without --topic");
  assertThrows(() => required("bootstrap", []), UsageError, "Cannot go on without --bootstrap");
});
