/**
 * What a gateway itself answers with an error, and what the answer to each is.
 *
 * @module
 */

/** The answer to a kind of error. */
export interface ErrorRow {
  /** Status of the answer. */
  readonly status: number;
  /** Whether the same request may succeed later. */
  readonly retriable: boolean;
  /** Whether the answer says when to try again. */
  readonly hasRetryAfter?: boolean;
}

// 4xx only where the client can repair it. 429 is "you", 503 is "me".
const NEVER = { retriable: false } as const;
const LATER = { retriable: true, hasRetryAfter: true } as const;

/** Names of the gateway's own errors, and the answer to each. */
export const GATEWAY_ERRORS = {
  /** The bytes of the body are not what their type says. */
  MALFORMED_BODY: { status: 400, ...NEVER },
  /** There is nothing in the body. */
  EMPTY_BODY: { status: 400, ...NEVER },
  /** JSON is nested more deeply than allowed. */
  JSON_TOO_DEEP: { status: 400, ...NEVER },
  /** A key, partition, timestamp or header of a record, or a parameter of the request, makes no sense. */
  INVALID_METADATA: { status: 400, ...NEVER },
  /** The topic's name is none, or one that Kafka keeps for itself. */
  INVALID_TOPIC: { status: 400, ...NEVER },
  /** Who is asking has not shown who they are. */
  UNAUTHENTICATED: { status: 401, ...NEVER },
  /** Who is asking may not do that. */
  FORBIDDEN: { status: 403, ...NEVER },
  /** A page of another origin is asking. */
  FORBIDDEN_ORIGIN: { status: 403, ...NEVER },
  /** There is no such route. */
  NOT_FOUND: { status: 404, ...NEVER },
  /** The route knows other methods only. */
  METHOD_NOT_ALLOWED: { status: 405, ...NEVER },
  /** No reply is of a type that the client accepts. */
  NOT_ACCEPTABLE: { status: 406, ...NEVER },
  /** The body did not come in time, or too slowly. */
  BODY_TIMEOUT: { status: 408, retriable: true },
  /** A request with the same idempotency key is under way. */
  REQUEST_IN_PROGRESS: { status: 409, ...LATER },
  /** The body is larger than allowed, as sent or decompressed. */
  BODY_TOO_LARGE: { status: 413, ...NEVER },
  /** A record is larger than allowed. */
  RECORD_TOO_LARGE: { status: 413, ...NEVER },
  /** There are more records than allowed. */
  TOO_MANY_RECORDS: { status: 413, ...NEVER },
  /** A record has more headers, or more bytes of headers, than allowed. */
  HEADERS_TOO_LARGE: { status: 413, ...NEVER },
  /** Nothing here reads that media type. */
  UNSUPPORTED_MEDIA_TYPE: { status: 415, ...NEVER },
  /** Nothing here decodes that content coding. */
  UNSUPPORTED_ENCODING: { status: 415, ...NEVER },
  /** The body can be read, and asks for something that makes no sense. */
  UNPROCESSABLE_BODY: { status: 422, ...NEVER },
  /** The same idempotency key came with another body. */
  IDEMPOTENCY_KEY_REUSED: { status: 422, ...NEVER },
  /** A hook or the partitioner refused the record. */
  RECORD_REFUSED: { status: 422, ...NEVER },
  /** The client sends more than its share. */
  RATE_LIMITED: { status: 429, ...LATER },
  /** Something in here broke. */
  INTERNAL: { status: 500, ...NEVER },
  /** Kafka does not take the gateway's credentials, or answers with something else that no client can repair. */
  UPSTREAM_REFUSED: { status: 502, ...NEVER },
  /** There was no room in the buffer for as long as it was waited for. */
  BUFFER_FULL: { status: 503, ...LATER },
  /** Too many requests, or too many bytes of them, are under way. */
  OVERLOADED: { status: 503, ...LATER },
  /** The gateway is about to end. */
  DRAINING: { status: 503, ...LATER },
  /** Kafka cannot be reached, or has nobody who could take the record. */
  UNAVAILABLE: { status: 503, ...LATER },
  /** What tells who is asking cannot be reached: the keys of tokens, for one. */
  AUTHENTICATION_UNAVAILABLE: { status: 503, ...LATER },
  /** The record was not acknowledged in time. */
  DELIVERY_TIMEOUT: { status: 504, retriable: true },
  /** A hook did not answer in time. */
  HOOK_TIMEOUT: { status: 504, retriable: true },
} as const satisfies Record<string, ErrorRow>;

/** The name of an error of the gateway's own. */
export type GatewayErrorCode = keyof typeof GATEWAY_ERRORS;

/** What else is known of an error. */
export interface GatewayErrorContext {
  /** Headers for the answer, such as `allow`. */
  headers?: Record<string, string>;
  /** Seconds after which to try again, where the gateway knows better than its drain rate. */
  retryAfter?: number;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * The gateway cannot do what a request asks for. The message is made for the client: it names limits and places, and
 * holds none of the client's bytes.
 */
export class GatewayError extends Error {
  /** `"GatewayError"`, or the name of the class derived from it. */
  override readonly name: string = "GatewayError";
  /** What is wrong, in one word. */
  readonly code: GatewayErrorCode;
  /** Status of the answer. */
  readonly status: number;
  /** Headers for the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Seconds after which to try again, where the gateway knows better than its drain rate. */
  readonly retryAfter?: number;

  /**
   * Describes what is wrong.
   *
   * @param code What is wrong, in one word.
   * @param message What could not be done and why.
   * @param context What else is known.
   */
  constructor(code: GatewayErrorCode, message: string, context: GatewayErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.status = GATEWAY_ERRORS[code].status;
    this.headers = context.headers ?? {};
    if (context.retryAfter !== undefined) this.retryAfter = context.retryAfter;
  }
}
