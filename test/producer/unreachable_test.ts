import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { ConnectionError, type DeliveryError, Producer, type ProducerOptions } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { heard, QUICK, rig, texts, until } from "./rig.ts";
import { scriptedBroker } from "../scripted_broker.ts";

/** Two addresses of this machine where nobody listens. */
function closedPorts(): string[] {
  return [1, 2].map(() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return `127.0.0.1:${listener.addr.port}`;
  });
}

function producerFor(bootstrap: string[], options: Partial<ProducerOptions> = {}): [Producer, string[]] {
  const warnings: string[] = [];
  const logger = { warn: (message: string) => void warnings.push(message) };
  return [new Producer({ bootstrap, logger, ...QUICK, ...options }), warnings];
}

for (const call of ["prepare", "metadata", "pick"] as const) {
  Deno.test(`${call}() rejects after one failed round, naming each address and reason`, async () => {
    const bootstrap = closedPorts();
    const [producer] = producerFor(bootstrap);

    const error = await producer[call]("t").catch((error) => error);
    await producer.close();

    assertInstanceOf(error, ConnectionError);
    for (const address of bootstrap) assertStringIncludes(error.message, address);
    assert(error.message.match(/refused/gi)!.length >= 2, error.message);
    assertEquals(error.retriable, true);
  });
}

Deno.test("send() rejects at its time-out with the ConnectionError as cause", async () => {
  const bootstrap = closedPorts();
  const [producer] = producerFor(bootstrap);
  await producer.prepare("t").catch(() => {}); // The first round is over, however slow the machine.

  const error = await producer.send("t", "a", { timeoutMs: 15 }).catch((error) => error) as DeliveryError;
  const many = await producer.send("t", ["a", "b"], { timeoutMs: 15 }).catch((error) => error) as DeliveryError;
  await producer.close();

  for (const each of [error, many]) {
    assertEquals([each.name, each.verdict, each.attempts], ["DeliveryError", "notPersisted", 0]);
    assertInstanceOf(each.cause, ConnectionError);
    assertStringIncludes(each.message, bootstrap[0]!);
  }
});

Deno.test("send() that waits for room rejects at its time-out with the ConnectionError as cause", async () => {
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  const [producer] = producerFor(closedPorts(), sizes);
  await producer.prepare("t").catch(() => {});
  await producer.enqueue("t", Array.from({ length: 5 }, () => "x".repeat(900)));

  const error = await producer.send("t", "x".repeat(900), { timeoutMs: 10 }).catch((error) => error) as DeliveryError;
  await producer.abort();

  assertEquals([error.name, error.verdict], ["DeliveryError", "notPersisted"]);
  assertInstanceOf(error.cause, ConnectionError);
});

Deno.test("send() that its signal ends at a closed port has the signal's reason as cause", async () => {
  const [producer] = producerFor(closedPorts());
  const signal = AbortSignal.timeout(10);

  const error = await producer.send("t", "a", { signal }).catch((error) => error) as DeliveryError;
  await producer.close();

  assertEquals([error.name, error.verdict], ["DeliveryError", "notPersisted"]);
  assert(error.cause === signal.reason);
});

Deno.test("enqueue() and writable() keep waiting, one warning is logged and events tell", async () => {
  const [producer, warnings] = producerFor(closedPorts());
  const rounds = heard(producer, "bootstrapunreachable");
  const writer = producer.writable("t").getWriter();
  writer.closed.catch(() => {});

  const enqueued = await producer.enqueue("t", "a");
  await writer.write(["b", "c"]);
  const closed = writer.close().catch((error) => error);
  await until(() => rounds.length >= 3);
  const failures = await producer.abort("over");

  assertEquals(enqueued, { partition: null, buffered: 1 });
  assertEquals(texts(failures.map(({ record }) => record)), ["a", "b", "c"]);
  assertEquals(
    failures.map(({ partition, error }) => [partition, error.verdict]),
    Array(3).fill([null, "notPersisted"]),
  );
  assertEquals([(await closed).name, (await closed).cause], ["DeliveryError", "over"]);
  assertEquals(warnings.length, 1);
  assertEquals((rounds[0] as { addresses: string[] }).addresses.length, 2);
});

Deno.test("a producer that found nobody delivers what waited once a broker comes", async () => {
  const [address] = closedPorts();
  const [producer] = producerFor([address!]);
  const writer = producer.writable("t").getWriter();
  await producer.enqueue("t", "a");
  await writer.write(["b", "c"]);

  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, ports: [Number(address!.split(":")[1])] });
  await writer.close();
  await producer.close();

  assertEquals(texts(cluster.records("t")), ["a", "b", "c"]);
});

Deno.test("a producer uses any bootstrap address that answers", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const [producer] = producerFor([closedPorts().join(","), ...r.cluster.bootstrap]);

  await producer.send("t", "a");
  await producer.close();

  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("close() of a producer that found nobody rejects at closeTimeoutMs with outcomes", async () => {
  const [producer] = producerFor(closedPorts(), { closeTimeoutMs: 10 });
  await producer.enqueue("t", ["a", "b"]);

  const error = await producer.close().catch((error) => error) as DeliveryError;

  assertEquals([error.name, error.verdict], ["DeliveryError", "notPersisted"]);
  assertEquals(error.outcomes!.map((outcome) => outcome.error && outcome.record.text()), ["a", "b"]);
});

/** More records than a function call takes arguments. */
const VERY_MANY = Array.from({ length: 150_000 }, () => "a");

Deno.test("close() names the outcomes of very many records", async () => {
  const [producer] = producerFor(closedPorts(), { closeTimeoutMs: 10 });
  await producer.enqueue("t", VERY_MANY);

  const error = await producer.close().catch((error) => error) as DeliveryError;

  assertEquals([error.name, error.outcomes?.length], ["DeliveryError", VERY_MANY.length]);
});

/** All of them may be in one batch, and of one call. */
const ONE_BATCH = { batchMaxRecords: VERY_MANY.length, batchMaxBytes: 4_000_000, requestMaxBytes: 8_000_000 };

Deno.test("abort() names the outcomes of very many records of one batch", async () => {
  const [producer] = producerFor(closedPorts(), ONE_BATCH);
  await producer.enqueue("t", VERY_MANY);

  const failures = await producer.abort();

  assertEquals(failures.length, VERY_MANY.length);
});

Deno.test('overflow "dropOldest" settles very many records of one batch', async () => {
  const options = { overflow: "dropOldest", downtimeMaxRecords: VERY_MANY.length } as const;
  const [producer] = producerFor(closedPorts(), { ...ONE_BATCH, ...options });
  await producer.enqueue("t", VERY_MANY);

  await producer.enqueue("t", VERY_MANY);

  const [{ failed, bufferedRecords } = { failed: 0, bufferedRecords: 0 }] = producer.stats().topics;
  assertEquals([failed, bufferedRecords], [VERY_MANY.length, VERY_MANY.length]);
  await producer.abort();
});

Deno.test("a peer that does not speak Kafka is named, and send() fails", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of listener) {
      await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")).catch(() => {});
      conn.close();
    }
  })();
  const [producer] = producerFor([`127.0.0.1:${(listener.addr as Deno.NetAddr).port}`]);

  const error = await producer.prepare("t").catch((error) => error);
  await producer.close();
  listener.close();
  await serving;

  assertInstanceOf(error, ConnectionError);
  assertStringIncludes(error.message, "HTTP");
});

Deno.test("a huge frame length from a broker ends its connection, not the process", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      open.push(conn);
      await conn.write(new Uint8Array([0x7f, 0xff, 0xff, 0xff, 1, 2, 3])).catch(() => {});
    }
  })();
  const [producer] = producerFor([`127.0.0.1:${(listener.addr as Deno.NetAddr).port}`]);

  const error = await assertRejects(() => producer.prepare("t"), ConnectionError);
  await producer.close();
  listener.close();
  for (const conn of open) conn.close();
  await serving;

  assertStringIncludes(error.message, "2147483647");
});

Deno.test("a broker without permission to be dialed fails its records at once, naming the flag", async () => {
  const refused = () =>
    Promise.reject(new Deno.errors.NotCapable('Requires net access to "a:1", run again with the --allow-net flag'));
  const connect = scriptedBroker({}, { accept: refused });
  const [producer] = producerFor(["a:1"], { connect });

  const error = await producer.send("t", "x").catch((error) => error) as DeliveryError;
  await producer.close();

  assertInstanceOf(error.cause, ConnectionError);
  assertEquals(error.cause.retriable, false);
  assertStringIncludes(error.message, "--allow-net=a:1");
});

Deno.test("a leader that cannot be dialed is named with the address that advertised it", async () => {
  await using r = await rig({ brokers: 2, topics: { t: 2 } }, {});
  const metadata = await r.producer.metadata("t");
  const lost = metadata.brokers.find(({ id }) => id === 2)!;
  const [producer] = producerFor([r.cluster.bootstrap[0]!], {
    connect: async (to, options) => {
      if (to.port === lost.port) throw new Error("no route");
      const { denoTransport } = await import("../../src/net/transport.ts");
      return await denoTransport(to, options);
    },
  });
  const still = heard(producer, "lanestilldown");
  const partition = metadata.partitions.find(({ leader }) => leader === 2)!.partition;

  const error = await producer.prepare("t").catch((error) => error);
  await producer.enqueue("t", { value: "", partition });
  await until(() => still.length > 0);
  await producer.abort();

  assertInstanceOf(error, ConnectionError);
  for (const message of [error.message, (still[0] as { cause: Error }).cause.message]) {
    assertStringIncludes(message, `broker 2 at ${lost.host}:${lost.port} (advertised by ${r.cluster.bootstrap[0]})`);
    assertStringIncludes(message, "no route");
  }
});
