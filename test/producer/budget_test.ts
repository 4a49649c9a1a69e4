import { assert, assertEquals } from "@std/assert";
import { Budget, BudgetShare, type Waiter } from "../../src/producer/budget.ts";
import { SeededRandom } from "../protocol/seeded_random.ts";
import { holdProduce, rig, until } from "./rig.ts";

/** Takes its bytes from a share when it is its turn. */
class Taker implements Waiter {
  isIn = false;
  arrival = 0;
  constructor(readonly budget: Budget, readonly share: BudgetShare, readonly neededBytes: number) {}

  /** Takes them now, or waits. */
  try(): this {
    if (this.budget.admits(this.share, this.neededBytes)) this.resume();
    else this.budget.wait(this.share, this);
    return this;
  }

  mayMove(): boolean {
    return false;
  }

  resume(): BudgetShare | null {
    if (!this.budget.admits(this.share, this.neededBytes)) return this.share;
    this.budget.take(this.share, this.neededBytes);
    this.isIn = true;
    return null;
  }
}

function upShare(budget: Budget, maxBytes: number): BudgetShare {
  const share = new BudgetShare(maxBytes);
  budget.setUp(share, true);
  return share;
}

Deno.test("Budget keeps the order of arrival among waiters that went on to another share", () => {
  const budget = new Budget(100);
  const gate = upShare(budget, 0);
  const share = upShare(budget, 50);
  const served: string[] = [];
  const full = new Taker(budget, share, 50).try();
  const first: Waiter = {
    neededBytes: 0,
    arrival: 0,
    mayMove: () => false,
    resume: () => {
      if (!budget.admits(share, 10)) {
        first.neededBytes = 10;
        return share;
      }
      served.push("first");
      return null;
    },
  };
  const second: Waiter = {
    neededBytes: 10,
    arrival: 0,
    mayMove: () => false,
    resume: () => (served.push("second"), null),
  };
  gate.bytes = 1; // It is shut.
  budget.wait(gate, first);
  budget.wait(share, second);

  gate.bytes = 0;
  budget.serve();
  assertEquals([served, gate.waiters.length, share.waiters.length], [[], 0, 2]);
  budget.give(share, full.neededBytes);
  budget.serve();

  assertEquals(served, ["first", "second"]);
});

Deno.test("Budget serves the waiters of a share in order", () => {
  const budget = new Budget(100);
  const share = upShare(budget, 50);
  new Taker(budget, share, 50).try();

  const large = new Taker(budget, share, 40).try();
  const small = new Taker(budget, share, 5).try();
  budget.give(share, 20);
  budget.serve();
  const before = [large.isIn, small.isIn];
  budget.give(share, 30);
  budget.serve();

  assertEquals([before, [large.isIn, small.isIn]], [[false, false], [true, true]]);
  assertEquals([budget.usedBytes, budget.hasWaiters], [45, false]);
});

Deno.test("Budget lets a waiter whose share is full hold up nobody else", () => {
  const budget = new Budget(100);
  const full = upShare(budget, 60);
  const other = upShare(budget, 60);
  new Taker(budget, full, 60).try();
  new Taker(budget, other, 30).try();

  const stuck = new Taker(budget, full, 50).try();
  const next = new Taker(budget, other, 10).try();
  const waits = new Taker(budget, other, 25).try();
  budget.give(other, 25);
  budget.serve();

  assertEquals([stuck.isIn, next.isIn, waits.isIn], [false, true, true]);
});

Deno.test("Budget lets a waiter for the whole budget not be overtaken for ever", () => {
  const budget = new Budget(100);
  const [a, b] = [upShare(budget, 100), upShare(budget, 100)];
  new Taker(budget, a, 95).try();

  const large = new Taker(budget, b, 50).try();
  const small = new Taker(budget, a, 3).try();
  budget.give(a, 30);
  budget.serve();
  const before = [large.isIn, small.isIn];
  budget.give(a, 40);
  budget.serve();

  assertEquals([before, [large.isIn, small.isIn]], [[false, false], [true, true]]);
});

Deno.test("Budget gives shares that are not up at most half while another one is", () => {
  const budget = new Budget(100);
  const down = [new BudgetShare(80), new BudgetShare(80)];
  upShare(budget, 80);

  const takers = [30, 20, 10].map((bytes, i) => new Taker(budget, down[i % 2]!, bytes).try());

  assertEquals(takers.map(({ isIn }) => isIn), [true, true, false]);
  budget.setUp(down[1]!, true);
  budget.serve();
  assertEquals(takers[2]!.isIn, true, "the other one's bytes no longer count");
});

Deno.test("Budget gives everything to shares that are not up while none is", () => {
  const budget = new Budget(100);
  const down = new BudgetShare(100);

  assertEquals(new Taker(budget, down, 100).try().isIn, true);
});

Deno.test("Budget.dissolve() sends waiters to their new share in order, before later ones", () => {
  const budget = new Budget(100);
  const [old, next] = [upShare(budget, 100), upShare(budget, 10)];
  new Taker(budget, old, 100).try();
  const order: number[] = [];
  const movers = [1, 2, 3].map((n): Waiter => ({
    neededBytes: 10,
    arrival: 0,
    mayMove: () => false,
    resume: () => {
      if (!budget.admits(next, 10)) return next;
      budget.take(next, 10);
      order.push(n);
      return null;
    },
  }));
  for (const mover of movers) budget.wait(old, mover);

  budget.dissolve(old);
  new Taker(budget, next, 10).try();
  budget.give(old, 100);
  for (let i = 0; i < 3; i++) {
    budget.serve();
    budget.give(next, 10);
  }

  assertEquals(order, [1, 2, 3]);
});

Deno.test("Budget never gives more than there is, and all of it back, for any order of takers", () => {
  const random = new SeededRandom(11);
  const budget = new Budget(1_000);
  const shares = [300, 500, 1_000].map((maxBytes) => upShare(budget, maxBytes));
  const takers: Taker[] = [];
  const held: Taker[] = [];
  for (let i = 0; i < 5_000; i++) {
    if (random.below(2) === 0) {
      const share = shares[random.below(3)]!;
      takers.push(new Taker(budget, share, 1 + random.below(share.maxBytes)).try());
    } else if (random.below(20) === 0) {
      const share = shares[random.below(3)]!;
      budget.setUp(share, !share.isUp);
      budget.serve();
    } else {
      held.push(...takers.filter(({ isIn }) => isIn));
      for (const done of held.splice(0, 1 + random.below(3))) {
        takers.splice(takers.indexOf(done), 1);
        budget.give(done.share, done.neededBytes);
      }
      held.length = 0;
      budget.serve();
    }
    assert(budget.usedBytes <= 1_000 && shares.every(({ bytes, maxBytes }) => bytes <= maxBytes && bytes >= 0));
  }

  for (const share of shares) budget.setUp(share, true);
  while (takers.length > 0) {
    budget.serve();
    const done = takers.findIndex(({ isIn }) => isIn);
    assert(done !== -1, "somebody waits although all the rest is free");
    const [taker] = takers.splice(done, 1);
    budget.give(taker!.share, taker!.neededBytes);
  }
  assertEquals([budget.usedBytes, budget.hasWaiters], [0, false]);
});

Deno.test("Budget keeps half for other brokers whatever one broker's shares ask for, while another is up", () => {
  const budget = new Budget(100);
  const [a, b, c] = [upShare(budget, 60), upShare(budget, 60), upShare(budget, 60)];
  budget.lead(a!, 1);
  budget.lead(b!, 1);

  const alone = budget.freeBytes(a!);
  budget.lead(c!, 2);
  new Taker(budget, a!, 40).try();
  new Taker(budget, c!, 1).try();
  const beside = [budget.freeBytes(a!), budget.freeBytes(b!), budget.freeBytes(c!)];
  budget.setUp(c!, false);
  const afterLoss = budget.freeBytes(a!);
  budget.setUp(c!, true);
  budget.lead(a!, 2);
  const moved = [budget.freeBytes(a!), budget.freeBytes(b!), budget.freeBytes(c!)];

  assertEquals([alone, beside, afterLoss, moved], [60, [10, 10, 49], 20, [9, 59, 9]]);
});

Deno.test("Budget lets a large waiter of a full broker go first, and those of other brokers pass", () => {
  const budget = new Budget(100);
  const [a, b, c] = [upShare(budget, 60), upShare(budget, 60), upShare(budget, 60)];
  budget.lead(a!, 1);
  budget.lead(b!, 1);
  budget.lead(c!, 2);
  new Taker(budget, a!, 20).try();
  new Taker(budget, b!, 25).try();

  const large = new Taker(budget, a!, 30).try();
  const small = new Taker(budget, b!, 3).try();
  const other = new Taker(budget, c!, 3).try();
  budget.give(b!, 5);
  budget.serve();
  const before = [large.isIn, small.isIn, other.isIn];
  budget.give(b!, 20);
  budget.serve();

  assertEquals([before, [large.isIn, small.isIn]], [[false, false, true], [true, false]]);
  budget.give(a!, 30);
  budget.serve();
  assertEquals(small.isIn, true);
});

Deno.test("a broker that falls silent holds half of the buffer at most, and the others go on", async () => {
  const sizes = { batchMaxBytes: 2_000, partitionMaxBytes: 20_000, bufferMaxBytes: 20_000 };
  await using r = await rig({ brokers: 2, topics: { t: 4 } }, sizes);
  const { partitions } = await r.producer.prepare("t");
  const of = (id: number) => partitions.filter(({ leader }) => leader === id).map(({ partition }) => partition);
  const [silent, alive] = [of(2), of(1)];
  await r.producer.send("t", partitions.map(({ partition }) => ({ value: "", partition })));
  using _silence = r.cluster.intercept("Produce", (request, next) => {
    return request.brokerId === 2 ? "silent" : next(request);
  });

  for (let i = 0; i < 40; i++) {
    r.producer.enqueue("t", { value: "x".repeat(1_000), partition: silent[i % 2]! }).catch(() => {});
  }
  for (let i = 0; i < 40; i++) await r.producer.send("t", { value: "y".repeat(1_000), partition: alive[i % 2]! });

  const held = r.producer.info("t").filter(({ partition }) => silent.includes(partition));
  const bytes = held.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
  assert(bytes > 5_000 && bytes <= 10_000, `${bytes} bytes`);
});

Deno.test("a dead broker's lanes cannot take the room of the healthy ones", async () => {
  const sizes = { batchMaxBytes: 2_000, partitionMaxBytes: 20_000, bufferMaxBytes: 20_000 };
  await using r = await rig({ brokers: 2, topics: { t: 2 } }, sizes);
  const { partitions } = await r.producer.prepare("t");
  const [dead, alive] = [2, 1].map((id) => partitions.find(({ leader }) => leader === id)!.partition);
  await r.producer.send("t", [dead!, alive!].map((partition) => ({ value: "", partition })));
  await r.cluster.stop(2);
  await until(() => r.producer.info("t").some(({ state }) => state !== "up"));

  for (let i = 0; i < 30; i++) {
    r.producer.enqueue("t", { value: "x".repeat(1_000), partition: dead! }).catch(() => {});
  }
  for (let i = 0; i < 30; i++) await r.producer.send("t", { value: "y".repeat(1_000), partition: alive! });

  const [lane] = r.producer.info("t").filter(({ partition }) => partition === dead);
  assert(lane!.bufferedBytes > 5_000 && lane!.bufferedBytes <= 10_000, `${lane!.bufferedBytes} bytes`);
});

Deno.test("while anyone waits for room, open batches are due whatever lingerMs says", async () => {
  const sizes = { batchMaxBytes: 2_000, partitionMaxBytes: 6_096, bufferMaxBytes: 6_096, lingerMs: 60_000 };
  await using r = await rig({ topics: { t: 1, u: 1 } }, sizes);
  await Promise.all([r.producer.prepare("t"), r.producer.prepare("u")]);

  for (let i = 0; i < 30; i++) await r.producer.enqueue(i % 2 === 0 ? "t" : "u", "x".repeat(500));

  assert(r.cluster.records("t").length + r.cluster.records("u").length > 15);
});

Deno.test("a partition's records take at most partitionMaxBytes", async () => {
  await using r = await rig({ topics: { t: 2 } }, { batchMaxBytes: 2_000, partitionMaxBytes: 6_096 });
  await r.producer.prepare("t");
  const release = holdProduce(r.cluster);
  const value = "x".repeat(1_000);

  const writes = Array.from({ length: 10 }, () => r.producer.enqueue("t", { value, partition: 0 }));
  await r.producer.enqueue("t", { value, partition: 1 });
  const [lane] = r.producer.info("t");
  release();
  await Promise.all(writes);

  assert(lane!.bufferedBytes > 4_000 && lane!.bufferedBytes <= 6_096, `${lane!.bufferedBytes} bytes`);
});

Deno.test("Budget lets a waiter that may go elsewhere ask again when there is room, only not where it waits", () => {
  const budget = new Budget(100);
  const [dead, alive] = [upShare(budget, 50), upShare(budget, 50)];
  new Taker(budget, dead, 50).try();
  new Taker(budget, alive, 50).try();
  let goal = dead;
  const asked: BudgetShare[] = [];
  const mover: Waiter = {
    neededBytes: 10,
    arrival: 0,
    mayMove: () => true,
    resume: () => {
      asked.push(goal);
      if (!budget.admits(goal, 10)) return goal;
      budget.take(goal, 10);
      return null;
    },
  };
  const bound = new Taker(budget, dead, 5);
  budget.wait(dead, mover);
  bound.try();

  budget.setUp(dead, false);
  budget.serve();
  assertEquals(asked, [], "nothing is free anywhere");
  budget.give(alive, 20);
  budget.setUp(dead, true);
  budget.serve();
  assertEquals(asked, [], "the one it waits for is not away");
  budget.setUp(dead, false);
  budget.serve();
  assertEquals([asked, dead.waiters.length], [[dead], 2], "it has chosen the same again");
  goal = alive;
  budget.serve();

  assertEquals([asked, alive.bytes, dead.waiters], [[dead, alive], 40, [bound]]);
});

Deno.test("Budget has one waiter a round ask in vain, however many could move", () => {
  const budget = new Budget(100);
  const [dead, dying] = [upShare(budget, 40), upShare(budget, 40)];
  upShare(budget, 10);
  new Taker(budget, dead, 40).try();
  new Taker(budget, dying, 40).try();
  let askedCount = 0;
  for (let i = 0; i < 1_000; i++) {
    const other = [dying, dead][i % 2]!;
    budget.wait(i % 2 === 0 ? dead : dying, {
      neededBytes: 15,
      arrival: i,
      mayMove: () => true,
      resume: () => (askedCount++, other),
    });
  }
  budget.setUp(dead, false);
  budget.setUp(dying, false);

  budget.serve();

  assertEquals(askedCount, 1);
});

Deno.test("a record that waits for a partition goes to another when the broker dies, unless it has a key", async (t) => {
  const sizes = { batchMaxBytes: 2_000, partitionMaxBytes: 20_000, bufferMaxBytes: 20_000 };
  for (const key of [null, "k"]) {
    await t.step(`key ${key}`, async () => {
      let goal = -1;
      await using r = await rig({ brokers: 2, topics: { t: 2 } }, { ...sizes, partitioner: () => goal });
      const { partitions } = await r.producer.prepare("t");
      const [silent, alive] = [2, 1].map((id) => partitions.find(({ leader }) => leader === id)!.partition);
      await r.producer.send("t", partitions.map(({ partition }) => ({ value: "", partition })));
      const release = holdProduce(r.cluster);
      using _silence = r.cluster.intercept("Produce", (request, next) => {
        return request.brokerId === 2 ? "silent" : next(request);
      });
      for (let i = 0; i < 18; i++) { // as much as either broker may hold
        r.producer.enqueue("t", { value: "x".repeat(1_000), partition: i % 2 === 0 ? silent! : alive! }).catch(
          () => {},
        );
      }
      goal = silent!;
      let placed: number | null = null;
      const waiting = r.producer.enqueue("t", { key, value: "y".repeat(1_000) });
      waiting.then(({ partition }) => placed = partition, () => {});
      goal = alive!;

      await r.cluster.stop(2);
      release();
      await until(() => r.producer.info("t").some(({ state }) => state !== "up"));
      await r.producer.send("t", Array.from({ length: 20 }, () => ({ value: "z".repeat(500), partition: alive! })));

      assertEquals(placed, key === null ? alive : null);
    });
  }
});
