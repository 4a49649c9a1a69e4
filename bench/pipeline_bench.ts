/**
 * The whole producer over memory: {@linkcode RECORD_COUNT} records from the call to the acknowledgement, without
 * sockets and without another process. The baseline is what no producer can go below: the same records appended to
 * batches and sealed.
 *
 * `deno bench -A bench/pipeline_bench.ts`
 *
 * @module
 */

import { Producer } from "@ekaf/ekaf";
import { RecordBatchBuilder } from "../protocol/record_batch.ts";
import { NO_HEADERS } from "../protocol/record_headers.ts";
import { memoryTransport } from "../src/net/memory_transport.ts";
import { cpuSeconds } from "./process_usage.ts";
import { Counters } from "./sink/counters.ts";
import { Replies } from "./sink/replies.ts";
import { serveConnection } from "./sink/sink_connection.ts";
import { byteValues } from "./values.ts";

const RECORD_COUNT = 10_000;
const PARTITION_COUNT = 3;
const values = byteValues(100);
const group = `${RECORD_COUNT} records of 100 B`;

const counters = new Counters({ checksCrc: false, cpuSeconds });
const replies = new Replies({ host: "127.0.0.1", port: 9092, partitionCount: PARTITION_COUNT, counters });
const producer = new Producer({
  bootstrap: "127.0.0.1:9092",
  connect: memoryTransport((duplex) => {
    serveConnection(duplex, {
      replies,
      counters,
      bufferBytes: 262_144,
      delayMs: 0,
      stallAfterBytes: Infinity,
      crc32c: null,
    }).catch(() => {}); // The producer sees a closed connection.
  }, { capacityBytes: 1_048_576 }),
});
await producer.prepare("bench");

Deno.bench({ name: "append and seal alone", group, baseline: true }, () => {
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const builder = new RecordBatchBuilder();
    const record = { key: null, value: values[0]!, headers: NO_HEADERS, timestamp: Date.now() };
    for (let i = partition; i < RECORD_COUNT; i += PARTITION_COUNT) {
      record.value = values[i % values.length]!;
      builder.append(record);
    }
    builder.seal();
    builder.number(1n, 0, 0);
  }
});

Deno.bench({ name: "writable(), arrays of 1,000", group }, async () => {
  const writer = producer.writable("bench").getWriter();
  for (let i = 0; i < RECORD_COUNT; i += values.length) {
    await writer.ready;
    writer.write(values);
  }
  await writer.close();
});

Deno.bench({ name: "writable(), one chunk a record", group }, async () => {
  const writer = producer.writable("bench").getWriter();
  for (let i = 0; i < RECORD_COUNT; i++) {
    if (writer.desiredSize! <= 0) await writer.ready;
    writer.write(values[i % values.length]!);
  }
  await writer.close();
});

Deno.bench({ name: "writable(), pipeTo of one chunk a record", group }, async () => {
  let i = 0;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => i === RECORD_COUNT ? controller.close() : controller.enqueue(values[i++ % values.length]!),
  });
  await source.pipeTo(producer.writable("bench"));
});

Deno.bench({ name: "delivery(), arrays", group }, async () => {
  let sent = 0;
  const source = new ReadableStream<Uint8Array[]>({
    pull(controller): void {
      if (sent === RECORD_COUNT) return controller.close();
      sent += values.length;
      controller.enqueue(values);
    },
  });
  for await (const _ of source.pipeThrough(producer.delivery("bench", { outcomes: "arrays" })));
});

Deno.bench({ name: "send(), arrays of 1,000, all at once", group }, async () => {
  const sends: Promise<unknown>[] = [];
  for (let i = 0; i < RECORD_COUNT; i += values.length) sends.push(producer.send("bench", values));
  await Promise.all(sends);
});

Deno.bench({ name: "send(), single records, all at once", group }, async () => {
  const sends: Promise<unknown>[] = [];
  for (let i = 0; i < RECORD_COUNT; i++) sends.push(producer.send("bench", values[i % values.length]!));
  await Promise.all(sends);
});
