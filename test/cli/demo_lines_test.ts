import { assertEquals, assertNotEquals } from "@std/assert";
import { demoBytes, demoLine, demoRecord, demoRecords } from "../../src/cli/demo_lines.ts";

Deno.test("demoBytes() gives the lines of demoLine() whatever the count", () => {
  for (const count of [0, 1, 999, 1_000, 1_001, 2_500]) {
    const decoder = new TextDecoder();
    const text = [...demoBytes(count)].map((chunk) => decoder.decode(chunk)).join("");

    assertEquals(text.split("\n").slice(0, -1), Array.from({ length: count }, (_, i) => demoLine(i)));
  }
});

Deno.test("demoRecord() takes two lines in three a user for a key", () => {
  const keys = [0, 1, 2].map((i) => demoRecord(demoLine(i)).key);

  assertEquals(keys, ["user-0", "user-919", null]);
});

Deno.test("demoRecords() never gives a value twice", () => {
  const values = new Set([...demoRecords(5_000)].map(({ value }) => value));

  assertEquals(values.size, 5_000);
  assertNotEquals(demoLine(1), demoLine(2));
});
