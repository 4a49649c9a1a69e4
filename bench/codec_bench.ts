/**
 * The Produce envelope: what the tables cost a request, beside moving its bytes and beside a scanner written by hand.
 *
 * `deno bench --allow-read bench/codec_bench.ts`. The first case of a file runs before the compiler has warmed up:
 * compare within a group, over several runs.
 *
 * @module
 */

import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type RequestInput,
  type ResponseInput,
} from "../protocol/mod.ts";
import { RecordBatchBuilder } from "../protocol/record_batch.ts";
import { NO_HEADERS } from "../protocol/record_headers.ts";
import { RequestScanner } from "./sink/request_scanner.ts";

const PRODUCE_VERSION = 12;

const cases = [
  { label: "1 partition, 64 KB", partitionCount: 1, batchBytes: 65_536 },
  { label: "8 partitions, 1 KB each", partitionCount: 8, batchBytes: 1024 },
];

for (const { label, partitionCount, batchBytes } of cases) {
  const frame = join(encodeRequest("Produce", PRODUCE_VERSION, request(partitionCount, batchBytes)));
  const copy = new Uint8Array(frame.length);
  const options = request(partitionCount, batchBytes);

  Deno.bench({ name: "copy of the finished frame", group: `Produce request encode, ${label}`, baseline: true }, () => {
    copy.set(frame);
  });
  Deno.bench({ name: "encodeRequest()", group: `Produce request encode, ${label}` }, () => {
    encodeRequest("Produce", PRODUCE_VERSION, options);
  });

  const scanner = new RequestScanner(frame.length + 64, { onProduce() {}, onRequest() {} });
  Deno.bench({ name: "the sink's scanner", group: `Produce request decode, ${label}`, baseline: true }, () => {
    scanner.space().set(frame);
    scanner.advance(frame.length);
  });
  const unprefixed = frame.subarray(4);
  Deno.bench({ name: "decodeRequest()", group: `Produce request decode, ${label}` }, () => {
    decodeRequest(unprefixed);
  });
}

const response = responseBody(8);
const responseFrame = join(encodeResponse("Produce", PRODUCE_VERSION, 7, response)).subarray(4);
const responseCopy = new Uint8Array(responseFrame.length);

Deno.bench({ name: "copy of the finished frame", group: "Produce response, 8 partitions", baseline: true }, () => {
  responseCopy.set(responseFrame);
});
Deno.bench({ name: "encodeResponse()", group: "Produce response, 8 partitions" }, () => {
  encodeResponse("Produce", PRODUCE_VERSION, 7, response);
});
Deno.bench({ name: "decodeResponse()", group: "Produce response, 8 partitions" }, () => {
  decodeResponse("Produce", PRODUCE_VERSION, responseFrame);
});

function request(partitionCount: number, batchBytes: number) {
  const records = sealedBatch(batchBytes);
  const partitionData = Array.from({ length: partitionCount }, (_, index) => ({ index, records }));
  const body: RequestInput<"Produce"> = {
    transactionalId: null,
    acks: -1,
    timeoutMs: 25_000,
    topicData: [{ name: "bench", partitionData }],
  };
  return { correlationId: 7, clientId: "ekaf", body };
}

function responseBody(partitionCount: number): ResponseInput<"Produce"> {
  const partitionResponses = Array.from(
    { length: partitionCount },
    (_, index) => ({ index, errorCode: 0, baseOffset: 123_456n, logStartOffset: 0n }),
  );
  return { responses: [{ name: "bench", partitionResponses }] };
}

function sealedBatch(batchBytes: number): Uint8Array {
  const builder = new RecordBatchBuilder({ initialBytes: batchBytes });
  const record = { key: null, value: new Uint8Array(100), headers: NO_HEADERS, timestamp: 0 };
  while (builder.byteLength + builder.sizeOf(record) <= batchBytes) builder.append(record);
  builder.seal();
  builder.number(1n, 0, 0);
  return builder.bytes;
}

function join(segments: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(segments.reduce((sum, segment) => sum + segment.length, 0));
  let at = 0;
  for (const segment of segments) {
    joined.set(segment, at);
    at += segment.length;
  }
  return joined;
}
