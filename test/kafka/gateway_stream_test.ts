import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { GatewayProcess } from "./gateway_process.ts";
import { type Kafka, startKafka } from "./harness.ts";
import { ReceiptsClient } from "./gateway_receipts.ts";

const MIB = 1024 * 1024;
/** What a client has for a broker that stalls. */
const STALLED_BYTES = 1024 * MIB;
/** Of it, what is sent after the stall. */
const LATER_BYTES = 16 * MIB;
const LINE_BYTES = 1024;
const LINES_A_CHUNK = 64;
/** What the producer's buffer holds, and what is on its way to it: sockets, the chunk that waits, its copies. */
const HELD_BYTES = 32 * MIB + 32 * MIB;
/** By how much memory may grow meanwhile: what is held, and as much again for garbage. */
const GROWTH_BYTES = 2 * HELD_BYTES;
const RECEIPT_LINES = 60_000;
const NDJSON = { "content-type": "application/x-ndjson" } as const;
const encoder = new TextEncoder();

/** A gateway over Kafka; nobody has to notice its end. */
function gatewayOver(kafka: Kafka): Promise<GatewayProcess> {
  return GatewayProcess.start({ args: ["--bootstrap", kafka.bootstrap.join(), "--pre-stop-ms", "0"] });
}

/** A body of lines, which tells how much of it has been taken. */
class Lines {
  bytes = 0;
  /** How many bytes the body has, while it is not over. */
  totalBytes = STALLED_BYTES;

  /** The body. */
  body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const line = `{"text":"${"x".repeat(LINE_BYTES - 12)}"}\n`;
    const chunk = encoder.encode(line.repeat(LINES_A_CHUNK));
    return new ReadableStream({
      pull: (controller) => {
        if (this.bytes >= this.totalBytes) return controller.close();
        this.bytes += chunk.length;
        controller.enqueue(chunk.slice());
      },
    }, { highWaterMark: 0 });
  }
}

/** Resolves when `measure` gives the same for a second. */
async function settled(measure: () => number): Promise<void> {
  let last = measure();
  for (let same = 0; same < 50; same++) {
    await delay(20);
    const now = measure();
    if (now !== last) same = 0;
    last = now;
  }
}

/** How many records are in a topic. */
async function recordCount(kafka: Kafka, topic: string): Promise<number> {
  return (await kafka.ranges(topic)).reduce((sum, { end }) => sum + Number(end), 0);
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

async function checkStall(kafka: Kafka): Promise<void> {
  await kafka.createTopic("stalled", 3);
  await using gateway = await gatewayOver(kafka);
  await (await fetch(`${gateway.url}/sync/stalled`, { method: "POST", body: "first" })).body?.cancel();
  const lines = new Lines();
  const baseBytes = await gateway.residentBytes();
  kafka.stop(1);
  const answer = fetch(`${gateway.url}/stream/stalled`, {
    method: "POST",
    body: lines.body(),
    headers: NDJSON,
  });
  await settled(() => lines.bytes);
  const takenBytes = lines.bytes;
  const stalledBytes = await gateway.residentBytes();
  lines.totalBytes = takenBytes + LATER_BYTES;
  kafka.cont(1);
  let peakBytes = stalledBytes;
  let isOver = false;
  const watched = (async () => {
    for (; !isOver; await delay(20)) peakBytes = Math.max(peakBytes, await gateway.residentBytes());
  })();
  const summary = await (await answer).json();
  isOver = true;
  await watched;
  const mib = (bytes: number) => Math.round(bytes / MIB);
  // deno-lint-ignore no-console -- figures for whoever reads the log
  console.log(
    `    MiB: resident ${mib(baseBytes)}, stalled ${mib(stalledBytes)}, at most ${mib(peakBytes)}; ` +
      `taken while stalled ${mib(takenBytes)} of ${mib(STALLED_BYTES)}`,
  );

  const count = lines.bytes / LINE_BYTES;
  assertEquals(summary, { accepted: count, acked: count, failed: [] });
  assertEquals(await recordCount(kafka, "stalled"), count + 1);
  assertLess(takenBytes, HELD_BYTES, "the client's socket blocks");
  assertGreater(takenBytes, 0);
  assertLess(peakBytes - baseBytes, GROWTH_BYTES);
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
  await t.step("1 GiB for a broker that stalls waits in the client's socket", () => checkStall(kafka));
  await t.step("receipts are whole when the broker is killed mid-stream and restarted", () => checkKill(kafka));
});
