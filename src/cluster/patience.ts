/**
 * How long to wait for one broker before another is asked as well.
 *
 * @module
 */

import type { Connection } from "../net/connection.ts";
import type { Timers } from "../timers.ts";
import { pause } from "./pause.ts";

/**
 * How long a broker may take before the next one is asked as well: one that is frozen or cut off says nothing until the
 * request, or the attempt to connect, times out, and nobody would learn all that time what another could have told.
 */
const PATIENCE_MS = 1_000;

/** Whether a request on a connection has been waiting for so long that its broker may be frozen. */
export function isSilent(connection: Connection): boolean {
  return connection.silentMs >= PATIENCE_MS;
}

/**
 * The first of some attempts that ends, or null once it is time to ask another broker as well. Of those that end later,
 * errors are of no interest.
 *
 * @param attempts What is under way.
 * @param patience A clock and what ends the wait; null to wait for an attempt however long it takes.
 */
export async function firstOf<T>(
  attempts: Iterable<Promise<T>>,
  patience: { timers: Timers; signal: AbortSignal } | null,
): Promise<T | null> {
  const ending = new AbortController();
  const all: Promise<T | null>[] = [...attempts];
  if (patience !== null) {
    const signal = AbortSignal.any([patience.signal, ending.signal]);
    all.push(pause(PATIENCE_MS, { timers: patience.timers, signal }).then(() => null));
  }
  for (const each of all) each.catch(() => {});
  try {
    return await Promise.race(all);
  } finally {
    ending.abort();
  }
}
