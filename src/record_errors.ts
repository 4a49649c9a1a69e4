/**
 * Why a record was not accepted. To users the first two are the `RangeError`s they are; whoever takes records from others,
 * as the gateway does, has to tell them apart.
 *
 * @module
 */

/** A record that no batch has room for, even alone. */
export class RecordTooLargeError extends RangeError {
  /** Bytes that it takes, encoded. */
  readonly bytes: number;
  /** Most bytes that it may take. */
  readonly maxBytes: number;

  /**
   * Describes the record.
   *
   * @param message What could not be accepted and why.
   * @param sizes How large it is, and how large it may be.
   */
  constructor(message: string, sizes: { bytes: number; maxBytes: number }) {
    super(message);
    this.bytes = sizes.bytes;
    this.maxBytes = sizes.maxBytes;
  }
}

/** A record for a partition that its topic does not have. */
export class UnknownPartitionError extends RangeError {
  /** The partition that there is none of. */
  readonly partition: number;

  /**
   * Describes the record.
   *
   * @param message What could not be accepted and why.
   * @param partition The partition that there is none of.
   */
  constructor(message: string, partition: number) {
    super(message);
    this.partition = partition;
  }
}

/** A record that the partitioner refused. */
export class RecordRefusedError extends Error {
  /** The partitioner's reason. */
  readonly reason: string;

  /**
   * Describes the refusal.
   *
   * @param reason The partitioner's reason.
   */
  constructor(reason: string) {
    super(`Cannot accept a record: the partitioner refused it: ${reason}`);
    this.reason = reason;
  }
}
