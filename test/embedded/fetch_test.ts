import { assertEquals } from "@std/assert";
import type { ResponseOf } from "../../protocol/apis.ts";
import { platformTimers, type Timers } from "../../src/timers.ts";
import { EmbeddedCluster } from "../../src/embedded/mod.ts";
import { ManualTimers, settled } from "../manual_timers.ts";
import { craftBatch } from "./crafted_batch.ts";
import { RawClient } from "./raw_client.ts";

async function listen(timers: Timers): Promise<EmbeddedCluster> {
  return await EmbeddedCluster.listen({ topics: { t: 2 }, timers });
}

function fetch(client: RawClient, minBytes: number, maxWaitMs: number): Promise<ResponseOf<"Fetch">> {
  const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 100_000 }));
  return client.ask("Fetch", 11, { maxWaitMs, minBytes, topics: [{ topic: "t", partitions }] });
}

async function produce(cluster: EmbeddedCluster, partition: number): Promise<void> {
  using client = await RawClient.connect(cluster.bootstrap[0]!);
  const partitionData = [{ index: partition, records: craftBatch({ timestamp: 0 }) }];
  await client.ask("Produce", 9, { acks: 1, timeoutMs: 1_000, topicData: [{ name: "t", partitionData }] });
}

function byteCounts(answer: ResponseOf<"Fetch">): (number | undefined)[] {
  return answer.responses[0]!.partitions.map(({ records }) => records?.length);
}

/** Waits until the broker has got `count` requests of any kind. */
async function untilAsked(cluster: EmbeddedCluster, count: number): Promise<void> {
  while (cluster.requests() < count) await settled();
}

Deno.test("Fetch waits for the first bytes without looking again and again", async () => {
  let timerCount = 0;
  const timers: Timers = { ...platformTimers, set: (callback, ms) => (timerCount++, platformTimers.set(callback, ms)) };
  await using cluster = await listen(timers);
  using reader = await RawClient.connect(cluster.bootstrap[0]!);
  const answer = fetch(reader, 1, 60_000);
  await untilAsked(cluster, 1);

  await produce(cluster, 1);

  assertEquals(byteCounts(await answer), [0, craftBatch().length]);
  assertEquals(timerCount, 1);
});

Deno.test("Fetch waits until there are minBytes", async () => {
  await using cluster = await listen(platformTimers);
  using reader = await RawClient.connect(cluster.bootstrap[0]!);
  const batchBytes = craftBatch().length;
  const answer = fetch(reader, 2 * batchBytes, 60_000);
  await untilAsked(cluster, 1);

  await produce(cluster, 0);
  await produce(cluster, 1);

  assertEquals(byteCounts(await answer), [batchBytes, batchBytes]);
});

Deno.test("Fetch answers with nothing once maxWaitMs have passed", async () => {
  const timers = new ManualTimers();
  await using cluster = await listen(timers);
  using reader = await RawClient.connect(cluster.bootstrap[0]!);
  const answer = fetch(reader, 1, 500);
  await untilAsked(cluster, 1);

  await timers.advance(500);

  assertEquals(byteCounts(await answer), [0, 0]);
  assertEquals(timers.pendingCount, 0);
});

Deno.test("Fetch that waits leaves no timer behind when its broker stops", async () => {
  const timers = new ManualTimers();
  await using cluster = await listen(timers);
  {
    using reader = await RawClient.connect(cluster.bootstrap[0]!);
    const answer = fetch(reader, 1, 500).catch(() => {});
    await untilAsked(cluster, 1);
    await cluster.stop(1);
    await answer;
  }

  assertEquals(timers.pendingCount, 0);
});

Deno.test("Fetch gives one batch however small the limit, and of the others what fits", async () => {
  await using cluster = await listen(platformTimers);
  await produce(cluster, 0);
  await produce(cluster, 1);
  using reader = await RawClient.connect(cluster.bootstrap[0]!);
  const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 10 }));

  const answer = await reader.ask("Fetch", 11, { maxWaitMs: 0, minBytes: 1, topics: [{ topic: "t", partitions }] });

  assertEquals(byteCounts(answer), [craftBatch().length, 0]);
});
