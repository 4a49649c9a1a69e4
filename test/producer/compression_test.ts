import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Compression } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { heard, numbered, rig, texts } from "./rig.ts";

const SETTINGS: Compression[] = [
  "gzip",
  "snappy",
  "lz4",
  "zstd",
  { codec: "gzip", level: 1 },
  { codec: "zstd", level: -5 },
];

for (const compression of SETTINGS) {
  Deno.test(`send() delivers compressed batches whole and in order: ${JSON.stringify(compression)}`, async () => {
    await using made = await rig({ topics: { t: 1 } }, { compression });
    const values = numbered('{"name":"a record that repeats itself","number":', 30_000);

    await made.producer.send("t", values);

    assertEquals(texts(made.cluster.records("t")), values);
    const batches = made.cluster.batches("t");
    assert(batches.length > 1 && batches.every(({ isCompressed }) => isCompressed));
    const sentBytes = batches.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    assert(sentBytes < values.join("").length / 2, String(sentBytes));
    assertEquals(made.warnings, []);
  });
}

Deno.test("send() leaves a batch uncompressed when compression would make it larger", async () => {
  for (const compression of SETTINGS) {
    await using made = await rig({ topics: { t: 1 } }, { compression });
    const noise = crypto.getRandomValues(new Uint8Array(50_000));

    await made.producer.send("t", "tiny");
    await made.producer.send("t", noise);

    assertEquals(made.cluster.batches("t").map(({ isCompressed }) => isCompressed), [false, false]);
    assertEquals(made.cluster.records("t")[1]!.value, noise);
    assertEquals(made.warnings, []);
  }
});

Deno.test("compression is each topic's own when a topic has one", async () => {
  const text = "again and ".repeat(500);
  await using made = await rig({ topics: { t: 1, plain: 1, handle: 1 } }, {
    compression: "gzip",
    topics: { plain: { compression: "none" } },
  });
  const handle = made.producer.topic("handle", { compression: { codec: "zstd", level: 9 } });

  await Promise.all([made.producer.send("t", text), made.producer.send("plain", text), handle.send(text)]);

  const isCompressed = (topic: string) => made.cluster.batches(topic).map((batch) => batch.isCompressed);
  assertEquals([isCompressed("t"), isCompressed("plain"), isCompressed("handle")], [[true], [false], [true]]);
});

Deno.test("topic() takes the same compression again, and refuses another", async () => {
  await using made = await rig();

  made.producer.topic("t", { compression: { codec: "gzip", level: 3 } });

  made.producer.topic("t", { compression: { codec: "gzip", level: 3 } });
  assertThrows(() => made.producer.topic("t", { compression: { codec: "gzip", level: 4 } }), TypeError, "compression");
});

Deno.test("flush events tell the bytes that are sent, records are counted uncompressed in the buffer", async () => {
  await using made = await rig({ topics: { t: 1 } }, { compression: "gzip" });
  const flushes = heard(made.producer, "flush");

  await made.producer.send("t", "again and ".repeat(500));

  assertEquals(flushes.map(({ bytes }) => bytes), made.cluster.batches("t").map(({ sizeBytes }) => sizeBytes));
});

Deno.test("send() goes out uncompressed, with a warning, where the broker does not know zstd", async () => {
  await using made = await rig({ topics: { t: 1 }, versions: { Produce: [3, 6] } }, { compression: "zstd" });
  const text = "again and ".repeat(500);

  await made.producer.send("t", [text, text]);

  assertEquals(texts(made.cluster.records("t")), [text, text]);
  assertEquals(made.cluster.batches("t").map(({ isCompressed }) => isCompressed), [false]);
  assertEquals(made.warnings, ["The broker does not know zstd (Kafka before 2.1): batches go out uncompressed"]);
});

Deno.test("DeliveryFailure.record tells the record of a compressed batch", async () => {
  await using made = await rig({ topics: { t: 1 } }, { compression: "zstd" });
  made.cluster.failNext("Produce", "INVALID_REQUIRED_ACKS");
  const failed = heard(made.producer, "deliveryfailed");

  await made.producer.enqueue("t", { key: "k", value: "again and ".repeat(500), headers: { a: "1" } }, { flush: true });
  await made.producer.flush();

  const [{ record }] = (failed[0] as { failures(): [{ record: { text(): string; key: Uint8Array } }] }).failures();
  assertEquals([record.text(), new TextDecoder().decode(record.key)], ["again and ".repeat(500), "k"]);
});

/** Runs a program that uses the producer `producer`, in a process with no permission beside the network's. */
async function runAlone(cluster: EmbeddedCluster, body: string): Promise<{ success: boolean; errors: string }> {
  const code = `import { Producer } from "${import.meta.resolve("../../mod.ts")}";
    const bootstrap = "${cluster.bootstrap[0]}";
    const values = Array.from({ length: 20_000 }, (_, i) => "a value of some length, number " + i);
    ${body}`;
  const config = new URL(import.meta.resolve("../../deno.json")).pathname;
  const program = `data:text/javascript,${encodeURIComponent(code)}`;
  const args = ["run", "--no-prompt", "--quiet", `--config=${config}`, "--allow-net=127.0.0.1", program];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, stderr: "piped" }).output();
  return { success, errors: new TextDecoder().decode(stderr) };
}

Deno.test("Producer needs no permission beside the network's to compress", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });

  const { success, errors } = await runAlone(
    cluster,
    `for (const compression of ["gzip", "snappy", "lz4", "zstd"]) {
      await using producer = new Producer({ bootstrap, compression });
      await producer.send("t", values);
    }`,
  );

  assert(success, errors);
  assertEquals(errors, "");
  assertEquals(cluster.records("t").length, 80_000);
  assert(cluster.batches("t").every(({ isCompressed }) => isCompressed));
});

Deno.test("Producer that compresses and is forgotten lets its process end", async () => {
  await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });

  const { success, errors } = await runAlone(
    cluster,
    `const producer = new Producer({ bootstrap, compression: "gzip" });
    await producer.enqueue("t", values);`,
  );

  assert(success, errors);
  assertEquals(cluster.records("t").length, 20_000);
});
