import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import {
  BufferFullError,
  type DeliveryError,
  type DeliveryFailure,
  type Overflow,
  Producer,
  type ProducerOptions,
} from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { resolveOptions } from "../../src/options.ts";
import { ProducerCore } from "../../src/producer/producer_core.ts";
import { SeededRandom } from "../protocol/seeded_random.ts";
import { heard, holdProduce, numbered, QUICK, rig, texts, until } from "./rig.ts";

/** A port where nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A producer for a port where nobody listens yet, and what starts a broker there. */
function downed(options: Partial<ProducerOptions>, partitions = 1): {
  producer: Producer;
  lost: string[];
  start: () => Promise<EmbeddedCluster>;
} {
  const port = closedPort();
  const producer = new Producer({ bootstrap: `127.0.0.1:${port}`, logger: null, ...QUICK, ...options });
  const lost: string[] = [];
  producer.addEventListener("deliveryfailed", ({ detail }) => {
    for (const { record, error } of detail.failures()) {
      assertEquals(error.verdict, "notPersisted");
      assertInstanceOf(error.cause, BufferFullError);
      lost.push(record.text());
    }
  });
  return {
    producer,
    lost,
    start: () => EmbeddedCluster.listen({ topics: { t: partitions }, ports: [port] }),
  };
}

const TEN = numbered("", 10);
const KEPT: Record<"dropOldest" | "dropNewest", string[]> = { dropOldest: TEN.slice(5), dropNewest: TEN.slice(0, 5) };
const CALLS = {
  "one call of ten": async (producer: Producer) => void await producer.enqueue("t", TEN),
  "ten calls": async (producer: Producer) => {
    for (const value of TEN) await producer.enqueue("t", value);
  },
  "ten calls at once": async (producer: Producer) =>
    void await Promise.all(TEN.map((value) => producer.enqueue("t", value))),
};

for (const overflow of ["dropOldest", "dropNewest"] as const) {
  for (const [name, enqueue] of Object.entries(CALLS)) {
    Deno.test(`overflow "${overflow}" keeps downtimeMaxRecords 5 of ten exactly (${name})`, async () => {
      const { producer, lost, start } = downed({ overflow, downtimeMaxRecords: 5 });
      const full = heard(producer, "downtimefull");

      await enqueue(producer);
      await using cluster = await start();
      await producer.flush();
      await producer.close();

      assertEquals(texts(cluster.records("t")), KEPT[overflow]);
      assertEquals(lost.toSorted(), TEN.filter((value) => !KEPT[overflow].includes(value)));
      assertEquals(full.length, 1);
      assertEquals([full[0]!.records, full[0]!.policy], [5, overflow]);
    });
  }

  Deno.test(`overflow "${overflow}" tells send() of a dropped record with its own error`, async () => {
    const { producer, start } = downed({ overflow, downtimeMaxRecords: 5 });
    const outcomes = Promise.all(TEN.map((value) => producer.send("t", value).catch((error) => error)));
    const many = producer.send("t", numbered("x", 6)).catch((error) => error);
    await new Promise((resolve) => setTimeout(resolve, 15));
    await using cluster = await start();
    const settled = await outcomes as (DeliveryError & { offset: bigint })[];
    const failed = await many as DeliveryError;
    await producer.abort();

    for (const [i, outcome] of settled.entries()) {
      if (outcome.offset !== undefined) continue;
      assertEquals([outcome.name, outcome.verdict, outcome.attempts], ["DeliveryError", "notPersisted", 0]);
      assertInstanceOf(outcome.cause, BufferFullError);
      assert(!texts(cluster.records("t")).includes(TEN[i]!));
    }
    const stored = texts(cluster.records("t"));
    assertEquals(stored.length, 5);
    assertEquals(failed.verdict, "notPersisted");
    assertEquals(
      failed.outcomes!.map((outcome) => outcome.error === undefined),
      numbered("x", 6).map((value) => stored.includes(value)),
    );
  });

  Deno.test(`overflow "${overflow}" gives every record of a delivery() its outcome, in order`, async () => {
    const { producer, lost, start } = downed({ overflow, downtimeMaxRecords: 5 });

    const outcomes = Array.fromAsync(ReadableStream.from([TEN]).pipeThrough(producer.delivery("t")));
    await new Promise((resolve) => setTimeout(resolve, 15));
    await using cluster = await start();
    const settled = await outcomes;
    await producer.close();

    const dropped = settled.map((outcome) => outcome.error !== undefined);
    assertEquals(dropped, TEN.map((value) => !KEPT[overflow].includes(value)));
    const failures = settled.filter((outcome): outcome is DeliveryFailure => outcome.error !== undefined);
    assertEquals(texts(failures.map(({ record }) => record)), TEN.filter((_, i) => dropped[i]));
    assertEquals(texts(cluster.records("t")), KEPT[overflow]);
    assertEquals(lost, []);
  });

  Deno.test(`overflow "${overflow}" does not end a writable(), which closes when the rest is there`, async () => {
    const { producer, lost, start } = downed({ overflow, downtimeMaxRecords: 5 });

    const piped = ReadableStream.from(TEN).pipeTo(producer.writable("t"));
    await until(() => lost.length === 5);
    await using cluster = await start();
    await piped;
    await producer.close();

    assertEquals(texts(cluster.records("t")), KEPT[overflow]);
  });

  Deno.test(`overflow "${overflow}" keeps within partitionMaxBytes, and drops nothing under way`, async () => {
    await using r = await rig({ topics: { t: 1 } }, {
      overflow,
      partitionMaxBytes: 10_000,
      batchMaxBytes: 2_000,
      maxInFlight: 1,
    });
    await r.producer.send("t", "warm");
    const failures = heard(r.producer, "deliveryfailed");
    const release = holdProduce(r.cluster);
    const values = numbered("", 400).map((value) => value.padStart(100, "."));

    for (const value of values) await r.producer.enqueue("t", value);
    const [info] = r.producer.info("t");
    release();
    await r.producer.flush();

    assert(info!.bufferedBytes <= 10_000, `${info!.bufferedBytes} bytes`);
    assert(info!.bufferedBytes > 9_000, `${info!.bufferedBytes} bytes`);
    const stored = texts(r.cluster.records("t")).slice(1);
    const lost = failures.flatMap((detail) =>
      texts((detail.failures as () => DeliveryFailure[])().map((f) => f.record))
    );
    assertEquals([...stored, ...lost].toSorted(), values);
    assertEquals(stored, stored.toSorted());
    if (overflow === "dropOldest") assertEquals(stored.at(-1), values.at(-1));
    else assertEquals(stored, values.slice(0, stored.length));
    assertEquals(r.producer.info("t")[0]!.bufferedBytes, 0);
  });
}

Deno.test('overflow "dropOldest" drops the oldest of all partitions, whatever partition the new record is for', async () => {
  const port = closedPort();
  const cluster = await EmbeddedCluster.listen({ topics: { t: 3 }, ports: [port] });
  const bootstrap = `127.0.0.1:${port}`;
  const producer = new Producer({ bootstrap, logger: null, ...QUICK, overflow: "dropOldest", downtimeMaxRecords: 4 });
  await Promise.all([0, 1, 2].map((partition) => producer.send("t", { value: "warm", partition })));
  await cluster.stop(1);
  await until(() => producer.info("t").every(({ state }) => state !== "up"));
  const records = TEN.map((value, i) => ({ value, partition: [0, 1, 2, 2, 1, 0, 1, 2, 0, 0][i]! }));

  for (const record of records) await producer.enqueue("t", record);
  await until(() => producer.info("t").every(({ state }) => state === "down"));
  await cluster.start(1);
  await producer.flush();
  await producer.close();

  assertEquals(texts(cluster.records("t")).filter((text) => text !== "warm").toSorted(), TEN.slice(6));
  await cluster[Symbol.asyncDispose]();
});

Deno.test('overflow "reject" refuses whole calls past downtimeMaxRecords, and nothing of them is ever sent', async () => {
  const { producer, start } = downed({ overflow: "reject", downtimeMaxRecords: 5 });
  const full = heard(producer, "downtimefull");

  const accepted: string[] = [];
  for (const value of TEN) await producer.enqueue("t", value).then(() => accepted.push(value), () => {});
  const error = await assertRejects(() => producer.enqueue("t", "one"), BufferFullError);
  await assertRejects(() => producer.send("t", ["two", "three"]), BufferFullError);
  await using cluster = await start();
  await producer.close();

  assertEquals(accepted, TEN.slice(0, 5));
  assertEquals(texts(cluster.records("t")), accepted);
  assertStringIncludes(error.message, "downtimeMaxRecords");
  assertEquals(full.length, 1);
});

Deno.test('overflow "reject" decides on calls made at once when it is known whether a broker answers', async () => {
  const { producer, start } = downed({ overflow: "reject", downtimeMaxRecords: 5 });

  const settled = await Promise.allSettled(TEN.map((value) => producer.enqueue("t", value)));
  await using cluster = await start();
  await producer.close();

  assertEquals(settled.filter(({ status }) => status === "fulfilled").length, 5);
  for (const each of settled) if (each.status === "rejected") assertInstanceOf(each.reason, BufferFullError);
  assertEquals(texts(cluster.records("t")), TEN.slice(0, 5));
});

for (const overflow of ["wait", "reject", "dropOldest", "dropNewest"] as const satisfies Overflow[]) {
  Deno.test(`downtimeMaxRecords does not matter while brokers answer, overflow "${overflow}"`, async () => {
    await using r = await rig({ topics: { t: 1 } }, { overflow, downtimeMaxRecords: 5 });

    await r.producer.send("t", TEN);
    await Promise.all(TEN.map((value) => r.producer.send("t", value)));

    assertEquals(texts(r.cluster.records("t")), [...TEN, ...TEN]);
  });
}

Deno.test('overflow "wait" lets calls past downtimeMaxRecords wait, in order, until a broker answers', async () => {
  const { producer, start } = downed({ downtimeMaxRecords: 5 });
  const full = heard(producer, "downtimefull");
  let acceptedCount = 0;

  const calls = TEN.map((value) => producer.enqueue("t", value).then(() => acceptedCount++));
  await until(() => full.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 15));
  const acceptedWhileDown = acceptedCount;
  await using cluster = await start();
  await Promise.all(calls);
  await producer.close();

  assertEquals(acceptedWhileDown, 5);
  assertEquals(texts(cluster.records("t")), TEN);
  assertEquals(full, [{ topic: "t", records: 5, bytes: full[0]!.bytes, dropped: 0, policy: "wait" }]);
});

Deno.test('overflow "wait" lets one waiting call in for each record that is over before its time', async () => {
  const { producer, start } = downed({ downtimeMaxRecords: 2 });
  const first = producer.send("t", "first", { timeoutMs: 15 }).catch((error) => error);
  await producer.enqueue("t", "second");
  const third = producer.enqueue("t", "third");

  const error = await first as DeliveryError;
  await third;
  await using cluster = await start();
  await producer.close();

  assertEquals(error.verdict, "notPersisted");
  assertEquals(texts(cluster.records("t")), ["second", "third"]);
});

Deno.test("a waiting call can be given up by its signal, and is never sent", async () => {
  const { producer, start } = downed({ downtimeMaxRecords: 1 });
  await producer.enqueue("t", "kept");
  const reason = new Error("enough");

  const enqueued = producer.enqueue("t", "x", { signal: AbortSignal.timeout(10) }).catch((error) => error);
  const controller = new AbortController();
  const sent = producer.send("t", "y", { signal: controller.signal }).catch((error) => error);
  controller.abort(reason);
  const [timedOut, aborted] = await Promise.all([enqueued, sent]);
  await using cluster = await start();
  await producer.close();

  assertEquals(timedOut.name, "TimeoutError");
  assertEquals([aborted.verdict, aborted.cause], ["notPersisted", reason]);
  assertEquals(texts(cluster.records("t")), ["kept"]);
});

Deno.test('overflow "dropOldest" lets go of batches without records through a long downtime', async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
  const bounds = { overflow: "dropOldest", downtimeMaxRecords: 50, batchMaxRecords: 100 } as const;
  for (const isUpFirst of [true, false]) {
    const core = new ProducerCore(
      resolveOptions({ bootstrap: cluster.bootstrap, logger: null, ...QUICK, ...bounds }),
      () => {},
    );
    const topic = core.topic("t");
    if (isUpFirst) await topic.send("warm");
    await cluster.stop(1);
    await until(() => [...topic.lanes.lanes()].every(({ isUp }) => !isUp));
    const values = numbered(`${isUpFirst} `, 3_000);

    let mostBatches = 0;
    for (let i = 0; i < values.length; i += 10) {
      await topic.enqueue(values.slice(i, i + 10));
      if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      for (const { unnumbered } of topic.lanes.sources()) mostBatches = Math.max(mostBatches, unnumbered.length);
    }
    const held = topic.lanes.downtime.held();
    await cluster.start(1);
    await core.close();

    assert(mostBatches <= 10, `${mostBatches} batches`);
    assertEquals(held.records, 50);
    const stored = texts(cluster.records("t")).filter((text) => text.startsWith(String(isUpFirst)));
    assertEquals(stored, values.slice(-50));
  }
});

for (const overflow of ["wait", "reject", "dropOldest", "dropNewest"] as const satisfies Overflow[]) {
  Deno.test(`overflow "${overflow}" settles every record once, as it is in the log, through outages`, async () => {
    await using cluster = await EmbeddedCluster.listen({ brokers: 2, replication: 2, topics: { t: 3 } });
    const core = new ProducerCore(
      resolveOptions({
        bootstrap: cluster.bootstrap,
        logger: null,
        ...QUICK,
        overflow,
        downtimeMaxRecords: 40,
        partitionMaxBytes: 8_000,
        batchMaxBytes: 1_500,
        bufferMaxBytes: 16_000,
      }),
      () => {},
    );
    const topic = core.topic("t");
    const random = new SeededRandom(7);
    const verdicts = new Map<string, string>();
    const pending: Promise<unknown>[] = [];
    let next = 0;
    for (let round = 0; round < 60; round++) {
      if (round % 20 === 5) await Promise.all([1, 2].map((id) => cluster.stop(id)));
      if (round % 20 === 15) await Promise.all([1, 2].map((id) => cluster.start(id)));
      for (let call = 0; call < 10; call++) {
        const values = Array.from(
          { length: 1 + random.below(4) },
          () => `${next++}`.padEnd(5 + random.below(200), "."),
        );
        const inputs = values.map((value) => ({ value, key: random.below(2) === 0 ? value.slice(-2) : null }));
        const options = {
          timeoutMs: random.below(3) === 0 ? 5 : 60_000,
          ...(random.below(5) === 0 ? { signal: AbortSignal.timeout(3) } : {}),
        };
        pending.push(
          topic.send(inputs, options).then(
            (deliveries) => (deliveries as unknown[]).map(() => "delivered"),
            (error) => error.outcomes?.map((outcome: DeliveryFailure) => outcome.error?.verdict ?? "delivered"),
          ).then((outcomes?: string[]) =>
            values.forEach((value, i) => {
              assert(!verdicts.has(value));
              verdicts.set(value, outcomes?.[i] ?? "notPersisted");
            })
          ),
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await Promise.all(pending);
    const held = topic.lanes.downtime.held();
    await core.close();

    const stored = texts(cluster.records("t"));
    assertEquals(new Set(stored).size, stored.length);
    assertEquals([held, verdicts.size], [{ records: 0, bytes: 0 }, next]);
    for (const [value, verdict] of verdicts) {
      if (verdict === "delivered") assert(stored.includes(value), value);
      if (verdict === "notPersisted") assert(!stored.includes(value), value);
    }
    assert([...verdicts.values()].includes("delivered"));
    assert([...verdicts.values()].includes("notPersisted"));
  });
}
