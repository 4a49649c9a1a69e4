import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../protocol/errors.ts";
import { RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { hasValidCrc, readBatchHeader, readRecords, splitBatches } from "../../protocol/record_batch_reader.ts";
import { BATCH_VECTORS } from "../vectors/record_batches.ts";
import { encodable, SeededRandom } from "./seeded_random.ts";

const ONE_VALUE = BATCH_VECTORS[0]!.hex;

function randomBatch(random: SeededRandom, count = 1 + random.below(20)): Uint8Array {
  const builder = new RecordBatchBuilder();
  for (let i = 0; i < count; i++) builder.append(encodable(random.record()));
  builder.seal();
  builder.number(1n, 2, 3);
  return builder.bytes;
}

/** Whether the bytes could be read; any error but a ProtocolError goes through. */
function isReadable(bytes: Uint8Array): boolean {
  try {
    for (const batch of splitBatches(bytes)) Array.from(readRecords(batch));
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

function withInt32(batch: Uint8Array, offset: number, value: number): Uint8Array {
  const changed = batch.slice();
  new DataView(changed.buffer).setInt32(offset, value);
  return changed;
}

for (const vector of BATCH_VECTORS) {
  Deno.test(`readRecords() reads the Java client's batch: ${vector.name}`, () => {
    const batch = Uint8Array.fromHex(vector.hex);

    const records = [...readRecords(batch)];

    const hex = (bytes: Uint8Array | null) => bytes === null ? null : bytes.toHex();
    assertEquals(
      records.map(({ timestamp, key, value, headers }) => ({
        timestamp,
        key: hex(key),
        value: hex(value),
        headers: headers.map(([name, bytes]): [string, string | null] => [name, hex(bytes)]),
      })),
      vector.records.map((record) => ({ ...record, timestamp: vector.logAppendTime ?? record.timestamp })),
    );
    assert(hasValidCrc(batch));
    const header = readBatchHeader(batch);
    assertEquals(header.producerId, vector.producerId);
    assertEquals(header.producerEpoch, vector.producerEpoch);
    assertEquals(header.baseSequence, vector.baseSequence);
    assertEquals(header.recordCount, vector.records.length);
  });
}

Deno.test("readRecords() gives views of the batch, not copies", () => {
  const batch = Uint8Array.fromHex(ONE_VALUE);

  const [record] = readRecords(batch);

  assertStrictEquals(record!.value!.buffer, batch.buffer);
});

Deno.test("readRecords() throws ProtocolError only, for every truncation of a batch", () => {
  const batch = randomBatch(new SeededRandom(20), 5);

  for (let length = 0; length < batch.length; length++) {
    assertThrows(() => Array.from(readRecords(batch.slice(0, length))), ProtocolError);
    const honest = withInt32(batch, 8, Math.max(length - 12, 0)).subarray(0, length);
    assertThrows(() => Array.from(readRecords(honest)), ProtocolError);
  }
});

Deno.test("readRecords() throws ProtocolError only, for mutated and random bytes", () => {
  const random = new SeededRandom(21);
  let unreadableCount = 0;

  for (let round = 0; round < 20_000; round++) {
    const bytes = randomBatch(random, 1 + round % 4).slice();
    const mutationCount = 1 + random.below(4);
    // Most mutations go to the records and the count: others are found by the header's checks.
    for (let i = 0; i < mutationCount; i++) bytes[57 + random.below(bytes.length - 57)] = random.below(256);
    if (random.below(4) === 0) bytes[random.below(bytes.length)] = random.below(256);
    if (!isReadable(bytes)) unreadableCount++;
    isReadable(random.bytes(random.below(120)));
  }

  assert(unreadableCount > 5000, `${unreadableCount}`);
});

Deno.test("readRecords() throws ProtocolError at once when the record count cannot be", () => {
  const batch = Uint8Array.fromHex(ONE_VALUE);

  for (const count of [-1, -2147483648, 2, 2147483647, 0]) {
    assertThrows(() => Array.from(readRecords(withInt32(batch, 57, count))), ProtocolError, "Cannot read a record");
  }
});

Deno.test("readRecords() throws ProtocolError when lengths inside a record are hostile", () => {
  const prefix = ONE_VALUE.slice(0, 61 * 2);
  const bodies = [
    "16000000ffffffff0f68656c6c6f00", // key length -2^31
    "160000000368656c6c6f680000", // key length -2
    "16000000017e68656c6c6f00", // value length 63
    "16000000010a68656c6c6f02", // one header, no bytes
    "16000000010a68656c6c6f01", // header count -1
    "180000000100feffffff0f0000000000", // header count 2^31 - 1
    "1800000001000201000000000000", // header name null
    "ffffffff0f000000010a68656c6c6f00", // record length -2^31
    "feffffff0f000000010a68656c6c6f00", // record length 2^31 - 1
    "00", // record length 0
    "16ffffffffffffffffffffffff", // endless varint
    "160000ffffffffffffff0000", // endless offset delta
    "1600ffffffffffffffffffff0000", // endless timestamp delta
    "16000000010a68656c6c6f0000", // a byte after the record
  ];

  for (const body of bodies) {
    const bytes = Uint8Array.fromHex(prefix + body.padEnd(16, "0"));
    const batch = withInt32(bytes, 8, bytes.length - 12);
    assertThrows(() => Array.from(readRecords(batch)), ProtocolError, "Cannot read a record", body);
  }
});

Deno.test("readRecords() throws ProtocolError when records are not what the codec makes", () => {
  for (const [id, codec] of [[1, "gzip"], [2, "snappy"], [3, "lz4"], [4, "zstd"]] as const) {
    const batch = Uint8Array.fromHex(ONE_VALUE);
    batch[22] = id;

    assertThrows(() => Array.from(readRecords(batch)), ProtocolError, `Cannot decompress ${codec}`);
  }
});

Deno.test("readRecords() throws ProtocolError when there is no such codec", () => {
  const batch = Uint8Array.fromHex(ONE_VALUE);
  batch[22] = 5;

  assertThrows(() => Array.from(readRecords(batch)), ProtocolError, "there is no codec 5");
});

Deno.test("readRecords() throws ProtocolError when bytes follow the batch", () => {
  const bytes = Uint8Array.fromHex(ONE_VALUE + "00");

  assertThrows(() => Array.from(readRecords(bytes)), ProtocolError, "1 bytes follow it");
});

Deno.test("readBatchHeader() throws ProtocolError naming the offset when the format is not 2", () => {
  for (const magic of [0, 1, 3, 255]) {
    const bytes = Uint8Array.fromHex("ffff" + ONE_VALUE);
    bytes[18] = magic;
    const error = assertThrows(() => readBatchHeader(bytes, 2), ProtocolError, "its format is");
    assertEquals(error.offset, 18);
  }
});

Deno.test("readBatchHeader() throws ProtocolError when the length or offset is hostile", () => {
  const batch = Uint8Array.fromHex(ONE_VALUE);

  for (const length of [-1, 0, 48, batch.length - 11, 2147483647, -2147483648]) {
    assertThrows(() => readBatchHeader(withInt32(batch, 8, length)), ProtocolError, "its length is");
  }
  for (const offset of [-1, 1, batch.length, Infinity, NaN]) {
    assertThrows(() => readBatchHeader(batch, offset), ProtocolError);
  }
});

Deno.test("hasValidCrc() is false when any bit the CRC covers is another", () => {
  const batch = Uint8Array.fromHex(ONE_VALUE);

  for (let bit = 17 * 8; bit < batch.length * 8; bit++) {
    const changed = batch.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(hasValidCrc(changed), false, `bit ${bit}`);
  }
});

Deno.test("hasValidCrc() is false for bytes too short to be a batch", () => {
  assertEquals(hasValidCrc(new Uint8Array(0)), false);
  assertEquals(hasValidCrc(new Uint8Array(60)), false);
});

Deno.test("splitBatches() parts consecutive batches and gives none for no bytes", () => {
  const random = new SeededRandom(22);
  const batches = [randomBatch(random), randomBatch(random), randomBatch(random)];
  const records = new Uint8Array(batches.flatMap((batch) => [...batch]));

  assertEquals(splitBatches(records), batches);
  assertEquals(splitBatches(new Uint8Array(0)), []);
  assertThrows(() => splitBatches(records.subarray(0, records.length - 1)), ProtocolError);
});
