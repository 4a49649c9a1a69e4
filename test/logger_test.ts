import { assertEquals } from "@std/assert";
import { limitedWarnings, WARNING_INTERVAL_MS } from "../src/logger.ts";
import { ManualTimers } from "./manual_timers.ts";

Deno.test("limitedWarnings() passes each kind on once in a while", async () => {
  const timers = new ManualTimers();
  const messages: string[] = [];
  const warn = limitedWarnings({ warn: (message) => messages.push(message) }, timers);

  warn("a", "a1");
  warn("a", "a2");
  warn("b", "b1");
  await timers.advance(WARNING_INTERVAL_MS);
  warn("a", "a3");

  assertEquals(messages, ["a1", "b1", "a3"]);
});

Deno.test("limitedWarnings() gives the error along, and bears no logger and one that throws", () => {
  const contexts: unknown[] = [];
  const error = new Error("why");

  limitedWarnings({ warn: (_message, context) => contexts.push(context) }, new ManualTimers())("a", "m", error);
  limitedWarnings(null, new ManualTimers())("a", "m");
  limitedWarnings({
    warn: () => {
      throw new Error("broken");
    },
  }, new ManualTimers())("a", "m");

  assertEquals(contexts, [{ kind: "a", error }]);
});
