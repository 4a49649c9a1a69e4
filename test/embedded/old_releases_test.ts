import { assert, assertEquals } from "@std/assert";
import { EmbeddedCluster, type KafkaRelease } from "@ekaf/ekaf/embedded";
import { encodeMessageSet, type MessageInput } from "../../protocol/message_set.ts";
import { MessageCursor, readMessageSet } from "../../protocol/message_set_reader.ts";
import { readBatchHeader, readRecords, splitBatches } from "../../protocol/record_batch_reader.ts";
import { craftBatch } from "./crafted_batch.ts";
import { RawClient } from "./raw_client.ts";

const NOW_MS = 1_795_363_200_000;

const encoder = new TextEncoder();

/** Messages as a producer sends them: offsets from 0. */
function setOf(magic: 0 | 1, ...values: string[]): Uint8Array {
  const message = (value: string, i: number): MessageInput => {
    return {
      offset: BigInt(i),
      key: null,
      value: encoder.encode(value),
      ...(magic === 1 ? { timestamp: NOW_MS } : {}),
    };
  };
  return encodeMessageSet(values.map(message), magic);
}

/** A cluster with topic "t" of one partition, and a connection to its broker. */
async function listen(versions: KafkaRelease, options: { maxMessageBytes?: number } = {}) {
  const cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, versions, ...options });
  const client = await RawClient.connect(cluster.bootstrap[0]!);
  return {
    cluster,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

async function produce(client: RawClient, version: number, records: Uint8Array) {
  const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }];
  const { responses } = await client.ask("Produce", version, { acks: -1, timeoutMs: 1_000, topicData });
  const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!;
  return errorCode === 0 ? baseOffset : errorCode;
}

async function fetch(client: RawClient, version: number, { from = 0n, maxBytes = 10_000 } = {}): Promise<Uint8Array> {
  const partitions = [{ partition: 0, fetchOffset: from, partitionMaxBytes: maxBytes }];
  const body = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: "t", partitions }] };
  const { responses } = await client.ask("Fetch", version, body);
  return responses[0]!.partitions[0]!.records!;
}

/** Offset, format, timestamp and text of each message. */
function messagesIn(set: Uint8Array): [bigint, number, number, string][] {
  return [...readMessageSet(set)].map(({ offset, magic, timestamp, value }) => {
    return [offset, magic, timestamp, new TextDecoder().decode(value!)];
  });
}

Deno.test("EmbeddedCluster as 0.8 hangs up on whoever asks for its versions", async () => {
  await using rig = await listen("0.8");

  assertEquals(await rig.client.request("ApiVersions", 0, {}), "closed");
});

Deno.test("EmbeddedCluster as 0.9 says nothing to who asks for its versions, and answers the next question", async () => {
  await using rig = await listen("0.9");

  await rig.client.send("ApiVersions", 0, {});
  const { topics } = await rig.client.ask("Metadata", 0, { topics: [] });

  assertEquals(topics.length, 1);
});

Deno.test("EmbeddedCluster as 0.10 tells version 0 of ApiVersions to newer clients", async () => {
  await using rig = await listen("0.10");

  await rig.client.send("ApiVersions", 4, {});
  const frame = await rig.client.receive();
  const { apiKeys } = await rig.client.ask("ApiVersions", 0, {});

  assertEquals(new DataView((frame as Uint8Array).buffer, (frame as Uint8Array).byteOffset).getInt16(4), 35);
  assertEquals(apiKeys.find(({ apiKey }) => apiKey === 0), { apiKey: 0, minVersion: 0, maxVersion: 2 });
  assertEquals(apiKeys.some(({ apiKey }) => apiKey === 22), false);
});

Deno.test("EmbeddedCluster as an old release knows no newer version of a call", async () => {
  const cases: [KafkaRelease, number][] = [["0.8", 1], ["0.10", 3]];
  for (const [release, version] of cases) {
    await using rig = await listen(release);
    const topicData = [{ name: "t", partitionData: [{ index: 0, records: craftBatch() }] }];

    const answer = await rig.client.request("Produce", version, { acks: -1, timeoutMs: 1_000, topicData });

    assertEquals(answer, "closed", release);
  }
});

const formats: [KafkaRelease, produceVersion: number, fetchVersion: number, magic: 0 | 1][] = [
  ["0.8", 0, 0, 0],
  ["0.9", 1, 1, 0],
  ["0.10", 2, 3, 1],
];

for (const [release, produceVersion, fetchVersion, magic] of formats) {
  Deno.test(`EmbeddedCluster as ${release} stores messages of format ${magic} and serves them from any offset`, async () => {
    await using rig = await listen(release);

    const offsets = [
      await produce(rig.client, produceVersion, setOf(magic, "a", "b")),
      await produce(rig.client, produceVersion, setOf(magic, "c")),
    ];
    const all = await fetch(rig.client, fetchVersion);
    const later = await fetch(rig.client, fetchVersion, { from: 1n });

    const time = magic === 0 ? -1 : NOW_MS;
    const expected = ["a", "b", "c"].map((text, i) => [BigInt(i), magic, time, text]);
    assertEquals(offsets, [0n, 2n]);
    assertEquals([messagesIn(all), messagesIn(later)], [expected, expected.slice(1)] as never);
    assertEquals(
      rig.cluster.records("t").map((record) => [record.offset, record.text(), record.timestamp]),
      expected.map(([offset, , timestamp, text]) => [offset, text, timestamp]) as never,
    );
    const cursor = new MessageCursor(all);
    while (cursor.next()) assert(cursor.hasValidCrc);
    assertEquals(
      rig.cluster.batches("t").map(({ baseOffset, recordCount, sizeBytes, isCompressed, producerId }) => {
        return [baseOffset, recordCount, sizeBytes, isCompressed, producerId];
      }),
      [0n, 1n, 2n].map((offset) => [offset, 1, magic === 0 ? 27 : 35, false, -1n]),
    );
  });
}

Deno.test("EmbeddedCluster as 0.10 turns messages of format 0 into its own, and its own back for older readers", async () => {
  await using rig = await listen("0.10");

  await produce(rig.client, 1, setOf(0, "old"));
  await produce(rig.client, 2, setOf(1, "new"));

  assertEquals(messagesIn(await fetch(rig.client, 2)), [[0n, 1, -1, "old"], [1n, 1, NOW_MS, "new"]]);
  assertEquals(messagesIn(await fetch(rig.client, 1)), [[0n, 0, -1, "old"], [1n, 0, -1, "new"]]);
});

Deno.test("EmbeddedCluster as a later release stores message sets as record batches, and serves these to all", async () => {
  await using rig = await listen("2.8");
  const topicData = [{ name: "t", partitionData: [{ index: 0, records: craftBatch({ timestamp: NOW_MS }) }] }];

  await produce(rig.client, 2, setOf(1, "one", "two"));
  await produce(rig.client, 0, setOf(0, "three"));
  await rig.client.ask("Produce", 3, { acks: -1, timeoutMs: 1_000, topicData });
  const batches = splitBatches(await fetch(rig.client, 4));

  assertEquals(batches.map((bytes) => [readBatchHeader(bytes).baseOffset, [...readRecords(bytes)].length]), [
    [0n, 2],
    [2n, 1],
    [3n, 1],
  ]);
  const time = (magic: number) => magic === 0 ? -1 : NOW_MS;
  const expected = (magic: 0 | 1) => [
    [0n, magic, time(magic), "one"],
    [1n, magic, time(magic), "two"],
    [2n, magic, -1, "three"],
    [3n, magic, time(magic), "a"],
  ];
  assertEquals(messagesIn(await fetch(rig.client, 0)), expected(0) as never);
  assertEquals(messagesIn(await fetch(rig.client, 3)), expected(1) as never);
  assertEquals(messagesIn(await fetch(rig.client, 3, { from: 1n })), expected(1).slice(1) as never);
});

Deno.test("EmbeddedCluster refuses damaged and too large messages and appends nothing of their set", async () => {
  await using rig = await listen("0.10", { maxMessageBytes: 100 });
  const damaged = setOf(1, "fine", "damaged");
  damaged[damaged.length - 1]! ^= 1;
  const hostile = setOf(1, "a");
  new DataView(hostile.buffer).setInt32(8, 3);

  const answers = [
    await produce(rig.client, 2, damaged),
    await produce(rig.client, 2, setOf(1, "fine", "x".repeat(67))),
    await produce(rig.client, 2, hostile),
    await produce(rig.client, 2, craftBatch()),
    await produce(rig.client, 2, setOf(1, "x".repeat(66))),
  ];

  assertEquals(answers, [2, 10, 2, 2, 0n]);
});

Deno.test("EmbeddedCluster leaves out a message that is cut off, as a broker does", async () => {
  await using rig = await listen("0.8");

  const offset = await produce(rig.client, 0, setOf(0, "whole", "cut off").subarray(0, -1));

  assertEquals([offset, rig.cluster.records("t").map((record) => record.text())], [0n, ["whole"]]);
});

Deno.test("EmbeddedCluster cuts the last message off below version 3 of Fetch, and no message from there on", async () => {
  await using rig = await listen("0.10");
  await produce(rig.client, 2, setOf(1, "a", "b"));

  assertEquals((await fetch(rig.client, 2, { maxBytes: 40 })).length, 40);
  assertEquals((await fetch(rig.client, 2, { maxBytes: 10 })).length, 10);
  assertEquals((await fetch(rig.client, 3, { maxBytes: 40 })).length, 35);
  assertEquals((await fetch(rig.client, 3, { maxBytes: 10 })).length, 35);
});

Deno.test("EmbeddedCluster answers version 0 of ListOffsets with the ends of the log", async () => {
  await using rig = await listen("0.8");
  await produce(rig.client, 0, setOf(0, "a", "b"));
  const ask = async (timestamp: bigint, maxNumOffsets: number) => {
    const topics = [{ name: "t", partitions: [{ partitionIndex: 0, timestamp, maxNumOffsets }] }];
    return (await rig.client.ask("ListOffsets", 0, { replicaId: -1, topics })).topics[0]!.partitions[0]!
      .oldStyleOffsets;
  };

  assertEquals([await ask(-1n, 1), await ask(-1n, 9), await ask(-2n, 1)], [[2n], [2n, 0n], [0n]]);
});

Deno.test("EmbeddedCluster answers version 0 of Metadata with all topics when none is named", async () => {
  await using rig = await listen("0.8");

  const { brokers, topics } = await rig.client.ask("Metadata", 0, { topics: [] });

  assertEquals([brokers.length, topics.map(({ name, partitions }) => [name, partitions.length])], [1, [["t", 1]]]);
});
