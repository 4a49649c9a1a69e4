import { assertEquals } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { Producer } from "@ekaf/ekaf";
import { COMPRESSION_IDS, type CompressionCodec } from "../../protocol/compression.ts";
import { MessageCursor, readMessageSet } from "../../protocol/message_set_reader.ts";
import { COMPRESSED_VECTORS, valueOf } from "../vectors/compressed.ts";
import { unpackMessages } from "../../src/embedded/message_codec.ts";
import { RawClient } from "./raw_client.ts";

const CODECS = Object.keys(COMPRESSION_IDS) as CompressionCodec[];

async function produce(client: RawClient, version: number, records: Uint8Array) {
  const topicData = [{ name: "t", partitionData: [{ index: 0, records }] }];
  const { responses } = await client.ask("Produce", version, { acks: -1, timeoutMs: 1_000, topicData });
  return responses[0]!.partitionResponses[0]!;
}

for (const vector of COMPRESSED_VECTORS) {
  const { client, magic, codec, count } = vector;
  const values = Array.from({ length: count }, (_, i) => valueOf(vector, i));
  const version = magic === 2 ? 9 : magic === 1 ? 2 : 0;

  Deno.test(`EmbeddedCluster.records() reads ${count} records of ${client}: magic ${magic}, ${codec}`, async () => {
    await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, versions: { Produce: [0, 13] } });
    using raw = await RawClient.connect(cluster.bootstrap[0]!);

    const { errorCode } = await produce(raw, version, Uint8Array.fromBase64(vector.bytes));

    assertEquals(errorCode, 0);
    assertEquals(cluster.records("t").map((record) => record.text()), values);
  });

  if (magic === 2) continue;
  const release = magic === 0 ? "0.8" : "0.10";
  Deno.test(`EmbeddedCluster as ${release} stores what ${client} compressed as one message: ${codec}`, async () => {
    await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, versions: release });
    using raw = await RawClient.connect(cluster.bootstrap[0]!);
    const bytes = Uint8Array.fromBase64(vector.bytes);

    await produce(raw, version, bytes);
    const { baseOffset } = await produce(raw, version, bytes);

    assertEquals(baseOffset, BigInt(count));
    assertEquals(cluster.records("t").map((record) => record.text()), [...values, ...values]);
    assertEquals(cluster.records("t").map(({ offset }) => offset), [...values, ...values].map((_, i) => BigInt(i)));
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000_000 }];
    const fetched = await raw.ask("Fetch", magic === 0 ? 0 : 2, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topic: "t", partitions }],
    });
    const { records } = fetched.responses[0]!.partitions[0]!;
    const wrappers = new MessageCursor(records!);
    while (wrappers.next()) assertEquals(wrappers.codec, COMPRESSION_IDS[codec]);
    assertEquals([...readMessageSet(records!, unpackMessages)].map(({ offset }) => offset), [
      ...values.map((_, i) => BigInt(i)),
      ...values.map((_, i) => BigInt(count + i)),
    ]);
  });
}

for (const release of ["0.8", "0.9", "0.10"] as const) {
  for (const codec of CODECS) {
    Deno.test(`Producer compresses message sets for Kafka ${release}: ${codec}`, async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, versions: release });
      const warnings: string[] = [];
      const protocol = release === "0.10" ? "auto" : release;
      const logger = { warn: (message: string) => void warnings.push(message) };
      await using producer = new Producer({ bootstrap: cluster.bootstrap, compression: codec, protocol, logger });
      const values = Array.from({ length: 2_000 }, (_, i) => `a value that repeats itself, number ${i}`);

      await producer.send("t", values);
      await producer.send("t", ["x", ...values]);

      assertEquals(cluster.records("t").map((record) => record.text()), [...values, "x", ...values]);
      const bytes = cluster.batches("t").reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const isSmall = bytes < values.join("").length;
      assertEquals(isSmall, codec !== "zstd", `${bytes} bytes`);
      assertEquals(warnings.some((text) => text.includes("zstd")), codec === "zstd");
    });
  }
}
