import { assertEquals } from "@std/assert";
import { errorCodes } from "../../protocol/error_codes.ts";
import { BrokerError, BufferFullError, ConnectionError, DeliveryError, ProtocolError } from "../../src/errors.ts";
import { BodyError } from "../../src/gateway/body/body_error.ts";
import { GATEWAY_ERRORS, GatewayError, type GatewayErrorCode } from "../../src/gateway/gateway_error.ts";
import { statusOf } from "../../src/gateway/status.ts";
import { RecordRefusedError, RecordTooLargeError, UnknownPartitionError } from "../../src/record_errors.ts";

/** A record's failure because of `cause`. */
function failed(cause: unknown, verdict: DeliveryError["verdict"] = "notPersisted"): DeliveryError {
  return new DeliveryError("Cannot deliver", { topic: "t", partition: 0, attempts: 1, verdict, cause });
}

/** The end of a record's time, with what stood in the way. */
function expired(obstacle?: unknown): DOMException {
  const error = new DOMException("the time for it is over", "TimeoutError");
  return obstacle === undefined ? error : Object.defineProperty(error, "cause", { value: obstacle });
}

/** Each of Kafka's codes, by the answer to it, written down once more. */
const EXPECTED: Record<string, readonly number[]> = {
  "400 final": [17],
  "403 final": [29, 31],
  "404 final": [3, 100, 103],
  "413 final": [10, 18],
  "422 final": [2, 32, 43, 44, 87],
  "502 retriable": [58],
  "503 retriable, retry-after": [
    ...[5, 6, 8, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 106],
  ],
  "504 retriable": [7],
};

for (const row of errorCodes) {
  if (row.code === 0) continue;
  Deno.test(`statusOf() knows the answer to ${row.name}`, () => {
    const error = new BrokerError("append", row);

    const status = statusOf(failed(error), () => 7);

    const listed = Object.entries(EXPECTED).find(([, codes]) => codes.includes(row.code))?.[0];
    const expected = listed ?? (row.retriable ? "503 retriable, retry-after" : "502 final");
    const retryAfter = expected.includes("retry-after") ? { retryAfter: 7 } : {};
    assertEquals(status, {
      status: Number(expected.slice(0, 3)),
      code: row.name,
      retriable: expected.includes("retriable"),
      ...retryAfter,
      delivered: "no",
    });
    assertEquals(
      statusOf(failed(expired(error)), () => 7),
      status,
      "also when its time ended while it was tried again",
    );
  });
}

Deno.test("statusOf() knows the answer to every other failure of a record", async (t) => {
  const sizes = { neededBytes: 2, freeBytes: 1 };
  const cases: [name: string, error: unknown, status: number, code: string, more?: Record<string, unknown>][] = [
    ["no connection", failed(new ConnectionError("x", { address: "a:1" })), 503, "UNAVAILABLE", { retryAfter: 7 }],
    ["never", failed(new ConnectionError("x", { address: "a:1", retriable: false })), 502, "UPSTREAM_REFUSED"],
    ["no Kafka", failed(new ProtocolError("x")), 502, "UPSTREAM_REFUSED"],
    ["no room", failed(new BufferFullError("x", sizes)), 503, "BUFFER_FULL", { retryAfter: 7 }],
    ["no room at once", new BufferFullError("x", sizes), 503, "BUFFER_FULL", { retryAfter: 7 }],
    ["too large", new RecordTooLargeError("x", { bytes: 2, maxBytes: 1 }), 413, "RECORD_TOO_LARGE"],
    ["no partition", new UnknownPartitionError("x", 9), 404, "UNKNOWN_TOPIC_OR_PARTITION"],
    ["no partition, late", failed(new UnknownPartitionError("x", 9)), 404, "UNKNOWN_TOPIC_OR_PARTITION"],
    ["refused", failed(new RecordRefusedError("x")), 422, "RECORD_REFUSED"],
    ["time is over", failed(expired()), 504, "DELIVERY_TIMEOUT"],
    ["a bug", new RangeError("secret"), 500, "INTERNAL"],
    ["a thrown string", "secret", 500, "INTERNAL"],
    ["a bug behind a failure", failed(new RangeError("secret")), 500, "INTERNAL"],
  ];
  for (const [name, error, status, code, more] of cases) {
    await t.step(name, () => {
      const delivered = error instanceof DeliveryError ? { delivered: "no" as const } : {};
      const retriable = [503, 504].includes(status);

      assertEquals(statusOf(error, () => 7), { status, code, retriable, ...more, ...delivered });
    });
  }
});

Deno.test("statusOf() tells of a record that may be in Kafka", () => {
  assertEquals(statusOf(failed(expired(), "possiblyPersisted")).delivered, "unknown");
  const unreachable = new ConnectionError("x", { address: "a:1", written: true });
  assertEquals(statusOf(failed(expired(unreachable), "possiblyPersisted")), {
    status: 503,
    code: "UNAVAILABLE",
    retriable: true,
    retryAfter: 1,
    delivered: "unknown",
  });
});

Deno.test("statusOf() knows the answer to every error of the gateway's own", async (t) => {
  const expected: Record<number, GatewayErrorCode[]> = {
    400: ["MALFORMED_BODY", "EMPTY_BODY", "JSON_TOO_DEEP", "INVALID_METADATA", "INVALID_TOPIC"],
    401: ["UNAUTHENTICATED"],
    403: ["FORBIDDEN", "FORBIDDEN_ORIGIN"],
    404: ["NOT_FOUND"],
    405: ["METHOD_NOT_ALLOWED"],
    406: ["NOT_ACCEPTABLE"],
    408: ["BODY_TIMEOUT"],
    409: ["REQUEST_IN_PROGRESS"],
    413: ["BODY_TOO_LARGE", "RECORD_TOO_LARGE", "TOO_MANY_RECORDS", "HEADERS_TOO_LARGE"],
    415: ["UNSUPPORTED_MEDIA_TYPE", "UNSUPPORTED_ENCODING"],
    422: ["UNPROCESSABLE_BODY", "IDEMPOTENCY_KEY_REUSED", "RECORD_REFUSED"],
    429: ["RATE_LIMITED"],
    500: ["INTERNAL"],
    502: ["UPSTREAM_REFUSED"],
    503: ["BUFFER_FULL", "OVERLOADED", "DRAINING", "UNAVAILABLE", "AUTHENTICATION_UNAVAILABLE"],
    504: ["DELIVERY_TIMEOUT", "HOOK_TIMEOUT"],
  };
  for (const code of Object.keys(GATEWAY_ERRORS) as GatewayErrorCode[]) {
    await t.step(code, () => {
      const status = Number(Object.entries(expected).find(([, codes]) => codes.includes(code))![0]);
      const hasRetryAfter = [409, 429, 503].includes(status);
      const retriable = hasRetryAfter || [408, 504].includes(status);

      assertEquals(statusOf(new BodyError(code, "x"), () => 7), {
        status,
        code,
        retriable,
        ...(hasRetryAfter ? { retryAfter: 7 } : {}),
      });
    });
  }
});

Deno.test("statusOf() prefers what an error itself knows of when to try again", () => {
  const error = new GatewayError("RATE_LIMITED", "x", { retryAfter: 3, headers: { allow: "POST" } });

  assertEquals(statusOf(error, () => NaN).retryAfter, 3);
  assertEquals(error.headers, { allow: "POST" });
});
