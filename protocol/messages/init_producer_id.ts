/**
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

/** TODO Mirrors Kafka's `InitProducerIdRequest.json`. */
export const initProducerIdRequest = {
  name: "InitProducerIdRequest",
  apiKey: 22,
  versions: "0-5",
  flexible: "2+",
  fields: [
    { name: "transactionalId", type: "string", nullable: "0+" },
    { name: "transactionTimeoutMs", type: "int32" },
    { name: "producerId", type: "int64", versions: "3+", default: -1n },
    { name: "producerEpoch", type: "int16", versions: "3+", default: -1 },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode initProducerIdRequest}. */
export type InitProducerIdRequest = Body<typeof initProducerIdRequest>;

/** TODO Mirrors Kafka's `InitProducerIdResponse.json`. */
export const initProducerIdResponse = {
  name: "InitProducerIdResponse",
  apiKey: 22,
  versions: "0-5",
  flexible: "2+",
  fields: [
    { name: "throttleTimeMs", type: "int32", ignorable: true },
    { name: "errorCode", type: "int16" },
    { name: "producerId", type: "int64", default: -1n },
    { name: "producerEpoch", type: "int16" },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode initProducerIdResponse}. */
export type InitProducerIdResponse = Body<typeof initProducerIdResponse>;
