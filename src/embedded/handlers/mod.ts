/**
 * The handler of each api.
 *
 * @module
 */

import type { ApiName } from "../../../protocol/apis.ts";
import { handleApiVersions } from "./api_versions.ts";
import { handleCreateTopics } from "./create_topics.ts";
import { handleFetch } from "./fetch.ts";
import { handleFindCoordinator } from "./find_coordinator.ts";
import type { Handler } from "./handler.ts";
import { handleInitProducerId } from "./init_producer_id.ts";
import { handleListOffsets } from "./list_offsets.ts";
import { handleMetadata } from "./metadata.ts";
import { handleProduce } from "./produce.ts";

/** By name of the api. */
export const handlers: { readonly [A in ApiName]: Handler<A> } = {
  Produce: handleProduce,
  Fetch: handleFetch,
  ListOffsets: handleListOffsets,
  Metadata: handleMetadata,
  FindCoordinator: handleFindCoordinator,
  ApiVersions: handleApiVersions,
  CreateTopics: handleCreateTopics,
  InitProducerId: handleInitProducerId,
};
