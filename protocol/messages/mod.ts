/**
 * The tables of all messages.
 *
 * @module
 */

export * from "./api_versions.ts";
export * from "./create_topics.ts";
export * from "./fetch.ts";
export * from "./find_coordinator.ts";
export * from "./header.ts";
export * from "./init_producer_id.ts";
export * from "./list_offsets.ts";
export * from "./metadata.ts";
export * from "./produce.ts";
