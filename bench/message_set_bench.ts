/**
 * A batch of 10,000 records made into message sets, as is done at each attempt for a broker before Kafka 0.11; and CRC-32.
 *
 *     deno bench bench/message_set_bench.ts
 *
 * @module
 */

import { crc32 } from "../protocol/crc32.ts";
import { messageSetOf } from "../protocol/message_set.ts";
import { MessageCursor } from "../protocol/message_set_reader.ts";
import { NO_HEADERS, RecordBatchBuilder } from "../protocol/record_batch.ts";

const RECORD_COUNT = 10_000;

for (const valueBytes of [10, 100]) {
  const builder = new RecordBatchBuilder();
  const value = new Uint8Array(valueBytes).fill(7);
  for (let i = 0; i < RECORD_COUNT; i++) builder.append({ key: null, value, headers: NO_HEADERS, timestamp: 1e12 + i });
  builder.seal();
  const batch = builder.bytes;
  const set = messageSetOf(batch, { magic: 1 })!;
  const group = `${RECORD_COUNT} records of ${valueBytes} bytes`;

  Deno.bench(`messageSetOf format 1, ${valueBytes} B`, { group }, () => {
    messageSetOf(batch, { magic: 1 });
  });
  Deno.bench(`messageSetOf format 0, ${valueBytes} B`, { group }, () => {
    messageSetOf(batch, { magic: 0 });
  });
  Deno.bench(`read, CRCs checked, ${valueBytes} B`, { group }, () => {
    const cursor = new MessageCursor(set);
    while (cursor.next()) if (!cursor.hasValidCrc) throw new Error("damaged");
  });
}

const bytes = new Uint8Array(1 << 20).fill(31);
for (const length of [30, 130, 1024, 1 << 20]) {
  Deno.bench(`crc32 ${length} bytes`, { group: "crc32" }, () => {
    crc32(bytes, 16, length);
  });
}
