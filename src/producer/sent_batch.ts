/**
 * A batch that carries numbers: what the sequence machine knows of it.
 *
 * @module
 */

import type { Verdict } from "../errors.ts";

/** A numbered, unsettled batch. */
export interface SentBatch<B> {
  /** The batch itself; opaque here. */
  readonly batch: B;
  /** Records, which is how many sequence numbers it takes. */
  count: number;
  /** Number of its first record, -1 without idempotence. */
  baseSequence: number;
  /** Whether a request with it is unanswered. */
  isInFlight: boolean;
  /** Whether a send under the present epoch may have been appended although no answer says so. */
  isUnknown: boolean;
  /** Whether a send under an earlier epoch may have been appended. */
  maybeDuplicate: boolean;
  /** Whether nobody waits for it any more: it is not sent again. */
  isAbandoned: boolean;
  /** When it was first sent of the sends that may have been appended, on the clock of `SequenceMachine.turn`. */
  unknownSinceMs: number | null;
  /** When it was last sent. */
  sentMs: number;
  /** Which leader it was last sent to, counted by changes. */
  leaderTerm: number;
}

/** A batch of `count` records that was never sent; `baseSequence` is -1 without idempotence. */
export function newSentBatch<B>(batch: B, count: number, baseSequence: number): SentBatch<B> {
  return {
    batch,
    count,
    baseSequence,
    isInFlight: false,
    isUnknown: false,
    maybeDuplicate: false,
    isAbandoned: false,
    unknownSinceMs: null,
    sentMs: 0,
    leaderTerm: 0,
  };
}

/** What is known of a batch that is neither acknowledged nor in flight. */
export function verdictOf(sent: SentBatch<unknown>): Verdict {
  return sent.isUnknown || sent.maybeDuplicate ? "possiblyPersisted" : "notPersisted";
}
