/**
 * Bodies cut into chunks, decoded, and compared: whatever the cuts, records, places and faults are the same.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type BodyDecoder, BodyError } from "../../../src/gateway/body/body_decoder.ts";
import type { Bytes, ProducerRecord } from "../../../src/record.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";

/** What became of a body. */
export interface Decoded {
  /** Its records, bytes as latin1 text, so that a difference can be read. */
  records: unknown[];
  /** Where they stand. */
  lines: number[];
  /** Code, place and message of the fault, null when there is none. */
  fault: { code: string; line: number | undefined; message: string } | null;
}

/** Decodes `body` in chunks that end at `cuts`, each in memory of its own. */
export function decodeAt(decoder: BodyDecoder, body: Uint8Array, cuts: readonly number[] = []): Decoded {
  const decoded: Decoded = { records: [], lines: [], fault: null };
  const take = (records: ProducerRecord[]) => {
    for (const [index, record] of records.entries()) {
      decoded.records.push(plain(record));
      decoded.lines.push(decoder.lines?.[index] ?? decoded.records.length);
    }
    return records.length > 0;
  };
  try {
    let begin = 0;
    for (const cut of [...cuts, body.length]) {
      take(decoder.push(body.slice(begin, cut)));
      begin = cut;
    }
    while (take(decoder.end())) { /* until there is none */ }
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    decoded.fault = { code: error.code, line: error.line, message: error.message };
  }
  return decoded;
}

/** Decodes `body` whole, byte by byte, cut once everywhere and cut at random, and asserts that all agree. */
export function decodeAnyhow(make: () => BodyDecoder, body: Uint8Array, seed = 1): Decoded {
  const whole = decodeAt(make(), body);
  const cuttings = [Array.from({ length: body.length }, (_, index) => index)];
  if (body.length <= 300) { for (let cut = 0; cut <= body.length; cut++) cuttings.push([cut]); }
  const random = new SeededRandom(seed);
  for (let round = 0; round < 10; round++) {
    const cuts = Array.from({ length: random.below(8) }, () => random.below(body.length + 1));
    cuttings.push(cuts.sort((a, b) => a - b));
  }
  for (const cuts of cuttings) assertEquals(decodeAt(make(), body, cuts), whole, `cut at ${cuts}`);
  return whole;
}

/** UTF-8 of `text`. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A text for bytes, each byte a character, so that `é` of a body is `Ã©`. */
export function latin1(bytes: Bytes | null | undefined): string | null | undefined {
  if (bytes === null || bytes === undefined) return bytes;
  const all = typeof bytes === "string" ? bytesOf(bytes) : bytes;
  return Array.from(all, (byte) => String.fromCharCode(byte)).join("");
}

/** The value alone where there is nothing else, else the record, with texts for bytes. */
function plain(record: ProducerRecord): unknown {
  const { value, key, headers, ...rest } = record;
  if (key === undefined && headers === undefined && Object.keys(rest).length === 0) return latin1(value);
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers ?? {});
  return {
    ...rest,
    ...(key === undefined ? {} : { key: latin1(key) }),
    value: latin1(value),
    ...(headers === undefined ? {} : { headers: pairs.map(([name, bytes]) => [name, latin1(bytes)]) }),
  };
}
