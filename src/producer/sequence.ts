/**
 * The sequence state machine of one lane: which batch may go out next, under which numbers, and what an answer means.
 *
 * Pure: events and time go in, {@linkcode SequenceAction}s come out; it knows no batch bytes, socket or timer. The rules
 * are numbered in `.github/ARCHITECTURE.md`, "Sequences". The promise behind them: a batch acknowledged without
 * `maybeDuplicate` is stored exactly once and in order, one with it at least once, one failed as `notPersisted` never.
 *
 * @module
 */

import type { Verdict } from "../errors.ts";

/** Under whose numbers batches go out. */
export interface ProducerIdentity {
  /** From InitProducerId. */
  readonly producerId: bigint;
  /** Raised whenever numbering must start again. */
  readonly producerEpoch: number;
}

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
  /** Sends under the present epoch. */
  sends: number;
  /** Whether a send under the present epoch may have been appended although no answer says so. */
  isUnknown: boolean;
  /** Whether a send under an earlier epoch may have been appended. */
  maybeDuplicate: boolean;
  /** Whether nobody waits for it any more: it is not sent again. */
  isAbandoned: boolean;
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
  /** Nothing is in flight and numbering must start again: call {@linkcode SequenceMachine.adopt} with a new identity. */
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

/** How a machine behaves. */
export interface SequenceOptions {
  /** Whether batches carry numbers. Without, one request is in flight at a time and a retry may duplicate. */
  idempotent: boolean;
  /** Most requests in flight; brokers remember the last five batches of a producer (KIP-185). */
  maxInFlight: number;
  /** What becomes of a batch of unknown outcome when numbering starts again. */
  onUnknown: "retry" | "fail";
}

/** Batches a broker remembers for each producer and partition, hence the most that may be unanswered. */
export const BROKER_REMEMBERS_BATCHES = 5;

const BLOCKED = { type: "blocked" } as const;
const NEW = { type: "new" } as const;

/** See the module comment. */
export class SequenceMachine<B> {
  readonly #idempotent: boolean;
  readonly #maxInFlight: number;
  readonly #onUnknown: "retry" | "fail";
  /** Numbered, unsettled batches in the order of their numbers. */
  readonly #sent: SentBatch<B>[] = [];
  #identity: ProducerIdentity | null = null;
  #nextSequence = 0;
  #inFlight = 0;
  #lastAckedOffset: bigint | null = null;
  /** Whether any batch was acknowledged under this identity. */
  #hasAcked = false;
  /** Whether the present leader has acknowledged a batch of this identity, so that it checks the next one's number. */
  #isLeaderConfirmed = false;
  /** Whether something must be sent again before anything new. */
  #isRetrying = false;
  #retryAtMs = 0;
  /** A batch of unknown outcome was given up: its numbers may or may not be in the log. */
  #hasHole = false;
  /** Numbers given back: the batches from `from` on are renumbered from `sequence` once nothing is in flight. */
  #gap: { readonly sequence: number; readonly from: SentBatch<B> } | null = null;
  #renewal: "epoch" | "id" | null = null;
  #renewalRequested = false;

  /** @param options See {@linkcode SequenceOptions}. */
  constructor(options: SequenceOptions) {
    this.#idempotent = options.idempotent;
    this.#maxInFlight = Math.min(options.maxInFlight, BROKER_REMEMBERS_BATCHES);
    this.#onUnknown = options.onUnknown;
  }

  /** Under whose numbers batches go out, null before the first {@linkcode adopt}. */
  get identity(): ProducerIdentity | null {
    return this.#identity;
  }

  /** Requests unanswered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Numbered, unsettled batches in the order of their numbers. */
  get unsettled(): readonly SentBatch<B>[] {
    return this.#sent;
  }

  /** What may be sent at `nowMs`. */
  turn(nowMs: number): SequenceTurn<B> {
    if ((this.#idempotent && this.#identity === null) || this.#renewal !== null || this.#gap !== null) return BLOCKED;
    if (this.#isRetrying && this.#inFlight > 0) return BLOCKED;
    const window = this.#idempotent && this.#isLeaderConfirmed ? this.#maxInFlight : 1;
    if (this.#inFlight >= window) return BLOCKED;
    if (nowMs < this.#retryAtMs) return { type: "wait", untilMs: this.#retryAtMs };
    if (this.#sent.length === this.#inFlight) return NEW;
    return { type: "resend", sent: this.#sent.find((sent) => !sent.isInFlight)! };
  }

  /** Numbers a new batch of `count` records; {@linkcode turn} must have said `"new"`. Follow with {@linkcode send}. */
  number(batch: B, count: number): SentBatch<B> {
    const sent: SentBatch<B> = {
      batch,
      count,
      baseSequence: this.#idempotent ? this.#nextSequence : -1,
      isInFlight: false,
      sends: 0,
      isUnknown: false,
      maybeDuplicate: false,
      isAbandoned: false,
    };
    if (this.#idempotent) this.#nextSequence = advanceSequence(this.#nextSequence, count);
    this.#sent.push(sent);
    return sent;
  }

  /** Notes that a batch is handed to a connection. */
  send(sent: SentBatch<B>): void {
    sent.isInFlight = true;
    sent.sends++;
    this.#inFlight++;
  }

  /** The broker has the batch; `duplicate`: it says it had it before (DUPLICATE_SEQUENCE_NUMBER). */
  acknowledged(sent: SentBatch<B>, answer: { baseOffset: bigint | null; duplicate: boolean }): SequenceAction<B>[] {
    this.#land(sent);
    if (this.#idempotent && answer.duplicate && sent.sends <= 1) {
      // Rule 13: it cannot have this batch already; somebody else's numbers collide with ours.
      return this.#renew("epoch");
    }
    // Without numbers, a batch sent again after an unknown outcome may be there twice.
    if (!this.#idempotent && sent.isUnknown) sent.maybeDuplicate = true;
    const actions: SequenceAction<B>[] = [];
    const index = this.#sent.indexOf(sent);
    const before = this.#sent.splice(0, index + 1);
    const stay = before.filter((earlier) => earlier !== sent && !earlier.isUnknown);
    this.#sent.unshift(...stay);
    for (const earlier of before) {
      // Rule 4: the broker took a later number, so it has every earlier one that it may have taken. It checked the
      // number: a second batch is only ever in flight once this leader has acknowledged one.
      if (earlier === sent) actions.push({ type: "acknowledge", sent, isImplied: false, duplicate: answer.duplicate });
      else if (earlier.isUnknown) {
        actions.push({ type: "acknowledge", sent: earlier, isImplied: true, duplicate: false });
      }
    }
    if (answer.baseOffset !== null) this.#lastAckedOffset = answer.baseOffset + BigInt(sent.count - 1);
    this.#hasAcked = this.#isLeaderConfirmed = true;
    this.#hasHole = false;
    if (this.#gap !== null && before.includes(this.#gap.from)) this.#gap = null;
    if (stay.length === 0) {
      this.#isRetrying = this.#isOutOfOrder();
      this.#retryAtMs = 0;
    }
    return this.#afterAnswer(actions);
  }

  /** The broker did not append the batch and may be asked again from `retryAtMs` on. */
  refused(sent: SentBatch<B>, retryAtMs: number): SequenceAction<B>[] {
    this.#land(sent);
    return this.#retry(sent, retryAtMs);
  }

  /** No answer tells whether the batch was appended: the connection ended, or the broker gave up waiting. */
  unknown(sent: SentBatch<B>, retryAtMs: number): SequenceAction<B>[] {
    this.#land(sent);
    sent.isUnknown = true;
    return this.#retry(sent, retryAtMs);
  }

  /** The connection ended before any byte of the request was handed to it. */
  unwritten(sent: SentBatch<B>, retryAtMs: number): SequenceAction<B>[] {
    this.#land(sent);
    sent.sends--;
    return this.#retry(sent, retryAtMs);
  }

  /** The broker expected another number, or does not know the producer (45, 47, 49, 59). */
  outOfSequence(
    sent: SentBatch<B>,
    answer: { retryAtMs: number; logStartOffset: bigint; needsNewId: boolean },
  ): SequenceAction<B>[] {
    this.#land(sent);
    if (!this.#idempotent) return this.#fail(sent, "notPersisted");
    // Behind an unsettled batch, or behind numbers that were given back, that was to be expected.
    if (this.#sent[0] !== sent || this.#gap !== null || this.#renewal !== null) {
      return this.#retry(sent, answer.retryAtMs);
    }
    this.#isRetrying = true;
    const isLogShortened = this.#lastAckedOffset !== null && answer.logStartOffset > this.#lastAckedOffset;
    const actions: SequenceAction<B>[] = [];
    if (this.#hasAcked && !this.#hasHole && !isLogShortened && !answer.needsNewId) {
      actions.push({ type: "dataloss", lastAckedOffset: this.#lastAckedOffset });
    }
    if (sent.isAbandoned) actions.push(...this.#giveUp(sent));
    actions.push(...this.#renew(answer.needsNewId ? "id" : "epoch"));
    return actions;
  }

  /**
   * The broker refuses the batch for good. `isCertain` is false when it may have been appended all the same
   * (UNKNOWN_SERVER_ERROR).
   */
  rejected(sent: SentBatch<B>, isCertain: boolean): SequenceAction<B>[] {
    this.#land(sent);
    if (!isCertain) sent.isUnknown = true;
    return this.#fail(sent, isPossiblyPersisted(sent) ? "possiblyPersisted" : "notPersisted");
  }

  /** The broker refuses the batch as too large: `parts` take its place and its numbers. */
  split(sent: SentBatch<B>, parts: readonly { batch: B; count: number }[]): SequenceAction<B>[] {
    this.#land(sent);
    let sequence = sent.baseSequence;
    const replacements = parts.map(({ batch, count }) => {
      const part = { ...sent, batch, count, baseSequence: sequence, sends: 0 };
      if (this.#idempotent) sequence = advanceSequence(sequence, count);
      return part;
    });
    this.#replace(sent, replacements);
    const actions: SequenceAction<B>[] = replacements.map((part) => ({ type: "number", sent: part }));
    this.#isRetrying = true;
    // Parts of a batch that may be in the log would not be recognised as its duplicates.
    if (this.#idempotent && sent.isUnknown) return [...actions, ...this.#renew("epoch")];
    return this.#afterAnswer(actions);
  }

  /** The broker refuses the batch for some of its records: without them it has `count` and is sent again. */
  shrunk(sent: SentBatch<B>, count: number): SequenceAction<B>[] {
    this.#land(sent);
    const index = this.#sent.indexOf(sent);
    sent.count = count;
    this.#isRetrying = true;
    if (!this.#idempotent) return [];
    if (sent.isUnknown) return this.#renew("epoch");
    const actions: SequenceAction<B>[] = [{ type: "number", sent }];
    this.#giveBack(advanceSequence(sent.baseSequence, count), this.#sent[index + 1]);
    return this.#afterAnswer(actions);
  }

  /** What is known of an unacknowledged batch. */
  verdict(sent: SentBatch<B>): Verdict {
    return sent.isInFlight || isPossiblyPersisted(sent) ? "possiblyPersisted" : "notPersisted";
  }

  /** Nobody waits for a batch any more: it is not sent again. One in flight stays until its answer. */
  abandoned(sent: SentBatch<B>): SequenceAction<B>[] {
    sent.isAbandoned = true;
    return sent.isInFlight ? [] : this.#afterAnswer(this.#giveUp(sent));
  }

  /**
   * Another broker leads the partition, or the same one anew: it may not know our numbers. What waited for a leader need
   * not wait longer.
   */
  leaderChanged(): void {
    this.#isLeaderConfirmed = false;
    this.#retryAtMs = 0;
  }

  /** The topic was deleted and made again: the new one knows nothing of our numbers. */
  topicRecreated(): SequenceAction<B>[] {
    this.#lastAckedOffset = null;
    this.#hasAcked = false;
    return this.#idempotent && this.#identity !== null ? this.#renew("epoch") : [];
  }

  /** Starts numbering again under another identity. Nothing may be in flight. */
  adopt(identity: ProducerIdentity): SequenceAction<B>[] {
    this.#identity = identity;
    this.#nextSequence = 0;
    this.#hasAcked = this.#isLeaderConfirmed = this.#hasHole = false;
    this.#gap = this.#renewal = null;
    this.#renewalRequested = false;
    const actions: SequenceAction<B>[] = [];
    for (const sent of [...this.#sent]) {
      if (sent.isUnknown && this.#onUnknown === "fail") {
        this.#replace(sent, []);
        actions.push({ type: "fail", sent, verdict: "possiblyPersisted" });
        continue;
      }
      sent.maybeDuplicate ||= sent.isUnknown;
      sent.isUnknown = false;
      sent.sends = 0;
      sent.baseSequence = this.#nextSequence;
      this.#nextSequence = advanceSequence(this.#nextSequence, sent.count);
      actions.push({ type: "number", sent });
    }
    this.#isRetrying = this.#sent.length > 0;
    return actions;
  }

  /** Whether a batch that must be sent again stands before one in flight. */
  #isOutOfOrder(): boolean {
    const waiting = this.#sent.findIndex((sent) => !sent.isInFlight);
    return waiting !== -1 && this.#sent.slice(waiting).some((sent) => sent.isInFlight);
  }

  #land(sent: SentBatch<B>): void {
    sent.isInFlight = false;
    this.#inFlight--;
  }

  #retry(sent: SentBatch<B>, retryAtMs: number): SequenceAction<B>[] {
    this.#isRetrying = true;
    this.#retryAtMs = Math.max(this.#retryAtMs, retryAtMs);
    return this.#afterAnswer(sent.isAbandoned ? this.#giveUp(sent) : []);
  }

  /** Rules 7 and 12: what was certainly not appended gives its numbers back, what may have been leaves a hole. */
  #giveUp(sent: SentBatch<B>): SequenceAction<B>[] {
    const verdict = isPossiblyPersisted(sent) ? "possiblyPersisted" : "notPersisted";
    const next = this.#sent[this.#sent.indexOf(sent) + 1];
    this.#replace(sent, []);
    if (sent.isUnknown) this.#hasHole = true;
    else this.#giveBack(sent.baseSequence, next);
    return [{ type: "fail", sent, verdict }];
  }

  #fail(sent: SentBatch<B>, verdict: Verdict): SequenceAction<B>[] {
    const actions = this.#giveUp(sent);
    if (this.#idempotent && sent.isUnknown && verdict === "possiblyPersisted") {
      return [...actions, ...this.#renew("epoch")];
    }
    return this.#afterAnswer(actions);
  }

  #giveBack(sequence: number, from: SentBatch<B> | undefined): void {
    if (!this.#idempotent) return;
    if (from === undefined) {
      // The last number given out: the next batch takes it.
      if (this.#gap === null) this.#nextSequence = sequence;
    } else if (this.#gap === null || this.#sent.indexOf(from) < this.#sent.indexOf(this.#gap.from)) {
      this.#gap = { sequence, from };
    }
    this.#isRetrying = this.#sent.length > 0;
  }

  /** Puts others in the place of a batch, keeping a gap that began there. */
  #replace(sent: SentBatch<B>, by: SentBatch<B>[]): void {
    const index = this.#sent.indexOf(sent);
    this.#sent.splice(index, 1, ...by);
    if (this.#gap?.from !== sent) return;
    const from = this.#sent[index];
    if (from === undefined) {
      this.#nextSequence = this.#gap.sequence;
      this.#gap = null;
    } else {
      this.#gap = { sequence: this.#gap.sequence, from };
    }
  }

  #renew(what: "epoch" | "id"): SequenceAction<B>[] {
    if (this.#renewal !== "id") this.#renewal = what;
    this.#isRetrying = true;
    return this.#afterAnswer([]);
  }

  /** Once nothing is in flight: closes a gap, or asks for a new identity. */
  #afterAnswer(actions: SequenceAction<B>[]): SequenceAction<B>[] {
    if (this.#sent.length === 0 && this.#renewal === null) {
      this.#isRetrying = false;
      this.#retryAtMs = 0;
    }
    if (this.#inFlight > 0) return actions;
    if (this.#gap !== null && this.#renewal === null) this.#closeGap(actions);
    if (this.#renewal !== null && !this.#renewalRequested) {
      this.#renewalRequested = true;
      actions.push({ type: "renew", needsNewId: this.#renewal === "id" });
    }
    return actions;
  }

  #closeGap(actions: SequenceAction<B>[]): void {
    const { sequence, from } = this.#gap!;
    const followers = this.#sent.slice(this.#sent.indexOf(from));
    this.#gap = null;
    if (followers.some((sent) => sent.isUnknown)) {
      // Under the same epoch a number means one batch for ever: one that may be in the log cannot get another.
      this.#renewal ??= "epoch";
      return;
    }
    this.#nextSequence = sequence;
    for (const sent of followers) {
      sent.baseSequence = this.#nextSequence;
      sent.sends = 0;
      this.#nextSequence = advanceSequence(this.#nextSequence, sent.count);
      actions.push({ type: "number", sent });
    }
  }
}

/** `sequence` and `count` more: numbers go from 0 to 2^31-1 and then begin again. */
export function advanceSequence(sequence: number, count: number): number {
  return (sequence + count) % 2 ** 31;
}

function isPossiblyPersisted(sent: SentBatch<unknown>): boolean {
  return sent.isUnknown || sent.maybeDuplicate;
}
