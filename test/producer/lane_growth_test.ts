import { assertEquals } from "@std/assert";
import { END_AFTER_MS, GROW_AFTER_MS, LaneGrowth, LOAD_GAP_MS } from "../../src/producer/lane_growth.ts";

const idle = () => true;
const busy = () => false;

/** Chooses every 10 ms from `fromMs` up to and with `toMs`; returns when another lane started. */
function load(growth: LaneGrowth, fromMs: number, toMs: number, allBusy = true): number[] {
  const starts: number[] = [];
  for (let ms = fromMs; ms <= toMs; ms += 10) if (growth.chosen(allBusy, ms)) starts.push(ms);
  return starts;
}

Deno.test("LaneGrowth starts a lane when all have been busy for GROW_AFTER_MS, and the next as long after that", () => {
  const growth = new LaneGrowth({ min: 2, max: 4 });

  const starts = load(growth, 0, 10 * GROW_AFTER_MS);

  assertEquals(starts, [GROW_AFTER_MS, 2 * GROW_AFTER_MS + 10]);
  assertEquals(growth.running, 4);
});

Deno.test("LaneGrowth starts none when one choice on the way found a lane that was free", () => {
  const growth = new LaneGrowth({ min: 1, max: 2 });

  load(growth, 0, GROW_AFTER_MS - 10);
  growth.chosen(false, GROW_AFTER_MS - 5);
  const starts = load(growth, GROW_AFTER_MS, 2 * GROW_AFTER_MS - 10);

  assertEquals([starts, growth.running], [[], 1]);
});

Deno.test("LaneGrowth takes bursts with more than LOAD_GAP_MS between them for no load that lasts", () => {
  const growth = new LaneGrowth({ min: 1, max: 2 });

  const apart = [0, 1, 2, 3].map((i) => growth.chosen(true, i * (LOAD_GAP_MS + 1)));
  const near = [growth.chosen(true, 4 * LOAD_GAP_MS + 3)];

  assertEquals([apart, near], [[false, false, false, false], [true]]);
});

Deno.test("LaneGrowth never starts more than max", () => {
  const growth = new LaneGrowth({ min: 64, max: 64 });

  assertEquals([load(growth, 0, 10 * GROW_AFTER_MS), growth.running], [[], 64]);
});

Deno.test("LaneGrowth ends extra lanes, the last first, when they were idle for END_AFTER_MS", () => {
  const growth = new LaneGrowth({ min: 1, max: 3 });
  load(growth, 0, 3 * GROW_AFTER_MS);
  const startMs = 10_000;

  const looks = [
    growth.look((lane) => lane === 2, startMs),
    growth.look(idle, startMs + END_AFTER_MS - 1),
    growth.look(idle, startMs + END_AFTER_MS),
    growth.look(idle, startMs + 2 * END_AFTER_MS - 2),
    growth.look(idle, startMs + 2 * END_AFTER_MS - 1),
  ];

  assertEquals(looks, [3, 3, 2, 2, 1]);
});

Deno.test("LaneGrowth ends no lane that is busy, nor one below another that is", () => {
  const growth = new LaneGrowth({ min: 1, max: 3 });
  load(growth, 0, 3 * GROW_AFTER_MS);

  growth.look(idle, 10_000);
  const looks = [
    growth.look((lane) => lane !== 2, 10_000 + END_AFTER_MS),
    growth.look(busy, 10_000 + 2 * END_AFTER_MS),
    growth.look(idle, 10_000 + 3 * END_AFTER_MS),
  ];

  assertEquals(looks, [3, 3, 3]);
});

Deno.test("LaneGrowth starts a lane that had ended again", () => {
  const growth = new LaneGrowth({ min: 1, max: 2 });
  load(growth, 0, GROW_AFTER_MS);
  growth.look(idle, 10_000);
  growth.look(idle, 10_000 + END_AFTER_MS);

  const starts = load(growth, 50_000, 50_000 + GROW_AFTER_MS);
  const look = growth.look(idle, 50_000 + END_AFTER_MS - 1);

  assertEquals([starts, look], [[50_000 + GROW_AFTER_MS], 2]);
});
