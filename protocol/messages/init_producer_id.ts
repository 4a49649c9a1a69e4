/**
 * Gives out producer ids (call 22).
 *
 * What the versions brought:
 * - 2: flexible
 * - 3: an id and epoch to go on with (KIP-360)
 * - 4: PRODUCER_FENCED may be answered
 * - 5: TRANSACTION_ABORTABLE may be answered (KIP-890)
 * - 6, two-phase commit, is unstable in Kafka 4.3 and not spoken here
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/InitProducerIdRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/InitProducerIdResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

/** Asks for a producer id. `transactionalId` is null for a producer that is idempotent only. */
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

/** A producer id and its epoch. */
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
