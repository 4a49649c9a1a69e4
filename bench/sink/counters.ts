/**
 * What a sink has counted.
 *
 * @module
 */

import type { BatchSummary } from "./request_scanner.ts";

/** Figures of a sink, as its control line answers them. */
export interface SinkFigures {
  /** Records by the batch headers. */
  records: number;
  /** Bytes of the batches, headers included. */
  batchBytes: number;
  /** Record batches. */
  batches: number;
  /** Produce requests. */
  requests: number;
  /** Connections accepted. */
  connections: number;
  /** Batches whose base sequence was not the one expected of their producer: 0 when nothing was sent twice or lost. */
  sequenceFaults: number;
  /** Batches with a wrong checksum; null when checksums are not checked. */
  crcFaults: number | null;
  /** CPU-seconds the sink process used, user and system. */
  cpuSeconds: number;
}

/** Counts what arrives, and keeps each partition's next offset and each producer's next sequence number. */
export class Counters {
  readonly #checksCrc: boolean;
  readonly #cpuSeconds: () => number;
  #records = 0;
  #batchBytes = 0;
  #batches = 0;
  #requests = 0;
  #crcFaults = 0;
  #sequenceFaults = 0;
  #cpuSecondsAtReset: number;
  /** Connections accepted so far. */
  connections = 0;
  /** Bytes of all batches since the start, whatever was reset. */
  totalBatchBytes = 0;
  readonly #nextOffsets = new Map<string, number>();
  readonly #nextSequences = new Map<string, number>();

  /** @param options Whether checksums are checked; how much CPU time the process has used. */
  constructor(options: { checksCrc: boolean; cpuSeconds: () => number }) {
    this.#checksCrc = options.checksCrc;
    this.#cpuSeconds = options.cpuSeconds;
    this.#cpuSecondsAtReset = options.cpuSeconds();
  }

  /** Starts counting anew; offsets and sequence numbers go on. */
  reset(): void {
    this.#records =
      this.#batchBytes =
      this.#batches =
      this.#requests =
        0;
    this.#crcFaults = this.#sequenceFaults = this.connections = 0;
    this.#cpuSecondsAtReset = this.#cpuSeconds();
  }

  /** Counts a request; its batches are counted by {@linkcode append}. */
  countRequest(): void {
    this.#requests++;
  }

  /**
   * Counts a batch.
   *
   * @param log Name of the partition's log, e.g. `"clicks/0"`.
   * @param batch The batch.
   * @returns Offset of its first record.
   */
  append(log: string, batch: BatchSummary): number {
    this.#records += batch.recordCount;
    this.#batchBytes += batch.bytes;
    this.totalBatchBytes += batch.bytes;
    this.#batches++;
    if (batch.crcIsValid === false) this.#crcFaults++;
    if (batch.producerId >= 0n) {
      const producer = `${log}/${batch.producerId}/${batch.producerEpoch}`;
      const expected = this.#nextSequences.get(producer);
      if (expected !== undefined && expected !== batch.baseSequence) this.#sequenceFaults++;
      this.#nextSequences.set(producer, (batch.baseSequence + batch.recordCount) % 2 ** 31);
    }
    const offset = this.#nextOffsets.get(log) ?? 0;
    this.#nextOffsets.set(log, offset + batch.recordCount);
    return offset;
  }

  /** What was counted since the start or the last {@linkcode reset}. */
  figures(): SinkFigures {
    return {
      records: this.#records,
      batchBytes: this.#batchBytes,
      batches: this.#batches,
      requests: this.#requests,
      connections: this.connections,
      sequenceFaults: this.#sequenceFaults,
      crcFaults: this.#checksCrc ? this.#crcFaults : null,
      cpuSeconds: this.#cpuSeconds() - this.#cpuSecondsAtReset,
    };
  }
}
