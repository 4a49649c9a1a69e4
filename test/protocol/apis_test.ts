import { assertEquals } from "@std/assert";
import { apiByKey, apis, negotiate, requestHeaderVersion, responseHeaderVersion } from "../../protocol/apis.ts";
import { parseVersions } from "../../protocol/schema.ts";

Deno.test("apis declare the same versions for request and response, and the number of the table", () => {
  for (const { key, request, response, minVersion, maxVersion } of Object.values(apis)) {
    assertEquals(parseVersions(response.versions), { min: minVersion, max: maxVersion }, request.name);
    assertEquals([request.apiKey, response.apiKey], [key, key], request.name);
    assertEquals(request.flexible, response.flexible, request.name);
  }
});

Deno.test("apiByKey() finds calls by number", () => {
  assertEquals([0, 1, 2, 3, 10, 18, 19, 22].map(apiByKey), [
    "Produce",
    "Fetch",
    "ListOffsets",
    "Metadata",
    "FindCoordinator",
    "ApiVersions",
    "CreateTopics",
    "InitProducerId",
  ]);
  assertEquals([apiByKey(11), apiByKey(-1)], [undefined, undefined]);
});

Deno.test("requestHeaderVersion() is 2 from the first flexible version on", () => {
  assertEquals([8, 9].map((version) => requestHeaderVersion("Produce", version)), [1, 2]);
  assertEquals([2, 3, 4].map((version) => requestHeaderVersion("ApiVersions", version)), [1, 2, 2]);
});

Deno.test("responseHeaderVersion() is 1 from the first flexible version on, but for ApiVersions", () => {
  assertEquals([8, 9].map((version) => responseHeaderVersion("Produce", version)), [0, 1]);
  assertEquals([2, 3, 4].map((version) => responseHeaderVersion("ApiVersions", version)), [0, 0, 0]);
});

Deno.test("negotiate() takes the highest version both speak", () => {
  assertEquals(negotiate("Produce", { minVersion: 0, maxVersion: 13 }), 13);
  assertEquals(negotiate("Produce", { minVersion: 0, maxVersion: 7 }), 7);
  assertEquals(negotiate("Produce", { minVersion: 5, maxVersion: 99 }), apis.Produce.maxVersion);
});

Deno.test("negotiate() gives null when there is no version in common", () => {
  assertEquals(negotiate("Produce", { minVersion: 14, maxVersion: 15 }), null);
  assertEquals(negotiate("Metadata", { minVersion: 14, maxVersion: 20 }), null);
  assertEquals(negotiate("Metadata", { minVersion: 5, maxVersion: 4 }), null);
});
