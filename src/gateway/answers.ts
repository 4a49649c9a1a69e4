/**
 * Answers: the few that there are, each made in one place.
 *
 * @module
 */

import { RecordRefusedError, RecordTooLargeError, UnknownPartitionError } from "../record_errors.ts";
import { AcceptedTypes } from "./accepted_types.ts";
import { CONFLUENT_REPLY_TYPES, confluentErrorCode } from "./body/confluent_body.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import { mediaType } from "./request_headers.ts";
import { type ErrorStatus, statusOf } from "./status.ts";

/** As kafboy wrote it. */
export const JSON_TYPE = "application/json; charset=utf-8";

/** An object of `Headers` has been checked already, a plain one would be for every answer. */
const PLAIN_JSON = { headers: new Headers({ "content-type": JSON_TYPE }) };

/** Kafboy's words for what it knew. */
const KAFBOY_TEXTS: Readonly<Record<string, string>> = {
  EMPTY_BODY: "empty",
  METHOD_NOT_ALLOWED: "POST exp",
};
/** Codes that kafboy answered with 400, where HTTP knows better. */
const KAFBOY_400 = new Set(["METHOD_NOT_ALLOWED", "OVERLOADED"]);

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/**
 * An answer in JSON.
 *
 * @param exchange The request.
 * @param body Its text.
 * @param status Its status.
 * @param more Further headers.
 */
export function jsonAnswer(
  exchange: Exchange,
  body: string,
  status = 200,
  more?: Readonly<Record<string, string>>,
): Response {
  // A server writes an answer with a type and no other header the fastest: nobody misses the id of what went well.
  if (status === 200 && more === undefined && !exchange.hasRequestId) return new Response(body, PLAIN_JSON);
  const headers: Record<string, string> = { "content-type": JSON_TYPE, "x-request-id": exchange.requestId };
  if (more !== undefined) Object.assign(headers, more);
  return new Response(body, status === 200 ? { headers } : { status, headers });
}

/** Whether a request speaks the REST Proxy API: then so does every answer to it. */
export function isConfluent({ headers }: Exchange): boolean {
  return mediaType(headers.contentType).startsWith("application/vnd.kafka.");
}

/** Which of its types a client of the REST Proxy API gets; null when it accepts none. */
export function confluentType({ headers }: Exchange): string | null {
  return new AcceptedTypes(headers.get("accept")).best(CONFLUENT_REPLY_TYPES);
}

/** An answer as the REST Proxy API has them. */
export function confluentAnswer(
  exchange: Exchange,
  body: string,
  status: number,
  more?: Readonly<Record<string, string>>,
): Response {
  const type = confluentType(exchange) ?? CONFLUENT_REPLY_TYPES[0];
  return jsonAnswer(exchange, body, status, { "content-type": type, ...more });
}

/** A failure, as an answer tells it. */
export interface ToldFailure extends ErrorStatus {
  /** What the client is told. */
  readonly text: string;
}

/**
 * What the client is told of an error. Neither addresses of brokers nor anything of a bug are.
 *
 * @param exchange The request.
 * @param error What was thrown.
 */
export function tell(exchange: Exchange, error: unknown): ToldFailure {
  const status = statusOf(error, () => exchange.gateway.buffer.retryAfterSeconds());
  return { ...status, text: textOf(error, status) };
}

/**
 * The answer to an error, in the style of the route.
 *
 * @param exchange The request.
 * @param error What was thrown.
 * @param more Further members of the answer, where its style has room for them.
 */
export function failureAnswer(exchange: Exchange, error: unknown, more?: Readonly<Record<string, unknown>>): Response {
  const failure = tell(exchange, error);
  const { gateway, route } = exchange;
  gateway.metrics.error(failure.code, failure.retriable);
  const headers: Record<string, string> = error instanceof GatewayError ? { ...error.headers } : {};
  if (failure.retryAfter !== undefined) headers["retry-after"] = String(failure.retryAfter);
  if (route?.style === "kafboy") return kafboyFailure(exchange, failure, headers);
  if (route?.style === "confluent" && isConfluent(exchange)) {
    const { status, code, text } = failure;
    const body = JSON.stringify({ "error_code": confluentErrorCode(status, code), message: text });
    return confluentAnswer(exchange, body, status, { ...headers, "x-error-code": code });
  }
  headers["content-type"] = "application/problem+json";
  const { status, text, code, retriable, delivered } = failure;
  const problem = {
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail: text,
    code,
    retriable,
    "request_id": exchange.requestId,
    ...(delivered === undefined ? {} : { delivered }),
    ...more,
  };
  return jsonAnswer(exchange, JSON.stringify(problem), status, headers);
}

function kafboyFailure(exchange: Exchange, failure: ToldFailure, headers: Record<string, string>): Response {
  const { code, delivered } = failure;
  headers["x-error-code"] = code;
  if (delivered === "unknown") headers["x-delivered"] = delivered;
  const { compat } = exchange.gateway.options;
  const status = compat.status400 && KAFBOY_400.has(code) ? 400 : failure.status;
  return jsonAnswer(exchange, JSON.stringify({ error: KAFBOY_TEXTS[code] ?? failure.text }), status, headers);
}

function textOf(error: unknown, { code }: ErrorStatus): string {
  const cause = (error as { cause?: unknown } | null)?.cause;
  for (const candidate of [error, cause]) if (isForClients(candidate)) return candidate.message;
  if (code === "INTERNAL") return "Something in here broke";
  return `Cannot deliver: ${code}`;
}

function isForClients(error: unknown): error is Error {
  return error instanceof GatewayError || error instanceof RecordTooLargeError ||
    error instanceof RecordRefusedError || error instanceof UnknownPartitionError;
}
