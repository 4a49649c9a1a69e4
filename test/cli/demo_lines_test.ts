import { assertEquals } from "@std/assert";
import { CLICKS, demoBytes, demoRecords, LOG } from "../../src/cli/demo_lines.ts";

Deno.test("demoBytes() gives the lines of a text whatever the count", () => {
  for (const count of [0, 1, 999, 1_000, 1_001, 2_500]) {
    const decoder = new TextDecoder();
    const text = [...demoBytes(CLICKS, count)].map((chunk) => decoder.decode(chunk)).join("");

    assertEquals(text.split("\n").slice(0, -1), Array.from({ length: count }, (_, i) => CLICKS.line(i)));
  }
});

Deno.test("CLICKS have a user for a key, two lines in three; lines of LOG have none", () => {
  const keys = [CLICKS, LOG].map((text) => [0, 1, 2].map((i) => text.keyOf(text.line(i))));

  assertEquals(keys, [["user-0", "user-919", null], [null, null, null]]);
});

Deno.test("demoRecords() never gives a value twice", () => {
  const records = [...demoRecords(CLICKS, 5_000), ...demoRecords(LOG, 5_000)];

  assertEquals(new Set(records.map(({ value }) => value)).size, 10_000);
});
