import { assertEquals } from "@std/assert";

const SOURCES = ["mod.ts", "protocol/", "src/"];

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sourceFiles(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

/** The files that a map names: `**`folder/`**` begins a folder, "- `file.ts`: what it is" names a file in it. */
function mappedFiles(markdown: string): string[] {
  const files: string[] = [];
  let folder = "";
  for (const [, opened, file] of markdown.matchAll(/^\*\*`(.+\/)`\*\*$|^- `(\w+\.ts)`: \S/gm)) {
    if (opened !== undefined) folder = opened;
    else files.push(`${folder}${file}`);
  }
  return files;
}

Deno.test("ARCHITECTURE.md has a line for every source file, and for no other", async () => {
  const files: string[] = [];
  for (const source of SOURCES) {
    if (source.endsWith("/")) files.push(...await Array.fromAsync(sourceFiles(source)));
    else files.push(source);
  }

  const mapped = mappedFiles(await Deno.readTextFile(".github/ARCHITECTURE.md"));

  const missing = files.filter((file) => !mapped.includes(file));
  const gone = mapped.filter((file) => !files.includes(file));
  assertEquals({ missing, gone }, { missing: [], gone: [] }, 'say in a line, under "Files", what each file is');
});
