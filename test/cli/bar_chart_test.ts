import { assertEquals } from "@std/assert";
import { bar, columnChart } from "../../src/cli/bar_chart.ts";

Deno.test("bar() is as long as its value, in eighths of a column", () => {
  assertEquals([16, 8, 4, 1, 12].map((value) => bar(value, 16, 2)), ["██", "█", "▌", "▏", "█▌"]);
});

Deno.test("bar() shows a little of what is nearly nothing, and nothing of nothing", () => {
  assertEquals(bar(1, 1_000_000, 10), "▏");
  assertEquals([bar(0, 10, 10), bar(0, 0, 10)], ["", ""]);
});

Deno.test("bar() is never longer than its columns", () => {
  assertEquals(bar(20, 10, 3), "███");
});

Deno.test("columnChart() gives the largest a whole line, and nothing a blank", () => {
  assertEquals(columnChart([0, 1, 4, 8]), " ▁▄█");
  assertEquals(columnChart([0, 0]), "  ");
  assertEquals(columnChart([]), "");
});
