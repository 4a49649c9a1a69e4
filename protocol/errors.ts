/**
 * The base of every error of this package, and the one error of this layer.
 *
 * @module
 */

/**
 * Anything this package throws on purpose, apart from `TypeError` (wrong type), `RangeError` (wrong value) and the
 * reason of a caller's own `AbortSignal`.
 */
export abstract class KafkaError extends Error {
  /** Whether the same call may succeed when made again unchanged. */
  abstract readonly retriable: boolean;
}

/** Where the bytes that could not be read stood. */
export interface ProtocolErrorContext {
  /** Name of the api or structure, e.g. `"Produce"` or `"RecordBatch"`. */
  api?: string | undefined;
  /** Version of that api, if it has any. */
  version?: number | undefined;
  /** Offset of the first byte that made no sense, counted from the start of the frame or structure. */
  offset?: number | undefined;
  /** The error behind this one. */
  cause?: unknown;
}

/** Bytes that are not what the protocol says they must be. */
export class ProtocolError extends KafkaError {
  /** Always `"ProtocolError"`. */
  override readonly name = "ProtocolError";
  /** Always false: the same bytes stay unreadable. */
  override readonly retriable = false;
  /** Name of the api or structure, `""` if unknown. */
  readonly api: string;
  /** Version of the api, -1 if unknown. */
  readonly version: number;
  /** Offset of the offending byte, -1 if unknown. */
  readonly offset: number;

  /**
   * Describes unreadable bytes.
   *
   * @param message What could not be done and why.
   * @param context Where.
   */
  constructor(message: string, context: ProtocolErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.api = context.api ?? "";
    this.version = context.version ?? -1;
    this.offset = context.offset ?? -1;
  }
}
