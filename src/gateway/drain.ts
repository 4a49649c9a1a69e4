/**
 * The end of a gateway: HTTP first, Kafka last, so that nothing that was answered 200 is lost.
 *
 * @module
 */

import type { GatewayCore } from "./gateway_core.ts";

/** How long an upload that is broken off has for its answer, once Kafka has what came. */
const LAST_WORDS_MS = 1_000;

/** What a drain does beside. */
export interface DrainOptions {
  /**
   * Called when the requests under way are answered, or their time is over: closes the listener, for one. Until then new ones
   * are answered 503. `Deno.HttpServer.shutdown()` breaks off every body that is being read, so it must not come before.
   */
  onClosed?: () => unknown;
}

/** How a drain went. */
export interface DrainReport {
  /** Requests that were still under way when their time was over. */
  readonly requestsLeft: number;
  /** Whether everything that was accepted is settled: acknowledged, or reported as lost. */
  readonly isFlushed: boolean;
}

/**
 * Drains a gateway; the same for each call.
 *
 * @param core The gateway.
 * @param options What is done beside.
 */
export function drainGateway(core: GatewayCore, options: DrainOptions = {}): Promise<DrainReport> {
  return core.drained ??= drain(core, options);
}

async function drain(core: GatewayCore, { onClosed }: DrainOptions): Promise<DrainReport> {
  const { preStopMs, drainRequestsMs, drainFlushMs, producer } = core.options;
  core.phase = "leaving";
  if (preStopMs > 0) await pause(core, preStopMs);
  core.phase = "draining";
  const drainingMs = core.timers.now();
  core.page?.end();
  const isIdle = await core.housekeeping.idle(drainRequestsMs);
  const requestsLeft = isIdle ? 0 : core.housekeeping.underWay;
  const closed = Promise.resolve(onClosed?.()).catch(() => {}); // The listener has ended one way or the other.
  // A connection whose client does not read cannot be closed from here.
  if (isIdle) await inTime(core, closed, Math.max(0, drainRequestsMs - (core.timers.now() - drainingMs)));
  // Uploads that were broken off just now tell their clients what became of what had come.
  const told = isIdle || onClosed === undefined ? true : core.housekeeping.idle(LAST_WORDS_MS);
  const late = new AbortController();
  const timer = core.timers.set(() => late.abort(), drainFlushMs);
  try {
    await producer.flush({ signal: late.signal });
    await told;
    return { requestsLeft, isFlushed: true };
  } catch {
    return { requestsLeft, isFlushed: false }; // Its time is over, or somebody closed the producer.
  } finally {
    core.timers.clear(timer);
  }
}

async function inTime(core: GatewayCore, done: Promise<unknown>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = core.timers.set(resolve, ms);
  await Promise.race([done, late]);
  core.timers.clear(timer);
}

function pause(core: GatewayCore, ms: number): Promise<void> {
  return new Promise((resolve) => void core.timers.set(resolve, ms));
}
