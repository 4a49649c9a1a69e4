/**
 * Random input that is the same on every run.
 *
 * @module
 */

import { encodeHeaders, NO_HEADERS } from "../../protocol/record_batch.ts";

/** A record in the shape that both the encoder's input and the reader's output can be brought to. */
export interface PlainRecord {
  /** Milliseconds since 1970. */
  timestamp: number;
  /** Null for none. */
  key: Uint8Array | null;
  /** Null for none. */
  value: Uint8Array | null;
  /** Name and value, in order. */
  headers: [string, Uint8Array | null][];
}

/** A xorshift generator. */
export class SeededRandom {
  #state: number;

  /** @param seed Any integer but 0. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % limit;
  }

  /** Bytes of any value. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** A record with nulls, empties, headers, short and long bytes, old and distant timestamps. */
  record(): PlainRecord {
    return {
      timestamp: this.#timestamp(),
      key: this.#bytesOrNull(),
      value: this.#bytesOrNull(),
      headers: Array.from({ length: this.below(3) === 0 ? this.below(5) : 0 }, () => this.#header()),
    };
  }

  #timestamp(): number {
    const base = 1_795_363_200_000;
    switch (this.below(6)) {
      case 0:
        return base - this.below(1000);
      case 1:
        return base + this.below(2 ** 31) * 1000;
      case 2:
        return this.below(1000);
      default:
        return base + this.below(70);
    }
  }

  #bytesOrNull(): Uint8Array | null {
    const kind = this.below(8);
    if (kind === 0) return null;
    return this.bytes(kind === 1 ? 0 : kind === 2 ? this.below(400) : this.below(30));
  }

  #header(): [string, Uint8Array | null] {
    const name = ["", "trace", "имя", "\ufeffbom", "h".repeat(70)][this.below(5)]!;
    return [name, this.#bytesOrNull()];
  }
}

/** What {@link RecordBatchBuilder.append} takes for a record. */
export function encodable(
  record: PlainRecord,
): { key: Uint8Array | null; value: Uint8Array | null; headers: Uint8Array; timestamp: number } {
  const headers = record.headers.length === 0 ? NO_HEADERS : encodeHeaders(record.headers);
  return { key: record.key, value: record.value, headers, timestamp: record.timestamp };
}
