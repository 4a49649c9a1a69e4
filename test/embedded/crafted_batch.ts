/**
 * Record batches, right and wrong.
 *
 * @module
 */

import { crc32c } from "../../protocol/crc32c.ts";
import { NO_HEADERS, RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { BatchOffset } from "../../protocol/record_batch_layout.ts";

/** What a batch is made of. */
export interface CraftedBatchOptions {
  /** Its values. By default one. */
  values?: readonly string[];
  /** Timestamp of all records. By default now. */
  timestamp?: number;
  /** Id of the producer. By default none. */
  producerId?: bigint;
  /** Epoch of that id. By default -1, or 0 with an id. */
  epoch?: number;
  /** Sequence number of the first record. By default -1, or 0 with an id. */
  sequence?: number;
  /** Changes header fields; the CRC is made right afterwards. */
  edit?: (view: DataView) => void;
  /** Changes anything; the CRC stays as it was. */
  corrupt?: (bytes: Uint8Array) => void;
}

/** The bytes of a batch. */
export function craftBatch(options: CraftedBatchOptions = {}): Uint8Array<ArrayBuffer> {
  const { values = ["a"], timestamp = Date.now(), producerId = -1n } = options;
  const builder = new RecordBatchBuilder();
  for (const value of values) {
    builder.append({ key: null, value: new TextEncoder().encode(value), headers: NO_HEADERS, timestamp });
  }
  builder.seal();
  const unset = producerId < 0n ? -1 : 0;
  builder.number(producerId, options.epoch ?? unset, options.sequence ?? unset);
  const bytes = builder.bytes.slice();
  if (options.edit !== undefined) {
    const view = new DataView(bytes.buffer);
    options.edit(view);
    view.setUint32(BatchOffset.crc, crc32c(bytes, BatchOffset.attributes));
  }
  options.corrupt?.(bytes);
  return bytes;
}

/** Bytes one after the other. */
export function joinBytes(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
