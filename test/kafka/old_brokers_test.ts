/**
 * The producer and real brokers before 0.11: found out or told, with what they cannot do, killed, and read back by programs
 * of their own time.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { DeliveryError, Producer, type ProducerOptions } from "@ekaf/ekaf";
import { type OldKafka, startOldKafka } from "./harness_zookeeper.ts";

const RECORD_COUNT = 3_000;

const decoder = new TextDecoder();

function producerOf(kafka: OldKafka, options: Partial<ProducerOptions> = {}) {
  const warnings: string[] = [];
  const producer = new Producer({
    bootstrap: [...kafka.bootstrap],
    logger: { warn: (message) => void warnings.push(message) },
    ...options,
  });
  return { producer, warnings, [Symbol.asyncDispose]: () => producer.close() };
}

async function valuesIn(kafka: OldKafka, topic: string, partition: number): Promise<(string | null)[]> {
  const records = (await kafka.kcatRead(topic)).filter((record) => record.partition === partition);
  return records.map(({ value }) => value === null ? null : decoder.decode(value));
}

for (const version of ["0.8.2.2", "0.9.0.1", "0.10.2.2"] as const) {
  Deno.test(`Producer and a real ${version}`, async (t) => {
    await using kafka = await startOldKafka(version);
    const isTimed = version === "0.10.2.2";
    // It says nothing when asked for its versions.
    const told: Partial<ProducerOptions> = version === "0.9.0.1" ? { protocol: "0.9" } : {};
    await kafka.createTopic("clicks", 2);

    await t.step("each acks, offsets, keys, tombstones", async () => {
      for (const [i, acks] of (["all", 1, 0] as const).entries()) {
        await using made = producerOf(kafka, { acks, ...told });
        const deliveries = await made.producer.send("clicks", [
          { partition: 0, key: "k", value: `first ${acks}` },
          { partition: 0, value: null, key: "gone" },
          { partition: 0, value: "" },
        ]);

        const base = BigInt(3 * i);
        assertEquals(
          deliveries.map(({ offset }) => offset),
          acks === 0 ? [null, null, null] : [base, base + 1n, base + 2n],
        );
        assertEquals(made.warnings.some((text) => text.includes("spoken to as to Kafka 0.8")), version === "0.8.2.2");
      }
      assertEquals(
        await valuesIn(kafka, "clicks", 0),
        ["all", "1", "0"].flatMap((acks) => [`first ${acks}`, null, ""]),
      );
      assertEquals(await kafka.dump("clicks", 0), { magics: [isTimed ? 1 : 0], codecs: ["none"] });
    });

    await t.step("headers and timestamps", async () => {
      await using made = producerOf(kafka, told);
      const error = await assertRejects(() =>
        made.producer.send("clicks", [
          { partition: 1, value: "plain" },
          { partition: 1, value: "headed", headers: { a: "1" } },
          { partition: 1, value: "timed", timestamp: 1_700_000_000_000 },
        ])
      );

      assertInstanceOf(error, DeliveryError);
      const verdicts = error.outcomes!.map((outcome) => outcome.error?.verdict);
      assertEquals(verdicts, [undefined, "notPersisted", isTimed ? undefined : "notPersisted"]);
      assertEquals(await valuesIn(kafka, "clicks", 1), isTimed ? ["plain", "timed"] : ["plain"]);
      const stored = (await kafka.kcatRead("clicks")).find(({ value }) =>
        value !== null && decoder.decode(value) === "timed"
      );
      assertEquals(stored?.timestamp, isTimed ? 1_700_000_000_000 : undefined);
    });

    await t.step("each codec", async () => {
      const values = Array.from({ length: 500 }, (_, i) => `a record that repeats itself, number ${i}`);
      for (const compression of ["gzip", "snappy", "lz4"] as const) {
        await kafka.createTopic(compression, 1);
        await using made = producerOf(kafka, { compression, ...told });

        const deliveries = await made.producer.send(compression, values);
        await made.producer.send(compression, values);

        assertEquals(deliveries.at(-1)!.offset, 499n);
        assertEquals(await kafka.consoleValues(compression, 1_000), [...values, ...values], compression);
        assertEquals(await kafka.dump(compression, 0), { magics: [isTimed ? 1 : 0], codecs: [compression] });
      }
    });

    await t.step("idempotent: true is an error", async () => {
      await using made = producerOf(kafka, { idempotent: true, ...told });

      const error = await assertRejects(() => made.producer.send("clicks", "a"), DeliveryError);

      assertStringIncludes(error.message, "UNSUPPORTED_VERSION");
    });

    await t.step("order and nothing lost while the broker is killed", async () => {
      await kafka.createTopic("numbers", 1);
      await using made = producerOf(kafka, { batchMaxRecords: 50, ...told });
      const values = Array.from({ length: RECORD_COUNT }, (_, i) => String(i));

      const written = ReadableStream.from(values).pipeTo(made.producer.writable("numbers"));
      await kafka.kill();
      await kafka.startBroker();
      await written;

      const stored = await valuesIn(kafka, "numbers", 0);
      assert(stored.length >= RECORD_COUNT);
      const firsts = [...new Set(stored)];
      assertEquals(firsts, values); // Each once at least, and the first of each in order: a retry may have doubled a batch.
      const byConsole = await kafka.consoleValues("numbers", stored.length);
      assertEquals(byConsole, stored);
    });
  });
}

Deno.test("Producer that is told of 0.8 asks a real 0.8.2.2 nothing", async () => {
  await using kafka = await startOldKafka("0.8.2.2");
  await kafka.createTopic("clicks", 1);
  await using made = producerOf(kafka, { protocol: "0.8" });

  const { offset } = await made.producer.send("clicks", "a");

  assertEquals([offset, made.warnings.filter((text) => text.includes("spoken to as"))], [0n, []]);
});
