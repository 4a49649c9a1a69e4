/**
 * ApiVersions: the versions on offer. A version that is not on offer is answered too, see `exchange.ts`.
 *
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-511%3A+Collect+and+Expose+Client%27s+Name+and+Version+in+the+Brokers}
 * @module
 */

import type { RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import type { RequestContext } from "./handler.ts";

/** Answers with every api on offer. */
export function handleApiVersions(
  _request: RequestOf<"ApiVersions">,
  context: RequestContext,
): ResponseInput<"ApiVersions"> {
  const fault = context.faults.errorFor(null, null);
  return { errorCode: fault?.code ?? 0, apiKeys: fault === undefined ? context.versions.advertised() : [] };
}
