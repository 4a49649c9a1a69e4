/**
 * FindCoordinator: there are no groups and no transactions here, and the answer says so in a way that ends the search. With
 * COORDINATOR_NOT_AVAILABLE, which a real broker answers for a while, clients would ask for ever.
 *
 * It is on offer because librdkafka takes a broker without it for one before 0.8.2, which knows no LZ4.
 *
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import { errorCodeByName } from "../../../protocol/error_codes.ts";
import type { RequestContext } from "./handler.ts";

const FIRST_VERSION_WITH_LIST = 4;
const NOWHERE = { nodeId: -1, host: "", port: -1 };
const NO_COORDINATORS = "The embedded cluster has no groups and no transactions";

/** Refuses, whoever's coordinator is looked for. */
export function handleFindCoordinator(
  request: RequestOf<"FindCoordinator">,
  context: RequestContext,
): ResponseInput<"FindCoordinator"> {
  const fault = context.faults.errorFor(null, null);
  const refused = {
    ...NOWHERE,
    errorCode: (fault ?? errorCodeByName("UNSUPPORTED_VERSION")).code,
    errorMessage: fault === undefined ? NO_COORDINATORS : null,
  };
  if (context.version < FIRST_VERSION_WITH_LIST) return refused;
  return { coordinators: request.coordinatorKeys.map((key) => ({ ...refused, key })) };
}
