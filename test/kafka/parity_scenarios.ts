/**
 * What is asked of the embedded cluster and of a real one alike: each scenario makes the same requests of both, and
 * what they answer must be the same.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { RequestInput, ResponseOf } from "../../protocol/apis.ts";
import { BatchOffset } from "../../protocol/record_batch_layout.ts";
import { craftBatch, type CraftedBatchOptions, joinBytes } from "../embedded/crafted_batch.ts";
import { RawClient } from "../embedded/raw_client.ts";

/** A cluster under test, with a new topic of two partitions for each scenario. */
export interface Side {
  /** The topic. */
  topic: string;
  /** Its id. */
  topicId: string;
  /** `host:port` of the leader of partition 0, and of a broker that does not lead it. */
  leader: string;
  other: string;
}

/** One partition's answer to Produce, without what differs between any two clusters. */
type ProduceRow = Record<string, unknown>;

const values = (count: number): string[] => Array.from({ length: count }, (_, i) => `value ${i}`);

/** Sends `records` to partition 0 and tells what came back. */
async function produce(
  client: RawClient,
  side: Side,
  records: Uint8Array | null,
  { version = 11, acks = -1, ...more }: { version?: number; acks?: number } & Partial<ProduceTarget> = {},
): Promise<ProduceRow[] | "closed"> {
  const target = { name: side.topic, topicId: side.topicId, index: 0, ...more };
  const body: RequestInput<"Produce"> = {
    acks,
    timeoutMs: 5_000,
    topicData: [{ ...target, partitionData: [{ index: target.index, records }] }],
  };
  const answer = await client.request("Produce", version, body);
  return answer === "closed" ? answer : rowsOf(answer);
}

interface ProduceTarget {
  name: string;
  topicId: string;
  index: number;
}

function rowsOf(answer: ResponseOf<"Produce">): ProduceRow[] {
  const ports = new Set(answer.nodeEndpoints.map(({ nodeId }) => nodeId));
  return answer.responses.flatMap(({ partitionResponses }) =>
    partitionResponses.map((row) => ({
      errorCode: row.errorCode,
      baseOffset: row.baseOffset,
      logAppendTimeMs: row.logAppendTimeMs,
      logStartOffset: row.logStartOffset,
      culprits: row.recordErrors.map(({ batchIndex }) => batchIndex),
      pointsToLeader: row.currentLeader.leaderId !== -1 && ports.has(row.currentLeader.leaderId),
    }))
  );
}

/** Sends one batch after the other, each over a connection of its own. */
export function produceEach(...batches: (Uint8Array | null)[]): Scenario {
  return async (side) => {
    const rows = [];
    for (const batch of batches) {
      using client = await RawClient.connect(side.leader);
      rows.push(await produce(client, side, batch));
    }
    return rows;
  };
}

/** One batch with a header field changed. */
function edited(edit: (view: DataView) => void, count = 1): Scenario {
  return produceEach(craftBatch({ values: values(count), edit }));
}

async function newProducerId(side: Side): Promise<bigint> {
  using client = await RawClient.connect(side.leader);
  while (true) {
    const answer = await client.ask("InitProducerId", 4, { transactionalId: null, transactionTimeoutMs: 1_000 });
    if (answer.errorCode === 0) return answer.producerId;
    // A broker that has just been started has no ids to give yet.
    if (answer.errorCode !== COORDINATOR_LOAD_IN_PROGRESS) throw new Error(`Cannot get an id: ${answer.errorCode}`);
    await delay(20);
  }
}

/** Sends batches of one new idempotent producer over one connection. */
function idempotent(...batches: CraftedBatchOptions[]): Scenario {
  return async (side) => {
    const producerId = await newProducerId(side);
    const rows = [];
    using client = await RawClient.connect(side.leader);
    for (const options of batches) {
      rows.push(await produce(client, side, craftBatch({ timestamp: NOW, producerId, ...options })));
    }
    return rows;
  };
}

/** The same for both sides, so that timestamps in answers can be compared. */
const NOW = Date.now();
const LAST_SEQUENCE = 2 ** 31 - 1;
const COORDINATOR_LOAD_IN_PROGRESS = 14;

/** Asks one side; what it returns must be equal for both. */
export type Scenario = (side: Side) => Promise<unknown>;

/** Produce requests, batch by batch. */
export const produceScenarios: Readonly<Record<string, Scenario>> = {
  "every version": async (side) => {
    using client = await RawClient.connect(side.leader);
    const rows = [];
    for (let version = 3; version <= 13; version++) {
      rows.push(await produce(client, side, craftBatch({ values: values(2) }), { version, acks: version % 2 || -1 }));
    }
    return rows;
  },
  "acks 2": async (side) => {
    using client = await RawClient.connect(side.leader);
    return await produce(client, side, craftBatch(), { acks: 2 });
  },
  "acks 0, then a question": async (side) => {
    using client = await RawClient.connect(side.leader);
    await client.send("Produce", 9, {
      acks: 0,
      timeoutMs: 1_000,
      topicData: [{ name: side.topic, partitionData: [{ index: 0, records: craftBatch() }] }],
    });
    return await produce(client, side, craftBatch());
  },
  "acks 0 for an unknown partition": async (side) => {
    using client = await RawClient.connect(side.leader);
    return await produce(client, side, craftBatch(), { acks: 0, index: 99 });
  },
  "wrong CRC": produceEach(craftBatch({ corrupt: (bytes) => bytes[60]! ^= 1 })),
  "wrong CRC of the records": produceEach(craftBatch({ corrupt: (bytes) => bytes[bytes.length - 2]! ^= 1 })),
  "no records": produceEach(new Uint8Array()),
  "magic 0": produceEach(craftBatch({ corrupt: (bytes) => bytes[BatchOffset.magic] = 0 })),
  "magic 1": produceEach(craftBatch({ corrupt: (bytes) => bytes[BatchOffset.magic] = 1 })),
  "magic 3": produceEach(craftBatch({ corrupt: (bytes) => bytes[BatchOffset.magic] = 3 })),
  "a torn batch": produceEach(craftBatch().subarray(0, 65)),
  "a torn header": produceEach(craftBatch().subarray(0, 16)),
  "two batches": produceEach(joinBytes(craftBatch(), craftBatch())),
  "a batch and a few bytes": produceEach(joinBytes(craftBatch(), new Uint8Array(11)), craftBatch()),
  "a batch and zeros": produceEach(joinBytes(craftBatch(), new Uint8Array(40)), craftBatch()),
  "a batch and a torn one": produceEach(joinBytes(craftBatch(), craftBatch().subarray(0, 50)), craftBatch()),
  "length 13": edited((view) => view.setInt32(BatchOffset.batchLength, 13)),
  "length 20": edited((view) => view.setInt32(BatchOffset.batchLength, 20)),
  "length -1": edited((view) => view.setInt32(BatchOffset.batchLength, -1)),
  "length too large": edited((view) => view.setInt32(BatchOffset.batchLength, 1_000)),
  "base offset 5": edited((view) => view.setBigInt64(BatchOffset.baseOffset, 5n)),
  "leader epoch 7": edited((view) => view.setInt32(BatchOffset.partitionLeaderEpoch, 7)),
  "record count too large": edited((view) => view.setInt32(BatchOffset.recordCount, 3), 2),
  "record count too small": edited((view) => view.setInt32(BatchOffset.recordCount, 1), 2),
  "both counts too large": edited((view) => {
    view.setInt32(BatchOffset.recordCount, 3);
    view.setInt32(BatchOffset.lastOffsetDelta, 2);
  }, 2),
  "both counts too small": edited((view) => {
    view.setInt32(BatchOffset.recordCount, 1);
    view.setInt32(BatchOffset.lastOffsetDelta, 0);
  }, 2),
  "record count 0": edited((view) => view.setInt32(BatchOffset.recordCount, 0)),
  "record count -1": edited((view) => {
    view.setInt32(BatchOffset.recordCount, -1);
    view.setInt32(BatchOffset.lastOffsetDelta, -2);
  }),
  "last offset delta 5": edited((view) => view.setInt32(BatchOffset.lastOffsetDelta, 5)),
  "record length too large": edited((view) => view.setUint8(61, 126)),
  "record length too small": edited((view) => view.setUint8(61, 4)),
  "record offset delta 3": edited((view) => view.setUint8(64, 6)),
  "record key length 100": edited((view) => view.setUint8(65, 200)),
  "record with 60 headers": edited((view) => view.setUint8(view.byteLength - 1, 120)),
  "record with -1 headers": edited((view) => view.setUint8(view.byteLength - 1, 1)),
  "log append time": edited((view) => view.setInt16(BatchOffset.attributes, 0x08)),
  "transactional": edited((view) => view.setInt16(BatchOffset.attributes, 0x10)),
  "control batch": edited((view) => view.setInt16(BatchOffset.attributes, 0x20)),
  "unknown attribute": edited((view) => view.setInt16(BatchOffset.attributes, 0x80)),
  "codec 5": edited((view) => view.setInt16(BatchOffset.attributes, 5)),
  "codec 7": edited((view) => view.setInt16(BatchOffset.attributes, 7)),
  "wrong largest timestamp": edited((view) => view.setBigInt64(BatchOffset.maxTimestamp, 5n)),
  "zstd in version 6": async (side) => {
    using client = await RawClient.connect(side.leader);
    const batch = craftBatch({ edit: (view) => view.setInt16(BatchOffset.attributes, 4) });
    return await produce(client, side, batch, { version: 6 });
  },
  "timestamp 2 hours ahead": produceEach(craftBatch({ values: values(2), timestamp: Date.now() + 7_200_000 })),
  "timestamp 50 minutes ahead": produceEach(craftBatch({ timestamp: Date.now() + 3_000_000 })),
  "timestamp 0": produceEach(craftBatch({ timestamp: 0 })),
  "timestamp -1": produceEach(craftBatch({ timestamp: -1 })),
  "timestamp -1000": produceEach(craftBatch({ timestamp: -1_000 })),
  "as large as allowed": produceEach(craftBatch({ values: ["x".repeat(1_048_588 - 61 - 11)] })),
  "one byte too large": produceEach(craftBatch({ values: ["x".repeat(1_048_589 - 61 - 11)] })),
  "too large with a wrong CRC": produceEach(
    craftBatch({ values: ["x".repeat(2_000_000)], corrupt: (bytes) => bytes[60]! ^= 1 }),
  ),
  "unknown topic": async (side) => {
    using client = await RawClient.connect(side.leader);
    return await produce(client, side, craftBatch(), { name: "nowhere" });
  },
  "unknown partition": async (side) => {
    using client = await RawClient.connect(side.leader);
    return [
      await produce(client, side, craftBatch(), { index: 50 }),
      await produce(client, side, craftBatch(), { index: -1 }),
    ];
  },
  "unknown partition with a wrong CRC": async (side) => {
    using client = await RawClient.connect(side.leader);
    return await produce(client, side, craftBatch({ corrupt: (bytes) => bytes[60]! ^= 1 }), { index: 50 });
  },
  "unknown topic id": async (side) => {
    using client = await RawClient.connect(side.leader);
    return [
      await produce(client, side, craftBatch(), { version: 13, topicId: "dddddddddddddddddddddA" }),
      await produce(client, side, craftBatch(), { version: 13, topicId: "AAAAAAAAAAAAAAAAAAAAAA" }),
      await produce(client, side, craftBatch(), { version: 13, index: 99 }),
    ];
  },
  "not the leader": async (side) => {
    using client = await RawClient.connect(side.other);
    const rows = [];
    for (const version of [9, 10, 12, 13]) rows.push(await produce(client, side, craftBatch(), { version }));
    return rows;
  },
  "not the leader, and the batch is wrong": async (side) => {
    using client = await RawClient.connect(side.other);
    return [
      await produce(client, side, craftBatch({ corrupt: (bytes) => bytes[60]! ^= 1 })),
      await produce(client, side, new Uint8Array()),
      await produce(client, side, craftBatch(), { acks: 2 }),
    ];
  },
  "one partition wrong, one right": async (side) => {
    using client = await RawClient.connect(side.leader);
    const wrong = craftBatch({ corrupt: (bytes) => bytes[60]! ^= 1 });
    const partitionData = [{ index: 0, records: craftBatch() }, { index: 99, records: craftBatch() }];
    const topicData = [{ name: side.topic, partitionData }, {
      name: "nowhere",
      partitionData: [{ index: 0, records: wrong }],
    }];
    const answer = await client.ask("Produce", 9, { acks: 1, timeoutMs: 5_000, topicData });
    return rowsOf(answer).toSorted((a, b) => Number(a.errorCode) - Number(b.errorCode));
  },
  "no topics": async (side) => {
    using client = await RawClient.connect(side.leader);
    return await client.request("Produce", 9, { acks: -1, timeoutMs: 1_000, topicData: [] });
  },
};

/** Batches of idempotent producers. */
export const sequenceScenarios: Readonly<Record<string, Scenario>> = {
  "in order": idempotent({ values: values(3) }, { sequence: 3 }, { sequence: 4 }),
  "the same batch twice": idempotent({ values: values(3) }, { values: values(3) }, { sequence: 3 }, { sequence: 3 }),
  "any of the last five again": idempotent(
    ...[0, 1, 2, 3, 4, 5].map((sequence) => ({ sequence, timestamp: NOW - sequence })),
    ...[1, 5, 3].map((sequence) => ({ sequence })),
    { sequence: 6 },
  ),
  "the sixth last again": idempotent(...[0, 1, 2, 3, 4, 5].map((sequence) => ({ sequence })), { sequence: 0 }),
  "part of a batch again": idempotent({ values: values(3) }, { values: values(2) }, { sequence: 1 }),
  "a gap": idempotent({}, { sequence: 2 }, { sequence: 1 }),
  "an unknown producer at sequence 7": idempotent({ sequence: 7 }, { sequence: 8 }, { sequence: 7 }),
  "a new epoch at 0": idempotent({ values: values(2) }, { epoch: 1 }, { epoch: 1, sequence: 1 }),
  "a new epoch at 5": idempotent({ values: values(2) }, { epoch: 1, sequence: 5 }, { sequence: 2 }),
  "a new epoch where the old one stopped": idempotent({ values: values(2) }, { epoch: 1, sequence: 2 }),
  "an old epoch": idempotent({ epoch: 3 }, { epoch: 2, sequence: 1 }, { epoch: 3, sequence: 1 }),
  "an old epoch, once appended": idempotent({}, { epoch: 1 }, {}),
  "wrapping to 0": idempotent({ sequence: LAST_SEQUENCE }, {}, { sequence: 1 }),
  "wrapping within a batch": idempotent(
    { values: values(5), sequence: LAST_SEQUENCE - 2 },
    { values: values(5), sequence: LAST_SEQUENCE - 2 },
    { sequence: 2 },
  ),
  "wrapping to 1": idempotent({ sequence: LAST_SEQUENCE }, { sequence: 1 }),
  "no sequence": idempotent({ sequence: -1 }),
  "no epoch": idempotent({ epoch: -1 }, { epoch: -1, sequence: 1 }),
  "sequence without an id": produceEach(craftBatch({ sequence: 5 }), craftBatch({ sequence: 5 })),
  "id -2": produceEach(craftBatch({ producerId: -2n })),
  "refused, then right": idempotent({ corrupt: (bytes) => bytes[60]! ^= 1 }, {}, { sequence: 1 }),
  "epochs of two partitions": async (side) => {
    const producerId = await newProducerId(side);
    using client = await RawClient.connect(side.leader);
    const first = await produce(client, side, craftBatch({ producerId, epoch: 1 }));
    return [first, await produce(client, side, craftBatch({ producerId, epoch: 1, sequence: 9 }), { index: 0 })];
  },
};
