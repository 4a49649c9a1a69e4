/**
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

/** TODO Mirrors Kafka's `ApiVersionsRequest.json`. */
export const apiVersionsRequest = {
  name: "ApiVersionsRequest",
  apiKey: 18,
  versions: "0-4",
  flexible: "3+",
  fields: [
    { name: "clientSoftwareName", type: "string", versions: "3+", ignorable: true },
    { name: "clientSoftwareVersion", type: "string", versions: "3+", ignorable: true },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode apiVersionsRequest}. */
export type ApiVersionsRequest = Body<typeof apiVersionsRequest>;

const apiVersion = [
  { name: "apiKey", type: "int16", mapKey: true },
  { name: "minVersion", type: "int16" },
  { name: "maxVersion", type: "int16" },
] as const;

const supportedFeatureKey = [
  { name: "name", type: "string", versions: "3+", mapKey: true },
  { name: "minVersion", type: "int16", versions: "3+" },
  { name: "maxVersion", type: "int16", versions: "3+" },
] as const;

const finalizedFeatureKey = [
  { name: "name", type: "string", versions: "3+", mapKey: true },
  { name: "maxVersionLevel", type: "int16", versions: "3+" },
  { name: "minVersionLevel", type: "int16", versions: "3+" },
] as const;

/** TODO Mirrors Kafka's `ApiVersionsResponse.json`. */
export const apiVersionsResponse = {
  name: "ApiVersionsResponse",
  apiKey: 18,
  versions: "0-4",
  flexible: "3+",
  fields: [
    { name: "errorCode", type: "int16" },
    { name: "apiKeys", type: "[]ApiVersion", fields: apiVersion },
    { name: "throttleTimeMs", type: "int32", versions: "1+", ignorable: true },
    {
      name: "supportedFeatures",
      type: "[]SupportedFeatureKey",
      versions: "3+",
      tag: 0,
      taggedVersions: "3+",
      ignorable: true,
      fields: supportedFeatureKey,
    },
    {
      name: "finalizedFeaturesEpoch",
      type: "int64",
      versions: "3+",
      tag: 1,
      taggedVersions: "3+",
      default: -1n,
      ignorable: true,
    },
    {
      name: "finalizedFeatures",
      type: "[]FinalizedFeatureKey",
      versions: "3+",
      tag: 2,
      taggedVersions: "3+",
      ignorable: true,
      fields: finalizedFeatureKey,
    },
    {
      name: "zkMigrationReady",
      type: "bool",
      versions: "3+",
      tag: 3,
      taggedVersions: "3+",
      default: false,
      ignorable: true,
    },
  ],
} as const satisfies MessageSchema;

/** Body of a {@linkcode apiVersionsResponse}. */
export type ApiVersionsResponse = Body<typeof apiVersionsResponse>;
