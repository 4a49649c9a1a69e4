import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BatchContext,
  type BatchRecord,
  type BatchTransform,
  type BrokerError,
  DeliveryError,
  Producer,
  type ProducerOptions,
} from "@ekaf/ekaf";
import { EmbeddedCluster, type EmbeddedClusterOptions } from "@ekaf/ekaf/embedded";
import { heard, holdProduce, numbered, QUICK, refuseTwo, type Rig, rig, texts, until } from "./rig.ts";

const decoder = new TextDecoder();

/** A cluster whose topic `t` has one partition, and a producer with that function. */
function one(
  transformBatch: BatchTransform | null,
  options: Partial<ProducerOptions> = {},
  cluster: EmbeddedClusterOptions = {},
): Promise<Rig> {
  return rig({ topics: { t: 1, u: 1 }, ...cluster }, { transformBatch, ...options });
}

const upper: BatchTransform = (records) => records.map((record) => ({ ...record, value: record.text().toUpperCase() }));
const joined: BatchTransform = (records) => [records.map((record) => record.text()).join("+")];

Deno.test("transformBatch gets the records of a batch as they were passed, and where they go", async () => {
  const seen: { records: BatchRecord[]; context: BatchContext }[] = [];
  await using r = await one((records, context) => {
    seen.push({ records: [...records], context });
    return records;
  });

  await r.producer.send("t", [
    { key: "k", value: "a", headers: [["h", "1"], ["h", null]], timestamp: 5 },
    { value: null, timestamp: 6 },
  ]);

  assertEquals(seen.length, 1);
  assertEquals(seen[0]!.context, { topic: "t", partition: 0 });
  const [first, second] = seen[0]!.records;
  assertEquals(decoder.decode(first!.key!), "k");
  assertEquals([first!.text(), first!.timestamp, second!.text(), second!.timestamp], ["a", 5, "", 6]);
  assertEquals(first!.headers.map(([name, value]) => [name, value && decoder.decode(value)]), [["h", "1"], [
    "h",
    null,
  ]]);
  assertEquals([second!.key, second!.value, second!.headers], [null, null, []]);
  const [stored, tombstone] = r.cluster.records("t");
  assertEquals([stored!.text(), stored!.timestamp, stored!.headers.length], ["a", 5, 2]);
  assertEquals(tombstone!.value, null);
});

Deno.test("transformBatch with as many records out as in: outcomes are one to one", async () => {
  await using r = await one(upper);

  const deliveries = await r.producer.send("t", ["a", "b", "c"]);

  assertEquals(deliveries.map(({ offset }) => offset), [0n, 1n, 2n]);
  assertEquals(texts(r.cluster.records("t")), ["A", "B", "C"]);
});

const REGROUPED: Record<string, [BatchTransform, string[]]> = {
  "one record": [joined, ["a+b+c"]],
  "fewer": [(records) => records.slice(1), ["b", "c"]],
  "more": [(records) => records.flatMap((record) => [record, "x"]), ["a", "x", "b", "x", "c", "x"]],
};
for (const [name, [transform, expected]] of Object.entries(REGROUPED)) {
  Deno.test(`transformBatch with another number of records out (${name}): all settle with the first offset`, async () => {
    await using r = await one(transform);
    await r.producer.send("t", ["a", "b", "c"]);

    const deliveries = await r.producer.send("t", ["a", "b", "c"]);

    const offset = BigInt(expected.length);
    assertEquals(deliveries.map((delivery) => delivery.offset), [offset, offset, offset]);
    assertEquals(texts(r.cluster.records("t")), [...expected, ...expected]);
    assertEquals(r.producer.info("t")[0]!.delivered, 6);
  });
}

Deno.test("transformBatch works for the single record of a send() (the seed's BUG M1)", async () => {
  await using r = await one((records) => [`<${records.length}:${records[0]!.text()}>`]);

  const delivery = await r.producer.send("t", "a");

  assertEquals(delivery.offset, 0n);
  assertEquals(texts(r.cluster.records("t")), ["<1:a>"]);
});

Deno.test("two enqueued records become one with the function, and stay two without it (the seed's own test)", async () => {
  for (const [transformBatch, expected] of [[joined, ["a+b"]], [null, ["a", "b"]]] as const) {
    await using r = await one(transformBatch);

    await Promise.all([r.producer.enqueue("t", "a"), r.producer.enqueue("t", "b")]);
    await r.producer.flush();

    assertEquals(texts(r.cluster.records("t")), [...expected]);
  }
});

Deno.test("transformBatch holds for its topic, and null switches the producer's off", async () => {
  await using r = await one(upper, { topics: { u: { transformBatch: null } } });
  await using s = await one(null, { topics: { u: { transformBatch: joined } } });

  for (const { producer } of [r, s]) {
    await producer.send("t", ["a", "b"]);
    await producer.send("u", ["a", "b"]);
  }

  assertEquals([texts(r.cluster.records("t")), texts(r.cluster.records("u"))], [["A", "B"], ["a", "b"]]);
  assertEquals([texts(s.cluster.records("t")), texts(s.cluster.records("u"))], [["a", "b"], ["a+b"]]);
});

Deno.test("transformBatch must be a function or null", () => {
  const bootstrap = "localhost:1";

  const error = assertThrows(() => new Producer({ bootstrap, transformBatch: "json" as never }), TypeError);

  assertStringIncludes(error.message, '"transformBatch" "json"');
  assertThrows(() => new Producer({ bootstrap, topics: { t: { transformBatch: 1 as never } } }), TypeError);
});

Deno.test("configure() changes transformBatch for batches opened from then on, and takes it away", async () => {
  await using r = await one(null, { lingerMs: 60_000, batchMaxRecords: 2 });
  const topic = r.producer.topic("t");
  const release = holdProduce(r.cluster);
  await topic.enqueue(["a", "b", "c"]); // "c" opens a batch.

  topic.configure({ transformBatch: upper });
  await topic.enqueue(["d", "e"]);
  topic.configure({ transformBatch: null });
  await topic.enqueue(["f", "g"]);
  release();
  await r.producer.flush();

  assertEquals(texts(r.cluster.records("t")), ["a", "b", "c", "d", "E", "F", "g"]);
  assertThrows(() => topic.configure({ transformBatch: "json" as never }), TypeError, '"transformBatch" "json"');
});

// Nothing out

Deno.test("transformBatch with no records out fails all of them, and the next batch goes its way", async () => {
  await using r = await one((records) => records[0]!.text() === "away" ? [] : records);
  const events = heard(r.producer, "deliveryfailed");

  const error = await r.producer.send("t", ["away", "b"]).catch((error) => error) as DeliveryError;
  await r.producer.enqueue("t", ["away"], { flush: true });
  await r.producer.flush();
  const delivery = await r.producer.send("t", "c");

  assertInstanceOf(error, DeliveryError);
  assertEquals([error.verdict, error.attempts], ["notPersisted", 0]);
  assertStringIncludes(error.message, "dropped by transformBatch");
  assertEquals(error.outcomes!.map((outcome) => outcome.error && outcome.record.text()), ["away", "b"]);
  assertEquals(events.map(({ count }) => count), [1]);
  assertEquals(delivery.offset, 0n);
  const [lane] = r.producer.info("t");
  assertEquals([lane!.delivered, lane!.failed, lane!.bufferedRecords, lane!.bufferedBytes], [1, 3, 0, 0]);
  assertEquals(r.warnings, []);
});

Deno.test("a writable whose records are dropped by transformBatch errors, or reports with onFailure", async () => {
  await using r = await one(() => []);
  const events = heard(r.producer, "deliveryfailed");
  const erring = r.producer.writable("t").getWriter();
  erring.closed.catch(() => {});
  const reporting = r.producer.writable("t", { onFailure: "report" }).getWriter();

  await erring.write("a");
  await assertRejects(() => erring.close(), DeliveryError, "dropped by transformBatch");
  await reporting.write("b");
  await reporting.close();

  assertEquals(events.map(({ count }) => count), [1]);
});

// What a function may do wrong

const WRONG: Record<string, [give: (records: BatchRecord[]) => unknown, message: string]> = {
  "throws": [() => {
    throw new Error("no luck");
  }, "no luck"],
  "throws no error": [() => {
    throw "bad";
  }, "bad"],
  "returns nothing": [() => undefined, "not undefined"],
  "returns a promise": [(records) => Promise.resolve(records), "not a promise"],
  "returns a promise that rejects": [() => Promise.reject(new Error("later")), "not a promise"],
  "returns a string": [() => "a", 'not "a"'],
  "returns an iterable": [(records) => new Set(records), "must be an array"],
  "returns a number in the array": [() => [1], "not 1"],
  "returns a hole": [() => new Array(1), "not undefined"],
  "returns a record without a value": [() => ["a", {}], '"value" is missing'],
  "returns a bad timestamp": [() => [{ value: "a", timestamp: -1 }], '"timestamp"'],
  "returns a bad header": [() => [{ value: "a", headers: [["h"]] }], '"headers"'],
  "returns a record of another partition": [() => [{ value: "a", partition: 1 }], "for partition 1 in a batch for 0"],
  "returns what throws when it is read": [() => [
    {
      get value(): string {
        throw new Error("peek");
      },
    },
  ], "peek"],
};
for (const [name, [give, message]] of Object.entries(WRONG)) {
  Deno.test(`a transformBatch that ${name}: the batch goes out unchanged, and a warning tells`, async () => {
    await using r = await one(give as BatchTransform);

    const deliveries = await r.producer.send("t", ["a", "b"]);
    await r.producer.send("t", "c");

    assertEquals(deliveries.map(({ offset }) => offset), [0n, 1n]);
    assertEquals(texts(r.cluster.records("t")), ["a", "b", "c"]);
    assertEquals(r.warnings.length, 1); // The second batch's is of the same kind, within 10 s.
    assertStringIncludes(r.warnings[0]!, 'transformBatch of "t" failed');
    assertStringIncludes(r.warnings[0]!, message);
  });
}

Deno.test("a warning of transformBatch carries the error", async () => {
  const thrown = new Error("no luck");
  const contexts: unknown[] = [];
  const logger = { warn: (_: string, context?: Record<string, unknown>) => void contexts.push(context) };
  await using r = await one(() => {
    throw thrown;
  }, { logger });

  await r.producer.send("t", "a");

  assertEquals(contexts, [{ kind: "transformBatch", error: thrown }]);
});

Deno.test("a transformBatch that spoils what it is given changes nothing of the callers' records", async () => {
  const given = new TextEncoder().encode("given");
  await using r = await one((records) => {
    for (const record of records) {
      record.value?.fill(0);
      record.key = null;
      record.headers.length = 0;
      record.timestamp = NaN;
    }
    records.length = 0;
    throw new Error("and throws");
  });

  await r.producer.send("t", { key: "k", value: given, headers: { h: "1" }, timestamp: 7 });

  const [record] = r.cluster.records("t");
  assertEquals([decoder.decode(record!.key!), record!.text(), record!.timestamp], ["k", "given", 7]);
  assertEquals(record!.headers.map(([name]) => name), ["h"]);
  assertEquals(decoder.decode(given), "given");
});

Deno.test("a transformBatch may change the records it is given, and return them", async () => {
  await using r = await one((records) => {
    for (const record of records) record.headers.push(["seen", null]);
    return records.reverse();
  });

  await r.producer.send("t", ["a", "b"]);

  assertEquals(r.cluster.records("t").map((each) => [each.text(), each.headers]), [
    ["b", [["seen", null]]],
    ["a", [["seen", null]]],
  ]);
});

Deno.test("a record of transformBatch may name the batch's own partition", async () => {
  await using r = await rig({}, {
    transformBatch: (records, { partition }) => [{ value: `${records.length}`, partition }],
  });

  const { partition, offset } = await r.producer.send("t", { value: "a", partition: 2 });

  assertEquals([partition, offset, r.warnings], [2, 0n, []]);
});

Deno.test("a record of transformBatch without a timestamp gets its record's, or the newest one's", async () => {
  await using r = await one((records) => records.length === 2 ? ["a", { value: "b", timestamp: 50 }] : ["x", "y"]);

  await r.producer.send("t", [{ value: "", timestamp: 9 }, { value: "", timestamp: 3 }]);
  await r.producer.send("t", [{ value: "", timestamp: 9 }, { value: "", timestamp: 11 }, { value: "", timestamp: 2 }]);

  assertEquals(r.cluster.records("t").map(({ timestamp }) => timestamp), [9, 50, 11, 11]);
});

// Size

Deno.test("what transformBatch makes too large is made of halves; what is so alone fails", async () => {
  const calls: string[] = [];
  await using r = await one((records) => {
    const text = records.map((record) => record.text()).join("");
    calls.push(text);
    return [text.replaceAll("L", "L".repeat(2_000)).replaceAll(/[a-f]/g, (c) => c.repeat(300))];
  }, { batchMaxBytes: 1_000 });

  const error = await r.producer.send("t", ["a", "b", "c", "L", "d", "e"]).catch((error) => error) as DeliveryError;

  assertEquals(calls, ["abcLde", "abc", "Lde", "Ld", "L", "d", "e"]);
  assertEquals(texts(r.cluster.records("t")).map((text) => [...new Set(text)].join("")), ["abc", "d", "e"]);
  assertEquals(error.outcomes!.map((outcome) => outcome.error ? outcome.record.text() : outcome.offset), [
    0n,
    0n,
    0n,
    "L",
    1n,
    2n,
  ]);
  assertEquals(error.verdict, "notPersisted");
  assertInstanceOf(error.cause, RangeError);
  assertStringIncludes(error.message, '"batchMaxBytes" 1000');
  const [lane] = r.producer.info("t");
  assertEquals([lane!.delivered, lane!.failed, lane!.bufferedBytes], [5, 1, 0]);
});

Deno.test("what transformBatch makes may be exactly batchMaxBytes, and no byte more", async () => {
  const lengths = [700, 701].map((bytes) => "x".repeat(bytes));
  const sizes: number[] = [];
  for (const value of lengths) {
    await using r = await one(() => [value], { batchMaxBytes: 61 + 700 + 9, logger: null }); // 2 + 7 before the value
    await r.producer.send("t", ["a", "b"]).catch(() => {});
    sizes.push(...r.cluster.batches("t").map(({ sizeBytes }) => sizeBytes));
  }

  assertEquals(sizes, [61 + 700 + 9]);
});

Deno.test("a growing transformBatch holds no more of the buffer than its records, and gives all of it back", async () => {
  const options = { batchMaxBytes: 2_000, partitionMaxBytes: 8_192, bufferMaxBytes: 8_192 };
  let mostBytes = 0;
  await using r = await one((records) => {
    mostBytes = Math.max(mostBytes, r.producer.info("t")[0]!.bufferedBytes);
    return records.flatMap((record) => [record, "x".repeat(50), record]);
  }, options);

  const deliveries = await r.producer.send("t", numbered("v", 2_000));

  assertEquals(deliveries.length, 2_000);
  assert(mostBytes <= 8_192, `${mostBytes} bytes`);
  assertEquals(r.producer.info("t")[0]!.bufferedBytes, 0);
  assertEquals(r.cluster.records("t").length, 6_000);
  assert(r.cluster.batches("t").every((batch) => batch.sizeBytes <= 2_000));
});

Deno.test("requests stay within requestMaxBytes although transformBatch makes batches larger", async () => {
  const requests: number[] = [];
  const value = "x".repeat(1_800);
  await using r = await rig({ topics: { t: 20 } }, {
    transformBatch: () => [value],
    batchMaxBytes: 2_000,
    requestMaxBytes: 6_096,
  });
  await r.producer.prepare("t");
  using _hook = r.cluster.intercept("Produce", (request, next) => {
    const partitions = request.body.topicData.flatMap(({ partitionData }) => partitionData);
    requests.push(partitions.reduce((sum, { records }) => sum + records!.length, 0));
    return next(request);
  });

  await r.producer.send("t", Array.from({ length: 20 }, (_, partition) => ({ value: "a", partition })));

  assertEquals(requests.reduce((sum, bytes) => sum + bytes), 20 * r.cluster.batches("t")[0]!.sizeBytes);
  assert(requests.every((bytes) => bytes <= 6_096), `${requests}`);
});

// Sent again

Deno.test("transformBatch is not called again when a batch is sent again", async () => {
  let calls = 0;
  await using r = await one((records) => {
    calls++;
    return joined(records, { topic: "t", partition: 0 });
  });
  for (const name of ["NOT_ENOUGH_REPLICAS", "REQUEST_TIMED_OUT", "NOT_LEADER_OR_FOLLOWER"]) {
    r.cluster.failNext("Produce", name);
  }

  const deliveries = await r.producer.send("t", ["a", "b"]);

  assertEquals(calls, 1);
  assertEquals(texts(r.cluster.records("t")), ["a+b"]);
  assertEquals(deliveries.map(({ offset }) => offset), [0n, 0n]);
});

Deno.test("numbers count the records that go out", async () => {
  await using r = await one((records) => records.flatMap((record) => [record, record, record]));

  for (const value of ["a", "b", "c"]) await r.producer.send("t", [value, value]);

  assertEquals(r.cluster.batches("t").map(({ baseSequence, recordCount }) => [baseSequence, recordCount]), [
    [0, 6],
    [6, 6],
    [12, 6],
  ]);
});

Deno.test("a batch of transformBatch that is MESSAGE_TOO_LARGE is divided where outcomes are one to one", async () => {
  let calls = 0;
  await using r = await one((records, context) => {
    calls++;
    return upper(records, context);
  });
  await r.producer.prepare("t");
  r.cluster.failNext("Produce", "MESSAGE_TOO_LARGE", 2);

  const deliveries = await r.producer.send("t", numbered("v", 9));

  assertEquals(calls, 1);
  assertEquals(deliveries.map(({ offset }) => Number(offset)), [...Array(9).keys()]);
  assertEquals(texts(r.cluster.records("t")), numbered("V", 9));
  assertEquals(r.producer.info("t")[0]!.bufferedBytes, 0);
});

Deno.test("a regrouped batch that is MESSAGE_TOO_LARGE fails whole", async () => {
  await using r = await one((records) => records.slice(1));
  await r.producer.prepare("t");
  r.cluster.failNext("Produce", "MESSAGE_TOO_LARGE");

  const error = await r.producer.send("t", numbered("v", 9)).catch((error) => error) as DeliveryError;
  const delivery = await r.producer.send("t", ["a", "b"]);

  assertEquals(error.outcomes!.map((outcome) => outcome.error && outcome.record.text()), numbered("v", 9));
  assertEquals([error.verdict, (error.cause as BrokerError).errorName], ["notPersisted", "MESSAGE_TOO_LARGE"]);
  assertEquals(delivery.map(({ offset }) => offset), [0n, 0n]);
  assertEquals(texts(r.cluster.records("t")), ["b"]);
});

Deno.test("INVALID_RECORD fails the records it names where outcomes are one to one, else all", async () => {
  await using r = await one(upper);
  await using s = await one((records) => [...records, "more"]);
  const outcomes: unknown[][] = [];
  for (const { producer, cluster } of [r, s]) {
    await producer.prepare("t");
    refuseTwo(cluster);

    const error = await producer.send("t", numbered("v", 5)).catch((error) => error) as DeliveryError;

    outcomes.push(error.outcomes!.map((each) => each.error ? each.record.text() : each.offset));
  }

  assertEquals(outcomes, [[0n, "v1", 1n, "v3", 2n], ["v0", "v1", "v2", "v3", "v4"]]);
  assertEquals(texts(r.cluster.records("t")), ["V0", "V2", "V4"]);
  assertEquals(texts(s.cluster.records("t")), []);
  assertEquals(r.producer.info("t")[0]!.bufferedBytes, 0);
});

Deno.test("a rewritten batch that failed shows the callers' own records", async () => {
  for (const transform of [upper, joined]) {
    await using r = await one(transform);
    r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");

    const error = await r.producer.send("t", [{ key: "k", value: "a" }, "b"]).catch((error) => error) as DeliveryError;

    assertEquals(error.outcomes!.map((each) => each.error && each.record.text()), ["a", "b"]);
    const [first] = error.outcomes!;
    assertEquals(first!.error && decoder.decode(first!.record.key!), "k");
  }
});

// Before a batch is numbered

Deno.test("transformBatch never sees what was struck out before", async () => {
  const seen: string[][] = [];
  await using r = await one((records) => {
    seen.push(records.map((record) => record.text()));
    return records;
  }, { maxInFlight: 1 });
  await r.producer.send("t", "first");
  const release = holdProduce(r.cluster);
  const held = r.producer.send("t", "held");
  await until(() => r.producer.info("t")[0]!.inFlightRequests === 1);
  const kept = r.producer.send("t", "kept");
  const signal = AbortSignal.abort("gone");
  const controller = new AbortController();
  const struck = r.producer.send("t", "struck", { signal: controller.signal });
  const too = r.producer.send("t", "kept too");
  controller.abort("gone");

  await assertRejects(() => struck, DeliveryError);
  await assertRejects(() => r.producer.send("t", "never", { signal }), DeliveryError);
  release();
  const offsets = (await Promise.all([held, kept, too])).map(({ offset }) => offset);

  assertEquals(seen, [["first"], ["held"], ["kept", "kept too"]]);
  assertEquals(offsets, [1n, 2n, 3n]);
});

Deno.test("a transformBatch that withdraws a record of its own batch is called again without it", async () => {
  const seen: string[] = [];
  const controller = new AbortController();
  await using r = await one((records) => {
    seen.push(records.map((record) => record.text()).join("+"));
    controller.abort("by the function");
    return [seen.at(-1)!];
  });
  await r.producer.prepare("t");

  const [a, b, c] = await Promise.allSettled([
    r.producer.send("t", "a"),
    r.producer.send("t", "b", { signal: controller.signal }),
    r.producer.send("t", "c"),
  ]);

  assertEquals(seen, ["a+b+c", "a+c"]);
  assertEquals([a.status, b.status, c.status], ["fulfilled", "rejected", "fulfilled"]);
  assertEquals(((b as PromiseRejectedResult).reason as DeliveryError).verdict, "notPersisted");
  assertEquals(texts(r.cluster.records("t")), ["a+c"]);
});

Deno.test("a transformBatch that aborts the producer: its records are told as not persisted", async () => {
  let failures: Promise<unknown[]> | undefined;
  await using r = await one((records) => {
    failures ??= r.producer.abort("by the function");
    return records;
  });

  const error = await r.producer.send("t", ["a", "b"]).catch((error) => error) as DeliveryError;

  assertEquals(error.verdict, "notPersisted");
  assertEquals((await failures!).length, 2);
  assertEquals(r.cluster.records("t"), []);
});

Deno.test("a transformBatch that enqueues: the new record comes in a batch of its own", async () => {
  let isFirst = true;
  await using r = await one((records) => {
    if (isFirst) r.producer.enqueue("t", "more");
    isFirst = false;
    return records;
  });

  await r.producer.send("t", "a");
  await r.producer.flush();

  assertEquals(texts(r.cluster.records("t")), ["a", "more"]);
});

// The ways in and out

Deno.test("transformBatch gets what waited for the topic's partitions", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using producer = new Producer({
    bootstrap: `127.0.0.1:${port}`,
    transformBatch: joined,
    logger: null,
    ...QUICK,
  });
  for (const value of ["a", "b", "c"]) await producer.enqueue("t", value);

  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 }, ports: [port] });
  await producer.flush();

  assertEquals(texts(cluster.records("t")), ["a+b+c"]);
});

Deno.test("delivery() gives outcomes in input order although transformBatch drops and regroups", async () => {
  await using r = await rig({}, {
    batchMaxRecords: 4,
    transformBatch: (records, { partition }) =>
      partition === 0 ? [] : partition === 1 ? joined(records, { topic: "t", partition }) : records,
  });
  const inputs = numbered("", 60).map((value, i) => ({ value, partition: i % 3 }));

  const outcomes = await Array.fromAsync(ReadableStream.from([inputs]).pipeThrough(r.producer.delivery("t")));

  assertEquals(outcomes.map((outcome) => outcome.partition), inputs.map(({ partition }) => partition));
  const failed = outcomes.filter((outcome) => outcome.error);
  assertEquals(
    failed.map((outcome) => outcome.error && outcome.record.text()),
    numbered("", 60).filter((_, i) => i % 3 === 0),
  );
  const offsets = (partition: number) =>
    outcomes.flatMap((each) => !each.error && each.partition === partition ? [Number(each.offset)] : []);
  assertEquals(offsets(1), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]);
  assertEquals(offsets(2), [...Array(20).keys()]);
});

Deno.test("flush() and close() wait for halves", async () => {
  const fits: BatchTransform = (records) => records.length > 2 ? ["x".repeat(2_000)] : records;
  await using r = await one(fits, { batchMaxBytes: 1_000 });

  await r.producer.enqueue("t", numbered("v", 9));
  await r.producer.flush();
  const flushed = texts(r.cluster.records("t"));
  await r.producer.enqueue("t", numbered("w", 9));
  await r.producer.close();

  assertEquals(flushed, numbered("v", 9));
  assertEquals(texts(r.cluster.records("t")), [...flushed, ...numbered("w", 9)]);
});

Deno.test("abort() gives back what waits behind a batch that was halved", async () => {
  const fits: BatchTransform = (records) => records.length > 2 ? ["x".repeat(2_000)] : records;
  await using r = await one(fits, { batchMaxBytes: 1_000, maxInFlight: 1, lingerMs: 0 });
  await r.producer.send("t", "first");
  const release = holdProduce(r.cluster);
  await r.producer.enqueue("t", numbered("v", 8));
  await r.producer.enqueue("t", numbered("w", 4));
  await until(() => r.producer.info("t")[0]!.inFlightRequests === 1);

  const failures = await r.producer.abort("over");
  release();

  const known = failures.map(({ record, error }) => [record.text(), error.verdict]);
  assertEquals(known, [
    ...["v0", "v1"].map((text) => [text, "possiblyPersisted"]),
    ...[...numbered("v", 8).slice(2), ...numbered("w", 4)].map((text) => [text, "notPersisted"]),
  ]);
});

Deno.test("a half whose records are withdrawn gives back just what it held of the buffer", async () => {
  const fits: BatchTransform = (records) => records.length > 2 ? ["x".repeat(2_000)] : records;
  await using r = await one(fits, { batchMaxBytes: 1_000, maxInFlight: 1 });
  await r.producer.send("t", "first");
  const release = holdProduce(r.cluster);
  const controller = new AbortController();
  const sent = r.producer.send("t", ["a", "b", "c", "d".repeat(99), "e"], { signal: controller.signal });
  await until(() => r.producer.info("t")[0]!.inFlightRequests === 1);

  controller.abort("gone");
  const error = await sent.catch((error) => error) as DeliveryError;
  release();
  await r.producer.flush();

  const verdicts = error.outcomes!.map((outcome) => outcome.error?.verdict as string);
  const known = ["possiblyPersisted", "possiblyPersisted", "notPersisted", "notPersisted", "notPersisted"];
  assertEquals(verdicts, known);
  assertEquals(texts(r.cluster.records("t")), ["first", "a", "b"]);
  assertEquals(r.producer.info("t").map(({ bufferedBytes, bufferedRecords }) => [bufferedBytes, bufferedRecords]), [[
    0,
    0,
  ]]);
});

Deno.test("dropOldest drops records behind a batch that was halved, oldest first", async () => {
  const fits: BatchTransform = (records) => records.length > 2 ? ["x".repeat(9_000)] : records;
  const options = { batchMaxBytes: 4_000, partitionMaxBytes: 8_192, bufferMaxBytes: 8_192 } as const;
  await using r = await one(fits, { ...options, overflow: "dropOldest", maxInFlight: 1 });
  const lost: string[] = [];
  r.producer.addEventListener("deliveryfailed", ({ detail }) => {
    for (const { record } of detail.failures()) lost.push(record.text().slice(0, 2));
  });
  await r.producer.send("t", "first");
  const release = holdProduce(r.cluster);
  const values = numbered("", 16).map((value) => value.padStart(2, "0").padEnd(600, "."));
  await r.producer.enqueue("t", values.slice(0, 6));
  await until(() => r.producer.info("t")[0]!.inFlightRequests === 1);

  for (const value of values.slice(6)) await r.producer.enqueue("t", value);
  release();
  await r.producer.close();

  const stored = texts(r.cluster.records("t")).slice(1).map((text) => text.slice(0, 2));
  assertEquals([...stored, ...lost].sort(), values.map((value) => value.slice(0, 2)));
  assertEquals(stored.slice(0, 2), ["00", "01"]); // Numbered, so never dropped.
  assertEquals(lost, ["02", "03", "04"].slice(0, lost.length));
  assert(lost.length > 0);
});

Deno.test("acks 0 and acks 1 go through transformBatch too", async () => {
  for (const acks of [0, 1] as const) {
    await using r = await one(joined, { acks });

    const deliveries = await r.producer.send("t", ["a", "b"]);
    await r.cluster.waitFor("t", 1);

    assertEquals(texts(r.cluster.records("t")), ["a+b"]);
    assertEquals(deliveries.map(({ offset }) => offset), acks === 0 ? [null, null] : [0n, 0n]);
  }
});

Deno.test("flush events tell of what goes out", async () => {
  await using r = await one(joined);
  const events = heard(r.producer, "flush");

  await r.producer.send("t", ["a", "b", "c"]);

  assertEquals(events.map(({ records, bytes }) => [records, bytes]), [[1, r.cluster.batches("t")[0]!.sizeBytes]]);
});
