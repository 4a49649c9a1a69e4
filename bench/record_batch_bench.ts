/**
 * Filling batches beside the least work that could do it: a copy of the same values, with and without the same CRC.
 * Each iteration makes one batch of about 1 MB (1,000 records of 1 KB, 10,000 of 100 B or 10 B).
 *
 *     deno bench bench/record_batch_bench.ts
 *
 * @module
 */

import { crc32c } from "../protocol/crc32c.ts";
import { type EncodableRecord, NO_HEADERS, RecordBatchBuilder } from "../protocol/record_batch.ts";
import { hasValidCrc, readRecords } from "../protocol/record_batch_reader.ts";
import { RecordCursor } from "../protocol/record_cursor.ts";

const START = 61;
const buffer = new Uint8Array(2 << 20);

function valuesOf(length: number): Uint8Array[] {
  const encoder = new TextEncoder();
  return Array.from({ length: 1000 }, (_, i) => {
    return encoder.encode(`{"id":${i},"name":"user ${i}","text":"${"x".repeat(length)}`.slice(0, length));
  });
}

function copyValues(values: readonly Uint8Array[], count: number): number {
  let position = START;
  for (let i = 0; i < count; i++) {
    const value = values[i % 1000]!;
    buffer.set(value, position);
    position += value.length;
  }
  return position;
}

function fill(values: readonly Uint8Array[], count: number): RecordBatchBuilder {
  const record: EncodableRecord = { key: null, value: null, headers: NO_HEADERS, timestamp: 0 };
  const builder = new RecordBatchBuilder({ allocate: () => buffer });
  for (let i = 0; i < count; i++) {
    record.value = values[i % 1000]!;
    record.timestamp = 1_795_363_200_000 + (i >> 7);
    builder.append(record);
  }
  return builder;
}

function complete(builder: RecordBatchBuilder): RecordBatchBuilder {
  builder.seal();
  builder.number(1n, 0, 0);
  return builder;
}

for (const [length, count] of [[10, 10_000], [100, 10_000], [1000, 1000]] as const) {
  const values = valuesOf(length);
  const group = `${count} records of ${length} bytes`;

  Deno.bench(`copy, ${group}`, { group }, () => {
    copyValues(values, count);
  });
  Deno.bench(`append, ${group}`, { group }, () => {
    fill(values, count);
  });
  Deno.bench(`copy + CRC, ${group}`, { group, baseline: true }, () => {
    crc32c(buffer, START, copyValues(values, count));
  });
  Deno.bench(`append + CRC, ${group}`, { group }, () => {
    complete(fill(values, count));
  });

  const batch = complete(fill(values, count)).bytes.slice();
  const reading = `read ${group}`;
  Deno.bench(`cursor, ${group}`, { group: reading, baseline: true }, () => {
    const cursor = new RecordCursor(batch, { start: START, end: batch.length, count });
    while (cursor.next());
  });
  Deno.bench(`readRecords, ${group}`, { group: reading }, () => {
    for (const _ of readRecords(batch));
  });
  Deno.bench(`hasValidCrc, ${group}`, { group: reading }, () => {
    hasValidCrc(batch);
  });
}

const batch = complete(fill(valuesOf(100), 10_000));
Deno.bench("number again, 10000 records of 100 bytes", { group: "rework" }, () => {
  batch.number(2n, 1, 5);
});
