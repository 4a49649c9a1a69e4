/**
 * The downtimes of a topic: when one begins and ends, and what is told of it.
 *
 * @module
 */

import type { Emit } from "../events.ts";
import type { Log } from "../logger.ts";
import type { Overflow } from "../options.ts";
import type { Timers } from "../timers.ts";
import type { LaneSettlement } from "./lane_settlement.ts";
import type { OutboxState } from "./outbox.ts";

/** Records that are accepted and not settled. */
export interface Held {
  /** How many. */
  records: number;
  /** Their bytes in the budget. */
  bytes: number;
}

/** A lane, as the downtime of its topic sees it. */
export interface DowntimeLane {
  /** Its broker's sender, null while it has no leader. */
  readonly outbox: { readonly state: OutboxState } | null;
  /** Has it connect, if it is not connected and should be. */
  wake(): void;
}

/** The topic, as its downtime sees it. */
export interface DowntimeHost {
  /** Name of the topic. */
  readonly topic: string;
  /** What happens to records for which there is no room. */
  readonly overflow: {
    /** The topic is down. */
    begun(): void;
    /** A lane is up. */
    reopen(): void;
  };
  /** Every lane that was used. */
  lanes(): Iterable<DowntimeLane>;
  /** Lanes, and the waiting room. */
  sources(): Iterable<{ readonly settlement: LaneSettlement }>;
}

/** What a downtime needs of its producer. */
export interface DowntimeContext {
  /** Clock. */
  readonly timers: Pick<Timers, "now">;
  /** Emits an event. */
  readonly emit: Emit;
  /** Logs a message. */
  readonly log: Log;
}

/**
 * An episode begins when the last connected lane is lost while there are records; when those lanes that are used cannot be
 * connected; or when no broker answers for the topic's metadata. It ends when a lane is up.
 */
export class Downtime {
  readonly #context: DowntimeContext;
  readonly #host: DowntimeHost;
  /** Lanes that are connected. */
  #upCount = 0;
  #isDown = false;
  /** Whether records are on their way from the waiting room into lanes. */
  #isMoving = false;
  /** When the last lane was lost, or the topic was first used. */
  #sinceMs: number | null = null;
  #isFullTold = false;
  #droppedCount = 0;
  /** The topic's accepted bytes when they were last told of. */
  #toldBytes = 0;

  /**
   * @param context What it needs of the producer.
   * @param host The topic.
   */
  constructor(context: DowntimeContext, host: DowntimeHost) {
    this.#context = context;
    this.#host = host;
  }

  /** Whether an episode is on. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Whether a lane is connected. */
  get isUp(): boolean {
    return this.#upCount > 0;
  }

  /** What the topic has accepted and not settled. */
  held(): Held {
    const held = { records: 0, bytes: 0 };
    for (const { settlement } of this.#host.sources()) {
      held.records += settlement.bufferedRecords;
      held.bytes += settlement.heldBytes;
    }
    return held;
  }

  // What happens to the topic

  /** The topic is used for the first time. */
  used(): void {
    this.#sinceMs ??= this.#context.timers.now();
  }

  /** A lane was connected, lost its connection, or could not be connected. */
  noteLane(change: "up" | "down" | "failed"): void {
    if (change === "up") {
      this.#upCount++;
      this.ended();
      return;
    }
    if (change === "down" && --this.#upCount === 0) {
      if (!this.#isDown) this.#sinceMs = this.#context.timers.now();
      // Without records it shows later whether this is a downtime: brokers also close connections that are idle.
      if (this.held().records > 0) this.#begin();
    }
    if (this.#isOut()) this.#begin();
  }

  /** No broker answers. */
  unreachable(): void {
    if (!this.isUp) this.#begin();
  }

  /** Records of one call were accepted. */
  accepted(records: number): void {
    if (!this.#isDown) {
      if (records > 0 && this.#isOut()) this.#begin();
      return;
    }
    const bytes = this.#acceptedBytes() - this.#toldBytes;
    this.#toldBytes += bytes;
    if (records > 0) this.#context.emit("downtimesaved", { topic: this.#host.topic, records, bytes });
  }

  /** Records move from the waiting room into lanes; what happens meanwhile waits for {@linkcode moved}. */
  moving(): void {
    this.#isMoving = true;
  }

  /** All are where they belong. */
  moved(): void {
    this.#isMoving = false;
    this.#toldBytes = this.#acceptedBytes();
    if (this.isUp) this.ended();
  }

  /** A lane is up, or there is nothing left to wait for: ends the episode, if one is on. */
  ended(): void {
    if (this.#isMoving) return;
    if (this.#isDown) this.#end();
    this.#host.overflow.reopen();
  }

  /**
   * There is no room for a record.
   *
   * @param policy What happens to it.
   * @param dropped Records the policy has dropped for it.
   */
  full(policy: Overflow, dropped: number): void {
    if (!this.#isDown) return;
    this.#droppedCount += dropped;
    if (this.#isFullTold) return;
    this.#isFullTold = true;
    const { topic } = this.#host;
    this.#context.emit("downtimefull", { topic, ...this.held(), dropped: this.#droppedCount, policy });
  }

  // Episodes

  /** Whether no lane is connected or about to be. */
  #isOut(): boolean {
    if (this.isUp) return false;
    let laneCount = 0;
    for (const { outbox } of this.#host.lanes()) {
      if (outbox !== null && outbox.state !== "down") return false;
      laneCount++;
    }
    return laneCount > 0;
  }

  #begin(): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#isFullTold = false;
    this.#droppedCount = 0;
    this.used();
    const { topic } = this.#host;
    const held = this.held();
    this.#context.log("info", `down ${topic}`, `No partition of ${JSON.stringify(topic)} can be reached`, { ...held });
    if (held.records > 0) this.#context.emit("downtimesaved", { topic, ...held });
    this.#toldBytes = this.#acceptedBytes();
    this.#host.overflow.begun();
    for (const lane of this.#host.lanes()) lane.wake(); // They reconnect, also without records.
  }

  #end(): void {
    this.#isDown = false;
    const { topic } = this.#host;
    const ms = this.#context.timers.now() - this.#sinceMs!;
    const held = this.held();
    const text = `${JSON.stringify(topic)} was down for ${Math.round(ms)} ms: ${held.records} records go out now`;
    this.#context.log("info", `up ${topic}`, text, { ...held });
    this.#context.emit("timedown", { topic, ms });
    if (held.records > 0) this.#context.emit("downtimereplayed", { topic, ...held });
  }

  /** Bytes that were ever accepted: what is held, and what was settled. */
  #acceptedBytes(): number {
    let bytes = 0;
    for (const { settlement } of this.#host.sources()) bytes += settlement.takenBytes;
    return bytes;
  }
}
