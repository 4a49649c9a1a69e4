import { assertEquals } from "@std/assert";
import { formatCount, formatMegabytes, textTable } from "../../src/cli/text_table.ts";

Deno.test("textTable() lines columns up to the right", () => {
  assertEquals(textTable(["id", "n"], [["1", "1,000"], ["12", "3"]]), [
    "id      n",
    "--  -----",
    " 1  1,000",
    "12      3",
  ]);
});

Deno.test("formatCount() and formatMegabytes() round", () => {
  assertEquals(formatCount(1_234_567.6), "1,234,568");
  assertEquals(formatMegabytes(1_496_000), "1.50 MB");
});
