/**
 * The other calls, see `parity_scenarios.ts`.
 *
 * @module
 */

import { type ApiName, apis } from "../../protocol/apis.ts";
import { decodeResponse } from "../../protocol/frame.ts";
import { craftBatch } from "../embedded/crafted_batch.ts";
import { RawClient } from "../embedded/raw_client.ts";
import type { Scenario, Side } from "./parity_scenarios.ts";

const STRANGE_ID = "dddddddddddddddddddddA";
const NO_ID = "AAAAAAAAAAAAAAAAAAAAAA";

/** A request by its bytes: key, version, correlation id 1, no client id, and what follows. */
async function sendRaw(side: Side, key: number, version: number, rest: number[] = []): Promise<Uint8Array | "closed"> {
  using client = await RawClient.connect(side.leader);
  const frame = new Uint8Array([...new Uint8Array(14), ...rest]);
  const view = new DataView(frame.buffer);
  view.setInt32(0, frame.length - 4);
  view.setInt16(4, key);
  view.setInt16(6, version);
  view.setInt32(8, 1);
  view.setInt16(12, -1);
  await client.write(frame);
  return await client.receive();
}

/** Bytes that are not requests, and versions nobody speaks. */
export const strangeScenarios: Readonly<Record<string, Scenario>> = {
  "ApiVersions 99": async (side) => {
    const frame = await sendRaw(side, 18, 99, [0, 1, 1, 0]);
    if (frame === "closed") return frame;
    const { errorCode, apiKeys } = decodeResponse("ApiVersions", 0, frame).body;
    return { errorCode, produce: apiKeys.find(({ apiKey }) => apiKey === 0) };
  },
  "ApiVersions of every version": async (side) => {
    using client = await RawClient.connect(side.leader);
    const answers = [];
    for (const version of [0, 1, 2, 3, 4]) {
      const body = { clientSoftwareName: "parity", clientSoftwareVersion: "1" };
      const { errorCode, apiKeys } = await client.ask("ApiVersions", version, version < 3 ? {} : body);
      const produce = apiKeys.find(({ apiKey }) => apiKey === 0);
      // We may speak fewer versions than a broker, never others.
      const known = Object.keys(apis).map((name) => {
        const { key, minVersion, maxVersion } = apis[name as ApiName];
        const range = apiKeys.find(({ apiKey }) => apiKey === key);
        return range !== undefined && range.minVersion <= minVersion && range.maxVersion >= maxVersion;
      });
      answers.push({ errorCode, produce, known });
    }
    return answers;
  },
  "Produce 99": (side) => sendRaw(side, 0, 99, [0]),
  "Produce 2": (side) => sendRaw(side, 0, 2, [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
  "Metadata 99": (side) => sendRaw(side, 3, 99, [0]),
  "api 999": (side) => sendRaw(side, 999, 0),
  "a torn Metadata": (side) => sendRaw(side, 3, 1, [0, 0]),
  "Metadata with an impossible count": (side) => sendRaw(side, 3, 1, [0x7f, 0xff, 0xff, 0xff]),
  "Metadata and a byte too many": (side) => sendRaw(side, 3, 1, [0, 0, 0, 0, 9]).then(() => "survived"),
  "a frame of 2 GiB": async (side) => {
    using client = await RawClient.connect(side.leader);
    await client.write(new Uint8Array([0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    return await client.receive();
  },
  "a frame of negative size": async (side) => {
    using client = await RawClient.connect(side.leader);
    await client.write(new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 0]));
    return await client.receive();
  },
  "HTTP": async (side) => {
    using client = await RawClient.connect(side.leader);
    await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    return await client.receive();
  },
};

async function askMetadata(
  side: Side,
  version: number,
  topics: { name: string | null; topicId?: string }[] | null,
): Promise<unknown> {
  using client = await RawClient.connect(side.leader);
  const answer = await client.ask("Metadata", version, {
    topics,
    ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
  });
  return {
    brokers: answer.brokers.map(({ nodeId, host, rack }) => ({ nodeId, host, rack })).toSorted((a, b) =>
      a.nodeId - b.nodeId
    ),
    errorCode: answer.errorCode,
    hasController: answer.controllerId >= 1,
    hasClusterId: answer.clusterId?.length,
    operations: answer.clusterAuthorizedOperations,
    topics: answer.topics.map((topic) => ({
      errorCode: topic.errorCode,
      name: topic.name,
      topicId: topic.topicId,
      isInternal: topic.isInternal,
      operations: topic.topicAuthorizedOperations,
      partitions: topic.partitions.map((row) => ({
        errorCode: row.errorCode,
        index: row.partitionIndex,
        epoch: row.leaderEpoch,
        leads: row.replicaNodes.includes(row.leaderId),
        inSync: row.isrNodes.length,
        offline: row.offlineReplicas,
      })),
    })),
  };
}

/** Metadata, CreateTopics, InitProducerId. */
export const metadataScenarios: Readonly<Record<string, Scenario>> = {
  "Metadata of every version": async (side) => {
    const answers = [];
    for (let version = 0; version <= 13; version++) {
      answers.push(await askMetadata(side, version, [{ name: side.topic }]));
    }
    return anonymous(answers, side);
  },
  "Metadata of an unknown topic": async (side) => {
    const answers = [];
    for (const version of [0, 4, 9, 13]) answers.push(await askMetadata(side, version, [{ name: "nowhere" }]));
    return answers;
  },
  "Metadata of an impossible name": async (side) => [
    await askMetadata(side, 9, [{ name: "no where" }]),
    await askMetadata(side, 9, [{ name: "" }]),
    await askMetadata(side, 9, [{ name: ".." }]),
    await askMetadata(side, 9, [{ name: "x".repeat(250) }]),
  ],
  "Metadata by id": async (side) =>
    anonymous([
      await askMetadata(side, 12, [{ name: null, topicId: side.topicId }]),
      await askMetadata(side, 13, [{ name: null, topicId: STRANGE_ID }]),
      await askMetadata(side, 12, [{ name: null, topicId: STRANGE_ID }]),
    ], side),
  "Metadata of no topics": (side) => askMetadata(side, 9, []),
  "Metadata of a topic twice": async (side) =>
    anonymous(await askMetadata(side, 9, [{ name: side.topic }, { name: side.topic }]), side),
  "InitProducerId": async (side) => {
    using client = await RawClient.connect(side.leader);
    const answers = [];
    for (const version of [0, 1, 2, 3, 4, 5]) {
      const { errorCode, producerId, producerEpoch } = await client.ask("InitProducerId", version, {
        transactionalId: null,
        transactionTimeoutMs: 1_000,
        ...(version >= 3 ? { producerId: 1_234n, producerEpoch: 5 } : {}),
      });
      answers.push({ errorCode, producerEpoch, isNew: producerId >= 0n && producerId !== 1_234n });
    }
    return answers;
  },
  "InitProducerId with an empty transactional id": async (side) => {
    using client = await RawClient.connect(side.leader);
    return await client.ask("InitProducerId", 4, { transactionalId: "", transactionTimeoutMs: 1_000 });
  },
  "CreateTopics refused": async (side) => {
    using client = await RawClient.connect(side.leader);
    const asked = (name: string, numPartitions: number, replicationFactor: number) => {
      return { name, numPartitions, replicationFactor, assignments: [], configs: [] };
    };
    const answer = await client.ask("CreateTopics", 7, {
      topics: [
        asked(side.topic, 1, 1),
        asked("no where", 1, 1),
        asked("none", 0, 1),
        asked("wide", 1, 99),
        asked("thin", 1, 0),
      ],
      timeoutMs: 5_000,
    });
    const rows = answer.topics.map((row) => [row.name.replace(side.topic, "topic"), row.errorCode] as const);
    return rows.toSorted(([a], [b]) => a < b ? -1 : 1);
  },
};

/** Puts a fixed id and name where the topic's own stand. */
function anonymous(answer: unknown, side: Side): unknown {
  return JSON.parse(JSON.stringify(answer).replaceAll(side.topicId, "ID").replaceAll(side.topic, "TOPIC"));
}

interface FetchChange {
  offset?: bigint;
  epoch?: number;
  index?: number;
  topicId?: string;
  sessionId?: number;
  address?: string;
  minBytes?: number;
  maxWaitMs?: number;
  partitionMaxBytes?: number;
}

async function fetchOne(side: Side, version: number, change: FetchChange = {}): Promise<unknown> {
  using client = await RawClient.connect(change.address ?? side.leader);
  const answer = await client.ask("Fetch", version, {
    maxWaitMs: change.maxWaitMs ?? 100,
    minBytes: change.minBytes ?? 1,
    maxBytes: 1_000_000,
    sessionId: change.sessionId ?? 0,
    sessionEpoch: change.sessionId === undefined ? -1 : 3,
    topics: [{
      topic: side.topic,
      topicId: change.topicId ?? side.topicId,
      partitions: [{
        partition: change.index ?? 0,
        currentLeaderEpoch: change.epoch ?? -1,
        fetchOffset: change.offset ?? 0n,
        partitionMaxBytes: change.partitionMaxBytes ?? 100_000,
      }],
    }],
  });
  const rows = answer.responses.flatMap(({ partitions }) => partitions).map((row) => ({
    errorCode: row.errorCode,
    index: row.partitionIndex,
    highWatermark: row.highWatermark,
    lastStableOffset: row.lastStableOffset,
    logStartOffset: row.logStartOffset,
    aborted: row.abortedTransactions,
    bytes: row.records?.length,
    pointsToLeader: answer.nodeEndpoints.some(({ nodeId }) => nodeId === row.currentLeader.leaderId),
  }));
  return { errorCode: answer.errorCode, sessionId: answer.sessionId, rows };
}

async function fill(side: Side): Promise<void> {
  using client = await RawClient.connect(side.leader);
  for (const timestamp of [1_000, 3_000, 2_000]) {
    await client.ask("Produce", 9, {
      acks: -1,
      timeoutMs: 5_000,
      topicData: [{
        name: side.topic,
        partitionData: [{ index: 0, records: craftBatch({ values: ["a", "b"], timestamp }) }],
      }],
    });
  }
}

/** Fetch and ListOffsets. */
export const readScenarios: Readonly<Record<string, Scenario>> = {
  "Fetch of every version": async (side) => {
    await fill(side);
    const answers = [];
    for (let version = 4; version <= 17; version++) answers.push(await fetchOne(side, version));
    return answers;
  },
  "Fetch from within a batch, from the end, and beyond": async (side) => {
    await fill(side);
    const answers = [];
    for (const offset of [1n, 3n, 5n, 6n, 7n, -1n]) answers.push(await fetchOne(side, 12, { offset }));
    return answers;
  },
  "Fetch of fewer bytes than a batch has": async (side) => {
    await fill(side);
    return [await fetchOne(side, 12, { partitionMaxBytes: 10 }), await fetchOne(side, 12, { partitionMaxBytes: 0 })];
  },
  "Fetch of more bytes than there are": async (side) => {
    await fill(side);
    return await fetchOne(side, 12, { minBytes: 10_000 });
  },
  "Fetch of nothing": (side) => fetchOne(side, 12, { minBytes: 0, maxWaitMs: 10_000 }),
  "Fetch from strangers": async (side) => [
    await fetchOne(side, 12, { index: 9 }),
    await fetchOne(side, 13, { topicId: STRANGE_ID }),
    await fetchOne(side, 13, { topicId: NO_ID }),
    await fetchOne(side, 13, { index: 9 }),
  ],
  "Fetch with other leader epochs": async (side) => {
    const answers = [];
    for (const epoch of [0, 5, -1]) answers.push(await fetchOne(side, 17, { epoch }));
    return answers;
  },
  "Fetch not from the leader": async (side) => [
    await fetchOne(side, 15, { address: side.other }),
    await fetchOne(side, 16, { address: side.other }),
  ],
  "Fetch in an unknown session": (side) => fetchOne(side, 12, { sessionId: 12_345 }),
  "ListOffsets": async (side) => {
    await fill(side);
    using client = await RawClient.connect(side.leader);
    const answers = [];
    for (let version = 1; version <= 10; version++) {
      for (const timestamp of [-1n, -2n, -3n, -4n, 0n, 1_000n, 1_001n, 2_500n, 3_000n, 3_001n]) {
        if (timestamp < -2n && version < 8) continue;
        const { topics } = await client.ask("ListOffsets", version, {
          replicaId: -1,
          topics: [{ name: side.topic, partitions: [{ partitionIndex: 0, timestamp }] }],
        });
        answers.push([version, timestamp, topics[0]!.partitions[0]]);
      }
    }
    return answers;
  },
  "ListOffsets of an empty log": async (side) => {
    using client = await RawClient.connect(side.leader);
    const partitions = [-1n, -2n, -3n, 5n].map((timestamp) => ({ partitionIndex: 0, timestamp }));
    const answers = [];
    for (const partition of partitions) {
      const { topics } = await client.ask("ListOffsets", 8, {
        replicaId: -1,
        topics: [{ name: side.topic, partitions: [partition] }],
      });
      answers.push(topics[0]!.partitions);
    }
    return answers;
  },
  "ListOffsets refused": async (side) => {
    const answers = [];
    for (
      const [address, partitionIndex, currentLeaderEpoch] of [
        [side.leader, 9, -1],
        [side.other, 0, -1],
        [side.leader, 0, 7],
      ] as const
    ) {
      using client = await RawClient.connect(address);
      const { topics } = await client.ask("ListOffsets", 7, {
        replicaId: -1,
        topics: [{ name: side.topic, partitions: [{ partitionIndex, currentLeaderEpoch, timestamp: -1n }] }],
      });
      answers.push(topics[0]!.partitions);
    }
    return answers;
  },
};
