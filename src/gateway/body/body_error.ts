/**
 * What is wrong with a request's body, or with what came along with it.
 *
 * @module
 */

/**
 * Names of what can be wrong, and the status of the answer to each. Every one is the client's to repair, so none is
 * retriable but `"BODY_TIMEOUT"`.
 */
export const BODY_ERROR_STATUS = {
  /** The bytes are not what their type says. */
  MALFORMED_BODY: 400,
  /** There is nothing in it. */
  EMPTY_BODY: 400,
  /** JSON is nested more deeply than allowed. */
  JSON_TOO_DEEP: 400,
  /** A key, partition, timestamp or header of a record makes no sense. */
  INVALID_METADATA: 400,
  /** The body did not come in time. */
  BODY_TIMEOUT: 408,
  /** The body is larger than allowed, as sent or decompressed. */
  BODY_TOO_LARGE: 413,
  /** A record is larger than allowed. */
  RECORD_TOO_LARGE: 413,
  /** There are more records than allowed. */
  TOO_MANY_RECORDS: 413,
  /** A record has more headers, or more bytes of headers, than allowed. */
  HEADERS_TOO_LARGE: 413,
  /** Nothing here reads that media type. */
  UNSUPPORTED_MEDIA_TYPE: 415,
  /** Nothing here decodes that content coding. */
  UNSUPPORTED_ENCODING: 415,
} as const;

/** The name of something that can be wrong with a body. */
export type BodyErrorCode = keyof typeof BODY_ERROR_STATUS;

/** Where a body is wrong, and why. */
export interface BodyErrorContext {
  /** Line, row, element or frame it concerns, counted from 1. */
  line?: number | undefined;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * A request's body cannot be taken. The message is made for the client: it names limits and places, and holds none of
 * the body's bytes.
 */
export class BodyError extends Error {
  /** Always `"BodyError"`. */
  override readonly name = "BodyError";
  /** Status of the answer. */
  readonly status: number;
  /** What is wrong, in one word. */
  readonly code: BodyErrorCode;
  /** Line, row, element or frame it concerns, counted from 1. */
  readonly line?: number;

  /**
   * Describes what is wrong.
   *
   * @param code What is wrong, in one word.
   * @param message What could not be done and why.
   * @param context Where, and the error behind this one.
   */
  constructor(code: BodyErrorCode, message: string, context: BodyErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.status = BODY_ERROR_STATUS[code];
    if (context.line !== undefined) this.line = context.line;
  }
}
