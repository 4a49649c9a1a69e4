import { assertEquals } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { Producer } from "@ekaf/ekaf";
import { compress, COMPRESSION_IDS, type CompressionCodec, loadCodec } from "../../protocol/compression.ts";
import { crc32c } from "../../protocol/crc32c.ts";
import { BatchOffset, LENGTH_PREFIX_BYTES, RECORD_BATCH_OVERHEAD_BYTES } from "../../protocol/record_batch_layout.ts";
import { MessageCursor, readMessageSet } from "../../protocol/message_set_reader.ts";
import { COMPRESSED_VECTORS, valueOf } from "../vectors/compressed.ts";
import { unpackMessages } from "../../src/embedded/message_codec.ts";
import { craftBatch, joinBytes } from "./crafted_batch.ts";
import { RawClient } from "./raw_client.ts";

const CODECS = Object.keys(COMPRESSION_IDS) as CompressionCodec[];
for (const codec of CODECS) await loadCodec(codec);

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

Deno.test("Producer gives LZ4 the header checksum that Kafka before 0.10 wants, and no other to Kafka 0.10", async () => {
  const checksums: number[] = [];
  for (const release of ["0.8", "0.10"] as const) {
    await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, versions: release });
    const protocol = release === "0.8" ? release : "auto";
    await using producer = new Producer({ bootstrap: cluster.bootstrap, compression: "lz4", protocol, logger: null });
    using _hook = cluster.intercept("Produce", (request, next) => {
      const cursor = new MessageCursor(request.body.topicData[0]!.partitionData[0]!.records!);
      cursor.next();
      checksums.push(cursor.value![6]!);
      return next(request);
    });

    await producer.send("t", "again and ".repeat(100));
  }

  assertEquals(checksums, [0x1a, 0x82]);
});

for (const codec of CODECS) {
  Deno.test(`EmbeddedCluster refuses compressed records as Kafka 4.3.1 does: ${codec}`, async () => {
    await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
    using raw = await RawClient.connect(cluster.bootstrap[0]!);
    const plain = craftBatch({ values: ["value 0", "value 1"] });
    const errorOf = async (section: Uint8Array, isPacked = false) => {
      const records = isPacked ? section : compress(codec, section);
      const bytes = joinBytes(plain.subarray(0, RECORD_BATCH_OVERHEAD_BYTES), records);
      const view = new DataView(bytes.buffer);
      view.setInt32(BatchOffset.batchLength, bytes.length - LENGTH_PREFIX_BYTES);
      view.setInt16(BatchOffset.attributes, COMPRESSION_IDS[codec]);
      view.setUint32(BatchOffset.crc, crc32c(bytes, BatchOffset.attributes));
      return (await produce(raw, 9, bytes)).errorCode;
    };
    const section = plain.slice(RECORD_BATCH_OVERHEAD_BYTES);
    const outOfOrder = section.slice();
    outOfOrder[3] = 6; // the first record's offset delta

    const errors = [
      await errorOf(section),
      await errorOf(new Uint8Array(50).fill(0xa5), true),
      await errorOf(compress(codec, section).slice(0, -9), true),
      await errorOf(outOfOrder),
      await errorOf(joinBytes(section, new Uint8Array(1))),
      await errorOf(section.slice(0, -3)),
    ];

    const [UNKNOWN_SERVER_ERROR, INVALID_RECORD] = [-1, 87];
    assertEquals(errors, [
      0,
      ...[UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR, UNKNOWN_SERVER_ERROR],
      ...[INVALID_RECORD, INVALID_RECORD],
    ]);
  });
}
