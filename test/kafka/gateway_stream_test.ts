import { assert, assertEquals } from "@std/assert";
import { type LongRunBroker, realKafka } from "../../bench/gateway/brokers.ts";
import { proveStall, SHARED_MACHINE_MARGIN_BYTES, wrongs } from "../../bench/gateway/stall_proof.ts";
import { GATEWAY_V8_FLAGS, GatewayProcess } from "./gateway_process.ts";
import { type Kafka, startKafka } from "./harness.ts";
import { ReceiptsClient } from "./gateway_receipts.ts";

/** What a client has for a broker that stalls. */
const STALLED_BYTES = 256 * 1024 * 1024;
const RECEIPT_LINES = 60_000;
const NDJSON = { "content-type": "application/x-ndjson" } as const;
const encoder = new TextEncoder();

/** A gateway over Kafka; nobody has to notice its end. */
function gatewayOver(kafka: Kafka): Promise<GatewayProcess> {
  return GatewayProcess.start({ args: ["--bootstrap", kafka.bootstrap.join(), "--pre-stop-ms", "0"] });
}

/** How often each value is in a topic, as Kafka's own consumer reads it. */
async function countValues(kafka: Kafka, topic: string): Promise<Map<string, number>> {
  const decoder = new TextDecoder();
  const counts = new Map<string, number>();
  for await (const records of kafka.read(topic)) {
    for (const { value } of records) {
      const text = decoder.decode(value!);
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  return counts;
}

async function checkTwoStreams(kafka: Kafka): Promise<void> {
  await kafka.createTopic("two", 1);
  await using gateway = await gatewayOver(kafka);
  const post = (body: ReadableStream<Uint8Array<ArrayBuffer>>) =>
    fetch(`${gateway.url}/stream/two`, { method: "POST", body, headers: NDJSON });
  const bodies = ["a", "b"].map((name) => {
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const writer = writable.getWriter();
    let n = 0;
    return { readable, writer, line: () => writer.write(encoder.encode(`"${name}${n++}"\n`)) };
  });
  const [whole, cut] = bodies as [typeof bodies[number], typeof bodies[number]];
  const answer = post(whole.readable);
  const aborted = post(cut.readable).then(() => "answered", () => "aborted");
  for (let i = 0; i < 100; i++) await Promise.all([whole.line(), cut.line()]);

  await cut.writer.abort(new Error("enough"));
  for (let i = 0; i < 100; i++) await whole.line();
  await whole.writer.close();
  const summary = await (await answer).json();
  const after = await fetch(`${gateway.url}/sync/two`, { method: "POST", body: '"after"' });
  const text = await after.text();
  gateway.kill("SIGTERM");

  assertEquals([await aborted, summary], ["aborted", { accepted: 200, acked: 200, failed: [] }]);
  assertEquals([text, (await gateway.ended()).code], ['[{"ok":true}]', 0]);
  const counts = await countValues(kafka, "two");
  assertEquals(Array.from({ length: 200 }, (_, n) => counts.get(`"a${n}"`)), Array(200).fill(1));
  assertEquals([...counts.values()].filter((count) => count !== 1), []);
  assertEquals(counts.get('"after"'), 1);
}

async function checkStall(broker: LongRunBroker): Promise<void> {
  await using gateway = await GatewayProcess.start({
    args: ["--bootstrap", broker.bootstrap, "--pre-stop-ms", "0"],
    runFlags: GATEWAY_V8_FLAGS,
  });

  const report = await proveStall({
    broker,
    gateway,
    totalBytes: STALLED_BYTES,
    lineBytes: 1024,
    stallMs: 0,
    marginBytes: SHARED_MACHINE_MARGIN_BYTES,
  });

  assertEquals(wrongs(report), []);
}

async function checkKill(kafka: Kafka): Promise<void> {
  await kafka.createTopic("killed", 3);
  await using gateway = await gatewayOver(kafka);
  let outage: Promise<void> | null = null;
  using client = await ReceiptsClient.connect(gateway.url, {
    path: "/stream/killed",
    lines: RECEIPT_LINES,
    onReceipts: (receipts) => {
      if (receipts >= RECEIPT_LINES / 3) outage ??= kafka.kill(1).then(() => kafka.restart(1));
    },
  });

  const { acked, failed, last } = await client.run();
  assert(outage !== null);
  await outage;

  const count = RECEIPT_LINES;
  assertEquals([acked, failed], [count, 0]);
  assertEquals(last, { done: true, accepted: count, acked: count, failed: 0 });
  const counts = await countValues(kafka, "killed");
  const missing = Array.from({ length: count }, (_, n) => n).filter((n) => !counts.has(`{"n":${n}}`)).length;
  const doubled = [...counts.values()].filter((count) => count > 1).length;
  assertEquals({ size: counts.size, missing, doubled }, { size: count, missing: 0, doubled: 0 });
}

Deno.test("ekaf gateway streams into Kafka 4.3.1", async (t) => {
  await using kafka = await startKafka("4.3.1");
  await t.step("one of two streams into a topic is aborted, the other is whole", () => checkTwoStreams(kafka));
  await t.step(
    "what a broker that stalls cannot take waits in the client's socket",
    () => checkStall(realKafka(kafka)),
  );
  await t.step("receipts are whole when the broker is killed mid-stream and restarted", () => checkKill(kafka));
});
