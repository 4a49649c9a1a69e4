/**
 * What a producer is for, case by case: each is done with the public API and read back by a foreign program. A case tells
 * in a word what came of it, and which word is right for which release.
 *
 * @module
 */

import { assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import {
  type BrokerError,
  type Delivery,
  DeliveryError,
  Producer,
  type ProducerOptions,
  type ProducerRecord,
} from "@ekaf/ekaf";
import type { ConformanceBroker } from "./conformance_brokers.ts";

/** What came of a case: it works; it works in a lesser way, with a warning; it is refused with an error that says why. */
export type Verdict = "works" | "lesser" | "refused";

/** A case of the suite. */
export interface ConformanceCase {
  name: string;
  /** What is right for a release; see `releaseOf()`. By default `"works"`. */
  expected?: (release: number) => Verdict;
  /** Does it to a topic of its own with {@linkcode PARTITION_COUNT} partitions; resolves with what came of it. */
  run: (broker: ConformanceBroker, topic: string) => Promise<Verdict>;
}

/** Partitions of each case's topic. */
export const PARTITION_COUNT = 3;

const HEADERS_SINCE = 11;
const TIMESTAMPS_SINCE = 10;
const IDEMPOTENCE_SINCE = 11;
const ZSTD_SINCE = 201;
const STREAM_RECORD_COUNT = 10_000;

const decode = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);
const since = (first: number, before: Verdict) => (release: number) => release >= first ? "works" : before;

/** A producer that keeps its warnings for the test. */
function openProducer(broker: ConformanceBroker, options: Partial<ProducerOptions> = {}) {
  const warnings: string[] = [];
  const logger = { warn: (message: string) => void warnings.push(message), error: () => {} };
  const { bootstrap, protocol = "auto" } = broker;
  const producer = new Producer({ bootstrap, protocol, logger, deliveryTimeoutMs: 30_000, ...options });
  return { producer, warnings };
}

/** Fails unless each delivery names the place where the log has that value. */
async function checkPlaces(
  broker: ConformanceBroker,
  topic: string,
  values: string[],
  deliveries: readonly Delivery[],
): Promise<void> {
  const log = new Map(
    (await broker.read(topic)).map(({ partition, offset, value }) => [`${partition}/${offset}`, decode(value)]),
  );
  assertEquals(deliveries.map(({ partition, offset }) => log.get(`${partition}/${offset}`)), values);
  assertEquals(log.size, values.length);
}

/** Sends records of which one may not suit the broker; resolves with what came of that one. The other must get through. */
async function sendBeside(
  broker: ConformanceBroker,
  topic: string,
  record: ProducerRecord,
  reason: RegExp,
): Promise<Verdict> {
  const { producer } = openProducer(broker);
  await using _ = producer;
  const [special] = await Promise.allSettled([
    producer.send(topic, { partition: 0, ...record }),
    producer.send(topic, { partition: 0, value: "plain" }),
  ]);
  const values = (await broker.read(topic)).map(({ value }) => decode(value));
  if (special.status === "fulfilled") {
    assertEquals(values.toSorted(), [record.value, "plain"].toSorted());
    return "works";
  }
  const error = special.reason as DeliveryError;
  assertEquals([error instanceof DeliveryError, error.verdict, values], [true, "notPersisted", ["plain"]]);
  assertEquals(reason.test(`${error.message} ${error.cause}`), true, `${error.message} ${error.cause}`);
  return "refused";
}

/** Records numbered within each key, all to be found again in order. */
function numbered(count: number): { key: string; value: string }[] {
  return Array.from({ length: count }, (_, i) => ({ key: `key-${i % 10}`, value: `${i} ${"x".repeat(i % 50)}` }));
}

/** Fails unless every value is in the log once, in the order of its key. */
async function checkOrder(broker: ConformanceBroker, topic: string, records: { key: string; value: string }[]) {
  const found = Map.groupBy(await broker.read(topic), ({ key }) => decode(key));
  const sent = Map.groupBy(records, ({ key }) => key);
  for (const [key, list] of sent) {
    assertEquals(found.get(key)?.map(({ value }) => decode(value)), list.map(({ value }) => value));
  }
}

/** The cases, in the order of the matrix. */
export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  {
    name: "send one, then an array",
    run: async (broker, topic) => {
      const { producer } = openProducer(broker);
      await using _ = producer;
      const first = await producer.send(topic, "first");
      const values = Array.from({ length: 500 }, (_, i) => `value ${i}`);
      const others = await producer.send(topic, values.map((value, i) => ({ key: `${i % 20}`, value })));
      await checkPlaces(broker, topic, ["first", ...values], [first, ...others]);
      const byConsole = await broker.consoleValues(topic, 1 + values.length);
      assertEquals(byConsole.toSorted(), ["first", ...values].toSorted());
      return "works";
    },
  },
  ...(["all", 1, 0] as const).map((acks): ConformanceCase => ({
    name: `acks ${acks}`,
    run: async (broker, topic) => {
      const { producer } = openProducer(broker, { acks });
      const records = numbered(200);
      const deliveries = await producer.send(topic, records);
      await producer.close();
      assertEquals(deliveries.every(({ offset }) => (offset === null) === (acks === 0)), true);
      if (acks === 0) await until(async () => (await broker.read(topic)).length === records.length);
      await checkOrder(broker, topic, records);
      return "works";
    },
  })),
  {
    name: "pipeTo of 10,000 records",
    run: async (broker, topic) => {
      const { producer } = openProducer(broker);
      await using _ = producer;
      const records = numbered(STREAM_RECORD_COUNT);
      await ReadableStream.from(records).pipeTo(producer.writable(topic));
      await checkOrder(broker, topic, records);
      return "works";
    },
  },
  {
    name: "tombstones, empty keys and values",
    run: async (broker, topic) => {
      const { producer } = openProducer(broker);
      await using _ = producer;
      await producer.send(topic, [
        { key: "gone", value: null, partition: 0 },
        { key: "", value: "", partition: 0 },
        { key: null, value: "x", partition: 0 },
      ]);
      const found = (await broker.read(topic)).map(({ key, value }) => [decode(key), decode(value)]);
      assertEquals(found, [["gone", null], ["", ""], [null, "x"]]);
      return "works";
    },
  },
  {
    name: "headers",
    expected: since(HEADERS_SINCE, "refused"),
    run: async (broker, topic) => {
      const verdict = await sendBeside(broker, topic, { value: "a", headers: { trace: "1" } }, /headers/);
      const special = (await broker.read(topic)).find(({ value }) => decode(value) === "a");
      if (verdict === "works") assertEquals(special!.headers.map(([n, v]) => [n, decode(v)]), [["trace", "1"]]);
      return verdict;
    },
  },
  {
    name: "timestamps of the caller's",
    expected: since(TIMESTAMPS_SINCE, "refused"),
    run: async (broker, topic) => {
      const timestamp = Date.now() - 12_345_678;
      const verdict = await sendBeside(broker, topic, { value: "a", timestamp }, /timestamp/);
      const special = (await broker.read(topic)).find(({ value }) => decode(value) === "a");
      if (verdict === "works") assertEquals(special!.timestamp, timestamp);
      return verdict;
    },
  },
  {
    name: "idempotent: true",
    expected: since(IDEMPOTENCE_SINCE, "refused"),
    run: async (broker, topic) => {
      const { producer } = openProducer(broker, { idempotent: true });
      await using _ = producer;
      try {
        await producer.send(topic, "a");
      } catch (error) {
        assertStringIncludes(String((error as Error).cause), "idempotent");
        assertEquals(await broker.read(topic), []);
        return "refused";
      }
      assertEquals((await broker.read(topic)).length, 1);
      return "works";
    },
  },
  {
    name: "idempotence by itself",
    expected: since(IDEMPOTENCE_SINCE, "lesser"),
    run: async (broker, topic) => {
      const { producer, warnings } = openProducer(broker);
      await using _ = producer;
      await producer.send(topic, ["a", "b"]);
      await producer.send(topic, "c");
      assertEquals((await broker.read(topic)).length, 3);
      return warnings.some((text) => text.includes("producer ids")) ? "lesser" : "works";
    },
  },
  ...(["gzip", "snappy", "lz4", "zstd"] as const).map((compression): ConformanceCase => ({
    name: `compression ${compression}`,
    expected: compression === "zstd" ? since(ZSTD_SINCE, "lesser") : () => "works",
    run: async (broker, topic) => {
      const { producer, warnings } = openProducer(broker, { compression });
      await using _ = producer;
      const records = numbered(STREAM_RECORD_COUNT);
      await producer.send(topic, records);
      await checkOrder(broker, topic, records);
      return warnings.some((text) => text.includes("uncompressed")) ? "lesser" : "works";
    },
  })),
  {
    name: "a record of 900,000 bytes",
    run: async (broker, topic) => {
      const { producer } = openProducer(broker);
      await using _ = producer;
      const value = Uint8Array.from({ length: 900_000 }, (_, i) => (i * 7) ^ (i >> 8));
      await producer.send(topic, { key: "large", value });
      const [found] = await broker.read(topic);
      assertEquals(found!.value!.length, value.length);
      assertEquals(found!.value!.every((byte, i) => byte === value[i]), true);
      return "works";
    },
  },
  {
    name: "records too large for the topic fail alone",
    run: async (broker) => {
      const topic = "small-only";
      await broker.createTopic(topic, 1, { "max.message.bytes": 5_000 });
      const { producer } = openProducer(broker);
      await using _ = producer;
      const inputs = ["a", "b".repeat(50_000), "c"];
      const error = await producer.send(topic, inputs).then(() => null, (error) => error as DeliveryError);
      const outcomes = error?.outcomes?.map((outcome) => outcome.error);
      assertEquals(outcomes?.map((failure) => failure === undefined), [true, false, true]);
      const { cause, verdict } = outcomes![1]!;
      assertEquals([verdict, (cause as BrokerError).code], ["notPersisted", 10]);
      assertEquals((await broker.read(topic)).map(({ value }) => decode(value)), ["a", "c"]);
      return "works";
    },
  },
  {
    name: "an unknown topic is an error and is not created",
    run: async (broker) => {
      const { producer } = openProducer(broker, { unknownTopicTimeoutMs: 300 });
      await using _ = producer;
      const error = await producer.send("nowhere", "a").then(() => null, (error) => error as DeliveryError);
      assertEquals((error?.cause as BrokerError).code, 3);
      return "works";
    },
  },
  {
    name: "the broker is killed and comes again",
    // Without producer ids a batch of unknown outcome is sent again, and its delivery says so.
    expected: since(IDEMPOTENCE_SINCE, "lesser"),
    run: async (broker, topic) => {
      const { producer, warnings } = openProducer(broker, { retryBackoffMs: { initial: 20, max: 100 } });
      await using _ = producer;
      const records = numbered(STREAM_RECORD_COUNT);
      const { writable, readable } = producer.delivery(topic, { outcomes: "arrays", timeoutMs: 120_000 });
      const outcomes = Array.fromAsync(readable);
      const writer = writable.getWriter();
      const restarted = broker.killAndRestart();
      for (const record of records) {
        await writer.write(record);
        if (Number(record.value.split(" ")[0]) % 100 === 0) await new Promise((wake) => setTimeout(wake, 5));
      }
      await restarted;
      await writer.close();
      const settled = (await outcomes).flat();
      assertEquals(settled.filter(({ error }) => error !== undefined), []);
      await auditRestart(broker, topic, { records, settled: settled as Delivery[] });
      return warnings.some((text) => text.includes("producer ids")) ? "lesser" : "works";
    },
  },
];

/** Fails unless each record is there, first in order, and more than once only where its delivery had warned of it. */
async function auditRestart(
  broker: ConformanceBroker,
  topic: string,
  sent: { records: { key: string; value: string }[]; settled: Delivery[] },
): Promise<void> {
  const found = Map.groupBy(await broker.read(topic), ({ value }) => decode(value)!);
  assertEquals(found.size, sent.records.length);
  const doubled = sent.records.filter(({ value }, i) =>
    found.get(value)!.length > 1 && !(sent.settled[i]!.maybeDuplicate ?? false)
  );
  assertEquals(doubled, []);
  const lastOf = new Map<string, number>();
  for (const { key, value } of sent.records) {
    const first = Number(found.get(value)![0]!.offset);
    assertGreaterOrEqual(first, lastOf.get(key) ?? -1, `${value} of ${key}`);
    lastOf.set(key, first);
  }
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100 && !await isTrue(); i++) await new Promise((wake) => setTimeout(wake, 20));
}
