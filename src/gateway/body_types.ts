/**
 * Which decoder reads a streamed body, by its media type.
 *
 * @module
 */

import type { BodyDecoder } from "./body/body_decoder.ts";
import { LineDecoder } from "./body/line_decoder.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import type { RouteDescription } from "./route.ts";
import { mediaType } from "./request_headers.ts";

/** The types there are, with an example each. */
export const STREAM_TYPES: NonNullable<RouteDescription["body"]> = {
  "application/x-ndjson": { schema: { type: "string" }, example: '{"n":1}\n{"n":2}\n' },
  "application/jsonl": { schema: { type: "string" }, example: '{"n":1}\n{"n":2}\n' },
  "text/plain": { schema: { type: "string" }, example: "one\ntwo\n" },
};

/**
 * The decoder of a request's body.
 *
 * @throws {GatewayError} For a type that is not known.
 */
export function decoderFor(exchange: Exchange): BodyDecoder {
  const { recordMaxBytes: maxRecordBytes } = exchange.gateway.options;
  switch (mediaType(exchange.headers.get("content-type"))) {
    case "application/x-ndjson":
    case "application/jsonl":
      return new LineDecoder({ maxRecordBytes, skipBlank: true });
    case "text/plain":
      return new LineDecoder({ maxRecordBytes });
  }
  const types = Object.keys(STREAM_TYPES).join(", ");
  throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", `Cannot take the body: its content-type must be one of ${types}`, {
    headers: { "accept-post": types },
  });
}
