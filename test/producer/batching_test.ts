import { assert, assertEquals } from "@std/assert";
import type { ProducerOptions } from "@ekaf/ekaf";
import { errorCodeByName } from "../../protocol/error_codes.ts";
import { readBatchHeader, splitBatches } from "../../protocol/record_batch_reader.ts";
import { resolveOptions } from "../../src/options.ts";
import { ProducerCore } from "../../src/producer/producer_core.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { numbered } from "./rig.ts";
import { type ScriptedAnswer, scriptedBroker } from "../scripted_broker.ts";

/** A producer with hand-driven time, and a broker in memory that notes the size of each batch. */
class Bench {
  readonly timers = new ManualTimers();
  /** Records of each batch that came, in order. */
  readonly batches: number[] = [];
  /** Bytes of each. */
  readonly batchBytes: number[] = [];
  /** While true, Produce requests are not answered. */
  isStalled = false;
  readonly core: ProducerCore;
  #answers: (() => void)[] = [];

  constructor(options: Partial<ProducerOptions>) {
    const connect = scriptedBroker({
      Metadata: () => ({
        brokers: [{ nodeId: 1, host: "a", port: 1, rack: null }],
        controllerId: 1,
        topics: [{
          errorCode: 0,
          name: "t",
          topicId: "AAAAAAAAAAAAAAAAAAAAAQ",
          partitions: [{
            errorCode: 0,
            partitionIndex: 0,
            leaderId: 1,
            leaderEpoch: 0,
            replicaNodes: [1],
            isrNodes: [1],
          }],
        }],
      }),
      InitProducerId: () => ({ throttleTimeMs: 0, errorCode: 0, producerId: 1n, producerEpoch: 0 }),
      Produce: ({ topicData }) => this.#produce(topicData[0]!),
    });
    const resolved = resolveOptions({ bootstrap: "a:1", connect, logger: null, ...options });
    this.core = new ProducerCore(resolved, () => {}, this.timers);
  }

  /** The topic, connected and confirmed by one delivered record. */
  static async ready(options: Partial<ProducerOptions>): Promise<Bench> {
    const bench = new Bench(options);
    const first = bench.core.topic("t").send("first");
    await bench.timers.advance(0);
    await first;
    bench.batches.length = bench.batchBytes.length = 0;
    return bench;
  }

  async enqueue(...values: string[]): Promise<void> {
    for (const value of values) await this.core.topic("t").enqueue(value);
    await settled();
  }

  /** Answers every request that waits. */
  async answer(): Promise<void> {
    for (const answer of this.#answers.splice(0)) answer();
    await settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.core.abort("over");
    await this.timers.advance(0);
  }

  async #produce(
    { name, topicId, partitionData }: {
      name: string;
      topicId: string;
      partitionData: readonly { index: number; records: Uint8Array | null }[];
    },
  ): Promise<ScriptedAnswer<"Produce">> {
    const { index, records } = partitionData[0]!;
    for (const batch of splitBatches(records!)) {
      this.batches.push(readBatchHeader(batch).recordCount);
      this.batchBytes.push(batch.length);
    }
    if (this.isStalled) await new Promise<void>((resolve) => this.#answers.push(resolve));
    const { code } = errorCodeByName("NONE");
    const answer = { index, errorCode: code, baseOffset: 0n, logAppendTimeMs: -1n, logStartOffset: 0n };
    return { responses: [{ name, topicId, partitionResponses: [answer] }], throttleTimeMs: 0 };
  }
}

Deno.test("a batch is sealed at batchMaxRecords", async () => {
  await using bench = await Bench.ready({ lingerMs: 60_000, batchMaxRecords: 10 });

  await bench.enqueue(...numbered("", 25));

  assertEquals(bench.batches, [10, 10]);
  await bench.core.flush(undefined);
  assertEquals(bench.batches, [10, 10, 5]);
});

Deno.test("a batch is sealed when the next record would make it larger than batchMaxBytes", async () => {
  await using bench = await Bench.ready({ lingerMs: 60_000, batchMaxBytes: 1_000 });

  await bench.enqueue(...numbered("", 20).map((value) => value.padEnd(100)));

  assertEquals(bench.batches, [8, 8]);
  assert(bench.batchBytes.every((bytes) => bytes <= 1_000 && bytes > 900), `${bench.batchBytes} bytes`);
});

Deno.test("lingerMs counts from the first record of a batch", async () => {
  await using bench = await Bench.ready({ lingerMs: 100 });

  await bench.enqueue("a");
  await bench.timers.advance(60);
  await bench.enqueue("b");
  await bench.timers.advance(39);
  const before = [...bench.batches];
  await bench.timers.advance(1);

  assertEquals([before, bench.batches], [[], [2]]);
});

Deno.test("lingerMs 0 sends at the end of the task", async () => {
  await using bench = await Bench.ready({ lingerMs: 0 });

  for (const value of numbered("", 5)) bench.core.topic("t").enqueue(value);
  await settled();

  assertEquals(bench.batches, [5]);
});

Deno.test("idleMs counts from the last record of a batch", async () => {
  await using bench = await Bench.ready({ lingerMs: 1_000, idleMs: 50 });

  await bench.enqueue("a");
  await bench.timers.advance(40);
  await bench.enqueue("b");
  await bench.timers.advance(49);
  const before = [...bench.batches];
  await bench.timers.advance(1);

  assertEquals([before, bench.batches], [[], [2]]);
});

Deno.test("lingerMs bounds what idleMs puts off", async () => {
  await using bench = await Bench.ready({ lingerMs: 100, idleMs: 50 });

  for (let i = 0; i < 6; i++) {
    await bench.enqueue("a");
    await bench.timers.advance(20);
  }

  assertEquals(bench.batches, [5]);
});

Deno.test("lingerMs auto sends at the end of the task while nothing is in flight", async () => {
  await using bench = await Bench.ready({});

  for (const value of numbered("", 7)) bench.core.topic("t").enqueue(value);
  await settled();

  assertEquals(bench.batches, [7]);
});

Deno.test("lingerMs auto waits for the answer to the request under way, at most 5 ms", async () => {
  await using bench = await Bench.ready({});
  bench.isStalled = true;
  await bench.enqueue("a");

  await bench.enqueue("b", "c");
  const whileStalled = [...bench.batches];
  bench.isStalled = false;
  await bench.answer();
  const afterAnswer = [...bench.batches];
  bench.isStalled = true;
  await bench.enqueue("d");
  await bench.enqueue("e", "f");
  await bench.timers.advance(4);
  const after4Ms = [...bench.batches];
  await bench.timers.advance(1);
  bench.isStalled = false;
  await bench.answer();

  assertEquals([whileStalled, afterAnswer], [[1], [1, 2]]);
  assertEquals([after4Ms, bench.batches], [[1, 2, 1], [1, 2, 1, 2]]);
});

Deno.test("a due batch grows while the window is full", async () => {
  await using bench = await Bench.ready({ maxInFlight: 1 });
  bench.isStalled = true;
  const topic = bench.core.topic("t");
  const sends = [topic.send("a")];
  await settled();

  for (const value of numbered("", 6)) {
    sends.push(topic.send(value));
    await settled();
  }
  bench.isStalled = false;
  await bench.answer();
  await Promise.all(sends);

  assertEquals(bench.batches, [1, 6]);
});

Deno.test("send() with flush false waits for lingerMs", async () => {
  await using bench = await Bench.ready({ lingerMs: 100 });

  const sent = bench.core.topic("t").send("a", { flush: false });
  await bench.timers.advance(99);
  const before = [...bench.batches];
  await bench.timers.advance(1);
  await sent;

  assertEquals([before, bench.batches], [[], [1]]);
});

Deno.test("send() with lingerMs waits for company so long, and takes along what was there", async () => {
  await using bench = await Bench.ready({ lingerMs: 100 });
  await bench.enqueue("a");
  await bench.timers.advance(50);

  const sent = bench.core.topic("t").send("b", { lingerMs: 20 });
  await bench.timers.advance(19);
  const before = [...bench.batches];
  await bench.timers.advance(1);
  await sent;

  assertEquals([before, bench.batches], [[], [2]]);
});

Deno.test("lingerMs of a call puts off neither the topic's nor that of a call before it", async () => {
  await using bench = await Bench.ready({ lingerMs: 100 });

  for (const lingerMs of [Infinity, 1_000, 30, 50]) await bench.core.topic("t").enqueue("a", { lingerMs });
  await bench.timers.advance(30);
  const asked = [...bench.batches];
  for (const lingerMs of [1_000, Infinity]) await bench.core.topic("t").enqueue("b", { lingerMs });
  await bench.timers.advance(99);
  const before = [...bench.batches];
  await bench.timers.advance(1);

  assertEquals([asked, before, bench.batches], [[4], [4], [4, 2]]);
});

Deno.test("lingerMs of a call ends with its batch", async () => {
  await using bench = await Bench.ready({ lingerMs: 100, batchMaxRecords: 2 });

  for (const value of ["a", "b"]) bench.core.topic("t").enqueue(value, { lingerMs: 10 });
  await bench.enqueue("c");
  await bench.timers.advance(99);
  const before = [...bench.batches];
  await bench.timers.advance(1);

  assertEquals([before, bench.batches], [[2], [2, 1]]);
});

Deno.test("lingerMs 0 of a call sends at once, as flush does; flush true leaves a longer one without meaning", async () => {
  await using bench = await Bench.ready({ lingerMs: 60_000 });

  await bench.core.topic("t").send("a", { lingerMs: 0 });
  await bench.core.topic("t").send("b", { lingerMs: 1_000, flush: true });

  assertEquals(bench.batches, [1, 1]);
});

Deno.test("lingerMs of a call makes due what waited for partitions", async () => {
  await using bench = new Bench({ lingerMs: 60_000 });

  await bench.core.topic("t").enqueue("a", { lingerMs: 1_000 });
  await bench.timers.advance(0);

  assertEquals(bench.batches, [1]);
});

Deno.test("send() makes due what was enqueued before it", async () => {
  await using bench = await Bench.ready({ lingerMs: 60_000 });
  await bench.enqueue("a", "b");

  await bench.core.topic("t").send("c");

  assertEquals(bench.batches, [3]);
});

Deno.test("lingerMs counts for records that waited for partitions", async () => {
  await using bench = new Bench({ lingerMs: 100 });

  await bench.enqueue("a", "b");
  await bench.timers.advance(99);
  const before = [...bench.batches];
  await bench.timers.advance(2);

  assertEquals([before, bench.batches], [[], [2]]);
});

Deno.test("deliveryTimeoutMs ends what waits, and what is in flight", async () => {
  await using bench = await Bench.ready({ lingerMs: 60_000, deliveryTimeoutMs: 1_000 });
  bench.isStalled = true;
  const topic = bench.core.topic("t");
  const inFlight = topic.send("a").catch((error) => error);
  await settled();
  const waiting = topic.send("b", { flush: false }).catch((error) => error);

  await bench.timers.advance(1_000);
  const errors = [await inFlight, await waiting];
  bench.isStalled = false;
  await bench.answer();

  assertEquals(errors.map(({ verdict, cause }) => [verdict, cause.name]), [
    ["possiblyPersisted", "TimeoutError"],
    ["notPersisted", "TimeoutError"],
  ]);
  assertEquals(bench.batches, [1]);
});

Deno.test("send() gives up after 120 s by itself, enqueue() never", async () => {
  await using bench = await Bench.ready({ lingerMs: 1e6, metadataMaxAgeMs: 1e6 });
  const topic = bench.core.topic("t");
  const sent = topic.send("a", { flush: false }).catch((error: Error) => error.name);
  await bench.enqueue("b");

  await bench.timers.advance(119_999);
  const before = topic.lanes.info()[0]!.failed;
  await bench.timers.advance(1);
  const name = await sent;
  await bench.timers.advance(500_000);

  assertEquals([before, name, topic.lanes.info()[0]!.failed], [0, "DeliveryError", 1]);
  assertEquals(topic.lanes.info()[0]!.bufferedRecords, 1);
});

Deno.test("no timer is left when a producer closes", async () => {
  const bench = await Bench.ready({ lingerMs: 100, idleMs: 50 });
  await bench.enqueue("a");

  const closed = bench.core.close();
  await bench.timers.advance(0);
  await closed;

  assertEquals(bench.timers.pendingCount, 0);
});

Deno.test("no timer keeps the process alive while nothing is accepted and unsettled", async () => {
  await using bench = await Bench.ready({ deliveryTimeoutMs: 1_000 });

  await bench.core.topic("t").send("a");
  await settled();

  assertEquals(bench.timers.refCount, 0);
});

Deno.test("Topic.configure() changes lingerMs for batches opened from then on", async () => {
  await using bench = await Bench.ready({ lingerMs: 100 });

  await bench.enqueue("a");
  bench.core.topic("t").configure({ lingerMs: 20 });
  await bench.enqueue("b");
  await bench.timers.advance(99);
  const before = [...bench.batches];
  await bench.timers.advance(1);
  await bench.enqueue("c");
  await bench.timers.advance(19);
  const between = [...bench.batches];
  await bench.timers.advance(1);

  assertEquals([before, between, bench.batches], [[], [2], [2, 1]]);
});

Deno.test("Topic.configure() leaves an open batch its lingerMs when it turns to auto, and back", async () => {
  await using bench = await Bench.ready({ lingerMs: 100 });

  await bench.enqueue("a");
  bench.core.topic("t").configure({ lingerMs: "auto" });
  await bench.enqueue("b");
  await bench.timers.advance(50);
  const waiting = [...bench.batches];
  await bench.timers.advance(50);
  await bench.enqueue("c"); // at once: nothing is under way
  const auto = [...bench.batches];
  bench.core.topic("t").configure({ lingerMs: undefined });
  await bench.enqueue("d");

  assertEquals([waiting, auto, bench.batches], [[], [2, 1], [2, 1]]);
});

Deno.test("Topic.configure() changes idleMs for batches opened from then on", async () => {
  await using bench = await Bench.ready({ lingerMs: 1_000, idleMs: 50 });

  await bench.enqueue("a");
  bench.core.topic("t").configure({ idleMs: 10 });
  await bench.timers.advance(20);
  await bench.enqueue("b");
  await bench.timers.advance(49);
  const before = [...bench.batches];
  await bench.timers.advance(1);
  await bench.enqueue("c");
  await bench.timers.advance(10);

  assertEquals([before, bench.batches], [[], [2, 1]]);
});
