import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ExpectedRecord } from "../../src/cli/demo_lines.ts";
import { compareRecords, type Comparison, isWhole } from "../../src/cli/read_back.ts";
import type { StoredRecord } from "../../src/record.ts";

const encoder = new TextEncoder();

/** A record in a log; `place` is only shown when a test fails. */
function stored(partition: number, place: number, { key, value }: ExpectedRecord): StoredRecord {
  return {
    topic: "clicks",
    partition,
    offset: BigInt(place),
    key: key === null ? null : encoder.encode(key),
    value: encoder.encode(value),
    headers: [],
    timestamp: 0,
    text: () => value,
  };
}

function log(...partitions: ExpectedRecord[][]): StoredRecord[] {
  return partitions.flatMap((records, partition) => records.map((record, place) => stored(partition, place, record)));
}

const [a1, b1, n1, a2, b2, n2] = [
  { source: "x", key: "a", value: "a1" },
  { source: "x", key: "b", value: "b1" },
  { source: "x", key: null, value: "n1" },
  { source: "x", key: "a", value: "a2" },
  { source: "x", key: "b", value: "b2" },
  { source: "x", key: null, value: "n2" },
] as const;
const SENT: readonly ExpectedRecord[] = [a1, b1, n1, a2, b2, n2];
const fromElsewhere: ExpectedRecord = { source: "y", key: null, value: "m1" };
const WHOLE: Comparison = {
  expected: 6,
  found: 6,
  missing: 0,
  doubled: 0,
  foreign: 0,
  outOfOrder: 0,
  scatteredKeys: 0,
};

Deno.test("compareRecords() finds a log whole in whatever partitions", () => {
  for (const found of [log([a1, b1, n1, a2, b2, n2]), log([b1, b2, n1], [n2, a1, a2]), log([b1, a1, n1, n2, a2, b2])]) {
    const comparison = compareRecords(SENT, found);

    assertEquals(comparison, WHOLE);
    assert(isWhole(comparison));
  }
});

const PLANTED: Record<string, { found: StoredRecord[]; finding: Partial<Comparison> }> = {
  "a lost record": { found: log([a1, b1, n1, b2, n2]), finding: { found: 5, missing: 1 } },
  "an empty log": { found: [], finding: { found: 0, missing: 6 } },
  "a doubled record": { found: log([a1, b1, n1, a2, b2, n2, n2]), finding: { found: 7, doubled: 1 } },
  "a doubled batch": { found: log([a1, a2, a1, a2, b1, b2, n1, n2]), finding: { found: 8, doubled: 2, outOfOrder: 1 } },
  "one lost and one doubled": {
    found: log([a1, b1, n1, a2, b2, b2]),
    finding: { found: 6, missing: 1, doubled: 1 },
  },
  "a key out of order": { found: log([b1, a2, n1, a1, b2, n2]), finding: { outOfOrder: 1 } },
  "a partition without keys out of order": { found: log([a1, a2], [n2, n1, b1, b2]), finding: { outOfOrder: 1 } },
  "a key in two partitions": { found: log([a1, b1, n1], [a2, b2, n2]), finding: { scatteredKeys: 2 } },
  "another value": {
    found: log([a1, b1, n1, { source: "x", key: "a", value: "a3" }, b2, n2]),
    finding: { missing: 1, foreign: 1 },
  },
  "another key": {
    found: log([a1, b1, n1, { source: "x", key: "b", value: "a2" }, b2, n2]),
    finding: { missing: 1, foreign: 1 },
  },
  "a lost key": {
    found: log([a1, b1, n1, { source: "x", key: null, value: "a2" }, b2, n2]),
    finding: { missing: 1, foreign: 1 },
  },
};

for (const [name, { found, finding }] of Object.entries(PLANTED)) {
  Deno.test(`compareRecords() finds ${name}`, () => {
    const comparison = compareRecords(SENT, found);

    assertEquals(comparison, { ...WHOLE, ...finding });
    assert(!isWhole(comparison));
  });
}

Deno.test("compareRecords() expects no order between records without a key of two sources", () => {
  for (const found of [log([n1, fromElsewhere, n2]), log([fromElsewhere, n1, n2]), log([n1, n2, fromElsewhere])]) {
    assert(isWhole(compareRecords([n1, n2, fromElsewhere], found)));
  }
});

Deno.test("compareRecords() refuses expectations that cannot be told apart", () => {
  assertThrows(() => compareRecords([a1, b1, a1], []), RangeError, "two expected values are equal");
});
