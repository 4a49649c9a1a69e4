/**
 * InitProducerId: a new id for an idempotent producer. Transactional producers are refused.
 *
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import { errorCodeByName } from "../../../protocol/error_codes.ts";
import type { RequestContext } from "./handler.ts";

/** Answers with an id of its own and epoch 0, whatever id the producer had, as Kafka does without a transactional id. */
export function handleInitProducerId(
  request: RequestOf<"InitProducerId">,
  context: RequestContext,
): ResponseInput<"InitProducerId"> {
  const error = request.transactionalId === null
    ? context.faults.errorFor(null, null)
    : errorCodeByName("INVALID_REQUEST");
  if (error !== undefined) return { throttleTimeMs: 0, errorCode: error.code, producerId: -1n, producerEpoch: -1 };
  return { throttleTimeMs: 0, errorCode: 0, producerId: context.producerIds.next(), producerEpoch: 0 };
}
