/**
 * What goes back to a client: the right bytes, wrong ones or none.
 *
 * @module
 */

import type { ApiName, ResponseInput } from "../../protocol/apis.ts";
import { type DecodedRequest, encodeResponse } from "../../protocol/frame.ts";
import type { FaultObject } from "./fault.ts";

/** What to send back, and how to go on. */
export interface Answer {
  /** The bytes, in order. */
  readonly segments: readonly Uint8Array[];
  /** `"serve"` the next request, `"close"` the connection, or read on without a word. */
  readonly then: "serve" | "close" | "silent";
}

/** The connection ends without an answer. */
export const CLOSE: Answer = { segments: [], then: "close" };
/** There is no answer to this request. */
export const NOTHING: Answer = { segments: [], then: "serve" };

/** Far from any number that a client counts up to. */
const STRANGE_CORRELATION_ID = 0x5eed_0000;
const MAX_CORRELATION_ID = 0x7fff_ffff;

/** The right answer. */
export function rightAnswer(request: DecodedRequest, response: ResponseInput<ApiName>): Answer {
  if (isUnanswered(request)) {
    // Nobody reads an answer, so an error is told by ending the connection, as Kafka does.
    return hasError(response as ResponseInput<"Produce">) ? CLOSE : NOTHING;
  }
  return { segments: encodeResponse(request.api, request.version, request.correlationId, response), then: "serve" };
}

/**
 * An answer that goes wrong.
 *
 * @param response What would have been right; undefined when the request was not carried out.
 */
export function faultyAnswer(
  request: DecodedRequest,
  fault: FaultObject,
  response: ResponseInput<ApiName> | undefined,
): Answer {
  switch (fault.fault) {
    case "close":
      return CLOSE;
    case "silent":
      return NOTHING;
    case "rawBytes":
      return { segments: [fault.bytes], then: fault.then ?? "close" };
    case "partialFrame": {
      const { segments } = rightAnswer(request, response!);
      return { segments: firstBytes(segments, fault.bytes), then: fault.then ?? "close" };
    }
    case "wrongCorrelationId": {
      if (isUnanswered(request)) return rightAnswer(request, response!);
      const strange = (request.correlationId + STRANGE_CORRELATION_ID) % MAX_CORRELATION_ID;
      const correlationId = fault.correlationId ?? strange;
      return { segments: encodeResponse(request.api, request.version, correlationId, response!), then: "serve" };
    }
  }
}

/** A request with acks 0 is the only one without an answer. */
function isUnanswered(request: DecodedRequest): boolean {
  return request.api === "Produce" && request.body.acks === 0;
}

function hasError({ responses }: ResponseInput<"Produce">): boolean {
  return responses.some(({ partitionResponses }) => partitionResponses.some(({ errorCode }) => errorCode !== 0));
}

function firstBytes(segments: readonly Uint8Array[], count: number): Uint8Array[] {
  const first: Uint8Array[] = [];
  for (const segment of segments) {
    if (count <= 0) break;
    first.push(segment.subarray(0, count));
    count -= segment.length;
  }
  return first;
}
