import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { splitBatch } from "../../protocol/batch_split.ts";
import {
  encodeHeaders,
  NO_HEADERS,
  RECORD_BATCH_OVERHEAD_BYTES,
  RecordBatchBuilder,
} from "../../protocol/record_batch.ts";
import { hasValidCrc, readBatchHeader, readRecords } from "../../protocol/record_batch_reader.ts";
import { BATCH_VECTORS, LARGE_BATCH_VECTORS, type RecordVector } from "../vectors/record_batches.ts";
import { encodable, type PlainRecord, SeededRandom } from "./seeded_random.ts";

const utf8 = new TextEncoder();

function fromVector(record: RecordVector): PlainRecord {
  return {
    timestamp: record.timestamp,
    key: record.key === null ? null : Uint8Array.fromHex(record.key),
    value: record.value === null ? null : Uint8Array.fromHex(record.value),
    headers: record.headers.map(([name, value]) => [name, value === null ? null : Uint8Array.fromHex(value)]),
  };
}

function build(records: readonly PlainRecord[]): RecordBatchBuilder {
  const builder = new RecordBatchBuilder({ initialBytes: 64 });
  for (const record of records) builder.append(encodable(record));
  return builder;
}

function sealed(records: readonly PlainRecord[], baseSequence = -1): RecordBatchBuilder {
  const builder = build(records);
  builder.seal();
  builder.number(77n, 5, baseSequence);
  return builder;
}

function plain(records: Iterable<PlainRecord>): PlainRecord[] {
  return Array.from(records, ({ timestamp, key, value, headers }) => ({ timestamp, key, value, headers }));
}

function valueRecord(value: string, timestamp = 1000): PlainRecord {
  return { timestamp, key: null, value: utf8.encode(value), headers: [] };
}

function randomRecords(random: SeededRandom, maxCount = 40): PlainRecord[] {
  return Array.from({ length: 1 + random.below(maxCount) }, () => random.record());
}

for (const vector of BATCH_VECTORS.filter((vector) => vector.logAppendTime === undefined)) {
  Deno.test(`RecordBatchBuilder gives the Java client's bytes for ${vector.name}`, () => {
    const builder = build(vector.records.map(fromVector));

    builder.seal();
    builder.number(vector.producerId, vector.producerEpoch, vector.baseSequence);

    assertEquals(builder.bytes.toHex(), vector.hex);
  });
}

for (const vector of LARGE_BATCH_VECTORS) {
  Deno.test(`RecordBatchBuilder gives the Java client's bytes for ${vector.count} x ${vector.valueBytes} bytes`, async () => {
    const builder = new RecordBatchBuilder();
    const value = new Uint8Array(vector.valueBytes);
    const record = { key: null, value, headers: NO_HEADERS, timestamp: 0 };

    for (let i = 0; i < vector.count; i++) {
      for (let j = 0; j < value.length; j++) value[j] = i * 31 + j * 7;
      record.timestamp = vector.baseTimestamp + i * vector.timestampStep;
      builder.append(record);
    }
    builder.seal();
    builder.number(-1n, -1, -1);

    assertEquals(builder.byteLength, vector.byteLength);
    const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from(builder.bytes));
    assertEquals(new Uint8Array(digest).toHex(), vector.sha256);
  });
}

Deno.test("readRecords() gives back what append() took, for random records", () => {
  const random = new SeededRandom(10);

  for (let round = 0; round < 300; round++) {
    const records = randomRecords(random);
    const batch = sealed(records).bytes;

    assertEquals(plain(readRecords(batch)), records);
    assert(hasValidCrc(batch));
    const { maxTimestamp, baseTimestamp, recordCount, lastOffsetDelta } = readBatchHeader(batch);
    assertEquals(maxTimestamp, BigInt(Math.max(...records.map((record) => record.timestamp))));
    assertEquals(baseTimestamp, BigInt(records[0]!.timestamp));
    assertEquals([recordCount, lastOffsetDelta], [records.length, records.length - 1]);
  }
});

Deno.test("sizeOf() says what append() adds, for random records", () => {
  const random = new SeededRandom(11);

  for (let round = 0; round < 100; round++) {
    const builder = new RecordBatchBuilder();
    for (const record of randomRecords(random, 150)) {
      const before = builder.byteLength;
      const size = builder.sizeOf(encodable(record));
      assertEquals(builder.append(encodable(record)), size);
      assertEquals(builder.byteLength, before + size);
    }
  }
});

Deno.test("tryAppend() adds nothing when the batch would become too large, and fills it to the byte", () => {
  const builder = build([valueRecord("first")]);
  const record = encodable(valueRecord("second"));
  const room = builder.byteLength + builder.sizeOf(record);
  const before = builder.byteLength;

  assertEquals(builder.tryAppend(record, room - 1), 0);
  assertEquals([builder.count, builder.byteLength], [1, before]);
  assertEquals(builder.tryAppend(record, room), room - before);
  assertEquals([builder.count, builder.byteLength], [2, room]);
});

Deno.test("append() copies, so that the caller may reuse its bytes", () => {
  const value = utf8.encode("a value long enough for either way of copying");
  const record = { key: null, value, headers: NO_HEADERS, timestamp: 0 };
  const builder = new RecordBatchBuilder();

  builder.append(record);
  value.fill(0);

  const [read] = builder.records();
  assertEquals(new TextDecoder().decode(read!.value!), "a value long enough for either way of copying");
});

Deno.test("append() throws when the batch is sealed", () => {
  const builder = sealed([valueRecord("a")]);

  assertThrows(() => builder.append(encodable(valueRecord("b"))), Error, "Cannot append to a batch: it is sealed");
});

Deno.test("number() throws when the batch is not sealed", () => {
  const builder = build([valueRecord("a")]);

  assertThrows(() => builder.number(1n, 0, 0), Error, "Cannot number a batch: it is not sealed");
});

Deno.test("allocate and release get doubling buffers, dirty ones and views included", () => {
  const asked: number[] = [];
  const released: Uint8Array[] = [];
  const allocate = (minBytes: number) => {
    asked.push(minBytes);
    return new Uint8Array(minBytes + 3).fill(0xaa).subarray(3);
  };
  const records = Array.from({ length: 50 }, (_, i) => valueRecord("x".repeat(300), i));
  const builder = new RecordBatchBuilder({ allocate, release: (buffer) => released.push(buffer) });

  for (const record of records) builder.append(encodable(record));
  builder.seal();
  builder.number(77n, 5, -1);

  assertEquals(asked, [4096, 8192, 16_384]);
  assertEquals(released.map((buffer) => buffer.length), [4096, 8192]);
  assertEquals(builder.buffer.length, 16_384);
  assertEquals(builder.bytes, sealed(records).bytes);
});

Deno.test("allocate is asked once for a record that takes many doublings", () => {
  const asked: number[] = [];
  const builder = new RecordBatchBuilder({
    allocate: (minBytes) => {
      asked.push(minBytes);
      return new Uint8Array(minBytes);
    },
  });

  builder.append(encodable(valueRecord("x".repeat(1_000_000))));

  assertEquals(asked, [4096, 2 ** 20]);
});

Deno.test("append() gives the same bytes whether the buffer must grow for each record or never", () => {
  const random = new SeededRandom(16);
  const lengths = [0, 1, 11, 12, 13, 57, 58, 63, 64, 65, 8169, 8170, 8171, 8180, 8181, 8182, 8191, 8192, 8193];

  for (let round = 0; round < 100; round++) {
    const records = randomRecords(random);
    for (const length of lengths) records.push({ ...random.record(), value: random.bytes(length) });
    for (const delta of [63, 64, 65, 8191, 8192, 8193]) {
      const timestamp = records[0]!.timestamp;
      records.push({ ...random.record(), timestamp: timestamp + delta }, {
        ...random.record(),
        timestamp: timestamp - delta,
      });
    }
    const roomy = new RecordBatchBuilder({ initialBytes: 2 ** 20 });
    const tight = new RecordBatchBuilder({ initialBytes: 61, allocate: (minBytes) => new Uint8Array(minBytes) });

    for (const record of records) {
      const size = roomy.sizeOf(encodable(record));
      assertEquals(roomy.append(encodable(record)), size);
      assertEquals(tight.tryAppend(encodable(record), tight.byteLength + size), size);
    }

    for (const builder of [roomy, tight]) {
      builder.seal();
      builder.number(1n, 1, 1);
    }
    assert(roomy.bytes.toHex() === tight.bytes.toHex());
    assertEquals(plain(roomy.records()), records);
  }
});

Deno.test("clone() gives a copy that goes on by itself", () => {
  const builder = build([valueRecord("a", 10), valueRecord("b", 20)]);

  const copy = builder.clone();
  builder.append(encodable(valueRecord("c", 30)));
  copy.append(encodable(valueRecord("d", 40)));

  const texts = (batch: RecordBatchBuilder) => Array.from(batch.records(), (r) => new TextDecoder().decode(r.value!));
  assertEquals(texts(builder), ["a", "b", "c"]);
  assertEquals(texts(copy), ["a", "b", "d"]);
  assertEquals([builder.maxTimestamp, copy.maxTimestamp], [30, 40]);
});

Deno.test("an empty batch is its header", () => {
  const builder = new RecordBatchBuilder({ initialBytes: 1 });

  builder.seal();
  builder.number(-1n, -1, -1);

  assertEquals(builder.byteLength, RECORD_BATCH_OVERHEAD_BYTES);
  assertEquals([...readRecords(builder.bytes)], []);
  assert(hasValidCrc(builder.bytes));
});

Deno.test("number() called again gives the bytes of a batch numbered so at once", () => {
  const random = new SeededRandom(12);

  for (let round = 0; round < 100; round++) {
    const records = randomRecords(random);
    const builder = sealed(records, 1);
    const baseSequence = random.below(2 ** 31);

    builder.number(77n, 5, baseSequence);

    assertEquals(builder.bytes, sealed(records, baseSequence).bytes);
  }
});

Deno.test("compact() gives the bytes of a batch built of the kept records when the first one stays", () => {
  const random = new SeededRandom(13);

  for (let round = 0; round < 200; round++) {
    // Past 64 and past 8,192 records offset deltas shrink by a byte when their number falls below.
    const records = round < 2 ? Array.from({ length: 9000 }, () => random.record()) : randomRecords(random, 150);
    const kept = new Set(records.keys().filter((index) => index === 0 || random.below(3) > 0));
    const builder = build(records);
    if (round % 2 === 0) builder.seal();

    const count = builder.compact((index) => kept.has(index));

    assertEquals(count, kept.size);
    builder.seal();
    builder.number(77n, 5, 9);
    const expected = sealed(records.filter((_, index) => kept.has(index)), 9);
    assert(builder.bytes.toHex() === expected.bytes.toHex());
  }
});

Deno.test("compact() keeps every other field when the first record goes", () => {
  const random = new SeededRandom(14);

  for (let round = 0; round < 200; round++) {
    const records = [...randomRecords(random), random.record()];
    const kept = records.slice(1).filter((_, index) => index % 4 !== 2);
    const builder = sealed(records);

    builder.compact((index) => index > 0 && (index - 1) % 4 !== 2);
    builder.number(77n, 5, 9);

    assertEquals(plain(readRecords(builder.bytes)), kept);
    assertEquals([...readRecords(builder.bytes)].map((record) => record.offsetDelta), [...kept.keys()]);
    assertEquals(readBatchHeader(builder.bytes).maxTimestamp, BigInt(Math.max(...kept.map((r) => r.timestamp))));
    assert(hasValidCrc(builder.bytes));
  }
});

Deno.test("append() goes on after compact() as if the removed records had never been there", () => {
  const records = [valueRecord("a", 1000), valueRecord("b", 2000), valueRecord("c", 3000)];
  const builder = build(records);

  builder.compact((index) => index !== 1);
  builder.append(encodable(valueRecord("d", 4000)));
  builder.seal();
  builder.number(77n, 5, -1);

  assertEquals(builder.bytes, sealed([records[0]!, records[2]!, valueRecord("d", 4000)]).bytes);
});

Deno.test("append() starts afresh when compact() has removed every record", () => {
  const builder = build([valueRecord("a", 1000), valueRecord("b", 2000)]);

  assertEquals(builder.compact(() => false), 0);
  assertEquals([builder.count, builder.byteLength], [0, RECORD_BATCH_OVERHEAD_BYTES]);
  builder.append(encodable(valueRecord("c", 5)));
  builder.seal();
  builder.number(77n, 5, -1);

  assertEquals(builder.bytes, sealed([valueRecord("c", 5)]).bytes);
});

Deno.test("records() gives the asked run of an open batch", () => {
  const records = Array.from({ length: 5 }, (_, i) => valueRecord(`value ${i}`, 1000 - i));
  const builder = build(records);

  assertEquals(plain(builder.records(1, 3)), records.slice(1, 3));
  assertEquals(plain(builder.records()), records);
});

Deno.test("splitBatch() gives the bytes of batches built of each run", () => {
  const random = new SeededRandom(15);

  for (let round = 0; round < 100; round++) {
    const records = [...randomRecords(random), random.record()];
    const cut = 1 + random.below(records.length - 1);

    const parts = splitBatch(sealed(records).bytes, [cut, records.length - cut], { initialBytes: 61 });

    let baseSequence = 100;
    const runs = [records.slice(0, cut), records.slice(cut)];
    for (const [index, part] of parts.entries()) {
      part.number(77n, 5, baseSequence);
      assertEquals(part.bytes, sealed(runs[index]!, baseSequence).bytes);
      baseSequence += part.count;
    }
  }
});

Deno.test("splitBatch() throws RangeError when the counts are not those of the batch", () => {
  const batch = sealed([valueRecord("a"), valueRecord("b")]).bytes;

  for (const counts of [[], [1], [1, 2], [2, 0], [3, -1], [0.5, 1.5], [NaN]]) {
    assertThrows(() => splitBatch(batch, counts), RangeError, "Cannot split a batch");
  }
});

Deno.test("encodeHeaders() is NO_HEADERS for none and a section of its own otherwise", () => {
  assertStrictEquals(encodeHeaders([]), NO_HEADERS);
  assertNotStrictEquals(encodeHeaders([["a", null]]), NO_HEADERS);
  assertEquals(encodeHeaders([["a", null], ["b", "ß"]]).toHex(), "04026101026204c39f");
});
