import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type DeliveryError, javaCompatible, type Partitioner, refuse, type TopicView } from "@ekaf/ekaf";
import { MURMUR2_VECTORS } from "../vectors/murmur2.ts";
import { heard, numbered, rig, texts, until } from "./rig.ts";

function view(count: number, hasRoom: (id: number) => boolean = () => true): TopicView {
  return { name: "t", partitions: Array.from({ length: count }, (_, i) => i), hasRoom };
}

Deno.test("javaCompatible() puts keys where Kafka's Java producer puts them", () => {
  const partitioner = javaCompatible();

  for (const [hex, , , of3, of12, of1000] of MURMUR2_VECTORS) {
    const key = Uint8Array.fromHex(hex);
    const chosen = [3, 12, 1000].map((count) => partitioner({ key, bytes: 1 }, view(count)));
    assertEquals(chosen, [of3, of12, of1000]);
  }
});

Deno.test("javaCompatible() keeps records without a key on a partition for 64 KiB, then moves", () => {
  const partitioner = javaCompatible();
  const topic = view(4);

  const chosen = Array.from({ length: 400 }, () => partitioner({ key: null, bytes: 1024 }, topic) as number);

  const runs = chosen.reduce<number[]>((lengths, id, i) => {
    if (i > 0 && id === chosen[i - 1]) lengths[lengths.length - 1]!++;
    else lengths.push(1);
    return lengths;
  }, []);
  assertEquals(runs, [64, 64, 64, 64, 64, 64, 16]);
});

Deno.test("javaCompatible() moves records without a key away from a partition without room", () => {
  const partitioner = javaCompatible();
  let full = -1;
  const topic = view(3, (id) => id !== full);

  full = partitioner({ key: null, bytes: 1 }, topic) as number;

  assert(partitioner({ key: null, bytes: 1 }, topic) !== full);
});

Deno.test("javaCompatible() moves no keyed record, and picks any partition when none has room", () => {
  const partitioner = javaCompatible();
  const topic = view(3, () => false);

  assertEquals(partitioner({ key: Uint8Array.fromHex("61"), bytes: 1 }, topic), 1);
  assert([0, 1, 2].includes(partitioner({ key: null, bytes: 1 }, topic) as number));
});

Deno.test("a partitioner is asked once a record, with its key and size", async () => {
  const asked: [string | null, number][] = [];
  const partitioner: Partitioner = ({ key, bytes }, { partitions }) => {
    asked.push([key && new TextDecoder().decode(key), bytes]);
    return partitions.at(-1)!;
  };
  await using r = await rig({}, { partitioner });

  await r.producer.send("t", [{ key: "kk", value: "v" }, "abc", { value: "x", partition: 0 }]);
  await r.producer.send("t", { key: "", value: null });

  assertEquals(asked, [["kk", 3], [null, 3], ["", 0]]);
  assertEquals(r.cluster.records("t", 2).length, 3);
});

Deno.test("a partitioner that waits for room is not asked again", async () => {
  let asked = 0;
  const sizes = { batchMaxBytes: 1_000, partitionMaxBytes: 5_096, bufferMaxBytes: 5_096 };
  await using r = await rig({}, { ...sizes, partitioner: () => asked++ % 3 });
  await r.producer.prepare("t");
  await r.producer.pick("t");
  asked = 0;

  await r.producer.send("t", Array.from({ length: 50 }, () => "x".repeat(700)));

  assertEquals(asked, 50);
});

const defaulting: [string, Partitioner][] = [
  ["throws", () => {
    throw new Error("oops");
  }],
  ["returns undefined", () => undefined],
];
for (const [what, partitioner] of defaulting) {
  Deno.test(`a partitioner that ${what} leaves the choice to the default`, async () => {
    await using r = await rig({ topics: { t: 12 } }, { partitioner });

    const delivery = await r.producer.send("t", { key: "a", value: "" });

    assertEquals(delivery.partition, 4);
    assertEquals(r.warnings.length, what === "throws" ? 1 : 0);
  });
}

for (const choice of [3, -1, 0.5, NaN, Infinity]) {
  Deno.test(`a partitioner's ${choice} is a RangeError for that record`, async () => {
    const partitioner: Partitioner = ({ bytes }) => bytes === 1 ? choice : 0;
    await using r = await rig({}, { partitioner });

    const early = await assertRejects(() => r.producer.send("t", "x"), RangeError);
    const late = await assertRejects(() => r.producer.send("t", "x"), RangeError);
    const many = await r.producer.send("t", ["ok", "x", "ok"]).catch((error) => error) as DeliveryError;
    await assertRejects(() => ReadableStream.from(["x"]).pipeTo(r.producer.writable("t")), RangeError);

    for (const error of [early, late]) assertStringIncludes(error.message, String(choice));
    assertEquals(many.outcomes!.map(({ error }) => error?.cause instanceof RangeError), [false, true, false]);
    assertEquals(r.cluster.records("t").length, 2);
  });
}

Deno.test("a partitioner that returns nonsense fails that record", async () => {
  await using r = await rig({}, { partitioner: (() => "one") as unknown as Partitioner });

  await assertRejects(() => r.producer.send("t", "x"), TypeError, "one");
});

Deno.test("a partitioner may refuse records through every call", async () => {
  const partitioner: Partitioner = ({ bytes }) => bytes === 3 ? refuse("unlucky") : 0;
  await using r = await rig({}, { partitioner });
  const failed = heard(r.producer, "deliveryfailed");

  const waiting = r.producer.enqueue("t", ["aaa", "b"]);
  const one = await r.producer.send("t", "aaa").catch((error) => error) as DeliveryError;
  const many = await r.producer.send("t", ["b", "aaa"]).catch((error) => error) as DeliveryError;
  const outcomes = await Array.fromAsync(
    ReadableStream.from([["b", "aaa", "b"]]).pipeThrough(r.producer.delivery("t")),
  );
  const piped = await ReadableStream.from(["aaa"]).pipeTo(r.producer.writable("t")).catch((error) => error);

  for (const error of [one, many, piped]) {
    assertEquals([error.name, error.verdict], ["DeliveryError", "notPersisted"]);
    assertStringIncludes(error.message, "unlucky");
  }
  assertEquals(outcomes.map((each) => each.error && each.record.text()), [undefined, "aaa", undefined]);
  assertEquals((await waiting).partitions, [null, 0]);
  assertEquals(failed.map(({ count, partition }) => [count, partition]), [[1, null]]);
  assertEquals(texts(r.cluster.records("t")), ["b", "b", "b", "b"]);
});

Deno.test("a topic's partitioner stands before the producer's", async () => {
  await using r = await rig({ topics: { t: 3, u: 3 } }, {
    partitioner: () => 1,
    topics: { u: { partitioner: () => 2 } },
  });

  const deliveries = await Promise.all(["t", "u"].map((topic) => r.producer.send(topic, "a")));

  assertEquals(deliveries.map(({ partition }) => partition), [1, 2]);
});

Deno.test("records without a key avoid a partition whose broker is down", async () => {
  await using r = await rig({ brokers: 2, topics: { t: 2 } });
  const { partitions } = await r.producer.prepare("t");
  const [up, down] = [1, 2].map((id) => partitions.find(({ leader }) => leader === id)!.partition);
  await r.producer.send("t", [{ value: "", partition: 0 }, { value: "", partition: 1 }]);
  await r.cluster.stop(2);
  r.producer.send("t", { value: "", partition: down! }).catch(() => {});
  await until(() => r.producer.info("t")[down!]!.state === "down");

  const deliveries = await Promise.all(numbered("", 10).map((value) => r.producer.send("t", value)));

  assertEquals(new Set(deliveries.map(({ partition }) => partition)), new Set([up]));
});
