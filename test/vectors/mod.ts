/**
 * The golden frames of every call.
 *
 * @module
 */

import apiVersions from "./api_versions.json" with { type: "json" };
import createTopics from "./create_topics.json" with { type: "json" };
import fetch from "./fetch.json" with { type: "json" };
import findCoordinator from "./find_coordinator.json" with { type: "json" };
import initProducerId from "./init_producer_id.json" with { type: "json" };
import listOffsets from "./list_offsets.json" with { type: "json" };
import metadata from "./metadata.json" with { type: "json" };
import produce from "./produce.json" with { type: "json" };
import type { Vector } from "./vector.ts";

export type { Vector };

/** What `capture.ts` kept of real clients and a real broker. */
export const vectors: readonly Vector[] = [
  ...apiVersions,
  ...createTopics,
  ...fetch,
  ...findCoordinator,
  ...initProducerId,
  ...listOffsets,
  ...metadata,
  ...produce,
] as Vector[];
