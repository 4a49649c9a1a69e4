/**
 * Every call that is spoken here, with its number, its tables and its versions.
 *
 * @module
 */

import { apiVersionsRequest, apiVersionsResponse } from "./messages/api_versions.ts";
import { createTopicsRequest, createTopicsResponse } from "./messages/create_topics.ts";
import { fetchRequest, fetchResponse } from "./messages/fetch.ts";
import { findCoordinatorRequest, findCoordinatorResponse } from "./messages/find_coordinator.ts";
import { initProducerIdRequest, initProducerIdResponse } from "./messages/init_producer_id.ts";
import { listOffsetsRequest, listOffsetsResponse } from "./messages/list_offsets.ts";
import { metadataRequest, metadataResponse } from "./messages/metadata.ts";
import { produceRequest, produceResponse } from "./messages/produce.ts";
import { type Body, type Input, type MessageSchema, parseVersions } from "./schema.ts";

/** A call: a request and the response to it. */
export interface Api<Request extends MessageSchema = MessageSchema, Response extends MessageSchema = MessageSchema> {
  /** Number of the call on the wire. */
  readonly key: number;
  /** Table of the request. */
  readonly request: Request;
  /** Table of the response. */
  readonly response: Response;
  /** First version spoken here. */
  readonly minVersion: number;
  /** Last version spoken here. */
  readonly maxVersion: number;
  /** First version with compact lengths and tagged fields (KIP-482). */
  readonly flexibleFrom: number;
}

/** The calls by name. */
export const apis: {
  /** Appends record batches. */
  readonly Produce: Api<typeof produceRequest, typeof produceResponse>;
  /** Reads record batches. */
  readonly Fetch: Api<typeof fetchRequest, typeof fetchResponse>;
  /** Finds offsets by time. */
  readonly ListOffsets: Api<typeof listOffsetsRequest, typeof listOffsetsResponse>;
  /** Tells brokers, topics and leaders. */
  readonly Metadata: Api<typeof metadataRequest, typeof metadataResponse>;
  /** Finds the coordinator of a group. */
  readonly FindCoordinator: Api<typeof findCoordinatorRequest, typeof findCoordinatorResponse>;
  /** Tells the versions a broker speaks. */
  readonly ApiVersions: Api<typeof apiVersionsRequest, typeof apiVersionsResponse>;
  /** Makes topics. */
  readonly CreateTopics: Api<typeof createTopicsRequest, typeof createTopicsResponse>;
  /** Gives out producer ids. */
  readonly InitProducerId: Api<typeof initProducerIdRequest, typeof initProducerIdResponse>;
} = {
  Produce: defineApi(produceRequest, produceResponse),
  Fetch: defineApi(fetchRequest, fetchResponse),
  ListOffsets: defineApi(listOffsetsRequest, listOffsetsResponse),
  Metadata: defineApi(metadataRequest, metadataResponse),
  FindCoordinator: defineApi(findCoordinatorRequest, findCoordinatorResponse),
  ApiVersions: defineApi(apiVersionsRequest, apiVersionsResponse),
  CreateTopics: defineApi(createTopicsRequest, createTopicsResponse),
  InitProducerId: defineApi(initProducerIdRequest, initProducerIdResponse),
};

/** Name of a call. */
export type ApiName = keyof typeof apis;

/** A decoded request. */
export type RequestOf<A extends ApiName> = Body<(typeof apis)[A]["request"]>;

/** A decoded response. */
export type ResponseOf<A extends ApiName> = Body<(typeof apis)[A]["response"]>;

/** A request to encode. */
export type RequestInput<A extends ApiName> = Input<(typeof apis)[A]["request"]>;

/** A response to encode. */
export type ResponseInput<A extends ApiName> = Input<(typeof apis)[A]["response"]>;

const names: ReadonlyMap<number, ApiName> = new Map(
  Object.entries(apis).map(([name, { key }]) => [key, name as ApiName]),
);

/**
 * Finds a call by its number.
 *
 * @param key The number.
 * @returns Its name, undefined if it is not spoken here.
 */
export function apiByKey(key: number): ApiName | undefined {
  return names.get(key);
}

/**
 * The version of the header in front of a request.
 *
 * @param api The call.
 * @param version Its version.
 * @returns 2 for flexible versions, else 1.
 */
export function requestHeaderVersion(api: ApiName, version: number): 1 | 2 {
  return version >= apis[api].flexibleFrom ? 2 : 1;
}

/**
 * The version of the header in front of a response.
 *
 * @param api The call.
 * @param version Its version.
 * @returns 1 for flexible versions, else 0. Always 0 for ApiVersions: who asks for versions cannot know the broker's yet (KIP-511).
 */
export function responseHeaderVersion(api: ApiName, version: number): 0 | 1 {
  return api !== "ApiVersions" && version >= apis[api].flexibleFrom ? 1 : 0;
}

/**
 * Finds the version to speak with a broker.
 *
 * @param api The call.
 * @param broker The versions the broker speaks.
 * @returns The highest that both speak, null if there is none.
 */
export function negotiate(
  api: ApiName,
  broker: { readonly minVersion: number; readonly maxVersion: number },
): number | null {
  const version = Math.min(apis[api].maxVersion, broker.maxVersion);
  return version >= Math.max(apis[api].minVersion, broker.minVersion) ? version : null;
}

function defineApi<Request extends MessageSchema, Response extends MessageSchema>(
  request: Request & { readonly apiKey: number },
  response: Response,
): Api<Request, Response> {
  const { min, max } = parseVersions(request.versions);
  const flexibleFrom = parseVersions(request.flexible).min;
  return { key: request.apiKey, request, response, minVersion: min, maxVersion: max, flexibleFrom };
}
