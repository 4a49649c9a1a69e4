/**
 * Which decoder reads the body of a request, and what the OpenAPI document says of the types there are.
 *
 * @module
 */

import type { BodyDecoder } from "./body/body_decoder.ts";
import { BODY_FORMATS, bodyDecoder } from "./body/body_formats.ts";
import type { Exchange } from "./exchange.ts";
import type { ResolvedLimits } from "./options.ts";
import type { RouteDescription } from "./route.ts";

/** The preferred types of all formats, with an example each. */
export const STREAM_TYPES: NonNullable<RouteDescription["body"]> = Object.fromEntries(
  BODY_FORMATS.map(({ types, schema, example }) => [types[0]!, { schema, example: exampleOf(types[0]!, example) }]),
);

/** What follows `?` and changes how bodies are read. */
export const STREAM_QUERY: Readonly<Record<string, string>> = Object.assign(
  {},
  ...BODY_FORMATS.map(({ query }) => query ?? {}),
);

/** The limits of a gateway as decoders know them. */
export function headerLimits({ recordMaxHeaders, recordMaxHeaderBytes }: ResolvedLimits): {
  maxHeaders: number;
  maxHeaderBytes: number;
} {
  return { maxHeaders: recordMaxHeaders, maxHeaderBytes: recordMaxHeaderBytes };
}

/**
 * The decoder of a request's body.
 *
 * @param exchange The request.
 * @param maxRecords Most records.
 * @throws {BodyError} For a type that is not known.
 */
export function decoderFor(exchange: Exchange, maxRecords?: number): BodyDecoder {
  const { options } = exchange.gateway;
  return bodyDecoder({
    headers: exchange.request.headers,
    query: exchange.query,
    isTextOneRecord: exchange.route?.style === "confluent",
    limits: { maxRecordBytes: options.recordMaxBytes, maxRecords, ...headerLimits(options) },
  });
}

/** An example as the document shows it: JSON as JSON. */
function exampleOf(type: string, example: string): unknown {
  return /[/+]json$/.test(type) ? JSON.parse(example) : example;
}
