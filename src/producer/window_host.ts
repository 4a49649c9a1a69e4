/**
 * A lane as its sent window sees it.
 *
 * @module
 */

import { errorCodeByName } from "../../protocol/error_codes.ts";
import { backoffMs } from "../cluster/cluster.ts";
import { BrokerError, type Verdict } from "../errors.ts";
import type { Batch } from "./batch.ts";
import type { LaneContext } from "./lane_context.ts";
import type { LaneSettlement } from "./lane_settlement.ts";
import type { SentWindowHost } from "./sent_window.ts";
import type { Acknowledgement } from "./span.ts";

/** What the window tells its lane. */
export interface WindowedLane {
  /** Partition of the topic. */
  readonly partition: number;
  /** What it holds of the budget, and how records ended. */
  readonly settlement: LaneSettlement;
  /** Tells the outbox that there may be something to do. */
  wake(): void;
  /** Fails all that is not settled. */
  failAll(cause: unknown): void;
}

/** See the module comment. */
export class WindowHost implements SentWindowHost {
  readonly #lane: WindowedLane;
  readonly #context: LaneContext;

  /**
   * @param lane The lane.
   * @param context What the lanes of the topic share.
   */
  constructor(lane: WindowedLane, context: LaneContext) {
    this.#lane = lane;
    this.#context = context;
  }

  /** Implements `SentWindowHost`. */
  get label(): string {
    return this.#lane.settlement.label;
  }

  /** Implements `SentWindowHost`. */
  get wantsNumbers(): boolean {
    return this.#context.options().acks === "all" && this.#context.producer.idempotent !== false;
  }

  /** Implements `SentWindowHost`. */
  get maxInFlight(): number {
    return this.#context.producer.maxInFlight;
  }

  /** Implements `SentWindowHost`. */
  get onUnknown(): "retry" | "fail" {
    return this.#context.producer.onUnknown;
  }

  /** Implements `SentWindowHost`. */
  get unknownTopicTimeoutMs(): number {
    return this.#context.producer.unknownTopicTimeoutMs;
  }

  /** Implements `SentWindowHost`. */
  now(): number {
    return this.#context.timers.now();
  }

  /** Implements `SentWindowHost`. */
  wake(): void {
    this.#lane.wake();
  }

  /** Implements `SentWindowHost`. */
  backoffMs(attempt: number): number {
    return backoffMs(this.#context.producer.retryBackoffMs, attempt - 1, this.#context.random);
  }

  /** Implements `SentWindowHost`. */
  refreshMetadata(): void {
    this.#context.refreshMetadata();
  }

  /** Implements `SentWindowHost`. */
  delivered(batch: Batch, acknowledgement: Acknowledgement): void {
    this.#lane.settlement.delivered(batch, acknowledgement);
  }

  /** Implements `SentWindowHost`. */
  failed(batch: Batch, verdict: Verdict, cause: unknown): void {
    this.#lane.settlement.failed(batch, { verdict, cause });
  }

  /** Implements `SentWindowHost`. */
  replace(batch: Batch, parts: readonly Batch[]): void {
    this.#lane.settlement.replace(batch, parts);
  }

  /** Implements `SentWindowHost`. */
  dropRecords(batch: Batch, indexes: readonly number[], causes: readonly unknown[]): void {
    this.#lane.settlement.dropRecords(batch, indexes, causes);
  }

  /** Implements `SentWindowHost`: without an identity nothing can be sent, so nothing may go on waiting for one. */
  identityFailed(cause: unknown): void {
    this.#lane.failAll(cause);
  }

  /** Implements `SentWindowHost`. */
  isUnnumbered(): boolean {
    const { producer, warn } = this.#context;
    if (producer.idempotent !== true) {
      warn("idempotent", "The brokers know no producer ids (Kafka before 0.11): retries may duplicate records");
      return false;
    }
    this.#lane.failAll(new BrokerError("be idempotent", errorCodeByName("UNSUPPORTED_VERSION")));
    return true;
  }

  /** Implements `SentWindowHost`. */
  dataLost(lastAckedOffset: bigint | null, logStartOffset: bigint): void {
    const { topic, emit } = this.#context;
    emit("dataloss", { topic, partition: this.#lane.partition, lastAckedOffset, logStartOffset });
  }
}
