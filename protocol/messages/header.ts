/**
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

/** TODO Mirrors Kafka's `RequestHeader.json`. */
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

/** TODO Mirrors Kafka's `ResponseHeader.json`. */
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
