/**
 * The embedded cluster behaves as Kafka 4.3.1 does: both get the same requests, and must give the same answers.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import type { ResponseOf } from "../../protocol/apis.ts";
import { EmbeddedCluster } from "../../src/embedded/mod.ts";
import { RawClient } from "../embedded/raw_client.ts";
import { startKafka } from "./harness.ts";
import { metadataScenarios, readScenarios, strangeScenarios } from "./parity_api_scenarios.ts";
import { compressionScenarios } from "./parity_compression_scenarios.ts";
import { produceScenarios, type Scenario, sequenceScenarios, type Side } from "./parity_scenarios.ts";

const BROKER_COUNT = 3;
/** As many as brokers, so that each broker leads one of a topic. */
const PARTITION_COUNT = 3;
const POLL_COUNT = 300;

const groups: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  Produce: produceScenarios,
  sequences: sequenceScenarios,
  strange: strangeScenarios,
  metadata: metadataScenarios,
  read: readScenarios,
  compression: compressionScenarios,
};

/** Asks one broker for a topic until it knows it: brokers hear of a new topic one after the other. */
async function askFor(address: string, topic: string): Promise<ResponseOf<"Metadata">> {
  using client = await RawClient.connect(address);
  while (true) {
    const answer = await client.ask("Metadata", 12, { topics: [{ name: topic }] });
    const { partitions } = answer.topics[0]!;
    if (partitions.length === PARTITION_COUNT && partitions.every(({ leaderId }) => leaderId >= 0)) return answer;
    await delay(20);
  }
}

/** Waits until a leader acts as one: it may know that it leads before it does. */
async function untilLed(address: string, topic: string): Promise<void> {
  using client = await RawClient.connect(address);
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }];
  while ((await client.ask("ListOffsets", 5, { replicaId: -1, topics })).topics[0]!.partitions[0]!.errorCode !== 0) {
    await delay(20);
  }
}

/** Where a topic's first partition is, once all brokers know it and its leader leads. */
async function sideOf(bootstrap: readonly string[], topic: string): Promise<Side> {
  const answers = await Promise.all(bootstrap.map((address) => askFor(address, topic)));
  const { brokers, topics } = answers[0]!;
  const { leaderId } = topics[0]!.partitions[0]!;
  const addressOf = (isMeant: (id: number) => boolean) => {
    const { host, port } = brokers.find(({ nodeId }) => isMeant(nodeId))!;
    return `${host}:${port}`;
  };
  const leader = addressOf((id) => id === leaderId);
  await untilLed(leader, topic);
  return {
    topic,
    topicId: topics[0]!.topicId,
    leader,
    other: addressOf((id) => id !== leaderId),
  };
}

/** Name of a topic whose partitions every broker holds. */
const MIRRORED = "parity-mirrored";

/** What broker 1 tells of leaders and replicas, without saying which broker is which. */
async function leadership({ bootstrap }: { bootstrap: readonly string[] }): Promise<string[]> {
  using client = await RawClient.connect(bootstrap[0]!);
  const { topics } = await client.ask("Metadata", 12, { topics: [{ name: "parity-0" }, { name: MIRRORED }] });
  const rows = topics.flatMap(({ name, partitions }) =>
    partitions.map((row) => {
      const leader = row.leaderId === -1 ? "no leader" : "a leader";
      const replicas = `${row.isrNodes.length} in sync, ${row.offlineReplicas.length} offline`;
      return `${name}: error ${row.errorCode}, ${leader} of epoch ${row.leaderEpoch}, ${replicas}`;
    })
  );
  return rows.toSorted();
}

/** Gives a real cluster, which takes its time, the time it takes to agree with the embedded one. */
async function assertSameLeadership(
  kafka: { bootstrap: readonly string[] },
  cluster: { bootstrap: readonly string[] },
): Promise<void> {
  const expected = await leadership(cluster);
  let real: string[] = [];
  for (let i = 0; i < POLL_COUNT; i++) {
    real = await leadership(kafka);
    if (real.join() === expected.join()) return;
    await delay(100);
  }
  assertEquals(expected, real);
}

/** Creates all topics at once. */
async function createTopics(address: string, names: readonly string[], replicationFactor = 1): Promise<void> {
  using client = await RawClient.connect(address);
  const topics = names.map((name) => {
    return { name, numPartitions: PARTITION_COUNT, replicationFactor, assignments: [], configs: [] };
  });
  const answer = await client.ask("CreateTopics", 7, { topics, timeoutMs: 30_000 });
  assertEquals(answer.topics.filter(({ errorCode }) => errorCode !== 0), []);
}

Deno.test("EmbeddedCluster answers as Kafka 4.3.1 when asked the same", async (t) => {
  const scenarios = Object.entries(groups).flatMap(([group, scenarios]) =>
    Object.entries(scenarios).map(([name, scenario]) => ({ name: `${group}: ${name}`, scenario }))
  );
  const topicOf = (index: number) => `parity-${index}`;
  await using kafka = await startKafka("4.3.1", { brokers: BROKER_COUNT });
  await using cluster = await EmbeddedCluster.listen({ brokers: BROKER_COUNT });
  for (const { bootstrap } of [kafka, cluster]) await createTopics(bootstrap[0]!, scenarios.map((_, i) => topicOf(i)));

  for (const [index, { name, scenario }] of scenarios.entries()) {
    await t.step(name, async () => {
      const real = await scenario(await sideOf(kafka.bootstrap, topicOf(index)));
      const embedded = await scenario(await sideOf(cluster.bootstrap, topicOf(index)));

      assertEquals(embedded, real);
    });
  }

  for (const { bootstrap } of [kafka, cluster]) await createTopics(bootstrap[0]!, [MIRRORED], BROKER_COUNT);
  await assertSameLeadership(kafka, cluster);
  await t.step("a broker stops", async () => {
    await Promise.all([kafka.kill(2), cluster.stop(2)]);
    await assertSameLeadership(kafka, cluster);
  });
  await t.step("and starts again", async () => {
    await Promise.all([kafka.restart(2), cluster.start(2)]);
    await assertSameLeadership(kafka, cluster);
  });
});
