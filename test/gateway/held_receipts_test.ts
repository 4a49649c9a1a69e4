import { assertEquals } from "@std/assert";
import type { Delivery, DeliveryFailure } from "@ekaf/ekaf";
import { HeldReceipts, receiptTexts } from "../../src/gateway/held_receipts.ts";
import type { StreamTally } from "../../src/gateway/stream_tally.ts";

/** Counts lines from 1; every `step`th line has a record. */
function tallyOf(step = 1): StreamTally {
  let line = 1 - step;
  return {
    settled: () => line += step,
    failedLine: (line: number, error: Error) => ({ line, code: "X", error: error.message, retriable: true }),
  } as unknown as StreamTally;
}

const delivery = (partition: number, offset: bigint | null): Delivery => (
  { topic: "t", partition, offset, timestamp: 0 }
);
const failure = { error: new Error("no") } as unknown as DeliveryFailure;

Deno.test("HeldReceipts tells the same text as receipts that are not held", () => {
  const outcomes = [
    ...Array.from({ length: 2_500 }, (_, i) => delivery(0, BigInt(i))),
    delivery(0, 5_000n),
    delivery(1, 5_001n),
    failure,
    failure,
    ...Array.from({ length: 3 }, () => delivery(2, null)),
    delivery(2, 7n),
    delivery(2, null),
  ];
  for (const step of [1, 3]) {
    const held = new HeldReceipts();
    const tally = tallyOf(step);
    for (let begin = 0; begin < outcomes.length; begin += 700) held.push(outcomes.slice(begin, begin + 700), tally);

    const texts = [...held.texts()];

    assertEquals(texts.join(""), receiptTexts(outcomes, tallyOf(step)));
    assertEquals(texts.length, Math.ceil(outcomes.length / 1_000));
  }
});

Deno.test("HeldReceipts holds batches as one, and is full with maxRuns of them", () => {
  const held = new HeldReceipts(3);
  const tally = tallyOf();

  held.push(Array.from({ length: 100_000 }, (_, i) => delivery(0, BigInt(i))), tally);
  held.push([failure], tally);
  const before = held.isFull;
  held.push([delivery(0, 100_000n)], tally);

  assertEquals([before, held.isFull], [false, true]);
});
