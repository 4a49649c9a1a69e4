/**
 * Filling batches beside the least work that could do it: a copy of the same values, with and without the same CRC.
 * Each iteration makes one batch: 10,000 records of 10 B or 100 B, 1,000 of 1 KB. "append" has a buffer of sufficient
 * size from the start; "from 4 KiB up" doubles pooled buffers, which copies all bytes about once more.
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

/** Buffers by the exponent of their size, as the producer keeps them. */
const free: Uint8Array[][] = Array.from({ length: 32 }, () => []);

function allocate(minBytes: number): Uint8Array {
  const exponent = 32 - Math.clz32(minBytes - 1);
  return free[exponent]!.pop() ?? new Uint8Array(2 ** exponent);
}

function release(outgrown: Uint8Array): void {
  free[31 - Math.clz32(outgrown.length)]!.push(outgrown);
}

function fill(values: readonly Uint8Array[], count: number, builder = oneBuffer()): RecordBatchBuilder {
  const record: EncodableRecord = { key: null, value: null, headers: NO_HEADERS, timestamp: 0 };
  for (let i = 0; i < count; i++) {
    record.value = values[i % 1000]!;
    record.timestamp = 1_795_363_200_000 + (i >> 7);
    builder.append(record);
  }
  return builder;
}

function oneBuffer(): RecordBatchBuilder {
  return new RecordBatchBuilder({ allocate: () => buffer });
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

  Deno.bench(`append + CRC from 4 KiB up, ${group}`, { group }, () => {
    release(complete(fill(values, count, new RecordBatchBuilder({ allocate, release }))).buffer);
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
