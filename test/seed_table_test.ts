import { assert, assertEquals } from "@std/assert";

const markdown = await Deno.readTextFile(".github/SEED.md");

/** The rows: id, and what stands in the last column. */
const rows = [...markdown.matchAll(/^\| (F\d+)(\\\*)?\s*\|(?:[^|\n]*\|){2} ([^|\n]*) \|$/gm)]
  .map(([, id, , proof]) => ({ id: id!, proof: proof!.trim() }));

/** The tests that a cell names. */
function testsIn(proof: string): { path: string; title: string }[] {
  return [...proof.matchAll(/`(test\/[^`]+_test\.ts)`: `([^`]+)`/g)].map(([, path, title]) => ({
    path: path!,
    title: title!,
  }));
}

/** Whether the text of a test file defines a test of that title, as it is written there. */
function hasTest(text: string, title: string): boolean {
  return [`"`, "`", "'"].some((quote) => {
    const at = text.indexOf(quote + title + quote);
    return at !== -1 && /Deno\.test\(\s*$/.test(text.slice(Math.max(0, at - 80), at));
  });
}

Deno.test("hasTest() finds titles of tests, and no other text", () => {
  const text = 'const a = "no test";\nDeno.test(\n  `a ${b} c`, () => {});\nDeno.test("d", () => {});';

  const found = ["no test", "a ${b} c", "d", "a"].map((title) => hasTest(text, title));

  assertEquals(found, [false, true, true, false]);
});

Deno.test("SEED.md has every row of the checklist once, in order", () => {
  const numbers = [...Array.from({ length: 102 }, (_, i) => i + 1), 129, 130, 131, 132];

  assertEquals(rows.map(({ id }) => id), numbers.map((number) => `F${String(number).padStart(2, "0")}`));
});

Deno.test("SEED.md names a test for each row, a bench for speed, or says that there is nothing yet", async () => {
  const bench = "bench/seed_bench.ts";
  for (const { id, proof } of rows) {
    if (Number(id.slice(1)) >= 129 && proof === `\`deno run -A ${bench}\``) {
      assert((await Deno.stat(bench)).isFile);
      continue;
    }
    const named = testsIn(proof).map(({ path, title }) => `\`${path}\`: \`${title}\``).join("<br>");
    assert(proof === "not yet" || (named !== "" && proof === named), `${id}: ${proof}`);
  }
});

Deno.test("SEED.md names tests that exist", async () => {
  const texts = new Map<string, string>();
  const missing: string[] = [];
  for (const { id, proof } of rows) {
    for (const { path, title } of testsIn(proof)) {
      let text = texts.get(path);
      if (text === undefined) texts.set(path, text = await Deno.readTextFile(path).catch(() => ""));
      if (!hasTest(text, title)) missing.push(`${id}: ${path}: ${title}`);
    }
  }

  assertEquals(missing, []);
});
