/**
 * The lanes of one partition: which of them a record takes, and when extra ones start and end.
 *
 * @module
 */

import { murmur2, toPositive } from "../../protocol/murmur2.ts";
import type { LaneRange } from "../options.ts";
import type { LaneInfo } from "../record.ts";
import { BudgetShare } from "./budget.ts";
import { Lane } from "./lane.ts";
import type { LaneContext } from "./lane_context.ts";
import { END_AFTER_MS, LaneGrowth } from "./lane_growth.ts";
import { OneTimer } from "./one_timer.ts";
import type { Outbox } from "./outbox.ts";

/** Pause between two looks at the extra lanes. */
const LOOK_EVERY_MS = END_AFTER_MS / 5;

/** Who leads a partition. */
export interface PartitionLeader {
  /** The leader's outbox for a lane number, null while there is no leader. */
  readonly outbox: ((lane: number) => Outbox) | null;
  /** Its id, null while there is none. */
  readonly broker: number | null;
  /** Its term. */
  readonly epoch: number;
}

/** A partition without a leader. */
export const NO_LEADER: PartitionLeader = { outbox: null, broker: null, epoch: -1 };

/**
 * The lane of a key, the same as long as the producer lives: extra lanes come and go without moving a key.
 *
 * @param key The key's bytes.
 * @param count Lanes that always run.
 */
export function laneOfKey(key: Uint8Array, count: number): number {
  return count === 1 ? 0 : toPositive(murmur2(key)) % count;
}

/**
 * All of them share the partition's part of the budget. A lane that has ended keeps its object, and with it its sequence
 * numbers: brokers remember under which numbers a producer id wrote to the partition last.
 */
export class PartitionLanes {
  /** The partition. */
  readonly partition: number;
  /** What the lanes hold of the budget together. */
  readonly share: BudgetShare;
  readonly #context: LaneContext;
  readonly #range: LaneRange;
  readonly #growth: LaneGrowth;
  /** By number; also those that have ended. */
  readonly #lanes: Lane[] = [];
  /** The lane, when there is never more than one. */
  readonly #only: Lane | null;
  /** Where records without a key go for the time of a batch. */
  #current: Lane;
  /** Number of that batch within its lane. */
  #batchNumber = 1;
  /** Of the lanes that always run, the one chosen last. */
  #turn = 0;
  #leader: PartitionLeader = NO_LEADER;
  readonly #lookTimer: OneTimer;
  /** For each lane, what it had ever taken at the last look. */
  readonly #takenBytes: number[] = [];

  /**
   * Starts the lanes that always run.
   *
   * @param context What the lanes of the topic share.
   * @param partition The partition.
   */
  constructor(context: LaneContext, partition: number) {
    this.#context = context;
    this.partition = partition;
    const { lanesPerPartition, partitionMaxBytes } = context.options();
    this.#range = lanesPerPartition;
    this.share = new BudgetShare(partitionMaxBytes);
    this.#growth = new LaneGrowth(lanesPerPartition);
    this.#lookTimer = new OneTimer(context.timers, () => this.#look());
    for (let index = 0; index < lanesPerPartition.min; index++) this.#make(index);
    this.#current = this.#lanes[0]!;
    this.#only = lanesPerPartition.max === 1 ? this.#current : null;
  }

  /** Every lane that ever ran. */
  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** Lanes that run. */
  get running(): readonly Lane[] {
    return this.#lanes.slice(0, this.#growth.running);
  }

  // Choice

  /**
   * The lane of a record: that of its key; without a key the lanes take turns, a batch each.
   *
   * @param key The record's key, null for none.
   * @param neededBytes Bytes the record may need.
   */
  laneOf(key: Uint8Array | null, neededBytes: number): Lane {
    if (this.#only !== null) return this.#only;
    if (key !== null) return this.#lanes[laneOfKey(key, this.#range.min)]!;
    const isThrough = this.#current.batchNumber !== this.#batchNumber || !this.#current.hasRoomFor(neededBytes);
    // Another lane has to do while this one cannot be reached, as after the loss of one connection of several.
    if (isThrough || (!this.#current.isUp && this.share.isUp)) this.#choose();
    return this.#current;
  }

  /** Whether a record without a key could go out soon. */
  get isReachable(): boolean {
    const { running } = this.#growth;
    for (let index = 0; index < running; index++) {
      const { outbox } = this.#lanes[index]!;
      if (outbox !== null && outbox.state !== "down") return true;
    }
    return false;
  }

  #choose(): void {
    const { running } = this.#growth;
    const free = this.#nextFree(running);
    if (this.#growth.chosen(free === -1, this.#context.timers.now())) this.#start(running);
    const index = free >= 0 ? free : this.#nextUp(running);
    if (index < this.#range.min) this.#turn = index;
    this.#current = this.#lanes[index]!;
    this.#batchNumber = this.#current.batchNumber;
  }

  /**
   * The next lane that is up and has nothing waiting; -1 when all are up and busy, -2 when some are down and the others
   * busy. Extra lanes come last, the first of them before the others, so that the others find an end.
   */
  #nextFree(running: number): number {
    const { min } = this.#range;
    let allUp = true;
    for (let i = 1; i <= running; i++) {
      const index = i <= min ? (this.#turn + i) % min : i - 1;
      const lane = this.#lanes[index]!;
      if (lane.isUp && !lane.isBusy) return index;
      if (lane.isUp) continue;
      allUp = false;
      if (index >= min) lane.outbox?.warm(); // It was started because it is needed.
    }
    return allUp ? -1 : -2;
  }

  /** The next lane that is up, however busy; without any, the next of those that always run. */
  #nextUp(running: number): number {
    const from = this.#current.index;
    for (let i = 1; i <= running; i++) {
      const index = (from + i) % running;
      if (this.#lanes[index]!.isUp) return index;
    }
    return (this.#turn + 1) % this.#range.min;
  }

  // Beginning and end

  #make(index: number): void {
    const { partition, share } = this;
    this.#lanes[index] ??= new Lane(this.#context, { partition, index, share });
  }

  #start(index: number): void {
    this.#make(index);
    this.#lanes[index]!.hasEnded = false;
    this.#lead(this.#lanes[index]!);
    this.#lookTimer.setUnref(LOOK_EVERY_MS);
  }

  /** Ends extra lanes that have been idle for long enough. */
  #look(): void {
    const before = this.#growth.running;
    const now = this.#context.timers.now();
    const after = this.#growth.look((index) => this.#wasIdle(this.#lanes[index]!), now);
    for (let index = after; index < before; index++) {
      const lane = this.#lanes[index]!;
      if (lane === this.#current) this.#choose();
      lane.hasEnded = true;
      lane.moveTo(null, -1, new Error(`Cannot keep lane ${index}: it was idle for ${END_AFTER_MS} ms`));
    }
    if (after > this.#range.min) this.#lookTimer.setUnref(LOOK_EVERY_MS);
  }

  #wasIdle({ index, settlement }: Lane): boolean {
    const isSame = this.#takenBytes[index] === settlement.takenBytes;
    this.#takenBytes[index] = settlement.takenBytes;
    return isSame && settlement.bufferedRecords === 0;
  }

  /** Ends all lanes. */
  async close(): Promise<void> {
    this.#lookTimer.clear();
    for (const lane of this.#lanes) await lane.close();
  }

  // Leaders

  /** Leads the lanes that run to who leads the partition now. */
  lead(leader: PartitionLeader): void {
    this.#leader = leader;
    this.#context.budget.lead(this.share, leader.broker);
    for (const lane of this.running) this.#lead(lane);
  }

  #lead(lane: Lane): void {
    const { outbox, epoch } = this.#leader;
    const before = lane.outbox;
    const after = outbox === null ? null : outbox(lane.index);
    lane.moveTo(after, epoch);
    // A lane of several is connected before its first record: which of them that takes depends on keys and load.
    if (before === null && this.#only === null) after?.warm();
  }

  /** What `info()` shows. */
  info(): LaneInfo[] {
    return this.running.map((lane) => {
      const { broker, address } = lane.detail();
      return {
        partition: this.partition,
        lane: lane.index,
        broker,
        address,
        state: lane.outbox?.state ?? "down",
        bufferedRecords: lane.settlement.bufferedRecords,
        bufferedBytes: lane.settlement.heldBytes,
        inFlightRequests: lane.window.inFlight,
        delivered: lane.settlement.deliveredCount,
        failed: lane.settlement.failedCount,
        retries: lane.retryCount,
      };
    });
  }
}
