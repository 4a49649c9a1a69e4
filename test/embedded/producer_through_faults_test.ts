/**
 * What the faults are for: a producer that meets them delivers each record once, and in order.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Producer } from "../../mod.ts";
import { EmbeddedCluster, type Fault, FaultProxy } from "../../src/embedded/mod.ts";

const VALUES = ["a", "b", "c"];

function producerOf(bootstrap: string | readonly string[]): Producer {
  return new Producer({ bootstrap, retryBackoffMs: { initial: 1, max: 10 }, requestTimeoutMs: 6_000, logger: null });
}

async function sendAll(producer: Producer): Promise<void> {
  for (const value of VALUES) await producer.send("t", value);
}

const faults: Readonly<Record<string, Fault>> = {
  "no answer, request lost": "close",
  "no answer, request carried out": { fault: "close", handled: true },
  "a size that breaks off": { fault: "partialFrame", bytes: 3 },
  "an answer that breaks off": { fault: "partialFrame", bytes: 20 },
  "another correlation id": { fault: "wrongCorrelationId" },
  "HTTP": { fault: "rawBytes", bytes: new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n") },
  "a size of 2 GiB": { fault: "rawBytes", bytes: new Uint8Array([0x7f, 0xff, 0xff, 0xff]), then: "silent" },
};

Deno.test("Producer delivers once and in order past a fault of its broker", async (t) => {
  for (const [name, fault] of Object.entries(faults)) {
    await t.step(name, async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
      await using producer = producerOf(cluster.bootstrap);
      await producer.prepare("t");
      cluster.failNext("Produce", fault);
      cluster.failNext("Metadata", fault);

      await sendAll(producer);

      assertEquals(cluster.records("t").map((record) => record.text()), VALUES);
    });
  }
});

const spoilings: Readonly<Record<string, (proxy: FaultProxy) => unknown>> = {
  "cut on its way there": (proxy) => proxy.cut({ direction: "toBroker", afterBytes: 30 }),
  "cut on its way back": (proxy) => proxy.cut({ afterBytes: 12 }),
  "reset on its way back": (proxy) => proxy.cut({ afterBytes: 0, end: "reset" }),
  "reset": (proxy) => proxy.reset(),
  "closed": (proxy) => proxy.closeConnections(),
};

Deno.test("Producer delivers once and in order past a spoilt connection", async (t) => {
  for (const [name, spoil] of Object.entries(spoilings)) {
    await t.step(name, async () => {
      await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
      await using proxy = await FaultProxy.listen({ to: cluster.bootstrap[0]! });
      cluster.advertise(1, proxy.address);
      await using producer = producerOf(proxy.address);
      await producer.prepare("t");
      spoil(proxy);

      await sendAll(producer);

      assertEquals(cluster.records("t").map((record) => record.text()), VALUES);
    });
  }
});

Deno.test("Producer uses the partitions that there are, gaps and all", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: [4, 9], topics: { t: { partitions: [0, 1, 3] } } });
  await using producer = producerOf(cluster.bootstrap);

  const { partitions } = await producer.prepare("t");
  const deliveries = await Promise.all(
    Array.from({ length: 30 }, (_, i) => producer.send("t", { key: `${i}`, value: "" })),
  );

  assertEquals(partitions.map(({ partition }) => partition), [0, 1, 3]);
  assertEquals([...new Set(deliveries.map(({ partition }) => partition))].sort(), [0, 1, 3]);
});

Deno.test("Producer goes on when its broker is removed, and when all come back", async () => {
  await using cluster = await EmbeddedCluster.listen({ brokers: 2, topics: { t: 1 } });
  await using producer = producerOf(cluster.bootstrap);
  await producer.send("t", "a");

  await cluster.removeBroker(1);
  await producer.send("t", "b");
  await cluster.stop();
  const sending = producer.send("t", "c");
  await cluster.start();
  await sending;

  assertEquals(cluster.records("t").map((record) => record.text()), VALUES);
});
