import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { ResponseOf } from "../../protocol/apis.ts";
import { errorCode } from "../../protocol/error_codes.ts";
import { EmbeddedCluster, type KafkaRelease } from "../../src/embedded/mod.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { craftBatch, type CraftedBatchOptions } from "./crafted_batch.ts";
import { RawClient } from "./raw_client.ts";

interface ProduceOptions extends CraftedBatchOptions {
  partition?: number;
  version?: number;
  acks?: number;
}

/** Sends one batch to a broker; the name of the error, or the offset. */
async function produce(cluster: EmbeddedCluster, brokerId: number, options: ProduceOptions = {}): Promise<unknown> {
  using client = await RawClient.connect(cluster.bootstrap[brokerId - 1]!);
  const answer = await client.request("Produce", options.version ?? 9, produceBody(options));
  if (answer === "closed") return answer;
  const row = answer.responses[0]!.partitionResponses[0]!;
  return row.errorCode === 0 ? row.baseOffset : errorCode(row.errorCode).name;
}

function produceBody({ partition = 0, acks = -1, ...batch }: ProduceOptions) {
  const partitionData = [{ index: partition, records: craftBatch(batch) }];
  return { acks, timeoutMs: 1_000, topicData: [{ name: "t", partitionData }] };
}

async function askMetadata(cluster: EmbeddedCluster, brokerId: number, name = "t"): Promise<ResponseOf<"Metadata">> {
  using client = await RawClient.connect(cluster.bootstrap[brokerId - 1]!);
  return await client.ask("Metadata", 9, { topics: [{ name }] });
}

async function leaders(cluster: EmbeddedCluster, brokerId: number): Promise<[error: string, leader: number][]> {
  const { topics } = await askMetadata(cluster, brokerId);
  return topics[0]!.partitions.map((row) => [errorCode(row.errorCode).name, row.leaderId]);
}

Deno.test("EmbeddedCluster.listen() opens as many brokers as asked for, on the ports asked for", async () => {
  await using first = await EmbeddedCluster.listen({ brokers: 3 });
  const ports = first.bootstrap.map((address) => Number(address.split(":")[1]));
  await first[Symbol.asyncDispose]();

  await using second = await EmbeddedCluster.listen({ brokers: 3, ports, topics: { t: 1 } });

  assertEquals(second.bootstrap, first.bootstrap);
  assertEquals((await askMetadata(second, 2)).brokers.map(({ nodeId, port }) => [nodeId, port]), [
    [1, ports[0]],
    [2, ports[1]],
    [3, ports[2]],
  ]);
});

Deno.test("EmbeddedCluster.listen() refuses options that make no sense and leaves no port open", async () => {
  const options = (given: unknown) => given as Parameters<typeof EmbeddedCluster.listen>[0];
  await assertRejects(() => EmbeddedCluster.listen(options({ broker: 3 })), TypeError, 'no option "broker"');
  await assertRejects(() => EmbeddedCluster.listen({ brokers: 0 }), RangeError, "brokers must be from 1 to 100");
  await assertRejects(() => EmbeddedCluster.listen({ replication: 2 }), RangeError, "replication must be from 1 to 1");
  await assertRejects(() => EmbeddedCluster.listen({ topics: { t: 0 } }), RangeError, "partitions is 0");
  for (const retentionBytes of [0, 1.5, NaN]) {
    await assertRejects(
      () => EmbeddedCluster.listen({ retentionBytes }),
      RangeError,
      "retentionBytes must be from 1 to",
    );
  }
  await assertRejects(() => EmbeddedCluster.listen({ versions: { Produce: [0, 14] } }), RangeError, "only 0-13");
});

Deno.test("EmbeddedCluster.records() are by partition, then offset", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 2 } });
  await produce(cluster, 1, { partition: 1, values: ["c"] });
  await produce(cluster, 1, { partition: 0, values: ["a", "b"] });
  await produce(cluster, 1, { partition: 1, values: ["d"] });

  const records = cluster.records("t");

  assertEquals(records.map((record) => [record.partition, record.offset, record.text()]), [
    [0, 0n, "a"],
    [0, 1n, "b"],
    [1, 0n, "c"],
    [1, 1n, "d"],
  ]);
  assertEquals(cluster.records("t", 1).map((record) => record.text()), ["c", "d"]);
  assertThrows(() => cluster.records("u"), RangeError, 'no topic "u"');
  assertThrows(() => cluster.records("t", 2), RangeError, "partition 2");
});

Deno.test("EmbeddedCluster.waitFor() resolves as soon as the records are there", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 2 } });
  const waiting = cluster.waitFor("t", 3);

  await produce(cluster, 1, { values: ["a", "b"] });
  await produce(cluster, 1, { partition: 1, values: ["c", "d"] });

  assertEquals((await waiting).map((record) => record.text()), ["a", "b", "c", "d"]);
  assertEquals((await cluster.waitFor("t", 4)).length, 4);
});

Deno.test("EmbeddedCluster.waitFor() tells how many came when they do not come in time", async () => {
  const timers = new ManualTimers();
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 2 }, timers });
  await produce(cluster, 1, { values: ["a", "b"], timestamp: 0 });
  const waiting = assertRejects(() => cluster.waitFor("t", 3, { timeoutMs: 50 }), Error);

  await timers.advance(50);

  const { message } = await waiting;
  assertEquals(message, 'Cannot wait for 3 records: 2 had come to "t" (by partition: 2, 0) after 50 ms');
  assertEquals(timers.pendingCount, 0);
});

Deno.test("EmbeddedCluster[Symbol.asyncDispose]() ends what waits for records", async () => {
  const cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const waiting = assertRejects(() => cluster.waitFor("t", 1), Error, "when the cluster was disposed of");

  await cluster[Symbol.asyncDispose]();

  await waiting;
});

Deno.test("EmbeddedCluster.stop() ends connections at once and start() opens the same port with the same records", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { t: 2 } });
  await produce(cluster, 2, { partition: 1, values: ["kept"] });
  using client = await RawClient.connect(cluster.bootstrap[1]!);
  await client.ask("Metadata", 9, { topics: [] });

  await cluster.stop(2);
  const told = await client.receive();
  const whileDown = await leaders(cluster, 1);
  await assertRejects(() => RawClient.connect(cluster.bootstrap[1]!), Deno.errors.ConnectionRefused);
  await cluster.start(2);

  assertEquals(told, "closed");
  assertEquals(whileDown, [["NONE", 1], ["LEADER_NOT_AVAILABLE", -1]]);
  assertEquals(await leaders(cluster, 1), [["NONE", 1], ["NONE", 2]]);
  assertEquals(await produce(cluster, 2, { partition: 1 }), 1n);
});

Deno.test("EmbeddedCluster.stop() hands partitions to another replica with their records and sequences", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { t: 1 }, replication: 2 });
  await produce(cluster, 1, { producerId: 9n });

  await cluster.stop(1);

  assertEquals(await leaders(cluster, 2), [["NONE", 2]]);
  assertEquals(await produce(cluster, 2, { producerId: 9n, sequence: 2 }), "OUT_OF_ORDER_SEQUENCE_NUMBER");
  assertEquals(await produce(cluster, 2, { producerId: 9n, sequence: 1 }), 1n);
});

Deno.test("EmbeddedCluster.moveLeader() makes the old leader point to the new one", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { t: 1 } });
  await produce(cluster, 1, { producerId: 9n });

  cluster.moveLeader("t", 0, 2);

  using old = await RawClient.connect(cluster.bootstrap[0]!);
  const { responses, nodeEndpoints } = await old.ask("Produce", 10, produceBody({}));
  const [row] = responses[0]!.partitionResponses;
  assertEquals([row!.errorCode, row!.currentLeader], [6, { leaderId: 2, leaderEpoch: 1 }]);
  assertEquals(nodeEndpoints.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]), [[2, cluster.bootstrap[1]]]);
  assertEquals(await produce(cluster, 2, { producerId: 9n }), 0n);
  assertEquals(await produce(cluster, 2, { producerId: 9n, sequence: 1 }), 1n);
});

Deno.test("EmbeddedCluster grows while it runs", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });

  const id = await cluster.addBroker();
  cluster.addPartitions("t", 2);
  cluster.addTopic("u", 3);

  assertEquals(id, 2);
  assertEquals(await leaders(cluster, 2), [["NONE", 1], ["NONE", 2]]);
  assertEquals((await askMetadata(cluster, 1, "u")).topics[0]!.partitions.map(({ leaderId }) => leaderId), [1, 2, 1]);
});

Deno.test("EmbeddedCluster.listen() takes ids of brokers and explicit metadata", async () => {
  const topics = { t: { partitions: [0, 1, 3] }, u: { partitions: [{ id: 2, replicas: [7, 0], leader: null }] } };
  await using cluster = await EmbeddedCluster.listen({ brokers: [7, 0, 1001], topics });
  using client = await RawClient.connect(cluster.bootstrap[0]!);

  const metadata = await client.ask("Metadata", 9, { topics: [{ name: "t" }, { name: "u" }] });
  const told = await client.ask("Produce", 9, produceBody({ partition: 2 }));

  const ports = cluster.bootstrap.map((address) => Number(address.split(":")[1]));
  assertEquals(metadata.brokers.map(({ nodeId, port }) => [nodeId, port]), [[0, ports[1]], [7, ports[0]], [
    1001,
    ports[2],
  ]]);
  const rows = metadata.topics.map(({ partitions }) =>
    partitions.map((row) => [row.partitionIndex, row.errorCode, row.leaderId, row.replicaNodes])
  );
  assertEquals(rows, [[[0, 0, 0, [0]], [1, 0, 7, [7]], [3, 0, 0, [0]]], [[2, 5, -1, [7, 0]]]]);
  assertEquals(errorCode(told.responses[0]!.partitionResponses[0]!.errorCode).name, "UNKNOWN_TOPIC_OR_PARTITION");
});

Deno.test("EmbeddedCluster.listen() refuses ids of brokers that are none", async () => {
  await assertRejects(() => EmbeddedCluster.listen({ brokers: [] }), RangeError, "number of brokers");
  await assertRejects(() => EmbeddedCluster.listen({ brokers: [1, 1] }), RangeError, "[1, 1]");
  await assertRejects(() => EmbeddedCluster.listen({ brokers: [-1] }), RangeError, "[-1]");
});

Deno.test("EmbeddedCluster.batches() tells how producers put records together", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 2 } });
  await produce(cluster, 1, { partition: 1, values: ["a", "b"], producerId: 4n });
  await produce(cluster, 1, { partition: 1, values: ["c"], producerId: 4n, sequence: 2 });
  await produce(cluster, 1, { values: ["d"] });

  const batches = cluster.batches("t");

  const rows = batches.map((batch) => [batch.partition, batch.baseOffset, batch.recordCount, batch.baseSequence]);
  assertEquals(rows, [[0, 0n, 1, -1], [1, 0n, 2, 0], [1, 2n, 1, 2]]);
  assertEquals(cluster.batches("t", 1)[0], {
    topic: "t",
    partition: 1,
    baseOffset: 0n,
    recordCount: 2,
    sizeBytes: 77,
    isCompressed: false,
    producerId: 4n,
    producerEpoch: 0,
    baseSequence: 0,
    leaderEpoch: 0,
  });
  assertThrows(() => cluster.batches("u"), RangeError, 'no topic "u"');
});

Deno.test("EmbeddedCluster.stop() without an id stops all brokers, and start() starts them with their records", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 3, topics: { t: 3 }, replication: 3 });
  await produce(cluster, 1, { values: ["kept"] });
  using client = await RawClient.connect(cluster.bootstrap[2]!);

  await cluster.stop();
  const told = await client.receive();
  for (const address of cluster.bootstrap) {
    await assertRejects(() => RawClient.connect(address), Deno.errors.ConnectionRefused);
  }
  await cluster.start();

  assertEquals([told, cluster.connectionCount()], ["closed", 0]);
  assertEquals((await leaders(cluster, 2)).map(([error]) => error), ["NONE", "NONE", "NONE"]);
  assertEquals(cluster.records("t").map((record) => record.text()), ["kept"]);
});

Deno.test("EmbeddedCluster.removeBroker() hands records over and closes the broker's port", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { t: 2 } });
  await produce(cluster, 2, { partition: 1, values: ["kept"] });
  using client = await RawClient.connect(cluster.bootstrap[1]!);
  const [, address] = cluster.bootstrap;

  await cluster.removeBroker(2);

  assertEquals([await client.receive(), cluster.bootstrap.length], ["closed", 1]);
  await assertRejects(() => RawClient.connect(address!), Deno.errors.ConnectionRefused);
  assertEquals((await askMetadata(cluster, 1)).brokers.map(({ nodeId }) => nodeId), [1]);
  assertEquals(await produce(cluster, 1, { partition: 1 }), 1n);
  await assertRejects(() => cluster.removeBroker(2), RangeError, "the ids are 1");
  await assertRejects(() => cluster.removeBroker(1), TypeError, "it is the last");
  assertEquals(await cluster.addBroker(), 3);
});

Deno.test("EmbeddedCluster.addBroker() takes an id and a port", async () => {
  await using cluster = await EmbeddedCluster.listen();
  const spare = await EmbeddedCluster.listen();
  const port = Number(spare.bootstrap[0]!.split(":")[1]);
  await spare[Symbol.asyncDispose]();

  const id = await cluster.addBroker({ id: 9, port });

  assertEquals([id, cluster.bootstrap[1]], [9, `127.0.0.1:${port}`]);
  assertEquals(await cluster.addBroker(), 10);
  await assertRejects(() => cluster.addBroker({ id: 9 }), RangeError, "there is one");
  await assertRejects(() => cluster.addBroker({ id: -1 }), RangeError, "that is no id");
});

Deno.test("EmbeddedCluster.advertise() tells clients another address until it is taken back", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { t: 1 } });
  const advertised = async () => (await askMetadata(cluster, 2)).brokers.map(({ host, port }) => `${host}:${port}`);
  cluster.moveLeader("t", 0, 2);

  cluster.advertise(2, "kafka.example:9092");

  using client = await RawClient.connect(cluster.bootstrap[0]!);
  const { nodeEndpoints } = await client.ask("Produce", 10, produceBody({}));
  assertEquals(await advertised(), [cluster.bootstrap[0], "kafka.example:9092"]);
  assertEquals(nodeEndpoints.map(({ host, port }) => `${host}:${port}`), ["kafka.example:9092"]);
  cluster.advertise(2, null);
  assertEquals(await advertised(), cluster.bootstrap);
  assertThrows(() => cluster.advertise(5, null), RangeError, "broker 5");
});

Deno.test("EmbeddedCluster.failNext() fails as many requests as told, then none", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 2 } });
  cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS", 2);
  cluster.failNext("Produce", "KAFKA_STORAGE_ERROR", 1, { topic: "t", partition: 1 });

  const told = [];
  for (const partition of [0, 1, 0, 1, 1]) told.push(await produce(cluster, 1, { partition }));

  assertEquals(told, ["NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS", 0n, "KAFKA_STORAGE_ERROR", 0n]);
  assertEquals(cluster.requests("Produce"), 5);
  assertThrows(() => cluster.failNext("Produce", "NO_SUCH"), RangeError, "NO_SUCH");
  assertThrows(() => cluster.failNext("Produce", "NONE", 0), RangeError, "times");
});

Deno.test("EmbeddedCluster.failNext() counts a request once however many partitions it has", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 2 } });
  cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS");
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  const partitionData = [0, 1].map((index) => ({ index, records: craftBatch() }));
  const body = { acks: 1, timeoutMs: 1_000, topicData: [{ name: "t", partitionData }] };

  const answers = [await client.ask("Produce", 9, body), await client.ask("Produce", 9, body)];

  const codes = answers.map(({ responses }) => responses[0]!.partitionResponses.map((row) => row.errorCode));
  assertEquals(codes, [[19, 19], [0, 0]]);
});

Deno.test("EmbeddedCluster.failNext() appends before errors that come after the append", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  cluster.failNext("Produce", "REQUEST_TIMED_OUT");
  cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS_AFTER_APPEND");

  const told = [await produce(cluster, 1), await produce(cluster, 1), await produce(cluster, 1)];

  assertEquals(told, ["REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS_AFTER_APPEND", 2n]);
});

Deno.test("EmbeddedCluster.failNext() concerns every api", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  cluster.failNext("InitProducerId", "COORDINATOR_LOAD_IN_PROGRESS");
  cluster.failNext("Metadata", "TOPIC_AUTHORIZATION_FAILED");
  cluster.failNext("ApiVersions", "UNSUPPORTED_VERSION");
  using client = await RawClient.connect(cluster.bootstrap[0]!);

  const initProducerId = await client.ask("InitProducerId", 1, { transactionalId: null, transactionTimeoutMs: 1 });
  const metadata = await client.ask("Metadata", 1, { topics: [{ name: "t" }] });
  const apiVersions = await client.ask("ApiVersions", 0, {});

  assertEquals([initProducerId.errorCode, metadata.topics[0]!.errorCode, apiVersions.errorCode], [14, 29, 35]);
});

Deno.test("EmbeddedCluster.delay() makes requests wait, of one api or of all", async () => {
  const timers = new ManualTimers();
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, timers });
  cluster.delay(30);
  cluster.delay(0, "Metadata");
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  await client.ask("Metadata", 9, { topics: [] });

  const answer = client.ask("Produce", 9, produceBody({ timestamp: 0 }));
  while (timers.pendingCount === 0) await settled();
  const inMs = timers.nextInMs;
  await timers.advance(30);
  await answer;

  assertEquals([inMs, cluster.records("t").length], [30, 1]);
});

Deno.test("EmbeddedCluster.intercept() may change a request and its answer until it is disposed of", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 2 } });
  const seen: [number, number, string | null][] = [];
  {
    using _hook = cluster.intercept("Produce", async (request, next) => {
      seen.push([request.brokerId, request.version, request.clientId]);
      const topicData = request.body.topicData.map((topic) => {
        return { ...topic, partitionData: topic.partitionData.map((data) => ({ ...data, index: 1 })) };
      });
      const answer = await next({ ...request, body: { ...request.body, topicData } });
      const responses = answer.responses.map((topic) => {
        return { ...topic, partitionResponses: topic.partitionResponses.map((row) => ({ ...row, baseOffset: 77n })) };
      });
      return { ...answer, responses };
    });

    assertEquals(await produce(cluster, 1), 77n);
  }

  assertEquals(await produce(cluster, 1), 0n);
  assertEquals(seen, [[1, 9, "raw"]]);
  assertEquals(cluster.records("t").map(({ partition }) => partition), [0, 1]);
});

Deno.test("EmbeddedCluster.intercept() asks the interceptor registered last first", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const order: string[] = [];
  using _first = cluster.intercept("Produce", (request, next) => (order.push("first"), next(request)));
  using _last = cluster.intercept("Produce", (request, next) => (order.push("last"), next(request)));

  await produce(cluster, 1);

  assertEquals(order, ["last", "first"]);
});

Deno.test("EmbeddedCluster.intercept() may end the connection or say nothing", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  {
    using _hook = cluster.intercept("Produce", () => "silent");
    await client.send("Produce", 9, produceBody({}));
    await client.ask("Metadata", 9, { topics: [] });
  }
  using _hook = cluster.intercept("Produce", () => "close");

  const told = await client.request("Produce", 9, produceBody({}));

  assertEquals(told, "closed");
  assertEquals([cluster.requests("Produce"), cluster.requests()], [2, 3]);
  assertEquals(cluster.records("t"), []);
});

Deno.test("EmbeddedCluster.intercept() may never answer, and the cluster ends all the same", async () => {
  const cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  cluster.intercept("Produce", () => new Promise(() => {}));
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  await client.send("Produce", 9, produceBody({}));
  while (cluster.requests("Produce") === 0) await settled();

  await cluster[Symbol.asyncDispose]();

  assertEquals(await client.receive(), "closed");
});

Deno.test("EmbeddedCluster[Symbol.asyncDispose]() rejects with what an interceptor threw", async () => {
  const cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  cluster.intercept("Produce", () => {
    throw new Error("mistake of the test");
  });
  const told = await produce(cluster, 1);

  const error = await assertRejects(() => cluster[Symbol.asyncDispose](), AggregateError);

  assertEquals(told, "closed");
  assert(error.cause instanceof Error && error.cause.message === "mistake of the test");
});

Deno.test("EmbeddedCluster closes the connection for an error with acks 0, and only then", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  await client.send("Produce", 9, produceBody({ acks: 0 }));
  await client.ask("Metadata", 9, { topics: [] });

  const told = await client.request("Produce", 9, produceBody({ acks: 0, partition: 5 }));

  assertEquals([told, cluster.records("t").length], ["closed", 1]);
});

Deno.test("EmbeddedCluster creates topics on demand only when told to", async () => {
  await using strict = await EmbeddedCluster.listen();
  await using lenient = await EmbeddedCluster.listen({ autoCreateTopics: true, defaultPartitions: 2 });

  const told = [];
  for (const cluster of [strict, strict, lenient, lenient]) {
    told.push((await askMetadata(cluster, 1, "made")).topics.map((row) => [row.errorCode, row.partitions.length])[0]);
  }

  assertEquals(told, [[3, 0], [3, 0], [3, 0], [0, 2]]);
  assertEquals(lenient.records("unknown so far"), []);
});

Deno.test("EmbeddedCluster.deleteRecords() and forgetProducers() do what time does to a log", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  await produce(cluster, 1, { producerId: 1n, values: ["a", "b", "c"] });

  cluster.deleteRecords("t", 0, 2n);
  const remembered = await produce(cluster, 1, { producerId: 1n, sequence: 9 });
  cluster.forgetProducers();

  assertEquals(cluster.records("t").map((record) => record.text()), ["c"]);
  assertEquals([remembered, await produce(cluster, 1, { producerId: 1n, sequence: 9 })], [
    "OUT_OF_ORDER_SEQUENCE_NUMBER",
    3n,
  ]);
});

Deno.test("EmbeddedCluster keeps retentionBytes of each partition", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, retentionBytes: 2_500 });

  for (let i = 0; i < 4; i++) await produce(cluster, 1, { values: [`${i}`.padEnd(1_000)] });

  assertEquals(cluster.records("t").map((record) => record.text().trim()), ["2", "3"]);
});

Deno.test("EmbeddedCluster acts as an older broker when told its versions", async () => {
  await using cluster = await EmbeddedCluster.listen({
    topics: { t: 1 },
    versions: { Produce: [3, 7], InitProducerId: null },
  });
  using client = await RawClient.connect(cluster.bootstrap[0]!);

  const { apiKeys } = await client.ask("ApiVersions", 3, { clientSoftwareName: "x", clientSoftwareVersion: "1" });

  assertEquals(apiKeys.filter(({ apiKey }) => apiKey === 0 || apiKey === 22), [
    { apiKey: 0, minVersion: 0, maxVersion: 7 },
  ]);
  assertEquals([await produce(cluster, 1, { version: 7 }), await produce(cluster, 1, { version: 8 })], [0n, "closed"]);
});

Deno.test("EmbeddedCluster acts as a release of Kafka", async (t) => {
  // Those before have tests of their own: old_releases_test.ts.
  const releases: Partial<Record<KafkaRelease, [produce: number, metadata: number]>> = {
    "0.11": [3, 4],
    "1.1": [5, 5],
    "2.0": [6, 6],
    "2.8": [9, 11],
    "3.9": [11, 12],
    "4.3": [12, 13], // 13 of Produce names topics by id
  };
  for (const [release, expected] of Object.entries(releases)) {
    await t.step(release, async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, versions: release as KafkaRelease });
      using client = await RawClient.connect(cluster.bootstrap[0]!);

      const { apiKeys } = await client.ask("ApiVersions", 0, {});

      const lastOf = (key: number) => apiKeys.find(({ apiKey }) => apiKey === key)!.maxVersion;
      assertEquals([Math.min(lastOf(0), 12), lastOf(3)], expected);
      assertEquals(await produce(cluster, 1, { version: expected[0] }), 0n);
    });
  }
  await assertRejects(() => EmbeddedCluster.listen({ versions: "0.7" as KafkaRelease }), RangeError, "2.8");
});

Deno.test("CreateTopics takes max.message.bytes, and refuses what is no size", async () => {
  await using cluster = await EmbeddedCluster.listen();
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  const asked = (name: string, value: string) => {
    const configs = [{ name: "retention.ms", value: "-1" }, { name: "max.message.bytes", value }];
    return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs };
  };

  const topics = [asked("small", "100"), asked("negative", "-1"), asked("text", "many"), asked("huge", "2147483648")];
  const answer = await client.ask("CreateTopics", 7, { topics, timeoutMs: 5_000 });
  const topicData = [{
    name: "small",
    partitionData: [{ index: 0, records: craftBatch({ values: ["x".repeat(100)] }) }],
  }];
  const { responses } = await client.ask("Produce", 9, { acks: -1, timeoutMs: 5_000, topicData });

  const INVALID_CONFIG = 40;
  const MESSAGE_TOO_LARGE = 10;
  assertEquals(answer.topics.map(({ errorCode }) => errorCode), [0, INVALID_CONFIG, INVALID_CONFIG, INVALID_CONFIG]);
  assertEquals(responses[0]!.partitionResponses[0]!.errorCode, MESSAGE_TOO_LARGE);
});
