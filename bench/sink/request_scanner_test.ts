import { assertEquals } from "@std/assert";
import { encodeRequest } from "../../protocol/frame.ts";
import { crc32c } from "../../protocol/crc32c.ts";
import { NO_HEADERS, RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { type ProduceSummary, RequestScanner } from "./request_scanner.ts";

const TOPIC_ID = "AQIDBAUGBwgJCgsMDQ4PEA";

Deno.test("RequestScanner.advance() reads every version of Produce when its bytes come in any pieces", () => {
  for (let version = 3; version <= 13; version++) {
    const frames = [...produceFrame(version, 7, [1, 300]), ...produceFrame(version, 8, [2])];
    const bytes = new Uint8Array(frames.flatMap((frame) => [...frame]));

    for (const pieceBytes of [1, 3, 61, 64, 1000, bytes.length]) {
      const seen = scan(bytes, pieceBytes);

      assertEquals(seen.map(({ correlationId }) => correlationId), [7, 8]);
      assertEquals(seen.map(({ acks }) => acks), [-1, -1]);
      assertEquals(seen[0]!.topics[0]!.name, version === 13 ? null : "clicks");
      assertEquals(recordCounts(seen), [[1, 300], [2]]);
      assertEquals(seen[0]!.topics[0]!.partitions[1]!.batches[0]!.baseSequence, 5);
      assertEquals(seen[0]!.topics[0]!.partitions[1]!.batches[0]!.crcIsValid, true);
    }
  }
});

Deno.test("RequestScanner.advance() tells of a checksum that is wrong", () => {
  const frame = produceFrame(9, 7, [3])[0]!;
  frame[frame.length - 5]! ^= 1; // The last record's value, before the three counts of tagged fields.

  const seen = scan(frame, 64);

  assertEquals(seen[0]!.topics[0]!.partitions[0]!.batches[0]!.crcIsValid, false);
});

function scan(bytes: Uint8Array, pieceBytes: number): ProduceSummary[] {
  const seen: ProduceSummary[] = [];
  const scanner = new RequestScanner(256, { onProduce: (request) => seen.push(request), onRequest() {} }, crc32c);
  for (let at = 0; at < bytes.length;) {
    const space = scanner.space();
    const piece = bytes.subarray(at, at + Math.min(pieceBytes, space.length));
    space.set(piece);
    scanner.advance(piece.length);
    at += piece.length;
  }
  return seen;
}

function recordCounts(requests: ProduceSummary[]): number[][] {
  return requests.map(({ topics }) => topics[0]!.partitions.map(({ batches }) => batches[0]!.recordCount));
}

function produceFrame(version: number, correlationId: number, counts: number[]): Uint8Array[] {
  const partitionData = counts.map((count, index) => ({ index, records: batch(count) }));
  const topic = version === 13 ? { topicId: TOPIC_ID, partitionData } : { name: "clicks", partitionData };
  const body = { transactionalId: null, acks: -1, timeoutMs: 1000, topicData: [topic] };
  return encodeRequest("Produce", version, { correlationId, clientId: "test", body });
}

function batch(recordCount: number): Uint8Array {
  const builder = new RecordBatchBuilder();
  const value = new TextEncoder().encode("hello");
  for (let i = 0; i < recordCount; i++) builder.append({ key: null, value, headers: NO_HEADERS, timestamp: i });
  builder.seal();
  builder.number(1n, 0, 5);
  return builder.bytes;
}
