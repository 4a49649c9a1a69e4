/**
 * A topic's intake: checks calls, admits their records as the budget allows, and keeps those that wait.
 *
 * @module
 */

import { BufferFullError } from "../errors.ts";
import type { ResolvedTopicOptions } from "../options.ts";
import type { RecordInput } from "../record.ts";
import { UnknownPartitionError } from "../record_errors.ts";
import { Admission, type AdmissionHost, type Destination } from "./admission.ts";
import type { BudgetShare } from "./budget.ts";
import { failureOf } from "./failed_records.ts";
import type { Lane } from "./lane.ts";
import type { ProducerContext } from "./lane_context.ts";
import { checkInput, isPlainAndSmall, placed, RecordEncoder } from "./record_encoder.ts";
import type { Recipient, RefusalListener, SpanTarget } from "./span.ts";
import type { TopicLanes } from "./topic_lanes.ts";

/** How a call's records are admitted. */
export interface IntakeOptions {
  /** Who is told the outcomes. */
  readonly recipient: Recipient;
  /** Who is told of records that are refused before they come into a batch; by default the recipient. */
  readonly refusals?: RefusalListener;
  /** How long each record may take, in milliseconds; `Infinity` for no limit. */
  readonly timeoutMs: number;
  /** The longest that what is admitted waits for company: 0 goes out as soon as it can, `Infinity` when the topic's options say. */
  readonly lingerMs: number;
  /** Whether the recipient is a stream, whose records share deadlines, so that a span holds more than one of them. */
  readonly isStream?: boolean;
  /** Place of the first record in the call's input. */
  readonly firstIndex?: number;
  /** Gets the partition of each record, null for one that waits or was refused. */
  readonly partitions?: (number | null)[];
}

/** Deadlines of a stream's records are this part of their time-out apart. */
const DEADLINE_STEPS = 128;

/** See the module comment. */
export class Intake implements AdmissionHost {
  /** Implements `AdmissionHost`. */
  readonly record: RecordEncoder = new RecordEncoder();
  readonly #topic: TopicLanes;
  readonly #context: ProducerContext;
  readonly #options: () => ResolvedTopicOptions;
  /** Admissions that wait for room. */
  readonly #waiting = new Set<Admission>();
  #touched: Lane[] = [];
  /** Whether the call under way drops records when there is no room. */
  #isDropping = false;
  /** Of calls of one record: nobody keeps it. */
  #to: SpanTarget | null = null;

  /**
   * @param topic Where records go.
   * @param context What the producer's topics share.
   * @param options The topic's options as they are now.
   */
  constructor(topic: TopicLanes, context: ProducerContext, options: () => ResolvedTopicOptions) {
    this.#topic = topic;
    this.#context = context;
    this.#options = options;
    topic.overflow.onDown = () => this.#refuseUndecided();
  }

  /** Whether any call waits for room. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Checks a call's input before anything of it is accepted.
   *
   * @throws {TypeError} For a value of the wrong type, naming the field.
   * @throws {RangeError} For a record that cannot fit a batch, or a partition that does not exist.
   */
  check(inputs: readonly unknown[]): asserts inputs is readonly RecordInput[] {
    const { batchMaxBytes } = this.#options();
    let i = 0;
    try {
      for (; i < inputs.length; i++) {
        if (!isPlainAndSmall(inputs[i], batchMaxBytes)) this.checkOne(inputs[i], batchMaxBytes);
      }
    } catch (error) {
      throw placed(error as Error, i, inputs.length);
    }
  }

  /** Checks one record of a call. */
  checkOne(input: unknown, batchMaxBytes: number = this.#options().batchMaxBytes): asserts input is RecordInput {
    if (isPlainAndSmall(input, batchMaxBytes)) return;
    checkInput(input, batchMaxBytes);
    if (typeof input === "string" || input instanceof Uint8Array || input.partition === undefined) return;
    const { partitions, topic } = this.#topic;
    if (partitions.length === 0 || partitions.includes(input.partition)) return;
    throw new UnknownPartitionError(
      `Cannot accept a record: "partition" ${input.partition} is no partition of ${JSON.stringify(topic)}`,
      input.partition,
    );
  }

  /**
   * Admits checked records.
   *
   * @returns Null when all were admitted at once, else the admission, which waits.
   * @throws {BufferFullError} With overflow "reject", when there is no room for all of them; nothing was accepted then.
   */
  admit(inputs: readonly RecordInput[], call: IntakeOptions): Admission | null {
    this.#topic.watch();
    const { overflow } = this.#options();
    this.#isDropping = overflow !== "wait" && overflow !== "reject";
    let destinations: (Destination | null)[] | null = null;
    if (overflow === "reject") destinations = this.#reserve(inputs);
    const { timers } = this.#context;
    const wallMs = timers.wallMs();
    let deadlineMs = Infinity;
    if (call.timeoutMs !== Infinity) {
      deadlineMs = deadlineAt(timers.now(), call);
      this.#context.noteDeadline(deadlineMs);
    }
    if (inputs.length === 1 && destinations === null) {
      this.record.prepare(inputs[0]!, wallMs);
      const destination = this.#admitPrepared(call, deadlineMs);
      if (destination === null) return null;
      destinations = [destination];
    }
    const admission = new Admission(this, {
      inputs,
      to: { recipient: call.recipient, deadlineMs, inputIndex: 0, isTimed: false },
      refusals: call.refusals ?? call.recipient,
      firstIndex: call.firstIndex ?? 0,
      wallMs,
      lingerMs: call.lingerMs,
      isDropping: this.#isDropping,
      partitions: call.partitions ?? null,
      destinations,
    });
    const isUndecided = overflow === "reject" && !this.#topic.overflow.fits(inputs.length);
    const share = isUndecided ? admission.waitAt(this.#topic.overflow.shut()) : admission.run();
    if (share === null) return null;
    if (overflow === "wait") this.#topic.downtime.full(overflow, 0);
    this.#waiting.add(admission);
    this.#context.budget.wait(share, admission);
    this.#context.waiting(1);
    return admission;
  }

  /**
   * Admits the prepared record of a call of one, as an admission would but with nothing allocated.
   *
   * @returns Null when it was admitted or refused, else where it must wait for room.
   */
  #admitPrepared(call: IntakeOptions, deadlineMs: number): Destination | null {
    const { record } = this;
    const inputIndex = call.firstIndex ?? 0;
    const destination = this.route(inputIndex, call.refusals ?? call.recipient);
    if (destination === null) {
      call.partitions?.push(null);
      this.#runEnded(0);
      return null;
    }
    const neededBytes = this.record.neededBytes;
    if (neededBytes > this.grantedBytes(destination.share)) return destination;
    const to = this.#to ??= { recipient: call.recipient, deadlineMs, inputIndex, isTimed: false };
    to.recipient = call.recipient;
    to.deadlineMs = deadlineMs;
    to.inputIndex = inputIndex;
    to.isTimed = this.record.isTimed;
    destination.append(record, to);
    call.partitions?.push(destination.partition);
    this.#context.accepted(1);
    this.#context.taskEnd.noteAccepted(neededBytes);
    this.#runEnded(1);
    if (destination.partition !== null) (destination as Lane).appended(call.lingerMs);
    else if (call.lingerMs < Infinity) this.#topic.room?.makeDue();
    return null;
  }

  /** What a caller that writes on and on should wait for, undefined for nothing: see `TaskEnd.pause`. */
  pause(): Promise<void> | undefined {
    return this.#context.taskEnd.pause();
  }

  /** Gives up the wait of an admission: the records that are not in settle as failed. */
  giveUp(admission: Admission, cause: unknown): void {
    if (!this.#waiting.has(admission)) return;
    if (admission.waitsFor !== null) this.#context.budget.leave(admission.waitsFor, admission);
    const { remaining, nextIndex, wallMs, refusals } = admission;
    const error = this.#topic.refusal(cause);
    const at = { topic: this.#topic.topic, partition: null };
    remaining.forEach((input, i) => {
      refusals.refused(nextIndex + i, error, () => {
        this.record.prepare(input, wallMs);
        return failureOf(this.record, at, error);
      });
    });
    admission.giveUp(cause);
    this.#context.budgetGiven();
  }

  /** Gives up every waiting admission. */
  giveUpAll(cause: unknown): void {
    for (const admission of [...this.#waiting]) this.giveUp(admission, cause);
  }

  /** Gives up admissions that should have ended by `nowMs`; returns the next deadline. */
  expire(nowMs: number, cause: () => unknown): number {
    let next = Infinity;
    for (const admission of [...this.#waiting]) {
      if (admission.to.deadlineMs <= nowMs) this.giveUp(admission, cause());
      else next = Math.min(next, admission.to.deadlineMs);
    }
    return next;
  }

  // AdmissionHost

  /** Implements `AdmissionHost`: a call that waits goes on waiting under a policy that came later. */
  runBegins(isDropping: boolean): void {
    this.#isDropping = isDropping && this.#topic.overflow.isDropping;
  }

  /** Implements `AdmissionHost`. */
  grantedBytes(share: BudgetShare): number {
    const grantedBytes = this.#context.budget.grantedBytes(share);
    const { overflow } = this.#topic;
    return overflow.isGated ? overflow.throughGate(grantedBytes, this.record.neededBytes) : grantedBytes;
  }

  /** Implements `AdmissionHost`. */
  blocking(share: BudgetShare, neededBytes: number): BudgetShare {
    return neededBytes > this.#context.budget.grantedBytes(share) ? share : this.#topic.overflow.gate;
  }

  /** Implements `AdmissionHost`. */
  route(inputIndex: number, refusals: RefusalListener): Destination | null {
    if (this.#isDropping) return this.#routeInto(inputIndex, refusals);
    if (this.#topic.room !== null) return this.#topic.room;
    const { record } = this;
    const partition = this.#topic.route(record);
    return typeof partition === "number"
      ? this.#topic.laneOf(partition, record.key, record.neededBytes)
      : this.#refuse(partition, inputIndex, refusals);
  }

  /** The same where room is made for the record by dropping others, or it is dropped itself. */
  #routeInto(inputIndex: number, refusals: RefusalListener): Destination | null {
    const partition = this.#topic.room === null ? this.#topic.route(this.record) : -1;
    if (typeof partition !== "number") return this.#refuse(partition, inputIndex, refusals);
    const { key, neededBytes } = this.record;
    const destination = this.#topic.room ?? this.#topic.laneOf(partition, key, neededBytes);
    const cause = this.#topic.overflow.makeRoom(destination, this.record.neededBytes);
    return cause === null ? destination : this.#refuse(cause, inputIndex, refusals);
  }

  /** Tells that the prepared record does not come in. */
  #refuse(cause: Error, inputIndex: number, refusals: RefusalListener): null {
    const error = this.#topic.refusal(cause);
    const at = { topic: this.#topic.topic, partition: null };
    // The record's bytes are copied now: the encoder goes on to the next one.
    const failure = failureOf(this.record, at, error);
    refusals.refused(inputIndex, error, () => failure);
    return null;
  }

  /** Implements `AdmissionHost`. */
  isOpen(destination: Destination): boolean {
    return destination.partition === null ? destination === this.#topic.room : !(destination as Lane).hasEnded;
  }

  /** Implements `AdmissionHost`. */
  touch(destination: Destination): void {
    if (destination.partition === null) return;
    const lane = destination as Lane;
    if (lane.isTouched) return;
    lane.isTouched = true;
    this.#touched.push(lane);
  }

  /** Implements `AdmissionHost`. */
  runEnded({ records, bytes }: { readonly records: number; readonly bytes: number }, lingerMs: number): void {
    if (records > 0) this.#context.accepted(records);
    this.#context.taskEnd.noteAccepted(bytes);
    this.#runEnded(records);
    // Who waits for partitions to be known has waited long enough when they are.
    if (lingerMs < Infinity) this.#topic.room?.makeDue();
    for (const lane of this.#touched) {
      lane.isTouched = false;
      lane.appended(lingerMs);
    }
    this.#touched.length = 0;
  }

  #runEnded(records: number): void {
    if (this.#isDropping) this.#topic.overflow.runEnded();
    if (!this.#topic.downtime.isUp) this.#topic.downtime.accepted(records);
  }

  /** Implements `AdmissionHost`. */
  admissionEnded(admission: Admission): void {
    if (this.#waiting.delete(admission)) this.#context.waiting(-1);
  }

  /** The topic is down: calls that waited to know whether it is are refused. */
  #refuseUndecided(): void {
    if (this.#options().overflow !== "reject") return;
    const { gate } = this.#topic.overflow;
    for (const admission of [...this.#waiting]) {
      if (admission.waitsFor === gate) this.giveUp(admission, this.#topic.overflow.rejection(admission.neededBytes));
    }
  }

  /** With overflow "reject" a call is accepted whole or not at all: where each record will go, if there is room. */
  #reserve(inputs: readonly RecordInput[]): (Destination | null)[] {
    const { budget } = this.#context;
    const needed = new Map<BudgetShare, number>();
    let neededBytes = 0;
    const destinations = inputs.map((input) => {
      this.record.prepare(input, 0);
      const bytes = this.record.neededBytes;
      neededBytes += bytes;
      const partition = this.#topic.room === null ? this.#topic.route(this.record) : null;
      if (partition instanceof Error) return null; // Asked again when its turn comes, and told then.
      const { key } = this.record;
      const destination = partition === null ? this.#topic.room! : this.#topic.laneOf(partition, key, bytes);
      needed.set(destination.share, (needed.get(destination.share) ?? 0) + bytes);
      return destination;
    });
    let freeBytes = budget.unusedBytes;
    for (const [share, bytes] of needed) {
      const free = budget.admits(share, 0) ? budget.freeBytes(share) : 0;
      if (bytes > free) freeBytes = Math.min(freeBytes, free);
    }
    const { downtime, overflow } = this.#topic;
    if (downtime.isDown && !overflow.fits(inputs.length)) throw overflow.rejection(neededBytes);
    if (neededBytes <= freeBytes) return destinations;
    downtime.full("reject", 0);
    throw new BufferFullError(
      `Cannot accept ${neededBytes} bytes for ${JSON.stringify(this.#topic.topic)}: ${freeBytes} are free`,
      { neededBytes, freeBytes },
    );
  }
}

/** When the records of a call must be settled by. */
function deadlineAt(nowMs: number, { timeoutMs, isStream = false }: IntakeOptions): number {
  if (!isStream) return nowMs + timeoutMs;
  const stepMs = timeoutMs / DEADLINE_STEPS;
  return Math.ceil((nowMs + timeoutMs) / stepMs) * stepMs;
}
