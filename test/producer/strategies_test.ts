import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  javaCompatible,
  keyed,
  type Partitioner,
  phash2,
  random,
  stickyRoundRobin,
  strictRoundRobin,
  type TopicView,
} from "@ekaf/ekaf";
import { SeededRandom } from "../protocol/seeded_random.ts";
import { rig } from "./rig.ts";

function view(ids: number | readonly number[], hasRoom: (id: number) => boolean = () => true): TopicView {
  return { name: "t", partitions: typeof ids === "number" ? Array.from({ length: ids }, (_, i) => i) : ids, hasRoom };
}

const unkeyed = { key: null, bytes: 1 };
const withKey = { key: new TextEncoder().encode("k"), bytes: 2 };

/** What a partitioner chooses for `count` records without a key. */
function choices(partitioner: Partitioner, topic: TopicView, count: number): number[] {
  return Array.from({ length: count }, () => partitioner(unkeyed, topic) as number);
}

/** Pearson's statistic of a sample that should be even. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function seeded(seed: number): () => number {
  const numbers = new SeededRandom(seed);
  return () => numbers.below(2 ** 30) / 2 ** 30;
}

Deno.test("random() spreads records evenly, whatever the number of partitions", () => {
  // What an even spread exceeds once in a thousand samples, for 3 and for 999 degrees of freedom.
  for (const [partitions, limit] of [[4, 16.27], [1000, 1143.9]] as const) {
    const counts = new Array(partitions).fill(0);

    for (const id of choices(random(seeded(7)), view(partitions), 100_000)) counts[id]++;

    const statistic = chiSquare(counts);
    assert(statistic < limit, `${statistic} for ${partitions} partitions`);
    assert(statistic > 0, "too even to be random");
  }
});

Deno.test("random() does not repeat a pattern", () => {
  const chosen = choices(random(seeded(11)), view(4), 40_000);

  const pairs = new Array(16).fill(0);
  for (let i = 0; i + 1 < chosen.length; i += 2) pairs[chosen[i]! * 4 + chosen[i + 1]!]++;
  assert(chiSquare(pairs) < 37.7); // 15 degrees of freedom
});

Deno.test("random() keeps records without a key away from partitions without room, as long as another has some", () => {
  const topic = view(3, (id) => id === 2);

  assertEquals(new Set(choices(random(), topic, 100)), new Set([2]));
  assertEquals(new Set(choices(random(seeded(3)), view(3, () => false), 100)), new Set([0, 1, 2]));
});

Deno.test("stickyRoundRobin() gives n records to a partition, then moves to the next", () => {
  const chosen = choices(stickyRoundRobin(3), view([0, 1, 3]), 20);

  assertEquals(chosen, [0, 0, 0, 1, 1, 1, 3, 3, 3, 0, 0, 0, 1, 1, 1, 3, 3, 3, 0, 0]);
});

Deno.test("stickyRoundRobin() moves after 1000 records unless told otherwise", () => {
  const chosen = choices(stickyRoundRobin(), view(2), 4000);

  assertEquals([0, 999, 1000, 1999, 2000, 2999, 3000, 3999].map((i) => chosen[i]), [0, 0, 1, 1, 0, 0, 1, 1]);
});

Deno.test("stickyRoundRobin() leaves a partition without room early, and begins to count anew", () => {
  let full = -1;
  const topic = view(3, (id) => id !== full);
  const partitioner = stickyRoundRobin(4);

  const before = choices(partitioner, topic, 2);
  full = 0;
  const after = choices(partitioner, topic, 6);
  full = 2;
  const later = choices(partitioner, topic, 4);

  assertEquals([before, after, later], [[0, 0], [1, 1, 1, 1, 2, 2], [0, 0, 0, 0]]);
});

for (const [n, error] of [[0, RangeError], [1.5, RangeError], ["3", TypeError]] as const) {
  Deno.test(`stickyRoundRobin() rejects ${JSON.stringify(n)}`, () => {
    assertThrows(() => stickyRoundRobin(n as number), error, `"n"`);
  });
}

Deno.test("strictRoundRobin() gives record i to partition i modulo their number", () => {
  assertEquals(choices(strictRoundRobin(), view([0, 1, 3]), 8), [0, 1, 3, 0, 1, 3, 0, 1]);
});

Deno.test("strictRoundRobin() passes over partitions without room, and comes back to them", () => {
  let full: number[] = [1, 2];
  const topic = view(4, (id) => !full.includes(id));
  const partitioner = strictRoundRobin();

  const before = choices(partitioner, topic, 4);
  full = [];
  const after = choices(partitioner, topic, 4);

  assertEquals([before, after], [[0, 3, 0, 3], [0, 1, 2, 3]]);
});

Deno.test("strictRoundRobin() goes in turn when no partition has room", () => {
  assertEquals(choices(strictRoundRobin(), view(3, () => false), 4), [0, 1, 2, 0]);
});

for (
  const [name, make] of Object.entries({
    random: () => random(seeded(5)),
    stickyRoundRobin: () => stickyRoundRobin(1),
    strictRoundRobin,
  })
) {
  Deno.test(`${name}() moves no record with a key because a partition has no room`, () => {
    const [inNeed, atEase] = [make(), make()];

    for (let i = 0; i < 50; i++) {
      assertEquals(inNeed(withKey, view(3, () => false)), atEase(withKey, view(3)));
    }
  });
}

for (const [name, make] of Object.entries({ stickyRoundRobin: () => stickyRoundRobin(2), strictRoundRobin })) {
  Deno.test(`${name}() keeps count of each topic apart`, () => {
    const partitioner = make();
    const [a, b] = [view(2), view(2)];

    const apart = [choices(partitioner, a, 3), choices(partitioner, b, 3)];

    assertEquals(apart, [choices(make(), view(2), 3), choices(make(), view(2), 3)]);
  });

  Deno.test(`${name}() uses partitions that are added, and survives when some are gone`, () => {
    const partitioner = make();
    const topic = view(3);
    choices(partitioner, topic, 6);

    const grown = choices(partitioner, Object.assign(topic, { partitions: [0, 1, 2, 3, 4] }), 30);
    const shrunk = choices(partitioner, Object.assign(topic, { partitions: [0] }), 5);

    assertEquals(new Set(grown), new Set([0, 1, 2, 3, 4]));
    assertEquals(shrunk, [0, 0, 0, 0, 0]);
  });
}

Deno.test("keyed() takes the hash as an index into the ids", () => {
  const asked: [string, number][] = [];
  const partitioner = keyed((key, count) => {
    asked.push([new TextDecoder().decode(key), count]);
    return 2;
  });

  assertEquals(partitioner(withKey, view([0, 1, 3])), 3);
  assertEquals(asked, [["k", 3]]);
});

Deno.test("keyed() leaves the choice for records without a key to the default", () => {
  assertEquals(keyed(phash2)(unkeyed, view(3)), undefined);
});

Deno.test("keyed() takes nothing for an index that only looks like one", () => {
  for (const index of ["1", 1n, undefined, null]) {
    assertEquals(keyed(() => index as unknown as number)(withKey, view([0, 1, 3])), NaN);
  }
});

Deno.test("keyed() rejects what is no function", () => {
  assertThrows(() => keyed("phash2" as unknown as typeof phash2), TypeError, `"hash"`);
});

for (const index of [3, 4, -1, 0.5, NaN, undefined as unknown as number]) {
  Deno.test(`keyed() refuses the index ${index} of three partitions, also where it is an id`, async () => {
    await using r = await rig({ topics: { t: { partitions: [0, 1, 3] } } }, { partitioner: keyed(() => index) });

    await assertRejects(() => r.producer.send("t", { key: "k", value: "" }), RangeError, "no partition");
  });
}

const BUILT_IN = { javaCompatible, random, stickyRoundRobin, strictRoundRobin, keyed: () => keyed(phash2) };
for (const [name, make] of Object.entries(BUILT_IN)) {
  Deno.test(`${name}() looks at one partition a record, however many there are`, () => {
    const partitioner = make();
    let looks = 0;
    const topic = view(1000, () => ++looks > 0);

    for (let i = 0; i < 5000; i++) partitioner(i % 2 === 0 ? unkeyed : withKey, topic);

    // javaCompatible() looks twice when it moves.
    assert(looks <= 2501, `${looks}`);
  });
}
