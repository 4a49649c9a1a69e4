/**
 * A lane: one partition's path from admitted records to acknowledged batches.
 *
 * @module
 */

import type { LaneDetail } from "../events.ts";
import type { EncodableRecord } from "../../protocol/record_batch.ts";
import type { Acks } from "../options.ts";
import { Batch, type BatchKeeper } from "./batch.ts";
import { BatchQueue } from "./batch_queue.ts";
import { BatchRewriter } from "./batch_rewriter.ts";
import { BatchStream } from "./batch_stream.ts";
import type { BudgetShare } from "./budget.ts";
import type { Destination } from "./admission.ts";
import { fitCodec } from "./compressor.ts";
import type { LaneContext } from "./lane_context.ts";
import { LaneSettlement } from "./lane_settlement.ts";
import { OneTimer } from "./one_timer.ts";
import type { Outbox } from "./outbox.ts";
import type { DropSource } from "./overflow.ts";
import { type InFlightBatch, SentWindow } from "./sent_window.ts";
import type { Span, SpanTarget } from "./span.ts";
import type { TaskEndListener } from "./task_end.ts";
import { type WindowedLane, WindowHost } from "./window_host.ts";

/** What an outbox may do for a lane now. */
export type LaneTurn =
  /** Send this batch again. */
  | { readonly type: "resend"; readonly sent: InFlightBatch }
  /** Take a sealed batch. */
  | { readonly type: "take" }
  /** Have the open batch sealed. */
  | { readonly type: "seal" }
  /** Nothing. */
  | { readonly type: "idle" };

/** Where a lane is. */
export interface LanePlace {
  /** Partition of the topic. */
  readonly partition: number;
  /** Number of the lane within its partition. */
  readonly index: number;
  /** The partition's part of the budget. */
  readonly share: BudgetShare;
}

const IDLE = { type: "idle" } as const;
const TAKE = { type: "take" } as const;
const SEAL = { type: "seal" } as const;

/** Batches by bytes and time through its {@linkcode BatchStream}, sends in order through its {@linkcode SentWindow}. */
export class Lane implements WindowedLane, BatchKeeper, Destination, DropSource, TaskEndListener {
  /** Partition of the topic. */
  readonly partition: number;
  /** Number of the lane within its partition: lanes of one number share a producer id and a connection per broker. */
  readonly index: number;
  /** What it holds of the budget, and how records ended. */
  readonly settlement: LaneSettlement;
  /** What was sent and is not settled. */
  readonly window: SentWindow;
  /** Batches sent again. */
  retryCount = 0;
  /** Whether the run of admissions under way has appended to it. */
  isTouched = false;
  /** Whether it was an extra lane and runs no more: records chosen for it go elsewhere. */
  hasEnded = false;
  readonly #context: LaneContext;
  readonly #stream: BatchStream;
  readonly #queue: BatchQueue<InFlightBatch>;
  /** Size of the last batch: the next one may well become as large. */
  #lastBytes = 0;
  #isDirty = false;
  #outbox: Outbox | null = null;
  #leaderEpoch = -1;
  #isUp = false;
  readonly #retryTimer: OneTimer;

  /**
   * @param context What the lanes of a topic share.
   * @param place Where the lane is.
   */
  constructor(context: LaneContext, { partition, index, share }: LanePlace) {
    this.#context = context;
    this.partition = partition;
    this.index = index;
    this.settlement = new LaneSettlement(context, partition, share);
    this.#retryTimer = new OneTimer(context.timers, () => this.wake());
    this.#stream = new BatchStream({
      limits: context.options,
      // More than the share can hold, with a batch beside it most of whose records were struck out: the stream never
      // holds a batch back, only the budget does.
      readableMaxBytes: context.options().partitionMaxBytes * 2,
      timers: context.timers,
      open: () => this.#open(),
      seal: (batch) => this.#seal(batch),
      onSealed: () => this.#onSealed(),
      onDue: () => this.wake(),
    });
    this.#queue = new BatchQueue({
      sealed: this.#stream.readable.getReader(),
      taskEnd: context.taskEnd,
      rewriter: () => new BatchRewriter(context, partition),
      number: (batch) => this.window.number(batch),
      replaced: (batch, parts) => this.settlement.replace(batch, parts),
      refused: (batch, cause) => this.settlement.failed(batch, { verdict: "notPersisted", cause }),
    });
    this.window = new SentWindow(new WindowHost(this, context), context.ids(index));
  }

  /** The outbox of the broker that leads the partition, null while there is none. */
  get outbox(): Outbox | null {
    return this.#outbox;
  }

  /** Implements `Destination`. */
  get share(): BudgetShare {
    return this.settlement.share;
  }

  /** Whether its broker is connected. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Whether a batch that takes no more records waits to be sent. */
  get isBusy(): boolean {
    return this.#queue.sealedCount > 0 || this.#stream.hasFull;
  }

  // Admission

  /** Copies a record into the open batch. The caller has asked the budget for room. */
  append(record: EncodableRecord, to: SpanTarget): void {
    this.settlement.taken(this.#stream.append(record, to));
    if (!this.#isDirty) this.#askTaskEnd();
  }

  #askTaskEnd(): void {
    this.#isDirty = true;
    this.#context.taskEnd.ask(this);
  }

  /** After a run of {@linkcode append}s: hands on what is full; has the rest follow after `lingerMs` at the latest. */
  appended(lingerMs: number): void {
    if (this.#stream.hasFull) this.#stream.commit();
    if (lingerMs === 0 || this.#context.budget.hasWaiters) this.makeDue();
    else if (lingerMs < Infinity) this.#stream.makeDueWithin(lingerMs);
  }

  /** See {@linkcode BatchStream.batchNumber}. */
  get batchNumber(): number {
    return this.#stream.batchNumber;
  }

  /** Whether the open batch takes a record of at most `bytes`; one that does not is ended, for the record may go elsewhere. */
  hasRoomFor(bytes: number): boolean {
    if (this.#stream.hasRoomFor(bytes)) return true;
    this.#stream.finish();
    // Not at once: sealing compacts, and an overflow policy may have struck records in this run that it has yet to tell.
    if (!this.#isDirty) this.#askTaskEnd();
    return false;
  }

  /** Makes the open batch due, if there is one. */
  makeDue(): void {
    if (this.#stream.openBatch === null) return;
    this.#stream.makeDue();
    this.wake();
  }

  /** The batch being filled, null when there is none. */
  get openBatch(): Batch | null {
    return this.#stream.openBatch;
  }

  /** The task that appended is over: one write to the stream for all of it. */
  taskEnded(): void {
    this.#isDirty = false;
    if (this.#stream.openBatch === null) {
      if (this.#stream.hasFull) this.#stream.commit();
      return;
    }
    // With lingerMs "auto", records wait for company only while a request is under way.
    const isIdle = this.window.inFlight === 0 && this.#queue.sealedCount === 0;
    if (isIdle && this.#stream.isAuto) this.makeDue();
    this.#stream.commit();
  }

  #open(): Batch {
    const batch = new Batch(this.#context.pool, this.#context.timers.now(), { likelyBytes: this.#lastBytes });
    batch.keeper = this;
    const { compression, transformBatch } = this.#context.options();
    batch.outgoing.compressor = this.#context.compressors.of(compression);
    batch.transform = transformBatch;
    this.#queue.add(batch);
    return batch;
  }

  #seal(batch: Batch): void | Promise<void> {
    this.#lastBytes = batch.builder.byteLength;
    // One to be rewritten gets its bytes when it is taken: until then, records of it may be struck out.
    if (batch.transform !== null) return;
    batch.compact();
    return batch.outgoing.seal();
  }

  #onSealed(): void {
    this.#queue.sealed();
    this.#queue.discardEmpty();
    this.wake();
  }

  // Sending: called by the outbox

  /** What may be done now; asks to be woken when it is a matter of time. */
  turn(nowMs: number): LaneTurn {
    const isOpenDue = this.#stream.isDue || (this.#context.budget.hasWaiters && this.#stream.canSeal);
    if (this.#queue.sealedCount === 0 && !isOpenDue && this.window.unsettled.length === 0) return IDLE;
    const turn = this.window.turn(nowMs);
    // Numbers given for a newer broker say nothing to an old one: its order holds with one request at a time alone.
    if (this.window.inFlight > 0 && this.#outbox?.isOld) return IDLE;
    if (turn.type === "resend") return turn;
    if (turn.type === "wait") this.#retryTimer.set(turn.untilMs - nowMs);
    if (turn.type !== "new") return IDLE;
    if (this.#queue.sealedCount > 0) return TAKE;
    return isOpenDue ? SEAL : IDLE;
  }

  /** Whether the lane needs a connection: records wait here to be sent, or the end of a downtime is waited for. */
  get hasWork(): boolean {
    return this.settlement.bufferedRecords > 0 || this.#context.isDown;
  }

  /** Bytes of the batch that {@linkcode take} would give, or the most it may have once it is rewritten. */
  get nextBytes(): number {
    const next = this.#queue.all[0];
    if (next === undefined) return 0;
    return next.transform === null ? next.outgoing.byteLength : this.#context.options().batchMaxBytes;
  }

  /** Name of the topic. */
  get topic(): string {
    return this.#context.topic;
  }

  /** Id of the topic, null when brokers give none. */
  get topicId(): string | null {
    return this.#context.topicId;
  }

  /** Who must have its records. */
  get acks(): Acks {
    return this.#context.options().acks;
  }

  /** Has the open batch sealed; the lane wakes its outbox when it lies ready. */
  requestSeal(): void {
    this.#stream.commit(true);
  }

  /** Takes the next sealed batch, numbered; null when nothing of it is to be sent. */
  take(): Promise<InFlightBatch | null> {
    return this.#queue.take();
  }

  /** Whether a batch taken before is still the next to send. */
  maySend(sent: InFlightBatch): boolean {
    const turn = this.window.turn(this.#context.timers.now());
    return turn.type === "resend" && turn.sent === sent;
  }

  /** Notes that a batch is handed to a connection, in a request of that version. */
  send(sent: InFlightBatch, version: number): void {
    fitCodec(sent.batch, version, this.#context.warn);
    if (sent.batch.attempts > 0) {
      this.retryCount++;
      this.#context.totals.retries++;
    }
    this.window.send(sent);
  }

  /** After an answer: with `lingerMs: "auto"`, what gathered meanwhile is due now. */
  answered(): void {
    if (this.#stream.isAuto) this.makeDue();
    this.wake();
  }

  /** Tells the outbox that there may be something to do. */
  wake(): void {
    this.#outbox?.wake(this);
  }

  // Leaders

  /** Hands the lane to another outbox, or to none while there is no leader, or for `cause`; the epoch tells a new term. */
  moveTo(outbox: Outbox | null, leaderEpoch = -1, cause?: unknown): void {
    const isNewTerm = leaderEpoch !== this.#leaderEpoch;
    this.#leaderEpoch = leaderEpoch;
    if (outbox === this.#outbox) {
      if (!isNewTerm || outbox === null) return;
      this.window.leaderChanged();
      return this.wake();
    }
    this.#outbox?.remove(this);
    // The broker that was lost is the one to name.
    if (outbox === null) this.setUp(false, this.#isUp ? cause : undefined);
    this.#outbox = outbox;
    this.window.leaderChanged();
    outbox?.add(this);
  }

  /** Notes that the lane's broker is connected, or is not any more. */
  setUp(isUp: boolean, cause?: unknown): void {
    this.settlement.obstacle = isUp ? undefined : cause;
    if (this.#isUp === isUp) {
      if (cause !== undefined) this.#context.noteLane("failed");
      return;
    }
    // A broker that comes back may have lost what it knew of us: an unclean leader, in a term of its own.
    if (!isUp) this.window.leaderChanged();
    this.#isUp = isUp;
    this.share.upLanes += isUp ? 1 : -1;
    this.#context.budget.setUp(this.share, this.share.upLanes > 0);
    if (isUp) this.#context.emit("laneup", this.detail());
    else this.#context.emit("lanedown", { ...this.detail(), cause });
    this.#context.noteLane(isUp ? "up" : "down");
    this.#context.budgetGiven();
  }

  /** Where the lane leads, for events. */
  detail(): LaneDetail {
    const { topic } = this.#context;
    const { partition, index, outbox } = this;
    return { topic, partition, lane: index, broker: outbox?.broker ?? null, address: outbox?.address ?? null };
  }

  // Settlement before its time

  /** Fails all that is not settled, each with the verdict that holds for it. */
  failAll(cause: unknown): void {
    this.withdraw(this.batches().flatMap((batch) => batch.spans), cause);
  }

  /** Every unsettled batch, oldest first. */
  batches(): Batch[] {
    return [...this.window.unsettled.map(({ batch }) => batch), ...this.#queue.all.filter(({ count }) => count > 0)];
  }

  /** Implements `BatchKeeper`. */
  withdraw(spans: readonly Span[], cause: unknown): void {
    for (const [batch, group] of Map.groupBy(spans.filter((span) => !span.isSettled), (span) => span.batch)) {
      if (batch.isNumbered) this.#withdrawNumbered(batch, group, cause);
      else {
        this.settlement.strike(batch, group, cause);
        this.#queue.struck(batch);
      }
    }
    this.#queue.discardEmpty();
  }

  /** Implements `DropSource`. */
  get unnumbered(): readonly Batch[] {
    return this.#queue.all;
  }

  /** Implements `DropSource`. */
  struck(batch: Batch): void {
    this.#queue.struck(batch);
    this.#queue.discardEmpty();
  }

  #withdrawNumbered(batch: Batch, spans: readonly Span[], cause: unknown): void {
    const isLast = batch.spans.every((span) => span.isSettled || spans.includes(span));
    const sent = this.window.unsettled.find((each) => each.batch === batch);
    // While others wait for the batch it goes on, with these records in it.
    const verdict = isLast && sent !== undefined ? this.window.verdict(sent) : "possiblyPersisted";
    this.settlement.fail(batch, spans, { verdict, cause });
    if (isLast && sent !== undefined) this.window.abandon(sent);
  }

  /** Ends the lane's stream and timers. Its batches must have been settled. */
  async close(): Promise<void> {
    this.#retryTimer.clear();
    this.#outbox?.remove(this);
    this.#outbox = null;
    await this.#stream.abort();
  }
}
