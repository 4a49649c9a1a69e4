/**
 * What stands in front of every body.
 *
 * What the versions brought:
 * - request 2 and response 1: flexible (KIP-482)
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/RequestHeader.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ResponseHeader.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

/** In front of every request. The name of the client is never compact, so that any broker can read the header of any ApiVersions request. */
export const requestHeader = {
  name: "RequestHeader",
  versions: "1-2",
  flexible: "2+",
  fields: [
    { name: "requestApiKey", type: "int16" },
    { name: "requestApiVersion", type: "int16" },
    { name: "correlationId", type: "int32" },
    { name: "clientId", type: "string", versions: "1+", nullable: "1+", flexible: "none" },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode requestHeader}. */
export type RequestHeader = Body<typeof requestHeader>;

/** In front of every response. */
export const responseHeader = {
  name: "ResponseHeader",
  versions: "0-1",
  flexible: "1+",
  fields: [
    { name: "correlationId", type: "int32" },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode responseHeader}. */
export type ResponseHeader = Body<typeof responseHeader>;
