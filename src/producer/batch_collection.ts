/**
 * Which batches the next Produce request of an outbox carries.
 *
 * @module
 */

import type { Acks } from "../options.ts";
import type { Lane } from "./lane.ts";
import type { RequestEntry } from "./produce_request.ts";

/** A batch on its way out of its lane; null when all its records were struck out meanwhile. */
export type TakenBatch = Promise<{ lane: Lane; sent: RequestEntry["sent"] | null }>;

/** Batches for one request. */
export interface BatchCollection {
  /** One of each lane at most. */
  readonly taken: TakenBatch[];
  /** Their acks, null when there are none. */
  readonly acks: Acks | null;
}

/**
 * Takes at most one batch of each ready lane, of equal acks.
 *
 * @param ready Lanes, first come first; those that have nothing are taken out, those that gave something come last.
 * @param nowMs The time.
 * @param maxBytes Most bytes, unless the first batch alone has more.
 */
export function collectBatches(ready: Set<Lane>, nowMs: number, maxBytes: number): BatchCollection {
  const taken: TakenBatch[] = [];
  let acks: Acks | null = null;
  let bytes = 0;
  for (const lane of [...ready]) {
    if (acks !== null && lane.acks !== acks) continue;
    const turn = lane.turn(nowMs);
    if (turn.type === "idle" || turn.type === "seal") {
      // It wakes the outbox again when it has something, or when the batch is sealed.
      ready.delete(lane);
      if (turn.type === "seal") lane.requestSeal();
      continue;
    }
    const size = turn.type === "resend" ? turn.sent.batch.outgoing.byteLength : lane.nextBytes;
    if (bytes > 0 && bytes + size > maxBytes) continue;
    bytes += size;
    acks = lane.acks;
    // Behind the others: the next request begins with another partition.
    ready.delete(lane);
    ready.add(lane);
    taken.push(
      turn.type === "resend"
        ? Promise.resolve({ lane, sent: turn.sent })
        : lane.take().then((sent) => ({ lane, sent })),
    );
  }
  return { taken, acks };
}
