/**
 * Finds the broker that coordinates a group or a transactional producer (call 10). Spoken by the embedded cluster, which
 * has no coordinators; the producer needs none.
 *
 * What the versions brought:
 * - 1: transactional producers, throttle time, error message
 * - 3: flexible
 * - 4: several keys at once (KIP-699)
 * - 5: TRANSACTION_ABORTABLE may be answered (KIP-890)
 * - 6: share groups (KIP-932)
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/FindCoordinatorRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/FindCoordinatorResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

/** Asks for coordinators. `keyType` is 0 for groups, 1 for transactional producers, 2 for share groups. */
export const findCoordinatorRequest = {
  name: "FindCoordinatorRequest",
  apiKey: 10,
  versions: "0-6",
  flexible: "3+",
  fields: [
    { name: "key", type: "string", versions: "0-3" },
    { name: "keyType", type: "int8", versions: "1+", default: 0 },
    { name: "coordinatorKeys", type: "[]string", versions: "4+" },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode findCoordinatorRequest}. */
export type FindCoordinatorRequest = Body<typeof findCoordinatorRequest>;

/** Where the coordinators are: one until version 3, then a list. */
export const findCoordinatorResponse = {
  name: "FindCoordinatorResponse",
  apiKey: 10,
  versions: "0-6",
  flexible: "3+",
  fields: [
    { name: "throttleTimeMs", type: "int32", versions: "1+", ignorable: true },
    { name: "errorCode", type: "int16", versions: "0-3" },
    { name: "errorMessage", type: "string", versions: "1-3", nullable: "1-3", ignorable: true },
    { name: "nodeId", type: "int32", versions: "0-3" },
    { name: "host", type: "string", versions: "0-3" },
    { name: "port", type: "int32", versions: "0-3" },
    {
      name: "coordinators",
      type: "[]Coordinator",
      versions: "4+",
      fields: [
        { name: "key", type: "string", versions: "4+" },
        { name: "nodeId", type: "int32", versions: "4+" },
        { name: "host", type: "string", versions: "4+" },
        { name: "port", type: "int32", versions: "4+" },
        { name: "errorCode", type: "int16", versions: "4+" },
        { name: "errorMessage", type: "string", versions: "4+", nullable: "4+", ignorable: true },
      ],
    },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode findCoordinatorResponse}. */
export type FindCoordinatorResponse = Body<typeof findCoordinatorResponse>;
