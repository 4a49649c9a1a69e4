import { assert, assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async/delay";
import { type Delivery, type DeliveryFailure, Producer, type ProducerRecord, type RecordInput } from "@ekaf/ekaf";
import { type Kafka, type KafkaVersion, type ReadRecord, startKafka } from "./harness.ts";

const PARTITION_COUNT = 12;
const RECORD_COUNT = 600;
const LARGE_BYTES = 900_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Every kind of input in one row; no two have the same content, so that each can be told in the log. */
function mixedInputs(): RecordInput[] {
  const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
  const kinds: ((i: number) => RecordInput)[] = [
    (i) => `text ${i} ✓`,
    (i) => encoder.encode(`bytes ${i}`),
    (i) => ({ key: `key-${i % 50}`, value: `keyed ${i}` }),
    (i) => ({ key: `key-${i % 50}`, value: null, headers: { why: `tombstone ${i}` } }),
    (i) => ({ key: encoder.encode(`only-${i}`), value: "" }),
    (i) => ({ value: binary, headers: [["id", `${i}`], ["id", binary], ["none", null], ["", ""]] }),
    (i) => ({ key: new Uint8Array(0), value: `empty key ${i}`, timestamp: 1_700_000_000_000 + i }),
    (i) => ({ key: null, value: `null key ${i}`, timestamp: new Date(1_600_000_000_000 + i) }),
    (i) => ({ value: `to a partition ${i}`, partition: i % PARTITION_COUNT }),
  ];
  const inputs = Array.from({ length: RECORD_COUNT }, (_, i) => kinds[i % kinds.length]!(i));
  inputs[100] = "";
  inputs[200] = { key: "large", value: largeValue() };
  return inputs;
}

function largeValue(): Uint8Array {
  return Uint8Array.from({ length: LARGE_BYTES }, (_, i) => (i * 7) ^ (i >> 8));
}

/** What the log has to hold of an input, as text that can be compared. */
function contentOf(record: { key: unknown; value: unknown; headers: readonly (readonly [string, unknown])[] }): string {
  const show = (value: unknown) => {
    if (value === null || value === undefined) return null;
    const bytes = typeof value === "string" ? encoder.encode(value) : value as Uint8Array;
    return bytes.length > 10_000 ? `${bytes.length} bytes, sum ${bytes.reduce((a, b) => a + b)}` : bytes.toHex();
  };
  return JSON.stringify([show(record.key), show(record.value), record.headers.map(([n, v]) => [n, show(v)])]);
}

function recordOf(input: RecordInput): ProducerRecord {
  return typeof input === "string" || input instanceof Uint8Array ? { value: input } : input;
}

function contentOfInput(input: RecordInput): string {
  const { key = null, value, headers = [] } = recordOf(input);
  return contentOf({ key, value, headers: Array.isArray(headers) ? headers : Object.entries(headers) });
}

/** Sends all inputs in one way; resolves with the deliveries, in input order, where that way reports them. */
type Shape = (producer: Producer, topic: string, inputs: RecordInput[]) => Promise<readonly Delivery[] | null>;

const chunksOf = (inputs: RecordInput[], size: number) =>
  Array.from({ length: Math.ceil(inputs.length / size) }, (_, i) => inputs.slice(i * size, (i + 1) * size));

const deliveriesOf = (outcomes: (Delivery | DeliveryFailure)[]) =>
  outcomes.map((outcome) => {
    if (outcome.error) throw outcome.error;
    return outcome;
  });

const shapes: Record<string, Shape> = {
  "send, one at a time": async (producer, topic, inputs) => {
    const deliveries: Delivery[] = [];
    for (const input of inputs) deliveries.push(await producer.send(topic, input));
    return deliveries;
  },
  "send, all at once": (producer, topic, inputs) => Promise.all(inputs.map((input) => producer.send(topic, input))),
  "send, an array": (producer, topic, inputs) => producer.send(topic, inputs),
  "enqueue": async (producer, topic, inputs) => {
    for (const input of inputs) await producer.enqueue(topic, input);
    await producer.flush();
    return null;
  },
  "enqueue, an array": async (producer, topic, inputs) => {
    await producer.enqueue(topic, inputs);
    await producer.flush();
    return null;
  },
  "writable": async (producer, topic, inputs) => {
    const writer = producer.writable(topic).getWriter();
    for (const input of inputs) await writer.write(input);
    await writer.close();
    return null;
  },
  "writable, arrays": async (producer, topic, inputs) => {
    const writer = producer.writable(topic).getWriter();
    for (const chunk of chunksOf(inputs, 50)) await writer.write(chunk);
    await writer.close();
    return null;
  },
  "pipeTo": async (producer, topic, inputs) => {
    await ReadableStream.from(inputs).pipeTo(producer.writable(topic));
    return null;
  },
  "delivery": async (producer, topic, inputs) =>
    deliveriesOf(await Array.fromAsync(ReadableStream.from(inputs).pipeThrough(producer.delivery(topic)))),
  "delivery, arrays": async (producer, topic, inputs) => {
    const outcomes = ReadableStream.from(chunksOf(inputs, 50))
      .pipeThrough(producer.delivery(topic, { outcomes: "arrays" }));
    return deliveriesOf((await Array.fromAsync(outcomes)).flat());
  },
};

const promises = {
  "acks all, idempotent": { acks: "all", idempotent: true },
  "acks all, not idempotent": { acks: "all", idempotent: false },
  "acks 1": { acks: 1, idempotent: false },
  "acks 0": { acks: 0, idempotent: false },
} as const;

/** Resolves when the topic holds `count` records: with acks 0 nobody else tells. */
async function awaitCount(kafka: Kafka, topic: string, count: number): Promise<void> {
  const end = Date.now() + 10_000;
  while (Date.now() < end) {
    const ranges = await kafka.ranges(topic);
    if (ranges.reduce((sum, { end }) => sum + Number(end), 0) >= count) return;
    await delay(20);
  }
}

/** What is in one but not in the other, or more often, with its place in the log or among the inputs. */
function countDifferences(records: ReadRecord[], inputs: RecordInput[]): { missing: string[]; surplus: string[] } {
  const missing = new Map(inputs.map((input, index) => [contentOfInput(input), `input ${index}`]));
  const surplus: string[] = [];
  for (const record of records) {
    if (!missing.delete(contentOf(record))) surplus.push(`${record.partition}/${record.offset}: ${contentOf(record)}`);
  }
  return { missing: [...missing.values()], surplus };
}

function assertWholeAndInOrder(records: ReadRecord[], inputs: RecordInput[]): void {
  const indexes = new Map(inputs.map((input, index) => [contentOfInput(input), index]));
  assertEquals(indexes.size, inputs.length, "a flaw of this test: two inputs are the same");
  assertEquals(countDifferences(records, inputs), { missing: [], surplus: [] });
  const last = new Map<number, number>();
  const partitionOfKey = new Map<string, number>();
  for (const record of records) {
    const index = indexes.get(contentOf(record))!;
    assertGreater(index, last.get(record.partition) ?? -1, `partition ${record.partition} is out of order`);
    last.set(record.partition, index);
    const { partition, timestamp } = recordOf(inputs[index]!);
    if (partition !== undefined) assertEquals(record.partition, partition);
    if (timestamp !== undefined) assertEquals(record.timestamp, Number(timestamp));
    else assert(Math.abs(record.timestamp - Date.now()) < 600_000, `timestamp ${record.timestamp}`);
    if (record.key === null) continue;
    const key = record.key.toHex();
    assertEquals(record.partition, partitionOfKey.get(key) ?? record.partition, `key ${key} is in two partitions`);
    partitionOfKey.set(key, record.partition);
  }
}

function assertReported(deliveries: readonly Delivery[], records: ReadRecord[], inputs: RecordInput[]): void {
  const byPlace = new Map(records.map((record) => [`${record.partition} ${record.offset}`, record]));
  assertEquals(deliveries.length, inputs.length);
  for (const [index, { partition, offset, timestamp }] of deliveries.entries()) {
    if (offset === null) continue; // acks 0
    const record = byPlace.get(`${partition} ${offset}`);
    assert(record !== undefined, `nothing is at ${partition}/${offset}`);
    assertEquals(contentOf(record), contentOfInput(inputs[index]!));
    assertEquals(record.timestamp, timestamp);
  }
}

for (const version of ["4.3.1", "3.9.1"] as KafkaVersion[]) {
  Deno.test(`Producer writes to Kafka ${version} what Kafka's consumer reads`, async (t) => {
    await using kafka = await startKafka(version);
    let topicCount = 0;

    for (const [promise, options] of Object.entries(promises)) {
      for (const [name, shape] of Object.entries(shapes)) {
        await t.step(`${name}, ${promise}`, async () => {
          const topic = `shape-${topicCount++}`;
          const inputs = mixedInputs();
          await kafka.createTopic(topic, PARTITION_COUNT);
          await using producer = new Producer({ bootstrap: kafka.bootstrap, ...options });

          const deliveries = await shape(producer, topic, inputs);
          await awaitCount(kafka, topic, inputs.length);
          const records = await kafka.readAll(topic);

          assertWholeAndInOrder(records, inputs);
          if (deliveries !== null) assertReported(deliveries, records, inputs);
          if (deliveries !== null) assertEquals(deliveries.every(({ offset }) => offset !== null), options.acks !== 0);
        });
      }
    }

    await t.step("keys go to the partitions Kafka's own producer chooses", async () => {
      await kafka.createTopic("keys", PARTITION_COUNT);
      await kafka.createTopic("keys-java", PARTITION_COUNT);
      const keys = Array.from({ length: 1_000 }, (_, i) => crypto.getRandomValues(new Uint8Array(i % 130)));
      await using producer = new Producer({ bootstrap: kafka.bootstrap });

      const ours = await producer.send("keys", keys.map((key) => ({ key, value: "" })));
      const theirs = await kafka.javaProduce("keys-java", keys);

      assertEquals(ours.map(({ partition }) => partition), theirs.map(({ partition }) => partition));
    });

    await t.step("the console consumer and kcat read the same", async () => {
      await kafka.createTopic("lines", PARTITION_COUNT);
      const inputs = Array.from({ length: 2_000 }, (_, i) => ({ key: `k${i % 90}`, value: `line ${i} – ünïcode` }));
      await using producer = new Producer({ bootstrap: kafka.bootstrap });

      const deliveries = await producer.send("lines", inputs);
      const byConsole = await kafka.consoleConsumer("lines");
      const byKcat = await kafka.kcatRead("lines");

      const expected = deliveries
        .map(({ partition, offset, timestamp }, i) => ({ partition, offset, timestamp, ...inputs[i]! }))
        .sort((a, b) => a.partition - b.partition || Number(a.offset! - b.offset!));
      assertEquals(byConsole as unknown, expected);
      assertEquals(
        byKcat.map(({ partition, offset, timestamp, key, value }) => (
          { partition, offset, timestamp, key: decoder.decode(key!), value: decoder.decode(value!) }
        )) as unknown,
        expected,
      );
    });

    await t.step("values of 900 KB arrive whole, in order, beside small ones", async () => {
      await kafka.createTopic("large", 2);
      const inputs = Array.from({ length: 40 }, (_, i) => {
        const value = largeValue();
        value[0] = i;
        return i % 2 === 0 ? { key: `k${i % 3}`, value } : { key: `k${i % 3}`, value: `small ${i}` };
      });
      await using producer = new Producer({ bootstrap: kafka.bootstrap });

      const deliveries = await producer.send("large", inputs);
      const records = await kafka.readAll("large");

      assertWholeAndInOrder(records, inputs);
      assertReported(deliveries, records, inputs);
    });
  });
}
