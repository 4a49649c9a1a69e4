/**
 * Records as callers pass them, as logs keep them, and what became of them.
 *
 * @module
 */

import type { DeliveryError } from "./errors.ts";

/** Text (sent as UTF-8) or bytes. */
export type Bytes = string | Uint8Array;

/** Headers of a record; the list form keeps repeated names. */
export type RecordHeaders =
  | Record<string, Bytes | null>
  | readonly (readonly [string, Bytes | null])[];

/** A record with everything a caller may choose. */
export interface ProducerRecord {
  /** Key; null or absent means none. Records of one key go to one partition. */
  key?: Bytes | null;
  /** Value; null is a tombstone. */
  value: Bytes | null;
  /** Headers, in order. */
  headers?: RecordHeaders;
  /** When it happened: milliseconds since the epoch or a `Date`. By default, when it was accepted. */
  timestamp?: number | Date;
  /** Partition to use; the partitioner is not asked. */
  partition?: number;
}

/** What a caller passes for one record. */
export type RecordInput = Bytes | ProducerRecord;

/** A record as a log keeps it, or as it would have been kept. */
export interface StoredRecord {
  /** Topic of the record. */
  topic: string;
  /** Partition, null when none had been chosen. */
  partition: number | null;
  /** Place in the partition's log, null when it has none or none is known. */
  offset: bigint | null;
  /** Key, null for none. */
  key: Uint8Array | null;
  /** Value, null for a tombstone. */
  value: Uint8Array | null;
  /** Headers, in order. */
  headers: [string, Uint8Array | null][];
  /** Milliseconds since the epoch. */
  timestamp: number;
  /** The value as UTF-8 text, `""` for a tombstone. */
  text(): string;
}

/** A record was acknowledged. */
export interface Delivery {
  /** Topic of the record. */
  topic: string;
  /** Partition it is in. */
  partition: number;
  /** Place in the partition's log; null with acks 0, and where the broker or the protocol did not tell. */
  offset: bigint | null;
  /** Milliseconds since the epoch: the record's own, or the broker's where the topic says so. */
  timestamp: number;
  /** The broker had it already from an attempt whose answer was lost. */
  duplicate?: true;
  /** It was sent again after an outcome that stayed unknown: it is stored at least once. */
  maybeDuplicate?: true;
  /** Absent, so that `outcome.error` tells a delivery from a {@linkcode DeliveryFailure}. */
  error?: undefined;
}

/** A record was not acknowledged. */
export interface DeliveryFailure {
  /** Topic of the record. */
  topic: string;
  /** Partition it was meant for, null when none had been chosen. */
  partition: number | null;
  /** The record, decoded on first access. */
  record: StoredRecord;
  /** Why, and what is known of it. */
  error: DeliveryError;
}

/** One partition's path, as it stands. */
export interface LaneInfo {
  /** Partition of the lane. */
  partition: number;
  /** Number of the lane within its partition. */
  lane: number;
  /** Id of the broker that leads the partition, null while there is none. */
  broker: number | null;
  /** `host:port` of that broker, null while there is none. */
  address: string | null;
  /** Whether that broker can be reached. */
  state: "connecting" | "up" | "down";
  /** Records accepted and not settled. */
  bufferedRecords: number;
  /** Their bytes. */
  bufferedBytes: number;
  /** Requests unanswered. */
  inFlightRequests: number;
  /** Records acknowledged so far. */
  delivered: number;
  /** Records that failed so far. */
  failed: number;
  /** Batches sent again so far. */
  retries: number;
}
