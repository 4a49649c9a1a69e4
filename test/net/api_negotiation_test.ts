import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { CLIENT_SOFTWARE, fixedVersions } from "../../src/net/api_negotiation.ts";

Deno.test("CLIENT_SOFTWARE carries the version of the package", () => {
  assertEquals(CLIENT_SOFTWARE.clientSoftwareVersion, config.version);
});

Deno.test("fixedVersions() knows the oldest metadata", () => {
  assertEquals(fixedVersions("0.8").get("Metadata"), 0);
  assertEquals(fixedVersions("0.9").get("InitProducerId"), undefined);
});
