/**
 * The long runs of the gateway, `deno task gateway:stall` and `deno task gateway:soak`, in short.
 *
 * @module
 */

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { startBroker } from "../../bench/gateway/brokers.ts";
import { isWhole, LineLedger, MIN_LINE_BYTES, NumberedLines } from "../../bench/gateway/numbered_lines.ts";
import { isOnTime, soakGateway, type SoakSample, soakWrongs } from "../../bench/gateway/soak_run.ts";
import { proveStall, SHARED_MACHINE_MARGIN_BYTES, wrongs } from "../../bench/gateway/stall_proof.ts";
import { describeSamples } from "../../bench/soak/samples.ts";
import { GATEWAY_V8_FLAGS, GatewayProcess } from "./gateway_process.ts";

const MIB = 2 ** 20;
const LINE_BYTES = 80;

/** The lines of two streams of three, as they would be read from one partition. */
function recordsOfTwoStreams(): { partition: number; value: Uint8Array }[] {
  return [0, 1].flatMap((stream) => {
    const bytes = new NumberedLines(stream, LINE_BYTES).bytes(0, 3);
    return [0, 1, 2].map((n) => ({
      partition: 0,
      value: bytes.slice(n * LINE_BYTES, (n + 1) * LINE_BYTES - 1),
    }));
  });
}

function ledgerOf(records: readonly { partition: number; value: Uint8Array | null }[]) {
  const ledger = new LineLedger([3, 3], LINE_BYTES);
  for (const record of records) ledger.note(record);
  return ledger.report();
}

Deno.test("NumberedLines.bytes() makes lines of JSON of the length asked for", () => {
  const text = new TextDecoder().decode(new NumberedLines(7, MIN_LINE_BYTES).bytes(41, 2));

  const lines = text.split("\n");
  assertEquals(lines.map(({ length }) => length), [MIN_LINE_BYTES - 1, MIN_LINE_BYTES - 1, 0]);
  const [first, second] = lines.slice(0, 2).map((line) => JSON.parse(line));
  assertEquals([first.s, first.n, second.n], ["007", "0000000041", "0000000042"]);
  assertThrows(() => new NumberedLines(0, MIN_LINE_BYTES - 1), RangeError, "Cannot make lines of 63 bytes");
});

Deno.test("LineLedger.report() names what is missing, doubled, damaged, disordered", () => {
  const records = recordsOfTwoStreams();
  const none = { records: 6, missing: 0, doubled: 0, damaged: 0, disordered: 0 };
  const damaged = records[4]!.value.slice();
  damaged[60]! ^= 1;

  assertEquals(ledgerOf(records), none);
  assertEquals(isWhole(ledgerOf(records)), true);
  assertEquals(ledgerOf(records.toSpliced(1, 1)), { ...none, records: 5, missing: 1 });
  assertEquals(ledgerOf([...records, records[5]!]), { ...none, records: 7, doubled: 1 });
  assertEquals(ledgerOf(records.toSpliced(4, 1, { partition: 0, value: damaged })), {
    ...none,
    missing: 1,
    damaged: 1,
  });
  assertEquals(ledgerOf(records.toSpliced(4, 1, { partition: 0, value: null! })), { ...none, missing: 1, damaged: 1 });
  assertEquals(ledgerOf([records[1]!, records[0]!, ...records.slice(2)]), { ...none, disordered: 1 });
  for (const wrong of [records.toSpliced(1, 1), [...records, records[5]!], [records[1]!, records[0]!]]) {
    assertEquals(isWhole(ledgerOf(wrong)), false);
  }
});

Deno.test("describeSamples() names what grew from the first third to the last", () => {
  const samples = Array.from({ length: 9 }, (_, i) => ({ heapMib: 10 + i, rssMib: 100, timers: 5 + i % 2 }));

  assertEquals(describeSamples(samples, 9).grown, ["heapMib"]);
  assertEquals(describeSamples(samples.map((sample) => ({ ...sample, heapMib: 10 })), 9).grown, []);
});

Deno.test("isOnTime() is false of a load that ended late, and of one that was late in between", () => {
  const [sample] = [{ lagMs: 5_000 }] as SoakSample[];

  assertEquals(isOnTime({ samples: [sample!], elapsedMs: 602_000 }, 600), true);
  assertEquals(isOnTime({ samples: [sample!, { ...sample!, lagMs: 5_001 }], elapsedMs: 602_000 }, 600), false);
  assertEquals(isOnTime({ samples: [sample!], elapsedMs: 608_001 }, 600), false);
});

Deno.test("ekaf gateway delivers all that it took from a blocked client when the broker goes on, within its memory", async () => {
  await using broker = await startBroker("embedded");
  await using gateway = await GatewayProcess.start({
    args: ["--bootstrap", broker.bootstrap, "--pre-stop-ms", "0"],
    runFlags: GATEWAY_V8_FLAGS,
  });

  const report = await proveStall({
    broker,
    gateway,
    totalBytes: 256 * MIB,
    lineBytes: 1024,
    stallMs: 0,
    marginBytes: SHARED_MACHINE_MARGIN_BYTES,
  });

  assertEquals(wrongs(report), []);
  assertGreater(report.sent.totalBytes, report.sent.inStallBytes);
  assertEquals(report.ledger, { records: report.lineCount, missing: 0, doubled: 0, damaged: 0, disordered: 0 });
  gateway.kill("SIGTERM");
  assertEquals((await gateway.ended()).code, 0);
});

Deno.test("ekaf gateway ends a stream in chunks that comes faster than it is read, and tells what was taken", async () => {
  await using broker = await startBroker("embedded");
  await using gateway = await GatewayProcess.start({
    args: ["--bootstrap", broker.bootstrap, "--pre-stop-ms", "0", "--unread-chunks-max-bytes", String(32 * MIB)],
    runFlags: GATEWAY_V8_FLAGS,
  });

  const report = await proveStall({
    broker,
    gateway,
    totalBytes: 160 * MIB,
    lineBytes: 1024,
    stallMs: 0,
    isChunked: true,
    marginBytes: SHARED_MACHINE_MARGIN_BYTES,
  });

  const { code, accepted, acked } = JSON.parse(report.answer.body);
  const { records, doubled, damaged, disordered } = report.ledger;
  assertEquals([report.answer.status, code], [503, "OVERLOADED"]);
  assertEquals({ acked, records, doubled, damaged, disordered }, {
    acked: accepted,
    records: accepted + 1,
    doubled: 0,
    damaged: 0,
    disordered: 0,
  });
  assertGreater(report.rss.boundBytes + 32 * MIB, report.rss.peakBytes);
});

Deno.test("ekaf gateway loses and refuses nothing of a constant load of streams and POSTs", async () => {
  await using broker = await startBroker("embedded");

  const report = await soakGateway({
    broker,
    rate: 10_000,
    seconds: 5,
    streams: 2,
    posters: 4,
    linesAPost: 500,
    lineBytes: 100,
    sampleCount: 5,
  });

  assertEquals(soakWrongs(report), []);
  assertEquals(report.lineCount, 50_000);
  assertEquals(report.load.statuses, { 200: 2 + 50 });
  assertGreater(report.samples.length, 1);
  assertEquals(report.samples.filter(({ heapMib, rssMib }) => !(heapMib > 1 && rssMib > heapMib)), []);
});
