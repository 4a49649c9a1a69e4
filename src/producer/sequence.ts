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
import { newSentBatch, type SentBatch, verdictOf } from "./sent_batch.ts";
import type { ProducerIdentity, SequenceAction, SequenceTurn } from "./sequence_action.ts";

export type { SentBatch } from "./sent_batch.ts";
export type { ProducerIdentity, SequenceAction, SequenceTurn } from "./sequence_action.ts";

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

/**
 * How long a broker is trusted to know a producer that sends nothing. Brokers forget one after a day
 * (`producer.id.expiration.ms`), and then take any number from it.
 */
export const BROKER_REMEMBERS_MS = 3_600_000;

const SEQUENCE_COUNT = 2 ** 31;

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
  #leaderTerm = 0;
  #nowMs = 0;
  #lastSentMs = 0;
  /** Whether something must be sent again before anything new. */
  #isRetrying = false;
  #retryAtMs = 0;
  /** First number of the last batch of unknown outcome that was given up: its numbers may or may not be in the log. */
  #hole: number | null = null;
  /** First number given back: the batches behind it are renumbered from it once nothing is in flight. */
  #gap: number | null = null;
  /** The batch to send again although an earlier one was refused for its number: see {@linkcode outOfSequence}. */
  #probe: SentBatch<B> | null = null;
  #renewal: "epoch" | "id" | null = null;
  #renewalRequested = false;

  /**
   * A machine with nothing sent. With idempotence it waits for {@linkcode adopt}.
   *
   * @param options See {@linkcode SequenceOptions}.
   */
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

  /** What may be sent at `nowMs`, on a clock that only goes forward. Ask right before each {@linkcode send}. */
  turn(nowMs: number): SequenceTurn<B> {
    this.#nowMs = nowMs;
    // A leader that has forgotten us takes any number. Five batches at once after a day without any: it refuses the
    // first (NOT_ENOUGH_REPLICAS), takes the second, and their order is lost.
    if (this.#inFlight === 0 && nowMs - this.#lastSentMs >= BROKER_REMEMBERS_MS) {
      this.#isLeaderConfirmed = false;
      this.#probe = null;
    }
    if ((this.#idempotent && this.#identity === null) || this.#renewal !== null || this.#gap !== null) return BLOCKED;
    if (this.#isRetrying && this.#inFlight > 0) return BLOCKED;
    const window = this.#idempotent && this.#isLeaderConfirmed ? this.#maxInFlight : 1;
    if (this.#inFlight >= window) return BLOCKED;
    if (nowMs < this.#retryAtMs) return { type: "wait", untilMs: this.#retryAtMs };
    if (this.#sent.length === this.#inFlight) return NEW;
    return { type: "resend", sent: this.#probe ?? this.#sent.find((sent) => !sent.isInFlight)! };
  }

  /** Numbers a new batch of `count` records; {@linkcode turn} must have said `"new"`. Follow with {@linkcode send}. */
  number(batch: B, count: number): SentBatch<B> {
    const sent = newSentBatch(batch, count, this.#idempotent ? this.#nextSequence : -1);
    if (this.#idempotent) this.#nextSequence = advanceSequence(this.#nextSequence, count);
    this.#sent.push(sent);
    return sent;
  }

  /** Notes that a batch is handed to a connection. */
  send(sent: SentBatch<B>): void {
    // By now a broker that appended it may not know its numbers any more, and would append it again.
    if (sent.unknownSinceMs !== null && this.#nowMs - sent.unknownSinceMs >= BROKER_REMEMBERS_MS) {
      sent.maybeDuplicate = true;
    }
    sent.isInFlight = true;
    sent.leaderTerm = this.#leaderTerm;
    sent.sentMs = this.#lastSentMs = this.#nowMs;
    this.#inFlight++;
  }

  /** The broker has the batch; `duplicate`: it says it had it before (DUPLICATE_SEQUENCE_NUMBER). */
  acknowledged(sent: SentBatch<B>, answer: { baseOffset: bigint | null; duplicate: boolean }): SequenceAction<B>[] {
    const isProbe = sent === this.#probe;
    this.#land(sent);
    if (isProbe && !this.#hasRoomBefore(sent, answer.baseOffset)) {
      return this.#disagreed(sent, { isLoss: answer.baseOffset !== null });
    }
    if (this.#idempotent && answer.duplicate && !sent.isUnknown) {
      // Rule 13: it cannot have this batch already; somebody else's numbers collide with ours.
      return this.#renew("epoch", sent.isAbandoned ? this.#giveUp(sent) : []);
    }
    // Without numbers, a batch sent again after an unknown outcome may be there twice.
    if (!this.#idempotent && sent.isUnknown) sent.maybeDuplicate = true;
    const actions: SequenceAction<B>[] = [];
    const earlier = this.#sent.splice(0, this.#sent.indexOf(sent) + 1).slice(0, -1);
    // Rule 4: the broker took a later number, so it has every earlier one that it may have taken. It checked the
    // number: a second batch is only ever in flight once this leader has acknowledged one.
    const stay = earlier.filter((each) => each.isInFlight || !each.isUnknown);
    for (const each of earlier) {
      if (stay.includes(each)) continue;
      actions.push({ type: "acknowledge", sent: each, isImplied: true, duplicate: false });
    }
    actions.push({ type: "acknowledge", sent, isImplied: false, duplicate: answer.duplicate });
    this.#sent.unshift(...stay);
    if (answer.baseOffset !== null) this.#lastAckedOffset = answer.baseOffset + BigInt(sent.count - 1);
    this.#hasAcked = true;
    // Two batches are with the old leader, and another leads now. The answer of the old one to the first says nothing
    // of what the new one knows.
    if (sent.leaderTerm === this.#leaderTerm) this.#isLeaderConfirmed = true;
    if (this.#hole !== null && isLater(sent.baseSequence, this.#hole)) this.#hole = null;
    if (this.#gap !== null && isLater(sent.baseSequence, this.#gap)) this.#gap = null;
    if (stay.length === 0) {
      this.#isRetrying = false;
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
    this.#doubt(sent);
    return this.#retry(sent, retryAtMs);
  }

  /** The connection ended before any byte of the request was handed to it. */
  unwritten(sent: SentBatch<B>, retryAtMs: number): SequenceAction<B>[] {
    this.#land(sent);
    return this.#retry(sent, retryAtMs);
  }

  /**
   * The broker expected another number, or does not know the producer (45, 47, 49, 59). `knowsProducer`: it expected
   * another number of this very producer (45).
   */
  outOfSequence(
    sent: SentBatch<B>,
    answer: { retryAtMs: number; logStartOffset: bigint; needsNewId: boolean; knowsProducer?: boolean },
  ): SequenceAction<B>[] {
    const isProbe = sent === this.#probe;
    this.#land(sent);
    if (!this.#idempotent) return this.#afterAnswer(this.#giveUp(sent));
    // Behind an unsettled batch, or behind numbers that were given back, that was to be expected.
    if ((this.#sent[0] !== sent && !isProbe) || this.#gap !== null || this.#renewal !== null) {
      return this.#retry(sent, answer.retryAtMs);
    }
    this.#probe = answer.knowsProducer === true ? this.#probeAfter(sent) : null;
    if (this.#probe !== null) return [];
    const isLogShortened = this.#lastAckedOffset !== null && answer.logStartOffset > this.#lastAckedOffset;
    // Not at once: a broker that says so to everything would have us spend epoch after epoch.
    this.#retryAtMs = Math.max(this.#retryAtMs, answer.retryAtMs);
    return this.#disagreed(sent, { isLoss: !isLogShortened && !answer.needsNewId, needsNewId: answer.needsNewId });
  }

  /**
   * The broker refuses the batch for good. `isCertain` is false when it may have been appended all the same
   * (UNKNOWN_SERVER_ERROR).
   */
  rejected(sent: SentBatch<B>, isCertain: boolean): SequenceAction<B>[] {
    this.#land(sent);
    if (!isCertain) this.#doubt(sent);
    const actions = this.#giveUp(sent);
    return this.#idempotent && sent.isUnknown ? this.#renew("epoch", actions) : this.#afterAnswer(actions);
  }

  /** The broker refuses the batch as too large: `parts` take its place and its numbers. */
  split(sent: SentBatch<B>, parts: readonly { batch: B; count: number }[]): SequenceAction<B>[] {
    this.#land(sent);
    let sequence = sent.baseSequence;
    const replacements = parts.map(({ batch, count }) => {
      const part = { ...sent, batch, count, baseSequence: sequence };
      if (this.#idempotent) sequence = advanceSequence(sequence, count);
      return part;
    });
    this.#sent.splice(this.#sent.indexOf(sent), 1, ...replacements);
    this.#isRetrying = true;
    if (sent.isAbandoned) return this.#afterAnswer(replacements.flatMap((part) => this.#giveUp(part)));
    const actions: SequenceAction<B>[] = replacements.map((part) => ({ type: "number", sent: part }));
    // Parts of a batch that may be in the log would not be recognised as its duplicates.
    return this.#idempotent && sent.isUnknown ? this.#renew("epoch", actions) : this.#afterAnswer(actions);
  }

  /** The broker refuses the batch for some of its records: without them it has `count` and is sent again. */
  shrunk(sent: SentBatch<B>, count: number): SequenceAction<B>[] {
    this.#land(sent);
    sent.count = count;
    this.#isRetrying = true;
    if (sent.isAbandoned) return this.#afterAnswer(this.#giveUp(sent));
    if (this.#idempotent && sent.isUnknown) return this.#renew("epoch", []);
    this.#giveBack(advanceSequence(sent.baseSequence, count));
    return this.#afterAnswer([{ type: "number", sent }]);
  }

  /** What is known of an unacknowledged batch. */
  verdict(sent: SentBatch<B>): Verdict {
    return sent.isInFlight ? "possiblyPersisted" : verdictOf(sent);
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
    this.#leaderTerm++;
    this.#probe = null;
    this.#isLeaderConfirmed = false;
    this.#retryAtMs = 0;
  }

  /** The topic was deleted and made again: the new one knows nothing of our numbers. */
  topicRecreated(): SequenceAction<B>[] {
    this.#lastAckedOffset = null;
    return this.#idempotent && this.#identity !== null ? this.#renew("epoch", []) : [];
  }

  /** Starts numbering again under another identity. Nothing may be in flight. */
  adopt(identity: ProducerIdentity): SequenceAction<B>[] {
    this.#identity = identity;
    this.#nextSequence = 0;
    this.#hasAcked = this.#isLeaderConfirmed = false;
    this.#hole =
      this.#gap =
      this.#probe =
      this.#renewal =
        null;
    this.#renewalRequested = false;
    const actions: SequenceAction<B>[] = [];
    for (const sent of [...this.#sent]) {
      if (sent.isUnknown && this.#onUnknown === "fail") {
        this.#sent.splice(this.#sent.indexOf(sent), 1);
        actions.push({ type: "fail", sent, verdict: "possiblyPersisted" });
        continue;
      }
      sent.maybeDuplicate ||= sent.isUnknown;
      sent.isUnknown = false;
      sent.unknownSinceMs = null;
      actions.push(this.#renumber(sent));
    }
    this.#isRetrying = this.#sent.length > 0;
    return actions;
  }

  #land(sent: SentBatch<B>): void {
    this.#probe = null;
    sent.isInFlight = false;
    this.#inFlight--;
  }

  #doubt(sent: SentBatch<B>): void {
    sent.isUnknown = true;
    sent.unknownSinceMs ??= sent.sentMs;
  }

  /**
   * The next batch to ask about when one of unknown outcome is out of order. Five batches are sent, all are appended, and
   * all brokers are killed before they answer. A broker that restarts knows only the last batch of a producer: the first,
   * sent again, is out of order although it is in the log. The fifth is recognised, which acknowledges them all (rule 4:
   * this broker keeps numbers of ours, or it would not have refused the first).
   */
  #probeAfter(sent: SentBatch<B>): SentBatch<B> | null {
    if (sent.isAbandoned || !sent.isUnknown) return null;
    // Number 0 is taken by a broker that knows earlier epochs only.
    const later = this.#sent.slice(this.#sent.indexOf(sent) + 1);
    return later.find(({ isUnknown, baseSequence }) => isUnknown && baseSequence !== 0) ?? null;
  }

  /**
   * Whether what was acknowledged, and every batch before `sent`, can lie before its offset. Not so where an unclean leader
   * has lost all that it had of us, then taken the fifth batch from an old connection: it takes any number of a stranger.
   */
  #hasRoomBefore(sent: SentBatch<B>, baseOffset: bigint | null): boolean {
    const earlier = this.#sent.slice(0, this.#sent.indexOf(sent));
    const recordCount = earlier.reduce((sum, { count }) => sum + count, 0);
    return baseOffset !== null && baseOffset > (this.#lastAckedOffset ?? -1n) + BigInt(recordCount);
  }

  /** Broker and lane disagree about the log, which is a loss unless something explains it: numbering begins again. */
  #disagreed(
    sent: SentBatch<B>,
    { isLoss, needsNewId = false }: { isLoss: boolean; needsNewId?: boolean },
  ): SequenceAction<B>[] {
    const actions: SequenceAction<B>[] = [];
    if (isLoss && this.#hasAcked && this.#hole === null) {
      actions.push({ type: "dataloss", lastAckedOffset: this.#lastAckedOffset });
    }
    if (sent.isAbandoned) actions.push(...this.#giveUp(sent));
    return this.#renew(needsNewId ? "id" : "epoch", actions);
  }

  #retry(sent: SentBatch<B>, retryAtMs: number): SequenceAction<B>[] {
    this.#isRetrying = true;
    this.#retryAtMs = Math.max(this.#retryAtMs, retryAtMs);
    return this.#afterAnswer(sent.isAbandoned ? this.#giveUp(sent) : []);
  }

  /** Rules 7 and 12: what was certainly not appended gives its numbers back, what may have been leaves a hole. */
  #giveUp(sent: SentBatch<B>): SequenceAction<B>[] {
    this.#probe = null;
    this.#sent.splice(this.#sent.indexOf(sent), 1);
    if (!sent.isUnknown) this.#giveBack(sent.baseSequence);
    else if (this.#hole === null || isLater(sent.baseSequence, this.#hole)) this.#hole = sent.baseSequence;
    return [{ type: "fail", sent, verdict: verdictOf(sent) }];
  }

  #giveBack(sequence: number): void {
    if (this.#idempotent && (this.#gap === null || isLater(this.#gap, sequence))) this.#gap = sequence;
  }

  #renew(what: "epoch" | "id", actions: SequenceAction<B>[]): SequenceAction<B>[] {
    if (this.#renewal !== "id") this.#renewal = what;
    this.#isRetrying = true;
    return this.#afterAnswer(actions);
  }

  /** Closes a gap, and asks for a new identity once nothing is in flight. */
  #afterAnswer(actions: SequenceAction<B>[]): SequenceAction<B>[] {
    if (this.#sent.length === 0 && this.#renewal === null) {
      this.#isRetrying = false;
      this.#retryAtMs = 0;
    }
    if (this.#gap !== null && this.#renewal === null) this.#closeGap(this.#gap, actions);
    if (this.#inFlight === 0 && this.#renewal !== null && !this.#renewalRequested) {
      this.#renewalRequested = true;
      actions.push({ type: "renew", needsNewId: this.#renewal === "id" });
    }
    return actions;
  }

  #closeGap(gap: number, actions: SequenceAction<B>[]): void {
    const followers = this.#sent.filter((sent) => isLater(sent.baseSequence, gap));
    if (followers.length > 0 && this.#inFlight > 0) return;
    this.#gap = null;
    if (followers.some((sent) => sent.isUnknown) || (this.#hole !== null && isLater(this.#hole, gap))) {
      // Under one epoch a number means one batch for ever. Batches 5 and 6 are sent; 5 is refused, the connection ends
      // before 6 is answered, nobody waits for either any more. Were the next batches 5 and 6 again, the broker might
      // take the old 6 from the old connection behind the new 5, and then the new 6 for its duplicate: lost, and
      // acknowledged.
      this.#renewal = "epoch";
      return;
    }
    this.#nextSequence = gap;
    for (const sent of followers) actions.push(this.#renumber(sent));
    if (followers.length > 0) this.#isRetrying = true;
  }

  #renumber(sent: SentBatch<B>): SequenceAction<B> {
    sent.baseSequence = this.#nextSequence;
    this.#nextSequence = advanceSequence(this.#nextSequence, sent.count);
    return { type: "number", sent };
  }
}

/** `sequence` and `count` more: numbers go from 0 to 2^31-1 and then begin again. */
export function advanceSequence(sequence: number, count: number): number {
  return (sequence + count) % SEQUENCE_COUNT;
}

/** Whether `a` comes after `b`: what is unsettled is far from half of all numbers. */
function isLater(a: number, b: number): boolean {
  return a !== b && advanceSequence(a, SEQUENCE_COUNT - b) < SEQUENCE_COUNT / 2;
}
