import { assertEquals, assertGreater } from "@std/assert";
import type { Lane } from "../../src/producer/lane.ts";
import { Outbox, type OutboxContext } from "../../src/producer/outbox.ts";
import { resolveOptions } from "../../src/options.ts";
import { platformTimers } from "../../src/timers.ts";
import { rig, texts, until } from "./rig.ts";

Deno.test("Outbox sends no batch that was given up while it was taken", async () => {
  await using both = await rig({ topics: { t: 1 } });
  await both.producer.send("t", "first");

  for (let ticks = 0; ticks < 20; ticks++) {
    const controller = new AbortController();
    const sent = both.producer.send("t", `v${ticks}`, { signal: controller.signal }).catch(() => null);
    for (let i = 0; i < ticks; i++) await null;
    controller.abort();
    await sent;
    await both.producer.flush();
  }

  assertEquals(both.producer.info("t")[0]?.inFlightRequests, 0);
  await both.producer.send("t", "last");
  assertEquals(texts(both.cluster.records("t")).at(-1), "last");
});

Deno.test("Lane tells of doubt when a record is refused by name after its batch may have been appended", async () => {
  await using both = await rig({ topics: { t: 1 } });
  let count = 0;
  using _hook = both.cluster.intercept("Produce", async (request, next) => {
    const response = await next(request);
    if (count++ === 0) return "close";
    const responses = response.responses.map((topic) => ({
      ...topic,
      partitionResponses: topic.partitionResponses.map((partition) => ({
        ...partition,
        errorCode: count === 2 ? 87 : partition.errorCode,
        baseOffset: count === 2 ? -1n : partition.baseOffset,
        recordErrors: count === 2 ? [{ batchIndex: 0, batchIndexErrorMessage: null }] : [],
      })),
    }));
    return { ...response, responses };
  });

  const error = await both.producer.send("t", ["a", "b"]).catch((error) => error);

  assertEquals(error.outcomes.map((each: { error?: { verdict: string } }) => each.error?.verdict), [
    "possiblyPersisted",
    undefined,
  ]);
});

Deno.test("Outbox leaves a connection that takes no more requests while an answer is under way on it", async () => {
  await using r = await rig({ brokers: 1, topics: { t: 1 } }, { metadataMaxAgeMs: 10 });
  await r.producer.send("t", "first");
  const gate = Promise.withResolvers<void>();
  let isHeld = false;
  using _hook = r.cluster.intercept("Produce", async (request, next) => {
    if (!isHeld) {
      isHeld = true;
      await gate.promise;
    }
    return await next(request);
  });
  const held = r.producer.send("t", "held");
  await until(() => isHeld);

  // The same broker by another name: the connection by the old one is to end with the answer under way.
  r.cluster.advertise(1, r.cluster.bootstrap[0]!.replace("127.0.0.1", "localhost"));
  await until(() => r.producer.info("t")[0]!.address!.startsWith("localhost"));
  const next = r.producer.send("t", "next");
  await until(() => true); // A turn of the event loop comes although a batch waits for another connection.
  gate.resolve();

  await Promise.all([held, next]);
  assertEquals(texts(r.cluster.records("t")), ["first", "held", "next"]);
});

Deno.test("Outbox lets go of a lane whose partition has no leader while the broker is still connected", async () => {
  await using r = await rig({ brokers: 1, topics: { t: 1 } }, { metadataMaxAgeMs: 10 });
  await r.producer.send("t", "first");
  let isLeaderless = true;
  using _metadata = r.cluster.intercept("Metadata", async (request, next) => {
    const response = await next(request);
    if (!isLeaderless) return response;
    const partitionsOf = (topic: typeof response.topics[number]) =>
      topic.partitions.map((partition) => ({ ...partition, errorCode: 5, leaderId: -1 }));
    return { ...response, topics: response.topics.map((topic) => ({ ...topic, partitions: partitionsOf(topic) })) };
  });
  using _produce = r.cluster.intercept("Produce", async (request, next) => {
    const response = await next(request);
    if (!isLeaderless) return response;
    const answer = (partition: typeof response.responses[number]["partitionResponses"][number]) => ({
      ...partition,
      errorCode: 6,
      baseOffset: -1n,
    });
    return {
      ...response,
      responses: response.responses.map((topic) => ({
        ...topic,
        partitionResponses: topic.partitionResponses.map(answer),
      })),
    };
  });

  // It may have been appended, and is to be sent again: to nobody, for now. That the topic is down then wakes its lanes.
  const sent = r.producer.send("t", "second");
  await until(() => r.producer.info("t")[0]!.broker === null);
  await until(() => true); // A turn of the event loop comes.
  isLeaderless = false;

  assertEquals((await sent).partition, 0);
  assertEquals(texts(r.cluster.records("t")), ["first", "second"]);
});

Deno.test("Outbox leaves the process to others also when a lane offers what it may not send, again and again", async () => {
  const connection = { isClosed: false, closed: new Promise<void>(() => {}), version: () => 13, address: "nowhere:1" };
  const outbox = new Outbox(
    {
      cluster: { addressOf: () => null, connection: () => Promise.resolve(connection) },
      producer: resolveOptions({ bootstrap: "nowhere:1" }),
      timers: platformTimers,
      emit: () => {},
    } as unknown as OutboxContext,
    1,
    0,
  );
  let looks = 0;
  const lane = {
    acks: "all",
    outbox: null,
    setUp: () => {},
    turn: () => ({ type: "resend", sent: { batch: { outgoing: { byteLength: 1 } } } }),
    maySend: () => false,
    wake: () => void looks++,
  } as unknown as Lane;
  outbox.add(lane);
  await outbox.connect();

  await new Promise((resolve) => setTimeout(resolve, 5)); // Comes only if the microtasks end.
  outbox.close();

  assertGreater(looks, 100);
});
