import { assertEquals } from "@std/assert";
import { WaitingCalls } from "../../src/producer/waiting_calls.ts";

Deno.test("WaitingCalls adds up how long each call waits, also while it does", () => {
  let nowMs = 5_000;
  const calls = new WaitingCalls(() => nowMs);
  const told = () => [calls.count, calls.total, calls.ms];

  nowMs += 100;
  assertEquals(told(), [0, 0, 0]);
  calls.change(1);
  nowMs += 10;
  assertEquals(told(), [1, 1, 10]);
  calls.change(1);
  nowMs += 5;
  assertEquals(told(), [2, 2, 20]);
  calls.change(-1);
  nowMs += 1;
  calls.change(-1);
  nowMs += 1_000;
  assertEquals(told(), [0, 2, 21]);
  calls.change(1);
  assertEquals(told(), [1, 3, 21]);
});

Deno.test("WaitingCalls looks at no clock while nobody waits", () => {
  let looks = 0;
  const calls = new WaitingCalls(() => looks++);

  assertEquals([calls.count, calls.total, calls.ms, looks], [0, 0, 0, 0]);
});
