/**
 * What the sequence machine of a lane says to its owner.
 *
 * @module
 */

import type { Verdict } from "../errors.ts";
import type { SentBatch } from "./sent_batch.ts";

/** Under whose numbers batches go out. */
export interface ProducerIdentity {
  /** From InitProducerId. */
  readonly producerId: bigint;
  /** Raised whenever numbering must start again. */
  readonly producerEpoch: number;
}

/** What the owner of the machine must do. */
export type SequenceAction<B> =
  /** Write new numbers into the batch before it is sent again. */
  | { readonly type: "number"; readonly sent: SentBatch<B> }
  /** The broker has the batch. `isImplied`: known only from the answer to a later one. */
  | {
    readonly type: "acknowledge";
    readonly sent: SentBatch<B>;
    readonly isImplied: boolean;
    readonly duplicate: boolean;
  }
  /** The batch will not be sent again. */
  | { readonly type: "fail"; readonly sent: SentBatch<B>; readonly verdict: Verdict }
  /** Nothing is in flight and numbering must start again: call `SequenceMachine.adopt` with a new identity. */
  | { readonly type: "renew"; readonly needsNewId: boolean }
  /** The log lost records it had acknowledged. */
  | { readonly type: "dataloss"; readonly lastAckedOffset: bigint | null };

/** What may be sent now. */
export type SequenceTurn<B> =
  /** This batch, again. */
  | { readonly type: "resend"; readonly sent: SentBatch<B> }
  /** A new batch. */
  | { readonly type: "new" }
  /** Nothing before that time. */
  | { readonly type: "wait"; readonly untilMs: number }
  /** Nothing before an answer or an identity comes. */
  | { readonly type: "blocked" };
