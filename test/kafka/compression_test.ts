/**
 * Compressed batches between ekaf, Kafka 4.3.1, its own consumer, kcat and kafkajs, in every direction.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type Compression, Producer } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { codecOf } from "../../protocol/compression.ts";
import { readRecords, splitBatches } from "../../protocol/record_batch_reader.ts";
import { RawClient } from "../embedded/raw_client.ts";
import { startKafka } from "./harness.ts";
import { type ForeignRecord, produceWithKafkajs, produceWithKcat, readWithKafkajs } from "./harness_clients.ts";
import { readWithKcat } from "./harness_text.ts";

const CODECS = ["gzip", "snappy", "lz4", "zstd"] as const;
const SETTINGS: Compression[] = [...CODECS, { codec: "gzip", level: 9 }, { codec: "zstd", level: -7 }];
const RECORD_COUNT = 20_000;

const decoder = new TextDecoder();
const textOf = ({ value }: { value: Uint8Array | null }) => decoder.decode(value!);

/** Values of many lengths, some of them noise. */
function values(): string[] {
  return Array.from({ length: RECORD_COUNT }, (_, i) => {
    if (i % 1_000 === 7) return `${i} ${crypto.getRandomValues(new Uint8Array(3_000)).toHex()}`;
    return JSON.stringify({ id: i, user: `user-${i % 97}`, text: "again and ".repeat(i % 20) });
  });
}

function foreignRecords(): ForeignRecord[] {
  const encoder = new TextEncoder();
  return Array.from({ length: 2_000 }, (_, i) => {
    return { key: encoder.encode(`${i % 9}`), value: encoder.encode(`${i} again and again`), headers: [] };
  });
}

/** The batches of partition 0 as the broker has them. */
async function batchesOf(address: string, topic: string): Promise<Uint8Array[]> {
  using client = await RawClient.connect(address);
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 100_000_000 }];
  const limits = { maxWaitMs: 100, minBytes: 1, maxBytes: 100_000_000 };
  const { responses } = await client.ask("Fetch", 11, { ...limits, topics: [{ topic, partitions }] });
  return splitBatches(responses[0]!.partitions[0]!.records!.slice());
}

Deno.test("compressed batches pass through Kafka 4.3.1, whoever writes and reads", async (t) => {
  await using kafka = await startKafka("4.3.1");
  let number = 0;

  for (const compression of SETTINGS) {
    await t.step(`ekaf writes, Kafka's consumer and kcat read: ${JSON.stringify(compression)}`, async () => {
      const topic = `ours-${number++}`;
      await kafka.createTopic(topic, 1);
      const sent = values();
      await using producer = new Producer({ bootstrap: kafka.bootstrap, compression });

      await producer.send(topic, sent);

      assertEquals((await kafka.readAll(topic)).map(textOf), sent);
      assertEquals((await readWithKcat(kafka.bootstrap.join(), topic)).map(textOf), sent);
      const codecs = new Set((await batchesOf(kafka.bootstrap[0]!, topic)).map((batch) => codecOf(batch[22]!)));
      assertEquals([...codecs], [typeof compression === "string" ? compression : compression.codec]);
    });
  }

  for (const compression of CODECS) {
    await t.step(`kcat writes, ekaf's protocol reads: ${compression}`, async () => {
      const topic = `theirs-${compression}`;
      await kafka.createTopic(topic, 1);
      const records = foreignRecords();

      await produceWithKcat({ bootstrap: kafka.bootstrap, topic }, {
        acks: -1,
        idempotent: true,
        records,
        compression,
      });

      const batches = await batchesOf(kafka.bootstrap[0]!, topic);
      assert(batches.some((batch) => codecOf(batch[22]!) === compression));
      assertEquals(batches.flatMap((batch) => [...readRecords(batch)].map(textOf)), records.map(textOf));
    });
  }
});

const foreign = { kcat: produceWithKcat, kafkajs: produceWithKafkajs };

for (const [name, produce] of Object.entries(foreign)) {
  Deno.test(`EmbeddedCluster takes and gives back what ${name} compresses`, async (t) => {
    for (const compression of name === "kafkajs" ? ["gzip"] as const : CODECS) {
      await t.step(compression, async () => {
        await using cluster = await EmbeddedCluster.listen({ topics: { events: 2 } });
        const target = { bootstrap: cluster.bootstrap, topic: "events" };
        const records = foreignRecords();

        await produce(target, { acks: -1, idempotent: true, records, compression });

        assert(cluster.batches("events").some(({ isCompressed }) => isCompressed));
        const expected = records.map(textOf).sort();
        assertEquals(cluster.records("events").map((record) => record.text()).sort(), expected);
        assertEquals((await readWithKcat(cluster.bootstrap.join(), "events")).map(textOf).sort(), expected);
        if (compression === "gzip") assertEquals((await readWithKafkajs(target)).map(textOf).sort(), expected);
      });
    }
  });
}

Deno.test("EmbeddedCluster gives kcat what ekaf compresses", async (t) => {
  for (const compression of SETTINGS) {
    await t.step(JSON.stringify(compression), async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 } });
      const sent = values();
      await using producer = new Producer({ bootstrap: cluster.bootstrap, compression });

      await producer.send("events", sent);

      assert(cluster.batches("events").every(({ isCompressed }) => isCompressed));
      assertEquals((await readWithKcat(cluster.bootstrap.join(), "events")).map(textOf), sent);
    });
  }
});
