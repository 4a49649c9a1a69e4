import { assertEquals } from "@std/assert";
import { MAX_RETRY_AFTER_SECONDS, RATE_WINDOW_MS, RetryAfter } from "../../src/gateway/retry_after.ts";

/** An estimate with everything set by hand. */
function rig({ bufferedBytes = 0, random = 0 } = {}) {
  const now = { ms: 10_000 };
  const state = { bufferedBytes, random };
  const estimate = new RetryAfter({
    now: () => now.ms,
    bufferedBytes: () => state.bufferedBytes,
    lowWaterBytes: 1_000,
    random: () => state.random,
  });
  return { now, state, estimate };
}

/** Drains `bytes` in every quarter of a second of `ms` milliseconds. */
function drain({ now, estimate }: ReturnType<typeof rig>, bytes: number, ms: number): void {
  for (const endMs = now.ms + ms; now.ms < endMs; now.ms += 250) estimate.drained(bytes);
  now.ms -= 250;
}

Deno.test("RetryAfter.seconds() is the time to the low-water mark at the rate of the last 5 s, rounded up", () => {
  const it = rig({ bufferedBytes: 11_000 });
  drain(it, 1_000, 2 * RATE_WINDOW_MS);

  assertEquals(it.estimate.drainBytesPerSecond, 4_000);
  assertEquals(it.estimate.seconds(), 3); // 10,000 bytes above, 2.5 s
  it.state.bufferedBytes = 13_000;
  assertEquals(it.estimate.seconds(), 3); // exactly 3 s
  it.state.bufferedBytes = 13_001;
  assertEquals(it.estimate.seconds(), 4);
});

Deno.test("RetryAfter.seconds() is at least 1 and at most 30 before jitter", () => {
  const it = rig({ bufferedBytes: 0 });
  drain(it, 1, RATE_WINDOW_MS);

  assertEquals(it.estimate.seconds(), 1);
  it.state.bufferedBytes = 1e12;
  assertEquals(it.estimate.seconds(), MAX_RETRY_AFTER_SECONDS);
  it.state.random = 0.999;
  assertEquals(it.estimate.seconds(), MAX_RETRY_AFTER_SECONDS + 1);
});

Deno.test("RetryAfter.seconds() is 1 while the rate is unknown", () => {
  const it = rig({ bufferedBytes: 1e12 });

  assertEquals(it.estimate.seconds(), 1);
  drain(it, 1_000, 1_000);
  it.now.ms += 2 * RATE_WINDOW_MS; // nothing since
  assertEquals(it.estimate.drainBytesPerSecond, 0);
  assertEquals(it.estimate.seconds(), 1);
});

Deno.test("RetryAfter.drainBytesPerSecond forgets what is older than its window, and counts a short history as such", () => {
  const it = rig();
  drain(it, 500, 1_000);
  assertEquals(it.estimate.drainBytesPerSecond, 2_000);

  it.now.ms += RATE_WINDOW_MS - 500; // Two of the four quarters are out of sight.
  assertEquals(it.estimate.drainBytesPerSecond, 1_000 / 5);
});
