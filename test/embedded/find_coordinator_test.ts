import { assertEquals } from "@std/assert";
import { apis } from "../../protocol/apis.ts";
import { EmbeddedCluster } from "../../src/embedded/mod.ts";
import { RawClient } from "./raw_client.ts";

const UNSUPPORTED_VERSION = 35;

Deno.test("FindCoordinator is refused in every version, with an error that clients do not retry", async () => {
  await using cluster = await EmbeddedCluster.listen();
  using client = await RawClient.connect(cluster.bootstrap[0]!);

  const answers = [];
  for (let version = 0; version <= apis.FindCoordinator.maxVersion; version++) {
    const { coordinators, ...single } = await client.ask("FindCoordinator", version, {
      ...(version < 4 ? { key: "group" } : { coordinatorKeys: ["group", "other"] }),
      ...(version < 1 ? {} : { keyType: version % 3 }),
    });
    const rows = version < 4 ? [{ ...single, key: "group" }] : coordinators;
    answers.push(rows.map(({ key, errorCode, nodeId }) => [key, errorCode, nodeId]));
  }

  const refused = (key: string) => [key, UNSUPPORTED_VERSION, -1];
  assertEquals(answers.slice(0, 4), [0, 1, 2, 3].map(() => [refused("group")]));
  assertEquals(answers.slice(4), [4, 5, 6].map(() => [refused("group"), refused("other")]));
});

Deno.test("FindCoordinator answers another error on demand", async () => {
  await using cluster = await EmbeddedCluster.listen();
  cluster.failNext("FindCoordinator", "COORDINATOR_NOT_AVAILABLE");
  using client = await RawClient.connect(cluster.bootstrap[0]!);

  const { errorCode, errorMessage } = await client.ask("FindCoordinator", 3, { key: "group", keyType: 0 });

  assertEquals([errorCode, errorMessage], [15, null]);
});

Deno.test("FindCoordinator is on offer as each release has it", async () => {
  const found: (number | undefined)[] = [];
  for (const versions of ["0.10", "0.11", "1.1", "2.0", "2.8", "3.9", "4.3"] as const) {
    await using cluster = await EmbeddedCluster.listen({ versions });
    using client = await RawClient.connect(cluster.bootstrap[0]!);

    const { apiKeys } = await client.ask("ApiVersions", 0, {});

    found.push(apiKeys.find(({ apiKey }) => apiKey === apis.FindCoordinator.key)?.maxVersion);
  }
  assertEquals(found, [0, 1, 1, 2, 3, 6, 6]);
});
