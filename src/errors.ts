/**
 * The errors of this package. Misuse stays `TypeError` (wrong type, wrong state) and `RangeError` (wrong value).
 *
 * @module
 */

import { KafkaError } from "../protocol/errors.ts";
import type { Delivery, DeliveryFailure } from "./record.ts";

export { KafkaError, ProtocolError, type ProtocolErrorContext } from "../protocol/errors.ts";

/** What {@linkcode BrokerError} needs to know of an error code: a row of `protocol/error_codes.ts`. */
export interface BrokerErrorCode {
  /** Code on the wire. */
  code: number;
  /** Kafka's name of the code, e.g. `"NOT_LEADER_OR_FOLLOWER"`. */
  name: string;
  /** Whether asking again may help. */
  retriable: boolean;
}

/** A broker answered with an error code. */
export class BrokerError extends KafkaError {
  /** Always `"BrokerError"`. */
  override readonly name = "BrokerError";
  /** Whether asking again may help, by the table of error codes. */
  override readonly retriable: boolean;
  /**
   * Code on the wire.
   *
   * @see {@link https://kafka.apache.org/protocol#protocol_error_codes}
   */
  readonly code: number;
  /** Kafka's name of the code. */
  readonly errorName: string;

  /**
   * Describes an answer.
   *
   * @param action What was attempted, e.g. `append to "clicks" partition 0`.
   * @param code The row of the table of error codes.
   * @param options `detail` is the broker's own message, if it sent one.
   */
  constructor(action: string, code: BrokerErrorCode, options: { detail?: string | null; cause?: unknown } = {}) {
    const detail = options.detail ? `: ${JSON.stringify(options.detail)}` : "";
    super(
      `Cannot ${action}: the broker answered ${code.name} (${code.code})${detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.retriable = code.retriable;
    this.code = code.code;
    this.errorName = code.name;
  }
}

/** A broker could not be reached, or its connection ended. */
export class ConnectionError extends KafkaError {
  /** Always `"ConnectionError"`. */
  override readonly name = "ConnectionError";
  /** False when no later attempt can succeed either: a missing permission, a peer that does not speak Kafka. */
  override readonly retriable: boolean;
  /** `host:port` of the broker, or several separated by a comma and a space. */
  readonly address: string;
  /** Whether any byte of the request that failed may have reached the broker: its outcome is then unknown. */
  readonly written: boolean;

  /**
   * Describes a failure.
   *
   * @param message What could not be done and why.
   * @param context The address; whether bytes of the request were written; whether trying again may help.
   */
  constructor(
    message: string,
    context: { address: string; written?: boolean; retriable?: boolean; cause?: unknown },
  ) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.address = context.address;
    this.written = context.written ?? false;
    this.retriable = context.retriable ?? true;
  }
}

/**
 * What is known of a record that was not acknowledged: `"notPersisted"`, it is in no log and never will be;
 * `"possiblyPersisted"`, it was sent and its fate is unknown.
 */
export type Verdict = "notPersisted" | "possiblyPersisted";

/** Where and why a delivery failed. */
export interface DeliveryErrorContext {
  /** Topic of the records. */
  topic: string;
  /** Partition, null when several or not yet chosen. */
  partition: number | null;
  /** How many times the batch was sent. */
  attempts: number;
  /** What is known of the records. For several records: `"possiblyPersisted"` when that holds for any. */
  verdict: Verdict;
  /** One outcome a record, in input order, when a call of several records failed. */
  outcomes?: readonly (Delivery | DeliveryFailure)[] | undefined;
  /** The error behind this one: the last answer, time-out or reason. */
  cause?: unknown;
}

/** A record was not acknowledged. */
export class DeliveryError extends KafkaError {
  /** Always `"DeliveryError"`. */
  override readonly name = "DeliveryError";
  /** Whether the same call may succeed when made again: false when the cause says never. */
  override readonly retriable: boolean;
  /** Topic of the records. */
  readonly topic: string;
  /** Partition, null when several or not yet chosen. */
  readonly partition: number | null;
  /** How many times the batch was sent. */
  readonly attempts: number;
  /** What is known of the records. */
  readonly verdict: Verdict;
  /** One outcome a record, in input order, when a call of several records failed. */
  readonly outcomes?: readonly (Delivery | DeliveryFailure)[];

  /**
   * Describes a failure.
   *
   * @param message What could not be delivered and why.
   * @param context Where, and what is known of the records.
   */
  constructor(message: string, context: DeliveryErrorContext) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.topic = context.topic;
    this.partition = context.partition;
    this.attempts = context.attempts;
    this.verdict = context.verdict;
    if (context.outcomes !== undefined) this.outcomes = context.outcomes;
    this.retriable = context.cause instanceof KafkaError ? context.cause.retriable : false;
  }
}

/** The buffer has no room and the overflow policy does not wait. */
export class BufferFullError extends KafkaError {
  /** Always `"BufferFullError"`. */
  override readonly name = "BufferFullError";
  /** Always true: room comes back as records are settled. */
  override readonly retriable = true;
  /** Bytes the call needed. */
  readonly neededBytes: number;
  /** Bytes that were free. */
  readonly freeBytes: number;

  /**
   * Describes a failure.
   *
   * @param message What could not be accepted and why.
   * @param context How many bytes were needed, and how many were free.
   */
  constructor(message: string, context: { neededBytes: number; freeBytes: number }) {
    super(message);
    this.neededBytes = context.neededBytes;
    this.freeBytes = context.freeBytes;
  }
}
