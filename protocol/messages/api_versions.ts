/**
 * The versions a broker speaks (call 18).
 *
 * What the versions brought:
 * - 1: throttle time in the response
 * - 3: flexible; the client names itself (KIP-511), the broker its features (KIP-584)
 * - 4: a feature's first version may be 0
 *
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ApiVersionsRequest.json}
 * @see {@link https://github.com/apache/kafka/blob/4.3.1/clients/src/main/resources/common/message/ApiVersionsResponse.json}
 * @module
 */

import type { Body, MessageSchema } from "../schema.ts";

/** Asks a broker for the versions it speaks. A broker that lacks the version asked with answers in version 0. */
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

/** The versions a broker speaks. Its header is version 0 always. */
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
