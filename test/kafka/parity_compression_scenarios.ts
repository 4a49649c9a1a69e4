/**
 * Compressed batches, right and wrong, that the embedded cluster and a real one must take or refuse alike.
 *
 * @module
 */

import { compress, COMPRESSION_IDS, type CompressionCodec, loadCodec } from "../../protocol/compression.ts";
import { BatchOffset, LENGTH_PREFIX_BYTES, RECORD_BATCH_OVERHEAD_BYTES } from "../../protocol/record_batch_layout.ts";
import { crc32c } from "../../protocol/crc32c.ts";
import { craftBatch, joinBytes } from "../embedded/crafted_batch.ts";
import { produceEach, type Scenario } from "./parity_scenarios.ts";

await loadCodec("snappy");
await loadCodec("lz4");

/** What is wrong with a batch. */
interface Flaw {
  count?: number;
  /** Changes the records before they are compressed. */
  section?: (records: Uint8Array) => Uint8Array;
  /** Changes them afterwards. */
  compressed?: (bytes: Uint8Array) => Uint8Array;
  /** Changes the header. */
  edit?: (view: DataView) => void;
}

const same = (bytes: Uint8Array) => bytes;

/** A batch with a right CRC. */
function batch(codec: CompressionCodec, { count = 3, section = same, compressed = same, edit }: Flaw = {}): Uint8Array {
  const plain = craftBatch({ values: Array.from({ length: count }, (_, i) => `value ${i} again and again`) });
  const records = compressed(compress(codec, section(plain.slice(RECORD_BATCH_OVERHEAD_BYTES))));
  const bytes = joinBytes(plain.subarray(0, RECORD_BATCH_OVERHEAD_BYTES), records);
  const view = new DataView(bytes.buffer);
  view.setInt32(BatchOffset.batchLength, bytes.length - LENGTH_PREFIX_BYTES);
  view.setInt16(BatchOffset.attributes, COMPRESSION_IDS[codec]);
  edit?.(view);
  view.setUint32(BatchOffset.crc, crc32c(bytes, BatchOffset.attributes));
  return bytes;
}

/** Changes one byte. */
function withByte(at: number, value: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const changed = bytes.slice();
    changed[at < 0 ? bytes.length + at : at] = value;
    return changed;
  };
}

function counts(count: number): (view: DataView) => void {
  return (view) => {
    view.setInt32(BatchOffset.recordCount, count);
    view.setInt32(BatchOffset.lastOffsetDelta, count - 1);
  };
}

const flaws: Readonly<Record<string, Flaw>> = {
  "nothing": {},
  "garbage": { compressed: () => new Uint8Array(50).fill(0xa5) },
  "no bytes": { compressed: () => new Uint8Array() },
  "cut off": { compressed: (bytes) => bytes.subarray(0, bytes.length - 9) },
  "a byte changed at the beginning": { compressed: withByte(0, 0x7e) },
  "both counts too large": { edit: counts(4) },
  "both counts too small": { edit: counts(2) },
  "one byte behind the records": { section: (records) => joinBytes(records, new Uint8Array(1)) },
  "a record behind the records": { section: (records) => joinBytes(records, records) },
  "no records": { section: () => new Uint8Array() },
  "the last record cut off": { section: (records) => records.slice(0, -3) },
  "offset delta 3 of the first record": { section: withByte(3, 6) },
  // Kafka 4.3.1 appends compressed records that lie about their own length, and readers choke on them: not the embedded one.
  "a key's length of 100": { section: withByte(4, 200) },
  "60 headers in the last record": { section: withByte(-1, 120) },
  "-1 headers in the last record": { section: withByte(-1, 1) },
  "wrong largest timestamp": { edit: (view) => view.setBigInt64(BatchOffset.maxTimestamp, 5n) },
  "base timestamp two hours ahead": {
    edit: (view) => view.setBigInt64(BatchOffset.baseTimestamp, BigInt(Date.now() + 7_200_000)),
  },
  "last offset delta 5": { edit: (view) => view.setInt32(BatchOffset.lastOffsetDelta, 5) },
  "twice as many offsets": { section: (records) => joinBytes(records, records), edit: counts(6) },
};

/** Each flaw with each codec. */
export const compressionScenarios: Readonly<Record<string, Scenario>> = Object.fromEntries(
  Object.entries(flaws).flatMap(([name, flaw]) =>
    (Object.keys(COMPRESSION_IDS) as CompressionCodec[]).map((codec) => {
      return [`${codec}, ${name}`, produceEach(batch(codec, flaw), batch(codec))];
    })
  ),
);
