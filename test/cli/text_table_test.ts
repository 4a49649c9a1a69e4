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

Deno.test("textTable() leaves out columns, in the order told, only while there is no room", () => {
  const table = (maxColumns: number) => {
    return textTable(["a", "b", "c"], [["1", "22", "333"]], { maxColumns, expendable: ["c", "b"] }).at(-1);
  };

  assertEquals(table(10), "1  22  333");
  assertEquals(table(9), "1  22");
  assertEquals(table(4), "1");
  assertEquals(table(0), "1");
});

Deno.test("formatCount() and formatMegabytes() round", () => {
  assertEquals(formatCount(1_234_567.6), "1,234,568");
  assertEquals(formatMegabytes(1_496_000), "1.50 MB");
});
