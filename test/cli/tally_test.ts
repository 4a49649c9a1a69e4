import { assertEquals } from "@std/assert";
import { type Delivery, DeliveryError, type DeliveryFailure } from "@ekaf/ekaf";
import { Tally } from "../../src/cli/tally.ts";

const DELIVERY: Delivery = { topic: "t", partition: 0, offset: 0n, timestamp: 0 };

function deliveries(count: number): Delivery[] {
  return Array.from({ length: count }, () => DELIVERY);
}

function failure(message: string): DeliveryFailure {
  const error = new DeliveryError(message, { topic: "t", partition: 0, attempts: 1, verdict: "notPersisted" });
  return { topic: "t", partition: 0, error, record: null as unknown as DeliveryFailure["record"] };
}

Deno.test("Tally counts what was submitted, acknowledged and is buffered", () => {
  const tally = new Tally();
  tally.begin("a");
  tally.submit(10, 100);
  tally.submit(5, 500);

  tally.settle(deliveries(11));

  assertEquals([tally.submitted, tally.acknowledged, tally.buffered, tally.failed], [15, 11, 4, 0]);
});

Deno.test("Tally.settledBytes follows whole pieces", () => {
  const tally = new Tally();
  tally.begin("a");
  tally.submit(2, 20);
  tally.submit(0, 0);
  tally.submit(3, 300);
  const bytes: number[] = [];

  for (let i = 0; i < 5; i++) {
    tally.settle(deliveries(1));
    bytes.push(tally.settledBytes);
  }

  assertEquals(bytes, [0, 20, 20, 20, 320]);
});

Deno.test("Tally.placeOf() names file and line, past empty files", () => {
  const tally = new Tally();
  tally.begin("a");
  tally.submit(2, 2);
  tally.begin("empty");
  tally.begin("b");
  tally.submit(1, 1);

  assertEquals([0, 1, 2].map((index) => tally.placeOf(index)), ["a, line 1", "a, line 2", "b, line 1"]);
  assertEquals(tally.nextPlace, "b, line 2");
});

Deno.test("Tally.failedLines keeps the first failures with their places", () => {
  const tally = new Tally();
  tally.begin("a");
  tally.submit(30, 30);

  tally.settle([...deliveries(3), failure("first"), ...deliveries(1)]);
  tally.settle(Array.from({ length: 20 }, () => failure("later")));

  assertEquals(tally.failed, 21);
  assertEquals(tally.failedLines.length, 10);
  assertEquals(tally.failedLines.slice(0, 2).map(({ place, error }) => [place, error.message]), [
    ["a, line 4", "first"],
    ["a, line 6", "later"],
  ]);
});
