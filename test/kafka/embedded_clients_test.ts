/**
 * Foreign clients get along with the embedded cluster: with each acks, codec and idempotence, when it acts as another broker
 * than the latest, and when it misbehaves.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { EmbeddedCluster, FaultProxy, type KafkaRelease } from "@ekaf/ekaf/embedded";
import { codecOf } from "../../protocol/compression.ts";
import { MessageOffset } from "../../protocol/message_layout.ts";
import { BatchOffset } from "../../protocol/record_batch_layout.ts";
import {
  type ForeignPromise,
  type ForeignRecord,
  produceWithKafkajs,
  produceWithKcat,
  readWithKafkajs,
} from "./harness_clients.ts";
import { readWithKcat } from "./harness_text.ts";

const RECORD_COUNT = 50;
const IDEMPOTENT: ForeignPromise = { acks: -1, idempotent: true };
const PLAIN: ForeignPromise = { acks: 1, idempotent: false };

const clients = {
  kcat: { produce: produceWithKcat, read: (bootstrap: string[]) => readWithKcat(bootstrap.join(","), "events") },
  kafkajs: {
    produce: produceWithKafkajs,
    read: (bootstrap: string[]) => readWithKafkajs({ bootstrap, topic: "events" }),
  },
};

const decoder = new TextDecoder();

function records(): ForeignRecord[] {
  const encoder = new TextEncoder();
  return Array.from({ length: RECORD_COUNT }, (_, i) => {
    return { key: encoder.encode(`key ${i}`), value: encoder.encode(`value ${i}`), headers: [] };
  });
}

/** Records of which each alone gets smaller. */
function compressible(): ForeignRecord[] {
  const encoder = new TextEncoder();
  return records().map((record, i) => ({ ...record, value: encoder.encode(`${i} ${"again and ".repeat(20)}`) }));
}

function valuesOf(records: readonly { value: Uint8Array | null }[]): string[] {
  return records.map(({ value }) => decoder.decode(value!)).sort();
}

type Codec = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** What is asked of a client, and which codecs it has. */
interface MatrixRow {
  client: keyof typeof clients;
  codecs: readonly Codec[];
  /** Acks and idempotence. */
  promises: readonly ForeignPromise[];
  versions?: KafkaRelease;
  /** For kcat that cannot ask for versions. */
  settings?: readonly string[];
}

const promises: ForeignPromise[] = [
  ...([0, 1, -1] as const).map((acks) => ({ acks, idempotent: false })),
  IDEMPOTENT,
];

const dialect = (release: string) => ["api.version.request=false", `broker.version.fallback=${release}`];
const unnumbered = promises.filter(({ idempotent }) => !idempotent);

const matrix: readonly MatrixRow[] = [
  { client: "kcat", codecs: ["none", "gzip", "snappy", "lz4", "zstd"], promises },
  // Of zstd there is no codec for kafkajs but native ones.
  { client: "kafkajs", codecs: ["none", "gzip", "snappy", "lz4"], promises },
  { client: "kcat", codecs: ["none", "gzip", "snappy", "lz4"], promises: unnumbered, versions: "0.10" },
  { client: "kafkajs", codecs: ["none", "gzip", "snappy"], promises: unnumbered, versions: "0.10" },
  // librdkafka has LZ4 for brokers since 0.8.2.
  ...[["0.8.0", ["none", "gzip", "snappy"]], ["0.8.2", ["none", "gzip", "snappy", "lz4"]]].map(
    ([release, codecs]): MatrixRow => {
      const settings = dialect(release as string);
      return { client: "kcat", codecs: codecs as Codec[], promises: unnumbered, versions: "0.8", settings };
    },
  ),
];

/** What came in Produce: acks, codec, and whether there was a producer id; each kind once. */
function watchArrivals(cluster: EmbeddedCluster): Set<string> {
  const arrivals = new Set<string>();
  cluster.intercept("Produce", (request, next) => {
    for (const { records } of request.body.topicData.flatMap(({ partitionData }) => partitionData)) {
      const isBatch = request.version >= 3;
      const attributes = records![isBatch ? BatchOffset.attributes + 1 : MessageOffset.attributes]!;
      const view = new DataView(records!.buffer, records!.byteOffset);
      const idempotent = isBatch && view.getBigInt64(BatchOffset.producerId) >= 0n;
      arrivals.add(JSON.stringify({ acks: request.body.acks, idempotent, codec: codecOf(attributes) ?? "none" }));
    }
    return next(request);
  });
  return arrivals;
}

for (const { client, codecs, promises, versions = "4.3", settings = [] } of matrix) {
  const said = settings.at(-1)?.replace("broker.version.fallback=", ", taken for ") ?? "";
  Deno.test(`EmbeddedCluster as ${versions} takes each acks and codec of ${client}${said}, and gives it back`, async (t) => {
    for (const codec of codecs) {
      for (const promise of promises) {
        const { acks, idempotent } = promise;
        await t.step(`${codec}, acks ${acks}${idempotent ? ", idempotent" : ""}`, async () => {
          await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { events: 2 }, versions });
          const target = { bootstrap: cluster.bootstrap, topic: "events" };
          const arrivals = watchArrivals(cluster);
          const compression = codec === "none" ? {} : { compression: codec };

          await clients[client].produce(target, { ...promise, ...compression, settings, records: compressible() });
          const stored = await cluster.waitFor("events", RECORD_COUNT);
          const [byKcat, byKafkajs] = await Promise.all([
            readWithKcat(cluster.bootstrap.join(), "events", settings),
            // It asks every broker for its versions, and cannot unpack zstd.
            versions === "0.8" || codec === "zstd" ? stored : readWithKafkajs(target),
          ]);

          const expected = valuesOf(compressible());
          assertEquals([...arrivals].map((text) => JSON.parse(text)), [{ acks, idempotent, codec }]);
          assertEquals([valuesOf(stored), valuesOf(byKcat), valuesOf(byKafkajs)], [expected, expected, expected]);
          assertEquals(cluster.batches("events").every(({ isCompressed }) => isCompressed), codec !== "none");
        });
      }
    }
  });
}

const releases: KafkaRelease[] = ["0.11", "1.1", "2.0", "2.8", "3.9"];

for (const [name, client] of Object.entries(clients)) {
  Deno.test(`EmbeddedCluster acts as older releases for ${name}`, async (t) => {
    for (const versions of releases) {
      for (const promise of [IDEMPOTENT, PLAIN]) {
        await t.step(`${versions}, ${promise.idempotent ? "idempotent" : "acks 1"}`, async () => {
          await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { events: 3 }, versions });
          const { bootstrap } = cluster;

          await client.produce({ bootstrap, topic: "events" }, { ...promise, records: records() });
          const stored = await cluster.waitFor("events", RECORD_COUNT);
          const read = await client.read(bootstrap);

          const expected = valuesOf(records());
          assertEquals([valuesOf(stored), valuesOf(read)], [expected, expected]);
          const areNumbered = cluster.batches("events").every(({ producerId }) => producerId >= 0n);
          assertEquals(areNumbered, promise.idempotent);
        });
      }
    }
  });
}

/** What befalls an idempotent client, which must deliver each record once all the same. */
const mishaps: Readonly<Record<string, (cluster: EmbeddedCluster) => unknown>> = {
  "a broker that is not the leader": (cluster) => cluster.failNext("Produce", "NOT_LEADER_OR_FOLLOWER"),
  "a connection that ends before the append": (cluster) => cluster.failNext("Produce", "close"),
  "a connection that ends after the append": (cluster) =>
    cluster.failNext("Produce", { fault: "close", handled: true }),
  "an answer that breaks off": (cluster) => cluster.failNext("Produce", { fault: "partialFrame", bytes: 9 }),
  "a time-out after the append": (cluster) => cluster.failNext("Produce", "REQUEST_TIMED_OUT"),
};

for (const [name, client] of Object.entries(clients)) {
  Deno.test(`EmbeddedCluster's faults are found by ${name}, which delivers each record once`, async (t) => {
    for (const [mishap, arrange] of Object.entries(mishaps)) {
      await t.step(mishap, async () => {
        await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { events: 2 } });
        arrange(cluster);

        const target = { bootstrap: cluster.bootstrap, topic: "events" };
        await client.produce(target, { ...IDEMPOTENT, records: records() });

        assertEquals(valuesOf(cluster.records("events")), valuesOf(records()));
      });
    }
  });
}

for (const [name, client] of Object.entries(clients)) {
  Deno.test(`EmbeddedCluster's ids of brokers may have gaps, and begin with 0, for ${name}`, async () => {
    await using cluster = await EmbeddedCluster.listen({ brokers: [0, 7], topics: { events: 4 } });
    const { bootstrap } = cluster;

    await client.produce({ bootstrap, topic: "events" }, { ...PLAIN, records: records() });
    const read = await client.read(bootstrap);

    assertEquals([valuesOf(cluster.records("events")), valuesOf(read)], [valuesOf(records()), valuesOf(records())]);
  });
}

Deno.test("FaultProxy passes everything on between a foreign client and its broker", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { events: 2 } });
  await using proxy = await FaultProxy.listen({ to: cluster.bootstrap[0]! });
  cluster.advertise(1, proxy.address);
  const bootstrap = [proxy.address];

  await produceWithKcat({ bootstrap, topic: "events" }, { ...IDEMPOTENT, records: records() });
  const read = await readWithKafkajs({ bootstrap, topic: "events" });

  assertEquals(valuesOf(read), valuesOf(records()));
  assert(proxy.acceptedCount > 0);
});
