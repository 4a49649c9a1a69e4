import { assertEquals, assertThrows } from "@std/assert";
import { hasValidCrc, readBatchHeader } from "../../protocol/record_batch_reader.ts";
import { BatchOffset } from "../../protocol/record_batch_layout.ts";
import { PartitionLog } from "../../src/embedded/partition_log.ts";
import { craftBatch, type CraftedBatchOptions } from "./crafted_batch.ts";

const NOW_MS = 1_000_000;

function makeLog(maxMessageBytes = 10_000): PartitionLog {
  return new PartitionLog({ topic: "t", partition: 0, maxMessageBytes, wallMs: () => NOW_MS, onAppend: () => {} });
}

function append(log: PartitionLog, options: CraftedBatchOptions = {}): string | bigint {
  const result = log.append(craftBatch({ timestamp: NOW_MS, ...options }), 4);
  return "error" in result ? result.error : result.baseOffset;
}

Deno.test("PartitionLog.append() gives offsets and writes them with the leader epoch into a copy", () => {
  const log = makeLog();
  const sent = craftBatch({ values: ["a", "b"], timestamp: NOW_MS });
  append(log, { values: ["x", "y", "z"] });

  log.append(sent, 4);

  const [, stored] = log.read(0n, { maxBytes: 10_000, atLeastOne: false });
  const { baseOffset, partitionLeaderEpoch } = readBatchHeader(stored!.bytes);
  assertEquals([baseOffset, partitionLeaderEpoch, hasValidCrc(stored!.bytes)], [3n, 4, true]);
  assertEquals(readBatchHeader(sent).baseOffset, 0n);
  assertEquals([log.startOffset, log.endOffset], [0n, 5n]);
});

Deno.test("PartitionLog.append() refuses what a real broker refuses and appends nothing of it", () => {
  const log = makeLog(200);

  const errors = [
    append(log, { corrupt: (bytes) => bytes[60]! ^= 1 }),
    append(log, { values: ["x".repeat(200)] }),
    append(log, { edit: (view) => view.setInt32(BatchOffset.recordCount, 2) }),
    append(log, { timestamp: NOW_MS + 3_600_001 }),
    append(log, { producerId: 1n, sequence: -1 }),
  ];

  assertEquals(errors, [
    "CORRUPT_MESSAGE",
    "MESSAGE_TOO_LARGE",
    "INVALID_RECORD",
    "INVALID_TIMESTAMP",
    "INVALID_RECORD",
  ]);
  assertEquals(log.endOffset, 0n);
});

Deno.test("PartitionLog.append() corrects a wrong largest timestamp", () => {
  const log = makeLog();

  append(log, { edit: (view) => view.setBigInt64(BatchOffset.maxTimestamp, 5n) });

  const { bytes } = log.read(0n, { maxBytes: 1_000, atLeastOne: true })[0]!;
  assertEquals([readBatchHeader(bytes).maxTimestamp, hasValidCrc(bytes)], [BigInt(NOW_MS), true]);
});

Deno.test("PartitionLog.append() tells where a duplicate is, and when it was", () => {
  const log = makeLog();
  append(log);
  append(log, { producerId: 1n, timestamp: 77 });

  const result = log.append(craftBatch({ producerId: 1n, timestamp: 77 }), 0);

  assertEquals(result, { baseOffset: 1n, logAppendTimeMs: 77n });
  assertEquals(log.endOffset, 2n);
});

Deno.test("PartitionLog.read() begins with the batch that holds the offset and stays within the limit", () => {
  const log = makeLog();
  for (let i = 0; i < 5; i++) append(log, { values: ["a", "b"] });
  const batchBytes = craftBatch({ values: ["a", "b"] }).length;
  const offsets = (offset: bigint, maxBytes: number, atLeastOne: boolean) =>
    log.read(offset, { maxBytes, atLeastOne }).map(({ baseOffset }) => baseOffset);

  assertEquals(offsets(3n, 2 * batchBytes, false), [2n, 4n]);
  assertEquals(offsets(3n, 2 * batchBytes - 1, false), [2n]);
  assertEquals(offsets(3n, 1, true), [2n]);
  assertEquals(offsets(3n, 1, false), []);
  assertEquals(offsets(10n, 1_000, true), []);
});

Deno.test("PartitionLog.records() reads back keys, values, headers and timestamps", () => {
  const log = makeLog();
  append(log, { values: ["a", "b"], timestamp: 5 });

  const records = [...log.records()];

  assertEquals(records.map((record) => [record.offset, record.text(), record.timestamp, record.key, record.headers]), [
    [0n, "a", 5, null, []],
    [1n, "b", 5, null, []],
  ]);
});

Deno.test("PartitionLog forgets its oldest batches when there are more bytes than it keeps, never the last", () => {
  const batchBytes = craftBatch({ values: ["a", "b"], timestamp: NOW_MS }).length;
  const options = { topic: "t", partition: 0, maxMessageBytes: 10_000, wallMs: () => NOW_MS, onAppend: () => {} };
  const full = new PartitionLog({ ...options, retentionBytes: 3 * batchBytes });
  const tiny = new PartitionLog({ ...options, retentionBytes: 1 });
  const starts: bigint[] = [];

  for (let i = 0; i < 5; i++) {
    append(full, { values: ["a", "b"] });
    append(tiny, { values: ["a", "b"] });
    starts.push(full.startOffset);
  }

  assertEquals(starts, [0n, 0n, 0n, 2n, 4n]);
  assertEquals(full.batches().length, 3);
  assertEquals([...full.records()].map(({ offset }) => offset), [4n, 5n, 6n, 7n, 8n, 9n]);
  full.deleteBefore(8n);
  append(full, { values: ["a", "b"] });
  assertEquals(full.startOffset, 8n);
  assertEquals([tiny.startOffset, tiny.endOffset], [8n, 10n]);
});

Deno.test("PartitionLog.deleteBefore() moves the beginning, also within a batch", () => {
  const log = makeLog();
  append(log, { values: ["a", "b", "c"] });
  append(log, { values: ["d"] });

  log.deleteBefore(2n);

  assertEquals([...log.records()].map((record) => record.text()), ["c", "d"]);
  assertEquals([log.startOffset, log.endOffset], [2n, 4n]);
  assertThrows(() => log.deleteBefore(5n), RangeError, "ends at 4");
});

Deno.test("PartitionLog.findByTime() finds the first record of a time or later", () => {
  const log = makeLog();
  for (const timestamp of [1_000, 3_000, 2_000]) append(log, { values: ["a", "b"], timestamp });

  const offsets = [0n, 1_000n, 1_001n, 3_001n].map((time) => log.findByTime(time)?.offset);

  assertEquals(offsets, [0n, 0n, 2n, undefined]);
  assertEquals(log.latest(), { offset: 2n, timestamp: 3_000n, leaderEpoch: 4 });
});
