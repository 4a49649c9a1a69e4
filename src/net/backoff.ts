/**
 * How long to wait before trying again.
 *
 * @module
 */

/** Bounds of a backoff. */
export interface Backoff {
  /** The longest first wait, in milliseconds. */
  initial: number;
  /** The longest wait at all, in milliseconds. */
  max: number;
}

/**
 * Milliseconds to wait before attempt number `attempt` is repeated: exponential with full jitter, so that many clients
 * of a broker that comes back do not all arrive at once. At least one millisecond.
 *
 * @param backoff Its bounds.
 * @param attempt How many attempts failed before this one, 0 for the first.
 * @param random A number from 0 to below 1.
 */
export function backoffMs(backoff: Backoff, attempt: number, random: () => number): number {
  const ceilingMs = Math.min(backoff.max, backoff.initial * 2 ** Math.min(attempt, 30));
  return Math.max(1, Math.ceil(random() * ceilingMs));
}
