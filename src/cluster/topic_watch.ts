/**
 * When to ask for one topic's metadata again.
 *
 * @module
 */

import { errorCode } from "../../protocol/error_codes.ts";
import type { BrokerError, ConnectionError } from "../errors.ts";
import { backoffMs } from "../net/backoff.ts";
import type { TopicSnapshot } from "./metadata.ts";
import { type ClusterOptions, reconnectBackoff } from "./options.ts";

/** Is told of a topic's metadata. */
export interface TopicWatcher {
  /**
   * On the first snapshot and on each change of leaders, partitions or id. Must not throw.
   *
   * @param snapshot The topic.
   */
  onTopic(snapshot: TopicSnapshot): void;
  /**
   * On each round that gave no snapshot. Must not throw.
   *
   * @param error Why.
   * @param info `final` when there is no sense in waiting: the topic was unknown for `unknownTopicTimeoutMs`, its name
   *   is invalid, access is refused, the network may not be used. It is probed further, and
   *   {@linkcode TopicWatcher.onTopic} is called should that succeed.
   */
  onTopicError(error: BrokerError | ConnectionError, info: { final: boolean }): void;
}

/** A topic somebody is interested in. Knows the time only as it is told. */
export class TopicWatch {
  /** Who is interested. */
  readonly watchers: Set<TopicWatcher> = new Set();
  /** When it is to be asked for again. */
  dueMs: number;
  /** Whether it was given up, and is only probed now and then. */
  isFinal = false;
  readonly #options: ClusterOptions;
  readonly #random: () => number;
  #attempt = 0;
  #askedMs = -Infinity;
  #unknownSinceMs: number | undefined;

  /**
   * Due at once.
   *
   * @param name Name of the topic.
   * @param context Options of the cluster; the time.
   */
  constructor(readonly name: string, context: { options: ClusterOptions; nowMs: number }) {
    this.#options = context.options;
    this.#random = context.options.random ?? Math.random;
    this.dueMs = context.nowMs;
  }

  /**
   * It is wanted sooner than planned.
   *
   * @param earliestMs The earliest time allowed; a topic that was given up may be later.
   */
  hasten(earliestMs: number): void {
    const probeMs = this.isFinal ? this.#askedMs + this.#options.retryBackoffMs.max : -Infinity;
    this.dueMs = Math.min(this.dueMs, Math.max(earliestMs, probeMs));
  }

  /**
   * A broker told.
   *
   * @param snapshot What it told.
   * @param nowMs The time.
   */
  succeeded(snapshot: TopicSnapshot, nowMs: number): void {
    this.isFinal = false;
    this.#unknownSinceMs = undefined;
    this.#askedMs = nowMs;
    if (snapshot.partitions.every((partition) => partition.leader !== null)) {
      this.#attempt = 0;
      this.dueMs = nowMs + this.#options.metadataMaxAgeMs;
    } else {
      this.dueMs = nowMs + backoffMs(reconnectBackoff(this.#options), this.#attempt++, this.#random);
    }
  }

  /**
   * A broker answered with an error.
   *
   * @param error The error.
   * @param nowMs The time.
   */
  refused(error: BrokerError, nowMs: number): void {
    const rule = errorCode(error.code).topicRule;
    const isUnknown = rule === "unknownTopic";
    if (isUnknown) this.#unknownSinceMs ??= nowMs;
    const unknownMs = isUnknown ? nowMs - this.#unknownSinceMs! : 0;
    const isOver = isUnknown && unknownMs >= this.#options.unknownTopicTimeoutMs;
    this.#failed({ isFinal: isOver || rule === "final", nowMs });
    // Given up at the very time, not at the end of a backoff that happens to be longer.
    if (isUnknown && !this.isFinal) {
      this.dueMs = Math.min(this.dueMs, this.#unknownSinceMs! + this.#options.unknownTopicTimeoutMs);
    }
  }

  /**
   * No broker could be reached.
   *
   * @param error The error.
   * @param nowMs The time.
   */
  unreachable(error: ConnectionError, nowMs: number): void {
    this.#failed({ isFinal: !error.retriable, nowMs });
  }

  #failed(failure: { isFinal: boolean; nowMs: number }): void {
    const { isFinal, nowMs } = failure;
    if (isFinal && !this.isFinal) this.#attempt = 0; // Probing is a backoff of its own.
    this.isFinal = isFinal;
    this.#askedMs = nowMs;
    const backoff = isFinal
      ? { initial: this.#options.retryBackoffMs.max, max: this.#options.metadataMaxAgeMs }
      : reconnectBackoff(this.#options);
    const leastMs = isFinal ? backoff.initial : 0;
    this.dueMs = nowMs + Math.max(leastMs, backoffMs(backoff, this.#attempt++, this.#random));
  }
}
