/**
 * The end of a gateway: HTTP first, Kafka last, so that nothing that was answered 200 is lost.
 *
 * @module
 */

import type { GatewayCore } from "./gateway_core.ts";

/** What a drain does beside. */
export interface DrainOptions {
  /** Called when no more requests are taken: closes the listener, for one. Waited for together with the requests. */
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
  const closed = Promise.resolve(onClosed?.()).catch(() => {}); // The listener has ended one way or the other.
  const isIdle = await core.housekeeping.idle(drainRequestsMs);
  // A connection whose client does not read cannot be closed from here.
  if (isIdle) await inTime(core, closed, Math.max(0, drainRequestsMs - (core.timers.now() - drainingMs)));
  const requestsLeft = core.housekeeping.underWay;
  const late = new AbortController();
  const timer = core.timers.set(() => late.abort(), drainFlushMs);
  try {
    await producer.flush({ signal: late.signal });
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
