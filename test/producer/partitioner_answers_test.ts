import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type DeliveryError,
  type Outcome,
  type Partitioner,
  type Producer,
  type ProducerOptions,
  refuse,
} from "@ekaf/ekaf";
import { heard, rig, texts } from "./rig.ts";

/** What a caller learns of one record: its partition, or why there is none. */
type Learned = number | Error;

/** Every way in, for one record. */
const CALLS: Record<string, (producer: Producer, value: string) => Promise<Learned>> = {
  "send()": async (producer, value) => (await producer.send("t", value)).partition,
  "send() of an array": async (producer, value) => {
    const outcomes = await producer.send("t", [value]).catch((error: DeliveryError) => error.outcomes!);
    return outcomes[0]!.error ?? outcomes[0]!.partition!;
  },
  "enqueue()": async (producer, value) => (await producer.enqueue("t", value)).partition!,
  "enqueue() of an array": async (producer, value) => {
    const failures: Error[] = [];
    const listener = ({ detail }: CustomEvent<{ error: Error }>) => void failures.push(detail.error);
    producer.addEventListener("deliveryfailed", listener);
    const { partitions } = await producer.enqueue("t", [value]);
    return partitions[0] ?? failures[0]!;
  },
  "writable()": async (producer, value) => {
    const writer = producer.writable("t").getWriter();
    writer.closed.catch(() => {});
    await writer.write(value);
    await writer.close();
    return -1; // A stream tells no partition.
  },
  "delivery()": async (producer, value) => {
    const [outcome] = await Array.fromAsync(ReadableStream.from([value]).pipeThrough(producer.delivery("t")));
    return (outcome as Outcome).error ?? (outcome as Outcome).partition!;
  },
};

/** Every place where a topic gets its partitioner from. */
const PLACES: Record<string, (partitioner: Partitioner) => Partial<ProducerOptions>> = {
  "for all topics": (partitioner) => ({ partitioner }),
  "for the topic": (partitioner) => ({ partitioner: () => 0, topics: { t: { partitioner } } }),
  "by configure()": () => ({ partitioner: () => 0 }),
};

for (const [what, call] of Object.entries(CALLS)) {
  for (const [where, place] of Object.entries(PLACES)) {
    const producerOf = async (partitioner: Partitioner) => {
      const r = await rig({ topics: { t: 12 } }, place(partitioner));
      if (where === "by configure()") r.producer.topic("t").configure({ partitioner });
      return r;
    };

    Deno.test(`a partitioner set ${where} chooses through ${what}`, async () => {
      await using r = await producerOf(() => 7);

      const learned = await call(r.producer, "x");
      await r.producer.flush();

      assertEquals(texts(r.cluster.records("t", 7)), ["x"]);
      if (what !== "writable()") assertEquals(learned, 7);
    });

    Deno.test(`a partitioner set ${where} refuses through ${what}`, async () => {
      await using r = await producerOf(() => refuse("not on Sundays"));

      const learned = await call(r.producer, "x").catch((error: Error) => error);

      assertInstanceOf(learned, Error);
      assertEquals([learned.name, (learned as DeliveryError).verdict], ["DeliveryError", "notPersisted"]);
      assertStringIncludes(learned.message, "not on Sundays");
      await r.producer.flush();
      assertEquals(r.cluster.records("t"), []);
    });

    Deno.test(`a partitioner set ${where} may stay undecided through ${what}`, async () => {
      await using r = await producerOf(() => undefined);

      await call(r.producer, "x");
      await r.producer.flush();

      assertEquals([texts(r.cluster.records("t")), r.warnings], [["x"], []]);
    });

    Deno.test(`a partitioner set ${where} that throws through ${what} is logged, and the default decides`, async () => {
      await using r = await producerOf(() => {
        throw new Error("confused");
      });

      await call(r.producer, "x");
      await r.producer.flush();

      assertEquals(texts(r.cluster.records("t")), ["x"]);
      assertEquals(r.warnings.length, 1);
      assertStringIncludes(r.warnings[0]!, `The partitioner of "t" threw: confused`);
    });

    Deno.test(`a partitioner set ${where} that names no partition is a RangeError through ${what}`, async () => {
      await using r = await producerOf(() => 12);

      const learned = await call(r.producer, "x").catch((error: Error) => error);

      const error = learned instanceof RangeError ? learned : (learned as Error).cause;
      assertInstanceOf(error, RangeError);
      assertStringIncludes(error.message, "12 is no partition");
      await r.producer.flush();
      assertEquals(r.cluster.records("t"), []);
    });
  }
}

Deno.test("a partitioner that gives a promise is refused by name, and the promise's failure ends nothing", async () => {
  // deno-lint-ignore require-await
  const waits = async () => {
    throw new Error("nobody hears of this");
  };
  await using r = await rig({}, { partitioner: waits as unknown as () => number });

  const error = await assertRejects(() => r.producer.send("t", "a"), TypeError);

  assertStringIncludes(error.message, "undefined, not a promise");
});

Deno.test("a refusal before the partitions are known reaches whoever awaits the record", async () => {
  await using r = await rig({}, { partitioner: ({ bytes }) => bytes === 2 ? refuse("even") : 0 });
  const failed = heard(r.producer, "deliveryfailed");
  await r.cluster.stop();
  const sent = r.producer.send("t", "aa").catch((error) => error);
  await r.producer.enqueue("t", ["b", "bb"]);

  await r.cluster.start();
  const error = await sent;
  await r.producer.flush();

  assertStringIncludes(error.message, "even");
  assertEquals(failed.map(({ count }) => count), [1]);
  assertEquals(texts(r.cluster.records("t")), ["b"]);
});
