/**
 * What brokers know of a producer's batches after one has been away: the embedded cluster as Kafka 4.3.1.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { EmbeddedCluster } from "../../src/embedded/mod.ts";
import { craftBatch } from "../embedded/crafted_batch.ts";
import { RawClient } from "../embedded/raw_client.ts";
import { type Kafka, startKafka } from "./harness.ts";

const NOW = Date.now();
const BROKER_COUNT = 3;
const BATCH_COUNT = 7;
const NOT_LEADER_OR_FOLLOWER = 6;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
/** Not yet, after a start or a change of leader. */
const TRANSIENT: readonly number[] = [NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION];

/** Sequence numbers that are sent again, one after the other, and then the next new one. */
const probes: Readonly<Record<string, readonly number[]>> = {
  "the last": [6, 7],
  "the second last": [5, 7],
  "the fifth last": [2, 7],
  "the sixth last": [1, 7],
  "each of them": [6, 5, 4, 3, 2, 1, 0, 7],
  "a gap": [8, 7, 8],
};

/** Either cluster. */
interface Side {
  bootstrap: readonly string[];
  createTopic(name: string, replicas: number): unknown;
  kill(id: number): Promise<unknown>;
  shutDown(id: number): Promise<unknown>;
  start(id: number): Promise<unknown>;
  lead(topic: string, id: number): unknown;
}

/** A batch of one record of the producer that belongs to the topic of that number. */
function batchOf(index: number, sequence: number): Uint8Array {
  return craftBatch({ producerId: BigInt(900_000 + index), epoch: 0, sequence, timestamp: NOW });
}

/** Who leads partition 0, by id, when asked by one of these. */
async function leaderOf(addresses: readonly string[], topic: string): Promise<number> {
  using client = await RawClient.connect(addresses[0]!);
  const { topics } = await client.ask("Metadata", 12, { topics: [{ name: topic }] });
  return topics[0]?.partitions[0]?.leaderId ?? -1;
}

/** Sends a batch to the leader, whoever it is by then, and tells the error code and the offset. */
async function produce(addresses: readonly (string | null)[], topic: string, batch: Uint8Array) {
  const up = addresses.filter((address) => address !== null);
  while (true) {
    const id = await leaderOf(up, topic);
    const address = addresses[id - 1];
    if (address !== undefined && address !== null) {
      using client = await RawClient.connect(address);
      const topicData = [{ name: topic, partitionData: [{ index: 0, records: batch }] }];
      const answer = await client.ask("Produce", 9, { acks: -1, timeoutMs: 5_000, topicData });
      const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!;
      if (!TRANSIENT.includes(errorCode)) return [errorCode, baseOffset];
    }
    await delay(20);
  }
}

/** Creates a topic for each probe, all led by broker 1, with batches 0 to 6 in each. */
async function fill(side: Side, prefix: string, replicas: number): Promise<string[]> {
  const names = Object.keys(probes).map((_, i) => `${prefix}-${i}`);
  for (const [i, name] of names.entries()) {
    await side.createTopic(name, replicas);
    if (replicas > 1) await side.lead(name, 1);
    for (let sequence = 0; sequence < BATCH_COUNT; sequence++) {
      await produce(side.bootstrap, name, batchOf(i, sequence));
    }
  }
  return names;
}

/** Sends again what the probes say, each to its topic. */
async function probe(addresses: readonly (string | null)[], names: readonly string[]): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const [i, [name, sequences]] of Object.entries(probes).entries()) {
    const answers = [];
    for (const sequence of sequences) {
      answers.push([sequence, ...await produce(addresses, names[i]!, batchOf(i, sequence))]);
    }
    rows[name] = answers;
  }
  return rows;
}

type Scenario = (side: Side) => Promise<unknown>;

/** What befalls a broker that is alone; tells the answers to the probes after it. */
const lonelyScenarios: Readonly<Record<string, Scenario>> = {
  "the only replica is killed and comes again": async (side) => {
    const names = await fill(side, "killed", 1);
    await side.kill(1);
    await side.start(1);
    return await probe(side.bootstrap, names);
  },
  "the only replica is shut down and comes again": async (side) => {
    const names = await fill(side, "shut-down", 1);
    await side.shutDown(1);
    await side.start(1);
    return await probe(side.bootstrap, names);
  },
};

/** What befalls broker 1 of three. */
const scenarios: Readonly<Record<string, Scenario>> = {
  "another takes over, then the first comes again and leads": async (side) => {
    const names = await fill(side, "moved", BROKER_COUNT);
    await side.kill(1);
    const away = await probe([null, ...side.bootstrap.slice(1)], names);
    await side.start(1);
    for (const name of names) await side.lead(name, 1);
    return [away, await probe(side.bootstrap, names)];
  },
};

function realSide(kafka: Kafka): Side {
  return {
    bootstrap: kafka.bootstrap,
    createTopic: (name, replicationFactor) => kafka.createTopic(name, 1, { replicationFactor }),
    kill: (id) => kafka.kill(id),
    shutDown: (id) => kafka.shutDown(id),
    start: (id) => kafka.restart(id),
    lead: async (topic, id) => {
      await kafka.awaitInSync(topic);
      await kafka.moveLeaders(topic, id, [0]);
    },
  };
}

function embeddedSide(cluster: EmbeddedCluster): Side {
  return {
    bootstrap: cluster.bootstrap,
    createTopic: (name, replication) => cluster.addTopic(name, { partitions: 1, replication }),
    kill: (id) => cluster.stop(id),
    shutDown: (id) => cluster.stop(id),
    start: (id) => cluster.start(id),
    lead: (topic, id) => cluster.moveLeader(topic, 0, id),
  };
}

const cases = [[1, lonelyScenarios], [BROKER_COUNT, scenarios]] as const;

for (const [brokers, scenarios] of cases) {
  Deno.test(`EmbeddedCluster knows as much of producers as Kafka 4.3.1 after one of ${brokers} was away`, async (t) => {
    await using kafka = await startKafka("4.3.1", { brokers });
    await using cluster = await EmbeddedCluster.listen({ brokers });

    for (const [name, scenario] of Object.entries(scenarios)) {
      await t.step(name, async () => {
        const real = await scenario(realSide(kafka));
        const embedded = await scenario(embeddedSide(cluster));

        assertEquals(embedded, real);
      });
    }
  });
}
