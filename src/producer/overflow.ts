/**
 * What happens when a topic has no room for a record: drops, and the limit of records while the topic is down.
 *
 * @module
 */

import { BufferFullError } from "../errors.ts";
import type { ResolvedTopicOptions } from "../options.ts";
import type { Batch } from "./batch.ts";
import { type Budget, BudgetShare } from "./budget.ts";
import type { Downtime } from "./downtime.ts";
import type { LaneSettlement } from "./lane_settlement.ts";
import type { Span } from "./span.ts";

/** A lane or a waiting room: what records may be dropped of. */
export interface DropSource {
  /** Its books. */
  readonly settlement: LaneSettlement;
  /** Batches that were never numbered, oldest first. */
  readonly unnumbered: readonly Batch[];
  /** Records of one of them were struck out, and that was told: gives back memory. */
  struck(batch: Batch): void;
}

/** The topic, as its overflow sees it. */
export interface OverflowHost {
  /** Name of the topic. */
  readonly topic: string;
  /** Its lanes, and its waiting room. */
  sources(): Iterable<DropSource>;
}

/** What an overflow works with. */
export interface OverflowParts {
  /** The producer's budget. */
  readonly budget: Budget;
  /** The topic's downtime. */
  readonly downtime: Downtime;
  /** The topic's options as they are now. */
  readonly options: () => ResolvedTopicOptions;
  /** Waiters may go on. */
  readonly budgetGiven: () => void;
}

/**
 * The policies besides the plain wait for bytes, of one topic.
 *
 * Calls that wait for `downtimeMaxRecords` queue at the `gate`, a share of the budget that holds nothing: it is shut
 * while there is no room for another record.
 */
export class TopicOverflow {
  /** Where calls wait for room under `downtimeMaxRecords`. */
  readonly gate: BudgetShare = new BudgetShare(Infinity);
  /** Told when the topic is found to be down: calls that wait for this knowledge are to be refused. */
  onDown: () => void = () => {};
  readonly #host: OverflowHost;
  readonly #parts: OverflowParts;
  /** Records struck out in the present run, by source and batch: told at its end, all at once. */
  readonly #dropped = new Map<Batch, { source: DropSource; spans: Span[]; cause: BufferFullError }>();
  /** Records dropped in the present run, those included that never came in. */
  #droppedCount = 0;
  #arrivalCount = 0;
  /** Got the last record that was let in: which batch it is in shows afterwards. */
  #lastInto: DropSource | null = null;

  /**
   * @param host The topic.
   * @param parts What it works with.
   */
  constructor(host: OverflowHost, parts: OverflowParts) {
    this.#host = host;
    this.#parts = parts;
    this.gate.isUp = true; // What queues there is not held back as what waits for a dead broker.
  }

  /** Whether records are dropped when there is no room. */
  get isDropping(): boolean {
    const { overflow } = this.#parts.options();
    return overflow === "dropOldest" || overflow === "dropNewest";
  }

  /** Most records the topic may hold now. */
  get #maxRecords(): number {
    return this.#parts.downtime.isUp ? Infinity : this.#parts.options().downtimeMaxRecords ?? Infinity;
  }

  // The limit of records, for calls that wait

  /** Whether {@linkcode throughGate} has a say. */
  get isGated(): boolean {
    if (this.gate.waiters.length > 0) return true;
    return !this.#parts.downtime.isUp && this.#parts.options().downtimeMaxRecords !== undefined && !this.isDropping;
  }

  /** Bytes that a call may take of those that the budget grants: no more than `neededBytes` while records count. */
  throughGate(grantedBytes: number, neededBytes: number): number {
    if (grantedBytes < neededBytes) return grantedBytes;
    if (!this.#parts.budget.admits(this.gate, 0)) return -1;
    const maxRecords = this.#maxRecords;
    if (maxRecords === Infinity) return grantedBytes;
    if (this.#parts.downtime.held().records < maxRecords) return neededBytes;
    this.gate.maxBytes = 0;
    return -1;
  }

  /** Whether a whole call of that many records has room. */
  fits(records: number): boolean {
    const maxRecords = this.#maxRecords;
    return maxRecords === Infinity || this.#parts.downtime.held().records + records <= maxRecords;
  }

  /** Shuts the gate: a call waits there until it is known whether a broker answers. */
  shut(): BudgetShare {
    this.gate.maxBytes = 0;
    return this.gate;
  }

  /** Records were settled, a lane is up, or the options changed: opens the gate if there is room. */
  reopen(): void {
    if (this.gate.maxBytes !== 0) return;
    const maxRecords = this.#maxRecords;
    if (maxRecords !== Infinity && this.#parts.downtime.held().records >= maxRecords) return;
    this.gate.maxBytes = Infinity;
    this.#parts.budgetGiven();
  }

  /** The topic is known to be down: what it holds too many of is dropped, where the policy says so. */
  begun(): void {
    if (this.isDropping) {
      const { overflow } = this.#parts.options();
      const maxRecords = this.#maxRecords;
      while (
        this.#parts.downtime.held().records > maxRecords &&
        this.#dropOne(overflow === "dropOldest", this.#limitError(0))
      );
      this.runEnded();
    } else if (this.gate.waiters.length > 0) this.#parts.downtime.full(this.#parts.options().overflow, 0);
    this.onDown();
  }

  /** Why a record cannot be kept: the limit of records. */
  #limitError(neededBytes: number): BufferFullError {
    const { topic } = this.#host;
    const text = `Cannot keep more records of ${JSON.stringify(topic)} while it is down: "downtimeMaxRecords" is ` +
      `${this.#parts.options().downtimeMaxRecords}`;
    return new BufferFullError(text, { neededBytes, freeBytes: 0 });
  }

  /** Refuses a call whole. */
  rejection(neededBytes: number): BufferFullError {
    this.#parts.downtime.full("reject", 0);
    return this.#limitError(neededBytes);
  }

  // Drops

  /**
   * Makes room for a record by the policy.
   *
   * @returns Null when there is room, or the record has to wait its turn; else why the record is dropped itself.
   */
  makeRoom(into: DropSource, neededBytes: number): BufferFullError | null {
    this.#noteArrival();
    const { budget, downtime, options } = this.#parts;
    const isOldest = options().overflow === "dropOldest";
    if (downtime.isDown) {
      const maxRecords = this.#maxRecords;
      while (this.#parts.downtime.held().records >= maxRecords) {
        const error = this.#limitError(neededBytes);
        if (!isOldest || !this.#dropOne(true, error)) return this.#drop(error);
      }
    }
    const { share } = into.settlement;
    for (let free = budget.freeBytes(share); free < neededBytes; free = budget.freeBytes(share)) {
      const text = `Cannot keep ${neededBytes} bytes for ${into.settlement.label}: ${Math.max(0, free)} are free`;
      const error = new BufferFullError(text, { neededBytes, freeBytes: Math.max(0, free) });
      // What is dropped elsewhere makes no room in this share.
      const sources = budget.unusedBytes < neededBytes ? this.#host.sources() : this.#sharing(share);
      if (!isOldest || !this.#dropOne(true, error, sources)) return this.#drop(error);
    }
    this.#lastInto = into;
    return null;
  }

  /** The lanes of one partition. */
  *#sharing(share: BudgetShare): Generator<DropSource, void, undefined> {
    for (const source of this.#host.sources()) if (source.settlement.share === share) yield source;
  }

  /** A record was let in without having been asked for. */
  arrived(into: DropSource): void {
    this.#lastInto = into;
    this.#noteArrival();
  }

  /** The run is over: tells those whose records were dropped in it. */
  runEnded(): void {
    this.#noteArrival();
    if (this.#droppedCount === 0) return;
    const { downtime, options } = this.#parts;
    downtime.full(options().overflow, this.#droppedCount);
    this.#droppedCount = 0;
    const dropped = [...this.#dropped];
    this.#dropped.clear();
    for (const [batch, { source, spans, cause }] of dropped) source.settlement.dropped(batch, spans, cause);
    for (const [batch, { source }] of dropped) source.struck(batch);
  }

  #drop(error: BufferFullError): BufferFullError {
    this.#droppedCount++;
    return error;
  }

  /** Drops the oldest or newest record of some sources; false when there is none to drop. */
  #dropOne(isOldest: boolean, cause: BufferFullError, sources = this.#host.sources()): boolean {
    let found: { source: DropSource; batch: Batch; arrival: number } | null = null;
    for (const source of sources) {
      const batch = isOldest
        ? source.unnumbered.find(({ count }) => count > 0)
        : source.unnumbered.findLast(({ count }) => count > 0);
      if (batch === undefined) continue;
      const arrival = batch.arrival(isOldest);
      if (found === null || (isOldest ? arrival < found.arrival : arrival > found.arrival)) {
        found = { source, batch, arrival };
      }
    }
    if (found === null) return false;
    const { source, batch } = found;
    const span = batch.strikeOne(isOldest);
    source.settlement.takeBack(span);
    const entry = this.#dropped.get(batch);
    if (entry === undefined) this.#dropped.set(batch, { source, spans: [span], cause });
    else entry.spans.push(span);
    this.#droppedCount++;
    return true;
  }

  /** Notes in which place the last record came. */
  #noteArrival(): void {
    const batch = this.#lastInto?.unnumbered.at(-1);
    this.#lastInto = null;
    if (batch !== undefined) (batch.arrivals ??= []).push(this.#arrivalCount++);
  }
}
