/**
 * The numbered batches of a lane: carries out what the sequence machine decides, and reads answers for it.
 *
 * @module
 */

import { type ErrorCode, errorCode } from "../../protocol/error_codes.ts";
import { hasValidCrc } from "../../protocol/record_batch_reader.ts";
import { BrokerError, type Verdict } from "../errors.ts";
import type { Batch } from "./batch.ts";
import { halveBatch } from "./batch_division.ts";
import type { Misfit } from "./old_broker.ts";
import type { IdentityListener, ProducerIds } from "./producer_ids.ts";
import { type SentBatch, type SequenceAction, SequenceMachine, type SequenceTurn } from "./sequence.ts";
import type { Acknowledgement } from "./span.ts";

/** What a broker answers for one partition: the part of `ProduceResponse` that a producer reads. */
export interface AppendAnswer {
  /** 0 when the batch was appended. */
  readonly errorCode: number;
  /** Offset of the first record, -1 when unknown. */
  readonly baseOffset: bigint;
  /** The broker's timestamp where the topic uses it, else -1. */
  readonly logAppendTimeMs: bigint;
  /** First offset still in the log, -1 when unknown. */
  readonly logStartOffset: bigint;
  /** Which records were at fault. */
  readonly recordErrors: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string | null }[];
  /** The broker's words. */
  readonly errorMessage: string | null;
}

/** A batch whose request is under way. */
export type InFlightBatch = SentBatch<Batch>;

/** What the window needs, and whom it tells: its lane. */
export interface SentWindowHost {
  /** Names the partition in error texts, e.g. `"clicks" partition 0`. */
  readonly label: string;
  /** Whether the topic's batches carry numbers. */
  readonly wantsNumbers: boolean;
  /** Most requests in flight. */
  readonly maxInFlight: number;
  /** See `ProducerOptions.onUnknown`. */
  readonly onUnknown: "retry" | "fail";
  /** See `ProducerOptions.unknownTopicTimeoutMs`. */
  readonly unknownTopicTimeoutMs: number;
  /** Monotonic time in milliseconds. */
  now(): number;
  /** A pause before attempt number `attempt` + 1. */
  backoffMs(attempt: number): number;
  /** Asks for newer metadata. */
  refreshMetadata(): void;
  /** A batch takes the place of another: it holds its bytes of the budget from now on. */
  replace(batch: Batch, parts: readonly Batch[]): void;
  /** The broker has the batch. */
  delivered(batch: Batch, acknowledgement: Acknowledgement): void;
  /** The batch will not be sent again. */
  failed(batch: Batch, verdict: Verdict, cause: unknown): void;
  /** Records of the batch, by index, are refused for good; the others go on. */
  dropRecords(batch: Batch, indexes: readonly number[], causes: readonly unknown[]): void;
  /** Something may be sent that could not be before. */
  wake(): void;
  /** No identity can be had: what waits for one fails. */
  identityFailed(cause: unknown): void;
  /** The brokers know no producer ids. Warns, or where the caller insists on them fails what waits and returns true. */
  isUnnumbered(): boolean;
  /** The log lost acknowledged records. */
  dataLost(lastAckedOffset: bigint | null, logStartOffset: bigint): void;
}

/** See the module comment. */
export class SentWindow implements IdentityListener {
  readonly #host: SentWindowHost;
  readonly #ids: ProducerIds;
  #machine: SequenceMachine<Batch> | null = null;
  #unknownTopicSinceMs: number | null = null;
  /** What was asked for and could not be had: asked for again when there is something to send. */
  #owedIdentity: "epoch" | "id" | null = null;
  #wantedIdentity: "epoch" | "id" | null = null;

  /**
   * @param host Its lane.
   * @param ids Where identities come from.
   */
  constructor(host: SentWindowHost, ids: ProducerIds) {
    this.#host = host;
    this.#ids = ids;
  }

  /** Requests unanswered. */
  get inFlight(): number {
    return this.#machine?.inFlight ?? 0;
  }

  /** Numbered, unsettled batches in order. */
  get unsettled(): readonly InFlightBatch[] {
    return this.#machine?.unsettled ?? [];
  }

  /** What may be sent now. Asks for an identity when that is what is missing. */
  turn(nowMs: number): SequenceTurn<Batch> {
    const machine = this.#machine ?? this.#begin();
    if (machine === null) return { type: "blocked" };
    if (this.#owedIdentity !== null) this.#renew(this.#owedIdentity === "id");
    const current = this.#ids.current;
    // A lane moves to the newest epoch once its own batches are through (KAFKA-12152).
    if (this.#host.wantsNumbers && current !== null && current !== machine.identity && machine.unsettled.length === 0) {
      this.#carryOut(machine.adopt(current));
    }
    return machine.turn(nowMs);
  }

  /** Numbers a sealed batch that `turn()` allowed. */
  number(batch: Batch): InFlightBatch {
    const sent = this.#machine!.number(batch, batch.wireCount);
    batch.isNumbered = true;
    this.#write(sent);
    return sent;
  }

  /** Notes that a batch is handed to a connection. */
  send(sent: InFlightBatch): void {
    sent.batch.attempts++;
    this.#machine!.send(sent);
  }

  /** Reads a broker's answer. */
  answered(sent: InFlightBatch, answer: AppendAnswer): void {
    const code = errorCode(answer.errorCode);
    if (code.refreshMetadata) this.#host.refreshMetadata();
    if (code.rule === "done" || code.rule === "duplicate") {
      sent.batch.lastError = undefined;
      return this.#acknowledged(sent, answer, code);
    }
    sent.batch.lastError = new BrokerError(`append to ${this.#host.label}`, code, { detail: answer.errorMessage });
    this.#carryOut(this.#refused(sent, answer, code), answer);
  }

  /** The request ended without an answer. `written`: whether any byte of it may have reached the broker. */
  unanswered(sent: InFlightBatch, error: unknown, written: boolean): void {
    sent.batch.lastError = error;
    const retryAtMs = this.#retryAtMs(sent);
    if (written) sent.batch.isUnknown = true;
    else sent.batch.attempts--;
    const machine = this.#machine!;
    this.#carryOut(written ? machine.unknown(sent, retryAtMs) : machine.unwritten(sent, retryAtMs));
    this.#host.wake();
  }

  /**
   * The broker is too old for the batch as it is. That was found out before a byte was sent, and is treated as if the
   * broker had said so: the batch is divided, or goes on without the records to blame.
   */
  misfit(sent: InFlightBatch, misfit: Misfit): void {
    const machine = this.#machine!;
    machine.send(sent);
    const { batch } = sent;
    if (misfit.type === "tooLarge" && canSplit(sent)) {
      this.#carryOut(this.#split(sent));
    } else if (misfit.type === "tooLarge" || misfit.indexes.length === sent.count || batch.isRegrouped) {
      batch.lastError = misfit.cause;
      this.#carryOut(machine.rejected(sent, true));
    } else {
      this.#host.dropRecords(batch, misfit.indexes, misfit.indexes.map(() => misfit.cause));
      this.#carryOut(machine.shrunk(sent, sent.count - misfit.indexes.length));
    }
    this.#host.wake();
  }

  /** With acks 0: the request was handed to the socket, more will never be known. */
  writtenUnacknowledged(sent: InFlightBatch): void {
    this.#carryOut(this.#machine!.acknowledged(sent, { baseOffset: null, duplicate: false }));
    this.#host.wake();
  }

  /** What is known of a batch that is not acknowledged. */
  verdict(sent: InFlightBatch): Verdict {
    return this.#machine!.verdict(sent);
  }

  /** Nobody waits for a batch any more: it is not sent again. */
  abandon(sent: InFlightBatch): void {
    this.#carryOut(this.#machine!.abandoned(sent));
  }

  /** Another broker leads the partition. */
  leaderChanged(): void {
    this.#machine?.leaderChanged();
  }

  /** The topic was deleted and made again. */
  topicRecreated(): void {
    if (this.#machine !== null) this.#carryOut(this.#machine.topicRecreated());
  }

  /** An identity came, or it is known that there is none. */
  identityChanged(): void {
    const machine = this.#machine;
    if (
      machine !== null && machine.identity !== null && machine.inFlight === 0 && machine.identity !== this.#ids.current
    ) {
      this.#carryOut(machine.adopt(this.#ids.current!));
    }
    this.#host.wake();
  }

  /** No identity can be had. */
  identityFailed(error: unknown): void {
    if (this.#machine !== null) this.#owedIdentity = this.#wantedIdentity;
    this.#host.identityFailed(error);
  }

  /** Makes the machine once it is known whether batches can be numbered. */
  #begin(): SequenceMachine<Batch> | null {
    const { wantsNumbers, maxInFlight, onUnknown } = this.#host;
    if (wantsNumbers && this.#ids.current === null && !this.#ids.isUnsupported) {
      this.#ids.request(this);
      return null;
    }
    if (wantsNumbers && this.#ids.isUnsupported && this.#host.isUnnumbered()) return null;
    const idempotent = wantsNumbers && !this.#ids.isUnsupported;
    this.#machine = new SequenceMachine({ idempotent, maxInFlight, onUnknown });
    if (idempotent) this.#carryOut(this.#machine.adopt(this.#ids.current!));
    return this.#machine;
  }

  #write(sent: InFlightBatch): void {
    const identity = sent.baseSequence === -1 ? null : this.#machine!.identity!;
    sent.batch.outgoing.number({
      producerId: identity?.producerId ?? -1n,
      producerEpoch: identity?.producerEpoch ?? -1,
      baseSequence: sent.baseSequence,
    });
  }

  #retryAtMs(sent: InFlightBatch): number {
    return this.#host.now() + this.#host.backoffMs(sent.batch.attempts);
  }

  #acknowledged(sent: InFlightBatch, answer: AppendAnswer, code: ErrorCode): void {
    this.#unknownTopicSinceMs = null;
    const duplicate = code.rule === "duplicate";
    const baseOffset = duplicate || answer.baseOffset < 0n ? null : answer.baseOffset;
    this.#carryOut(this.#machine!.acknowledged(sent, { baseOffset, duplicate }), answer);
    this.#host.wake();
  }

  #refused(sent: InFlightBatch, answer: AppendAnswer, code: ErrorCode): SequenceAction<Batch>[] {
    const machine = this.#machine!;
    const retryAtMs = this.#retryAtMs(sent);
    // A leader that appended a batch, and lost its leadership or the topic before all replicas had it, answers with the
    // same codes as one that refuses (6, 3): but with the batch's offset. Its successor may have the batch.
    if (answer.baseOffset >= 0n && (code.rule === "retry" || code.rule === "unknownTopic")) {
      sent.batch.isUnknown = true;
      return machine.unknown(sent, retryAtMs);
    }
    switch (code.rule) {
      case "retry":
        return machine.refused(sent, retryAtMs);
      case "retryUnknown":
        sent.batch.isUnknown = true;
        return machine.unknown(sent, retryAtMs);
      case "retryOnce":
        // Damaged on the way, then our bytes are still whole. Twice is no accident.
        if (sent.batch.wasCorrupt || !hasValidCrc(sent.batch.outgoing.bytes)) return machine.rejected(sent, true);
        sent.batch.wasCorrupt = true;
        return machine.refused(sent, retryAtMs);
      case "unknownTopic":
        this.#unknownTopicSinceMs ??= this.#host.now();
        if (this.#host.now() - this.#unknownTopicSinceMs >= this.#host.unknownTopicTimeoutMs) {
          return machine.rejected(sent, true);
        }
        return machine.refused(sent, retryAtMs);
      case "sequence":
        return machine.outOfSequence(sent, {
          retryAtMs,
          logStartOffset: answer.logStartOffset,
          needsNewId: code.name === "INVALID_PRODUCER_ID_MAPPING",
          knowsProducer: code.name === "OUT_OF_ORDER_SEQUENCE_NUMBER",
        });
      case "split":
        return canSplit(sent) ? this.#split(sent) : machine.rejected(sent, true);
      case "invalidRecords":
        return this.#dropCulprits(sent, answer);
      case "failUnknown":
        sent.batch.isUnknown = true;
        return machine.rejected(sent, false);
      default:
        return machine.rejected(sent, true);
    }
  }

  /** Halves a batch that the broker finds too large (as many records in each half). */
  #split(sent: InFlightBatch): SequenceAction<Batch>[] {
    const parts = halveBatch(sent.batch);
    this.#host.replace(sent.batch, parts);
    return this.#machine!.split(sent, parts.map((batch) => ({ batch, count: batch.wireCount })));
  }

  /** Fails the records that the broker names and sends the others again; all fail when it names none. */
  #dropCulprits(sent: InFlightBatch, answer: AppendAnswer): SequenceAction<Batch>[] {
    const machine = this.#machine!;
    const culprits = answer.recordErrors.filter(({ batchIndex }) => batchIndex >= 0 && batchIndex < sent.count);
    const indexes = [...new Set(culprits.map(({ batchIndex }) => batchIndex))].sort((a, b) => a - b);
    const isAll = indexes.length === 0 || indexes.length === sent.count;
    if (isAll || sent.batch.isRegrouped) return machine.rejected(sent, true);
    const code = errorCode(answer.errorCode);
    const causes = indexes.map((index) => {
      const detail = culprits.find(({ batchIndex }) => batchIndex === index)!.batchIndexErrorMessage;
      return new BrokerError(`append to ${this.#host.label}`, code, { detail: detail ?? answer.errorMessage });
    });
    this.#host.dropRecords(sent.batch, indexes, causes);
    return machine.shrunk(sent, sent.count - indexes.length);
  }

  #carryOut(actions: readonly SequenceAction<Batch>[], answer?: AppendAnswer): void {
    for (const action of actions) {
      switch (action.type) {
        case "number":
          this.#write(action.sent);
          break;
        case "acknowledge":
          this.#host.delivered(action.sent.batch, acknowledgementOf(action, answer));
          break;
        case "fail":
          this.#host.failed(action.sent.batch, action.verdict, action.sent.batch.lastError);
          break;
        case "dataloss":
          this.#host.dataLost(action.lastAckedOffset, answer?.logStartOffset ?? -1n);
          break;
        case "renew":
          this.#renew(action.needsNewId);
      }
    }
    if (actions.length > 0) this.#host.wake();
  }

  #renew(needsNewId: boolean): void {
    const machine = this.#machine!;
    this.#owedIdentity = null;
    this.#wantedIdentity = needsNewId ? "id" : "epoch";
    const identity = this.#ids.renew(machine.identity!, needsNewId, this);
    if (identity !== null) this.#carryOut(machine.adopt(identity));
  }
}

/** Of a regrouped batch, no record belongs to one of the halves alone. */
function canSplit({ count, batch }: InFlightBatch): boolean {
  return count > 1 && !batch.isRegrouped;
}

function acknowledgementOf(
  { sent, isImplied, duplicate }: Extract<SequenceAction<Batch>, { type: "acknowledge" }>,
  answer: AppendAnswer | undefined,
): Acknowledgement {
  const isKnown = !isImplied && !duplicate && answer !== undefined;
  return {
    baseOffset: isKnown && answer.baseOffset >= 0n ? answer.baseOffset : null,
    logAppendTimeMs: isKnown && answer.logAppendTimeMs >= 0n ? Number(answer.logAppendTimeMs) : null,
    duplicate,
    maybeDuplicate: sent.maybeDuplicate,
  };
}
