import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { DeliveryError, type DeliveryFailure, Producer, type ProducerRecord } from "@ekaf/ekaf";
import { EmbeddedCluster, type KafkaRelease } from "@ekaf/ekaf/embedded";
import { COMPRESSION_IDS } from "../../protocol/compression.ts";
import { MessageCursor } from "../../protocol/message_set_reader.ts";
import { heard, numbered, QUICK, rig, texts, until } from "./rig.ts";

const OLD: readonly KafkaRelease[] = ["0.8", "0.9", "0.10"];
const ONE_PARTITION = { topics: { t: 1 } };

/** Brokers of 0.9 cannot be found out: they say nothing when asked for their versions. */
function told(versions: KafkaRelease): { protocol: "auto" | "0.9" } {
  return { protocol: versions === "0.9" ? "0.9" : "auto" };
}

/** Keeps the record sets of every Produce request, copied. */
function recordSets(cluster: EmbeddedCluster): Uint8Array[] {
  const sets: Uint8Array[] = [];
  cluster.intercept("Produce", (request, next) => {
    for (const { partitionData } of request.body.topicData) {
      for (const { records } of partitionData) sets.push(records!.slice());
    }
    return next(request);
  });
  return sets;
}

/** The format of a record set. */
function magicOf(set: Uint8Array): number {
  return set[16]!;
}

async function failureOf(sending: Promise<unknown>): Promise<DeliveryError> {
  const error = await assertRejects(() => sending);
  assertInstanceOf(error, DeliveryError);
  return error;
}

for (const versions of OLD) {
  Deno.test(`Producer delivers to Kafka ${versions} with each acks, keys and tombstones`, async () => {
    const records: ProducerRecord[] = [
      { key: "k", value: "keyed" },
      { key: "k", value: null },
      { value: "" },
      { value: new Uint8Array([0, 255]) },
    ];
    for (const acks of ["all", 1, 0] as const) {
      await using rigged = await rig({ ...ONE_PARTITION, versions }, {
        acks,
        protocol: versions === "0.9" ? "0.9" : "auto",
      });

      const deliveries = await rigged.producer.send("t", records);
      const stored = await rigged.cluster.waitFor("t", records.length);

      const offsets = deliveries.map(({ offset }) => offset);
      assertEquals(offsets, acks === 0 ? [null, null, null, null] : [0n, 1n, 2n, 3n]);
      assertEquals(stored.map(({ key, value }) => [key?.length ?? null, value?.length ?? null]), [
        [1, 5],
        [1, null],
        [null, 0],
        [null, 2],
      ]);
      assertEquals(stored.every(({ timestamp }) => timestamp === -1), versions !== "0.10");
      assert(deliveries.every(({ timestamp }) => Math.abs(timestamp - Date.now()) < 60_000));
    }
  });
}

Deno.test("Producer says when it takes a broker for one of 0.8, and that retries may duplicate", async () => {
  await using rigged = await rig({ versions: "0.8" });

  await rigged.producer.send("t", "a");

  const about = (text: string) => rigged.warnings.filter((warning) => warning.includes(text)).length;
  assertEquals([about("spoken to as to Kafka 0.8"), about("retries may duplicate"), rigged.warnings.length], [1, 1, 2]);
});

Deno.test("send() fails records with headers on a broker before 0.11, and delivers the others of the batch in order", async () => {
  for (const versions of OLD) {
    await using rigged = await rig({ ...ONE_PARTITION, versions }, told(versions));
    const headers = { trace: "1" };

    const { outcomes } = await failureOf(
      rigged.producer.send("t", ["a", { value: "b", headers }, "c", { value: "d", headers }, "e"]),
    );

    assertEquals(outcomes!.map(({ error }) => error?.verdict), [
      undefined,
      "notPersisted",
      undefined,
      "notPersisted",
      undefined,
    ]);
    const { error, record } = outcomes![3] as DeliveryFailure;
    const api = { "0.8": 0, "0.9": 1, "0.10": 2 }[versions as "0.8"];
    const reason = `Cannot send headers to broker 1: it is older than Kafka 0.11 (Produce ${api})`;
    assertEquals(error.message, `Cannot deliver to "t" partition 0: ${reason}`);
    assertEquals([record.text(), record.headers[0]![0]], ["d", "trace"]);
    assertEquals(texts(rigged.cluster.records("t")), ["a", "c", "e"]);
  }
});

Deno.test("send() fails a batch of nothing but headers, and delivers the next", async () => {
  await using rigged = await rig({ ...ONE_PARTITION, versions: "0.10" });

  const error = await failureOf(rigged.producer.send("t", { value: "a", headers: { x: null } }));
  const { offset } = await rigged.producer.send("t", "b");

  assertEquals([error.verdict, offset, rigged.cluster.requests("Produce")], ["notPersisted", 0n, 1]);
});

Deno.test("send() fails records with timestamps of their own on a broker before 0.10, and keeps them on 0.10", async () => {
  for (const versions of ["0.8", "0.10"] as const) {
    await using rigged = await rig({ ...ONE_PARTITION, versions });
    const records = ["a", { value: "b", timestamp: 5 }, "c", {
      value: "d",
      headers: { h: "1" },
      timestamp: new Date(6),
    }];

    const { outcomes } = await failureOf(rigged.producer.send("t", records));

    const stored = rigged.cluster.records("t");
    if (versions === "0.10") {
      assertEquals(outcomes!.map(({ error }) => error?.verdict), [undefined, undefined, undefined, "notPersisted"]);
      assertEquals([texts(stored), stored[1]!.timestamp], [["a", "b", "c"], 5]);
    } else {
      assertEquals(outcomes!.map(({ error }) => error?.verdict), [
        undefined,
        "notPersisted",
        undefined,
        "notPersisted",
      ]);
      const messages = outcomes!.map(({ error }) => error?.message ?? "");
      assert(messages[1]!.includes("Cannot send timestamps to broker 1: it is older than Kafka 0.10 (Produce 0)"));
      assert(messages[3]!.includes("Cannot send headers to broker 1"));
      assertEquals(texts(stored), ["a", "c"]);
    }
  }
});

Deno.test("send() of single records knows which have timestamps of their own on a broker before 0.10", async () => {
  await using rigged = await rig({ ...ONE_PARTITION, versions: "0.8" });
  const records = ["a", { value: "b", timestamp: 5 }, "c", { value: "d", timestamp: 5 }];

  const outcomes = await Promise.allSettled(records.map((record) => rigged.producer.send("t", record)));

  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "rejected"]);
  assertEquals(texts(rigged.cluster.records("t")), ["a", "c"]);
});

Deno.test("enqueue() before any broker answers fails later what an old broker cannot take, each record by itself", async () => {
  const port = freePort();
  await using producer = new Producer({ bootstrap: `127.0.0.1:${port}`, ...QUICK, logger: null });
  const failures = heard(producer, "deliveryfailed");
  await producer.enqueue("t", ["a", { value: "b", timestamp: 5 }, "c", { value: "d", headers: { h: "1" } }, "e"]);
  await using cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "0.8", ports: [port] });

  await producer.flush();

  assertEquals(texts(cluster.records("t")), ["a", "c", "e"]);
  assertEquals(failures.reduce((sum, { count }) => sum + (count as number), 0), 2);
});

Deno.test("Producer that must be idempotent fails on a broker before 0.11 and sends nothing", async () => {
  await using rigged = await rig({ versions: "0.10" }, { idempotent: true });

  const error = await failureOf(rigged.producer.send("t", "a"));

  assertEquals([error.verdict, rigged.cluster.requests("Produce")], ["notPersisted", 0]);
});

Deno.test("Producer has one request of a partition under way on an old broker, and keeps the order", async () => {
  await using rigged = await rig({ topics: { t: 2 }, versions: "0.10" }, { batchMaxRecords: 2, lingerMs: 0 });
  const open = new Map<number, number>();
  let most = 0;
  rigged.cluster.intercept("Produce", async (request, next) => {
    const indexes = request.body.topicData.flatMap(({ partitionData }) => partitionData.map(({ index }) => index));
    for (const index of indexes) open.set(index, (open.get(index) ?? 0) + 1);
    most = Math.max(most, ...open.values());
    await new Promise((resolve) => setTimeout(resolve, 1));
    for (const index of indexes) open.set(index, open.get(index)! - 1);
    return await next(request);
  });

  await rigged.producer.send("t", numbered("v", 20).map((value) => ({ value, partition: 1 })));

  assertEquals([most, texts(rigged.cluster.records("t", 1))], [1, numbered("v", 20)]);
});

Deno.test("Producer sends the same bytes again after a refusal of an old broker", async () => {
  for (const versions of OLD) {
    await using rigged = await rig({ ...ONE_PARTITION, versions }, told(versions));
    await rigged.producer.prepare("t");
    const sets = recordSets(rigged.cluster);
    rigged.cluster.failNext("Produce", "NOT_LEADER_OR_FOLLOWER");

    const [delivery] = await rigged.producer.send("t", ["a", { value: "b", headers: { h: "1" } }, "c"]).catch(
      (error) => {
        return (error as DeliveryError).outcomes!;
      },
    );

    assertEquals([sets.length, delivery!.error, "maybeDuplicate" in delivery!], [2, undefined, false]);
    assertEquals(sets[0], sets[1]);
    assertEquals(texts(rigged.cluster.records("t")), ["a", "c"]);
  }
});

Deno.test("Producer tells that a record may be there twice after an unknown outcome on an old broker", async () => {
  await using rigged = await rig({ ...ONE_PARTITION, versions: "0.8" });
  await rigged.producer.prepare("t");
  rigged.cluster.failNext("Produce", { fault: "close", handled: true });

  const delivery = await rigged.producer.send("t", "a");

  assertEquals([delivery.maybeDuplicate, delivery.offset], [true, 1n]);
  assertEquals(texts(rigged.cluster.records("t")), ["a", "a"]);
});

Deno.test("Producer sends a set larger than an old broker's largest message, of which none is", async () => {
  await using rigged = await rig({ ...ONE_PARTITION, versions: "0.10", maxMessageBytes: 200 });

  const { outcomes } = await failureOf(rigged.producer.send("t", [...numbered("v", 50), "x".repeat(200), "last"]));

  assertEquals(outcomes!.map(({ error }) => error === undefined), [...new Array(50).fill(true), false, true]);
  assertEquals(texts(rigged.cluster.records("t")), [...numbered("v", 50), "last"]);
});

Deno.test("Producer says why a rewritten batch, which cannot be halved, does not fit a request to an old broker", async () => {
  const limits = { batchMaxBytes: 10_000, requestMaxBytes: 14_096 };
  for (const [versions, bytes] of [["0.8", 27_000], ["0.10", 35_000]] as const) {
    const transformBatch = () => Array<string>(1_000).fill("x");
    await using rigged = await rig({ topics: { t: 1 }, versions }, { ...limits, transformBatch });

    const error = await assertRejects(
      () => rigged.producer.send("t", "a"),
      DeliveryError,
      '"requestMaxBytes" is 14096',
    );

    assertInstanceOf(error.cause, RangeError);
    assertStringIncludes(error.message, `takes ${bytes} bytes`);
    assertEquals([error.verdict, rigged.cluster.records("t").length], ["notPersisted", 0]);
  }
});

Deno.test("Producer holds requestMaxBytes where messages are larger than records", async () => {
  const limits = { batchMaxBytes: 5_000, requestMaxBytes: 9_096, partitionMaxBytes: 100_000 };
  for (const [versions, messageBytes] of [["0.8", 27], ["0.10", 35]] as const) {
    await using rigged = await rig({ topics: { t: 3 }, versions }, limits);
    const sets = recordSets(rigged.cluster);
    let most = 0;
    rigged.cluster.intercept("Produce", (request, next) => {
      const sizes = request.body.topicData.flatMap(({ partitionData }) =>
        partitionData.map(({ records }) => records!.length)
      );
      most = Math.max(most, sizes.reduce((sum, size) => sum + size, 0));
      return next(request);
    });
    const records = Array.from({ length: 1_500 }, (_, i) => ({ value: String(i % 10), partition: i % 3 }));

    await rigged.producer.send("t", records);

    assertEquals(sets.reduce((sum, { length }) => sum + length, 0), 1_500 * messageBytes);
    assert(most <= limits.requestMaxBytes && most > limits.requestMaxBytes / 2, `${versions}: ${most} bytes`);
    for (const partition of [0, 1, 2]) {
      const expected = records.filter((record) => record.partition === partition).map(({ value }) => value);
      assertEquals(texts(rigged.cluster.records("t", partition)), expected);
    }
  }
});

Deno.test("Producer speaks to a broker as what it is after its upgrade, and after its return to the old release", async () => {
  const releases: KafkaRelease[] = ["0.8", "3.9", "0.10"];
  const port = freePort();
  await using producer = new Producer({ bootstrap: `127.0.0.1:${port}`, ...QUICK, logger: null });
  const formats: number[] = [];

  for (const [i, versions] of releases.entries()) {
    await using cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions, ports: [port] });
    const sets = recordSets(cluster);
    cluster.failNext("Produce", "close", 1); // sent once, to be sent again to the next broker
    await producer.enqueue("t", `v${i}`);
    await producer.flush();
    formats.push(...new Set(sets.map(magicOf)));
    assertEquals(texts(cluster.records("t")), [`v${i}`]);
  }

  assertEquals(formats, [0, 2, 1]);
});

Deno.test("Producer sends what it took for an old broker as a batch once that is upgraded", async () => {
  const port = freePort();
  await using producer = new Producer({ bootstrap: `127.0.0.1:${port}`, ...QUICK, logger: null });
  const old = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "0.10", ports: [port] });
  old.failNext("Produce", "silent");
  await producer.enqueue("t", ["a", { value: "b", key: "k" }]);
  await until(() => old.requests("Produce") === 1);
  await old[Symbol.asyncDispose]();
  await using upgraded = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "4.3", ports: [port] });

  const sets = recordSets(upgraded);

  await producer.flush();

  assertEquals(sets.map(magicOf), [2]);
  assertEquals(texts(upgraded.records("t")), ["a", "b"]);
});

Deno.test("Producer sends batches with numbers to an old broker without them, and says what may be there twice", async () => {
  const port = freePort();
  await using producer = new Producer({ bootstrap: `127.0.0.1:${port}`, ...QUICK, logger: null });
  {
    await using cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "3.9", ports: [port] });
    await producer.send("t", "numbered");
    assert(cluster.batches("t").every(({ producerId }) => producerId >= 0n));
  }
  await using cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "0.10", ports: [port] });
  cluster.failNext("Produce", { fault: "close", handled: true });

  const delivery = await producer.send("t", "unnumbered");

  assertEquals([delivery.maybeDuplicate, texts(cluster.records("t"))], [true, ["unnumbered", "unnumbered"]]);
});

Deno.test("Producer has one request of a partition under way on a broker that became older", async () => {
  const port = freePort();
  const options = { ...QUICK, logger: null, batchMaxRecords: 2 };
  await using producer = new Producer({ bootstrap: `127.0.0.1:${port}`, ...options });
  {
    await using _cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "3.9", ports: [port] });
    await producer.send("t", "numbered");
  }
  await until(() => producer.info("t")[0]!.state !== "up");
  await using cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "0.10", ports: [port] });
  let most = 0;
  cluster.intercept("Produce", async (request, next) => {
    most = Math.max(most, producer.info("t")[0]!.inFlightRequests);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return await next(request);
  });

  await producer.send("t", numbered("v", 20));

  assertEquals([most, texts(cluster.records("t"))], [1, numbered("v", 20)]);
});

Deno.test("Producer is not held back twice by a broker that throttles by answering late", async () => {
  for (const [versions, isMuted] of [["0.9", false], ["1.1", false], ["2.0", true]] as const) {
    await using rigged = await rig({ ...ONE_PARTITION, versions }, told(versions));
    rigged.cluster.intercept(
      "Produce",
      async (request, next) => ({ ...(await next(request) as object), throttleTimeMs: 60_000 }) as never,
    );
    const throttled = heard(rigged.producer, "throttled");
    await rigged.producer.send("t", "a");

    const isSent = await Promise.race([
      rigged.producer.send("t", "b").then(() => true, () => false),
      new Promise((resolve) => setTimeout(() => resolve(false), 20)),
    ]);

    assertEquals([throttled[0]!.ms, isSent], [60_000, !isMuted], versions);
  }
});

Deno.test("Producer that must be idempotent fails what goes to a broker that became older", async () => {
  const port = freePort();
  await using producer = new Producer({ bootstrap: `127.0.0.1:${port}`, ...QUICK, logger: null, idempotent: true });
  {
    await using _cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "3.9", ports: [port] });
    await producer.send("t", "numbered");
  }
  await until(() => producer.info("t")[0]!.state !== "up"); // Or the record goes out on the dead connection first.
  await using cluster = await EmbeddedCluster.listen({ ...ONE_PARTITION, versions: "0.10", ports: [port] });

  const error = await failureOf(producer.send("t", "unnumbered"));

  assert(error.message.includes("Cannot send idempotently to broker 1: it is older than Kafka 0.11"));
  assertEquals([error.verdict, cluster.records("t").length], ["notPersisted", 0]);
});

for (const versions of OLD) {
  Deno.test(`Producer compresses for Kafka ${versions}: a message that holds the others`, async () => {
    for (const compression of ["gzip", "snappy", "lz4"] as const) {
      await using rigged = await rig({ ...ONE_PARTITION, versions }, { compression, ...told(versions) });
      const sets = recordSets(rigged.cluster);
      const values = numbered("a record that repeats itself, and is one of many: ", 500);

      const deliveries = await rigged.producer.send("t", values);
      const [next] = await rigged.producer.send("t", [values[0]!.repeat(9)]);

      assertEquals(deliveries.map(({ offset }) => offset), values.map((_, i) => BigInt(i)));
      assertEquals([next!.offset, texts(rigged.cluster.records("t")).slice(0, 500)], [500n, values]);
      assertEquals(
        rigged.cluster.records("t").map(({ offset }) => offset),
        Array.from({ length: 501 }, (_, i) => BigInt(i)),
      );
      assert(rigged.cluster.batches("t").every(({ isCompressed }) => isCompressed));
      assertEquals(sets.map((set) => set[17]), sets.map(() => COMPRESSION_IDS[compression]));
      const cursor = new MessageCursor(sets[0]!);
      cursor.next();
      assertEquals([cursor.offset, cursor.hasValidCrc, cursor.next()], [499n, true, false]);
    }
  });
}

Deno.test("Producer sends the same compressed bytes again to an old broker, and halves what is too large", async () => {
  await using rigged = await rig({ ...ONE_PARTITION, versions: "0.8", maxMessageBytes: 600 }, { compression: "gzip" });
  await rigged.producer.prepare("t");
  const sets = recordSets(rigged.cluster);
  rigged.cluster.failNext("Produce", "NOT_LEADER_OR_FOLLOWER");
  const values = numbered("v", 500);

  await rigged.producer.send("t", values);

  assertEquals(sets[0], sets[1]);
  assert(sets.length > 4);
  assertEquals(texts(rigged.cluster.records("t")), values);
  assert(rigged.cluster.batches("t").every(({ sizeBytes }) => sizeBytes <= 600));
});

Deno.test("Producer sends uncompressed, with a warning, where an old broker knows no zstd", async () => {
  await using rigged = await rig({ ...ONE_PARTITION, versions: "0.10" }, { compression: "zstd" });

  await rigged.producer.send("t", "again ".repeat(1_000));

  assertEquals(rigged.cluster.batches("t").map(({ isCompressed }) => isCompressed), [false]);
  assert(rigged.warnings.some((text) => text.includes("does not know zstd")));
});

Deno.test("writable() delivers to an old broker, in order", async () => {
  await using rigged = await rig({ ...ONE_PARTITION, versions: "0.8" }, { batchMaxRecords: 100 });
  const sets = recordSets(rigged.cluster);

  await ReadableStream.from(numbered("v", 1_000)).pipeTo(rigged.producer.writable("t"));

  assertEquals(texts(rigged.cluster.records("t")), numbered("v", 1_000));
  for (const set of sets) {
    const cursor = new MessageCursor(set);
    for (let offset = 0n; cursor.next(); offset++) assertEquals([cursor.offset, cursor.hasValidCrc], [offset, true]);
  }
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}
