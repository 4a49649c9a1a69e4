import { assertEquals } from "@std/assert";
import { backoffMs } from "../../src/net/backoff.ts";

Deno.test("backoffMs() doubles up to the maximum", () => {
  const ceilings = [0, 1, 2, 3, 4, 5, 1_000].map((attempt) =>
    backoffMs({ initial: 100, max: 1_000 }, attempt, () => 1)
  );

  assertEquals(ceilings, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
});

Deno.test("backoffMs() takes any part of it, and never nothing", () => {
  assertEquals(backoffMs({ initial: 100, max: 1_000 }, 1, () => 0.5), 100);
  assertEquals(backoffMs({ initial: 100, max: 1_000 }, 1, () => 0), 1);
});
