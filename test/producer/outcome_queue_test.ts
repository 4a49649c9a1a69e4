import { assertEquals } from "@std/assert";
import type { Delivery } from "@ekaf/ekaf";
import { type Outcome, OutcomeQueue } from "../../src/producer/outcome_queue.ts";
import { SeededRandom } from "../protocol/seeded_random.ts";

const outcome = (n: number): Outcome => ({ topic: "t", partition: 0, offset: BigInt(n), timestamp: 0 });

Deno.test("OutcomeQueue gives outcomes in input order whatever the order they come in", () => {
  const random = new SeededRandom(5);
  for (const takesRuns of [false, true]) {
    const queue = new OutcomeQueue();
    const missing: number[] = [];
    const taken: bigint[] = [];
    while (taken.length < 20_000) {
      const count = random.below(300);
      for (let i = 0; i < count; i++) missing.push(queue.nextIndex + i);
      queue.reserve(count);
      for (let i = random.below(320); i > 0 && missing.length > 0; i--) {
        const [index] = missing.splice(random.below(Math.min(missing.length, 40)), 1);
        queue.settle(index!, outcome(index!));
      }
      while (queue.isReady && random.below(50) > 0) {
        taken.push(
          ...(takesRuns ? queue.takeRun() : [queue.takeOne()]).map((each) => (each as Delivery).offset!),
        );
      }
      assertEquals(queue.nextIndex - queue.unreadCount, taken.length);
      assertEquals(queue.isSettled, missing.length === 0);
    }

    assertEquals(taken, taken.map((_, i) => BigInt(i)));
  }
});

Deno.test("OutcomeQueue.giveBack() lets the next records have the places", () => {
  const queue = new OutcomeQueue();
  queue.reserve(2);
  queue.giveBack(1);

  queue.reserve(1);
  queue.settle(1, outcome(1));
  queue.settle(0, outcome(0));

  assertEquals(queue.takeRun(), [outcome(0), outcome(1)]);
  assertEquals([queue.unreadCount, queue.nextIndex, queue.isReady], [0, 2, false]);
});

Deno.test("OutcomeQueue.discard() forgets outcomes and still counts what settles", () => {
  const queue = new OutcomeQueue();
  queue.reserve(3);
  queue.settle(0, outcome(0));

  queue.discard();
  queue.settle(1, outcome(1));
  assertEquals([queue.isReady, queue.unreadCount, queue.isSettled], [false, 0, false]);
  queue.settle(2, outcome(2));

  assertEquals(queue.isSettled, true);
});
