/**
 * What the lanes of a topic share with each other and with their topic.
 *
 * @module
 */

import type { DeliveryError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Log, Warn } from "../logger.ts";
import type { ResolvedOptions, ResolvedTopicOptions } from "../options.ts";
import type { Timers } from "../timers.ts";
import type { Budget } from "./budget.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Compressors } from "./compressor.ts";
import type { ProducerIds } from "./producer_ids.ts";
import type { Span } from "./span.ts";
import type { TaskEnd } from "./task_end.ts";

/** Told of each span that fails. */
export type FailureListener = (
  span: Span,
  at: { topic: string; partition: number | null },
  error: DeliveryError,
) => void;

/** What the topics of a producer share. */
export interface ProducerContext {
  /** The producer's options. */
  readonly producer: ResolvedOptions;
  /** Clock and timers. */
  readonly timers: Timers;
  /** The byte budget. */
  readonly budget: Budget;
  /** Where batch buffers come from. */
  readonly pool: BufferPool;
  /** What compresses batches. */
  readonly compressors: Compressors;
  /** The end of the present task. */
  readonly taskEnd: TaskEnd;
  /** Emits an event of the producer, and of the topic it names. */
  readonly emit: Emit;
  /** Logs a warning; each kind at most once in 10 s. */
  readonly warn: Warn;
  /** Logs a message of any level; of the same kind at most one in 10 s, but for the level debug. */
  readonly log: Log;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  /** Whoever wants to see every failure of an accepted record, for the time being. */
  readonly failureLog: { listener: FailureListener | null };
  /** What tells who makes a call: see `Producer.traceCallers`. */
  readonly tracing: { capture: (() => unknown) | null };
  /** Producer ids of a lane number. */
  ids(lane: number): ProducerIds;
  /** Notes records that were accepted. */
  accepted(count: number): void;
  /** Notes records that were settled: when none is left the process may end. */
  settled(count: number): void;
  /** Budget was given back: waiters are served before the task ends. */
  budgetGiven(): void;
  /** Somebody began to wait for room (1), so that every open batch is due; or a wait ended (-1). */
  waiting(delta: 1 | -1): void;
  /** Notes a deadline. */
  noteDeadline(atMs: number): void;
}

/** What became of a topic's batches and accepted records. It counts on when lanes come and go. */
export interface TopicTotals {
  /** Records acknowledged. */
  delivered: number;
  /** Records that failed. */
  failed: number;
  /** Batches sent again. */
  retries: number;
}

/** What the lanes of a topic share. */
export interface LaneContext extends ProducerContext {
  /** Name of the topic. */
  readonly topic: string;
  /** Id of the topic as brokers gave it last, null when they give none. */
  readonly topicId: string | null;
  /** What became of the topic's batches and records. */
  readonly totals: TopicTotals;
  /** The topic's options as they are now. */
  readonly options: () => ResolvedTopicOptions;
  /** Whether the topic is known to be down: then its lanes reconnect even when they have nothing to send. */
  readonly isDown: boolean;
  /** Notes that a lane was connected, lost its connection, or could not be connected. */
  noteLane(change: "up" | "down" | "failed"): void;
  /** Asks for newer metadata. */
  refreshMetadata(): void;
  /** Reports the failure of records that nobody awaits: once a batch. */
  reportUnattended(spans: readonly Span[], partition: number | null, error: DeliveryError): void;
}
