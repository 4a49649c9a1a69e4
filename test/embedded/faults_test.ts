import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EmbeddedCluster, type FailureTarget, type Fault } from "../../src/embedded/mod.ts";
import { settled } from "../manual_timers.ts";
import { craftBatch } from "./crafted_batch.ts";
import { RawClient } from "./raw_client.ts";

const PRODUCE_VERSION = 9;

function body({ partition = 0, acks = -1, topic = "t" } = {}) {
  const partitionData = [{ index: partition, records: craftBatch() }];
  return { acks, timeoutMs: 1_000, topicData: [{ name: topic, partitionData }] };
}

/** All bytes until the connection ends, asked for with one Produce request. */
async function bytesOf(cluster: EmbeddedCluster, acks = -1): Promise<Uint8Array> {
  using sender = await RawClient.connect(cluster.bootstrap[0]!);
  await sender.send("Produce", PRODUCE_VERSION, body({ acks }));
  return await sender.receiveAll();
}

Deno.test("EmbeddedCluster.failNext() lets an answer break off after so many bytes", async (t) => {
  for (const bytes of [0, 3, 4, 7, 20, 10_000]) {
    await t.step(`${bytes} bytes`, async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
      using client = await RawClient.connect(cluster.bootstrap[0]!);
      const whole = await wholeAnswer(client);
      cluster.failNext("Produce", { fault: "partialFrame", bytes });

      const received = await bytesOf(cluster);

      assertEquals(received.length, Math.min(bytes, whole));
      assertEquals(cluster.records("t").length, 2);
    });
  }
});

/** How many bytes the answer to a Produce request has, with its size. */
async function wholeAnswer(client: RawClient): Promise<number> {
  await client.send("Produce", PRODUCE_VERSION, body());
  const frame = await client.receive();
  return frame === "closed" ? 0 : frame.length + 4;
}

Deno.test("EmbeddedCluster.failNext() says nothing more after a partial frame that is to be silent", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  cluster.failNext("Produce", { fault: "partialFrame", bytes: 7, then: "silent" });
  await client.send("Produce", PRODUCE_VERSION, body());
  await client.send("Produce", PRODUCE_VERSION, body());
  await cluster.waitFor("t", 1);
  await settled();

  const received = client.receiveAll();
  await cluster.stop();

  assertEquals([(await received).length, cluster.requests("Produce"), cluster.records("t").length], [7, 1, 1]);
});

Deno.test("EmbeddedCluster.failNext() answers with another correlation id", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  const ids: (number | string)[] = [];
  cluster.failNext("Produce", { fault: "wrongCorrelationId" });
  cluster.failNext("Produce", { fault: "wrongCorrelationId", correlationId: 77 });

  for (let i = 0; i < 3; i++) {
    await client.send("Produce", PRODUCE_VERSION, body());
    const frame = await client.receive();
    ids.push(frame === "closed" ? frame : new DataView(frame.buffer, frame.byteOffset).getInt32(0));
  }

  assertEquals(ids, [0x5eed_0001, 77, 3]);
  assertEquals(cluster.records("t").length, 3);
});

Deno.test("EmbeddedCluster.failNext() sends any bytes instead of an answer", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const bytes = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
  cluster.failNext("Produce", { fault: "rawBytes", bytes });

  const received = await bytesOf(cluster);

  assertEquals([new TextDecoder().decode(received), cluster.records("t").length], [
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    0,
  ]);
});

Deno.test("EmbeddedCluster.failNext() loses the request, or only its answer", async (t) => {
  const faults: [fault: Fault, recordCount: number][] = [
    ["close", 0],
    [{ fault: "close" }, 0],
    [{ fault: "close", handled: true }, 1],
  ];
  for (const [fault, recordCount] of faults) {
    await t.step(JSON.stringify(fault), async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
      cluster.failNext("Produce", fault);

      const received = await bytesOf(cluster);

      assertEquals([received.length, cluster.records("t").length], [0, recordCount]);
    });
  }
});

Deno.test("EmbeddedCluster.failNext() leaves a client waiting and answers its later requests", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  cluster.failNext("Produce", { fault: "silent", handled: true });
  await client.send("Produce", PRODUCE_VERSION, body());

  const { brokers } = await client.ask("Metadata", 9, { topics: [] });

  assertEquals([brokers.length, cluster.records("t").length], [1, 1]);
});

Deno.test("EmbeddedCluster.failNext() heeds the topic, partition and broker of a fault", async (t) => {
  const cases: [target: FailureTarget, isHit: boolean][] = [
    [{}, true],
    [{ topic: "t" }, true],
    [{ topic: "u" }, false],
    [{ topic: "t", partition: 1 }, true],
    [{ partition: 0 }, false],
    [{ broker: 2 }, true],
    [{ broker: 1 }, false],
  ];
  for (const [target, isHit] of cases) {
    for (const failure of ["close", "KAFKA_STORAGE_ERROR"]) {
      await t.step(`${failure} ${JSON.stringify(target)}`, async () => {
        await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { t: 2 } });
        using client = await RawClient.connect(cluster.bootstrap[1]!);
        cluster.failNext("Produce", failure, 1, target);

        const answer = await client.request("Produce", PRODUCE_VERSION, body({ partition: 1 }));

        const told = answer === "closed" ? "close" : answer.responses[0]!.partitionResponses[0]!.errorCode;
        assertEquals(told, isHit ? failure === "close" ? "close" : 56 : 0);
      });
    }
  }
});

Deno.test("EmbeddedCluster.failNext() finds the topics of every api, by name and by id", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const address = cluster.bootstrap[0]!;
  using client = await RawClient.connect(address);
  const { topicId } = (await client.ask("Metadata", 12, { topics: [{ name: "t" }] })).topics[0]!;
  const listed = { topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1n }] }] };
  const fetched = [{ topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 }] }];
  const created = [{ name: "t", numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }];
  const partitionData = [{ index: 0, records: craftBatch() }];
  const asks = {
    Produce: (raw: RawClient) =>
      raw.request("Produce", 13, { acks: -1, timeoutMs: 1, topicData: [{ topicId, partitionData }] }),
    Fetch: (raw: RawClient) => raw.request("Fetch", 13, { maxWaitMs: 0, minBytes: 0, topics: fetched }),
    ListOffsets: (raw: RawClient) => raw.request("ListOffsets", 5, { replicaId: -1, ...listed }),
    Metadata: (raw: RawClient) => raw.request("Metadata", 12, { topics: [{ name: null, topicId }] }),
    CreateTopics: (raw: RawClient) => raw.request("CreateTopics", 5, { topics: created, timeoutMs: 1 }),
  };
  for (const [api, ask] of Object.entries(asks)) {
    using _other = cluster.failNext(api as keyof typeof asks, "close", Infinity, { topic: "u" });
    using untouched = await RawClient.connect(address);
    assert(await ask(untouched) !== "closed", api);
    using _this = cluster.failNext(api as keyof typeof asks, "close", Infinity, { topic: "t" });
    using touched = await RawClient.connect(address);
    assertEquals(await ask(touched), "closed", api);
  }
});

Deno.test("EmbeddedCluster.failNext() is taken back when what it returns is disposed of", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  const codes: number[] = [];
  const ask = async () => {
    const { responses } = await client.ask("Produce", PRODUCE_VERSION, body());
    codes.push(responses[0]!.partitionResponses[0]!.errorCode);
  };

  {
    using _failing = cluster.failNext("Produce", "NOT_ENOUGH_REPLICAS", Infinity);
    await ask();
    await ask();
  }
  await ask();

  assertEquals(codes, [19, 19, 0]);
});

Deno.test("EmbeddedCluster.failNext() refuses faults that make no sense", async () => {
  await using cluster = await EmbeddedCluster.listen();
  const fault = (given: unknown) => given as Fault;

  assertThrows(() => cluster.failNext("Produce", "clos"), RangeError, "clos");
  assertThrows(() => cluster.failNext("Produce", fault({ fault: "x" })), TypeError, 'no fault "x"');
  assertThrows(() => cluster.failNext("Produce", { fault: "partialFrame", bytes: -1 }), RangeError, "bytes");
});

Deno.test("EmbeddedCluster.failNext() does with acks 0 what can be seen without an answer", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  cluster.failNext("Produce", { fault: "wrongCorrelationId" });
  await client.send("Produce", PRODUCE_VERSION, body({ acks: 0 }));
  await client.ask("Metadata", 9, { topics: [] });
  cluster.failNext("Produce", { fault: "partialFrame", bytes: 7 });

  const received = await bytesOf(cluster, 0);

  assertEquals([received.length, cluster.records("t").length], [0, 2]);
});

Deno.test("EmbeddedCluster.intercept() may let an answer go wrong, of a request carried out once", async (t) => {
  for (const callsNext of [true, false]) {
    await t.step(callsNext ? "after next()" : "without next()", async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
      using _hook = cluster.intercept("Produce", async (request, next) => {
        if (callsNext) await next(request);
        return { fault: "partialFrame", bytes: 9 };
      });

      const received = await bytesOf(cluster);

      assertEquals([received.length, cluster.records("t").length], [9, 1]);
    });
  }
});

Deno.test("EmbeddedCluster.intercept() lets a fault of the one registered before pass, unless it is caught", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  using _before = cluster.intercept("Produce", () => "close");
  using _passing = cluster.intercept(
    "Produce",
    async (request, next) => ({ ...await next(request), throttleTimeMs: 5 }),
  );
  const passed = await bytesOf(cluster);
  using _catching = cluster.intercept("Produce", (request, next) => next(request).catch(() => ({ responses: [] })));
  using client = await RawClient.connect(cluster.bootstrap[0]!);

  const caught = await client.request("Produce", PRODUCE_VERSION, body());

  assertEquals([passed.length, caught], [0, { responses: [], throttleTimeMs: 0, nodeEndpoints: [] }]);
});

Deno.test("EmbeddedCluster.intercept() that returns no fault there is ends the cluster with an error", async () => {
  const cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  cluster.intercept("Produce", () => ({ fault: "x" }) as unknown as Fault);

  const received = await bytesOf(cluster);

  assertEquals(received.length, 0);
  await assertRejects(() => cluster[Symbol.asyncDispose](), AggregateError);
});
