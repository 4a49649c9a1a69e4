import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { crc32 } from "../../protocol/crc32.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  encodeMessageSet,
  headedRecords,
  messageSetBytes,
  messageSetOf,
  wrapMessageSet,
} from "../../protocol/message_set.ts";
import { MessageCursor, readMessageSet } from "../../protocol/message_set_reader.ts";
import { RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { BatchOffset } from "../../protocol/record_batch_layout.ts";
import { BATCH_VECTORS } from "../vectors/record_batches.ts";
import { MESSAGE_SET_VECTORS, type MessageSetVector } from "../vectors/message_sets.ts";
import { encodable, type PlainRecord, SeededRandom } from "./seeded_random.ts";

const MAGICS = [0, 1] as const;

const UNCOMPRESSED = MESSAGE_SET_VECTORS.filter(({ codec }) => codec === 0);

function batchOf(records: readonly PlainRecord[]): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (const record of records) builder.append(encodable(record));
  builder.seal();
  builder.number(1n, 2, 3);
  return builder.bytes;
}

function inputsOf({ records, firstOffset, logAppendTime }: MessageSetVector) {
  return records.map(({ timestamp, key, value }, i) => ({
    offset: firstOffset + BigInt(i),
    timestamp: logAppendTime ?? timestamp,
    attributes: logAppendTime === undefined ? 0 : 8,
    key: key === null ? null : Uint8Array.fromHex(key),
    value: value === null ? null : Uint8Array.fromHex(value),
  }));
}

for (const vector of UNCOMPRESSED) {
  Deno.test(`encodeMessageSet() writes what the Java client writes: ${vector.name}`, () => {
    assertEquals(encodeMessageSet(inputsOf(vector), vector.magic).toHex(), vector.hex);
  });
}

Deno.test("messageSetOf() writes what the Java client writes for the same records", () => {
  for (const vector of UNCOMPRESSED.filter(({ logAppendTime }) => logAppendTime === undefined)) {
    const batch = batchOf(inputsOf(vector).map((input) => ({ ...input, headers: [] })));
    new DataView(batch.buffer).setBigInt64(BatchOffset.baseOffset, vector.firstOffset);

    const set = messageSetOf(batch, { magic: vector.magic });

    assertEquals(set!.toHex(), vector.hex, vector.name);
  }
});

Deno.test("messageSetOf() keeps the broker's timestamp of a batch that has one", () => {
  const vector = BATCH_VECTORS.find(({ logAppendTime }) => logAppendTime !== undefined)!;

  const set = messageSetOf(Uint8Array.fromHex(vector.hex), { magic: 1 })!;

  const cursor = new MessageCursor(set);
  while (cursor.next()) assertEquals([cursor.isLogAppendTime, cursor.timestamp], [true, vector.logAppendTime]);
  assertEquals([...readMessageSet(set)].length, vector.records.length);
});

for (const magic of MAGICS) {
  Deno.test(`messageSetOf() keeps all of any records but what format ${magic} lacks`, () => {
    const random = new SeededRandom(11 + magic);
    for (let round = 0; round < 200; round++) {
      const records = Array.from({ length: 1 + random.below(20) }, () => random.record());

      const set = messageSetOf(batchOf(records), { magic })!;

      assertEquals(set.length, messageSetBytes(batchOf(records), magic));
      const expected = records.map(({ timestamp, key, value }, i) => {
        return { offset: BigInt(i), magic, timestamp: magic === 0 ? -1 : timestamp, key, value };
      });
      assertEquals([...readMessageSet(set)], expected);
      const cursor = new MessageCursor(set);
      while (cursor.next()) assert(cursor.hasValidCrc);
    }
  });
}

Deno.test("messageSetOf() gives null when the set would be larger than the limit, and the set at the limit", () => {
  const batch = batchOf([{ timestamp: 1, key: null, value: null, headers: [] }]);

  assertEquals(messageSetOf(batch, { magic: 0, maxBytes: 25 }), null);
  assertEquals(messageSetOf(batch, { magic: 0, maxBytes: 26 })!.length, 26);
  assertEquals(messageSetOf(batch, { magic: 1, maxBytes: 33 }), null);
  assertEquals(messageSetOf(batch, { magic: 1, maxBytes: 34 })!.length, 34);
});

Deno.test("messageSetOf() refuses a compressed batch", () => {
  const batch = batchOf([{ timestamp: 1, key: null, value: null, headers: [] }]);
  batch[BatchOffset.attributes + 1] = 1;

  assertThrows(() => messageSetOf(batch, { magic: 1 }), ProtocolError, "compressed with codec 1");
});

Deno.test("headedRecords() names the records with headers", () => {
  const record = (headers: PlainRecord["headers"]) => ({ timestamp: 0, key: null, value: null, headers });

  assertEquals(headedRecords(batchOf([record([]), record([["", null]]), record([]), record([["a", null]])])), [1, 3]);
  assertEquals(headedRecords(batchOf([record([]), record([])])), []);
});

Deno.test("wrapMessageSet() makes the message that the Java client makes around the same bytes", () => {
  for (const vector of MESSAGE_SET_VECTORS.filter(({ codec }) => codec !== 0)) {
    const set = Uint8Array.fromHex(vector.hex);
    const cursor = new MessageCursor(set);
    cursor.next();
    const { magic, offset, timestamp, value } = cursor;
    if (vector.logAppendTime !== undefined) continue; // A broker's own, with bit 3.

    const wrapped = wrapMessageSet(value!, { magic, codec: vector.codec, offset, timestamp });

    assertEquals(wrapped.toHex(), vector.hex, vector.name);
    assertEquals(offset, vector.firstOffset + BigInt(vector.records.length - 1), vector.name);
    assertEquals(cursor.next(), false);
  }
});

Deno.test("encodeMessageSet() makes each message as long as it says, with the CRC of its bytes", () => {
  const set = encodeMessageSet([{ offset: 7n, key: null, value: new Uint8Array(3) }], 0);

  const view = new DataView(set.buffer);
  assertEquals(view.getInt32(8), set.length - 12);
  assertStrictEquals(view.getUint32(12), crc32(set, 16));
});
