/**
 * How a line becomes a record.
 *
 * @module
 */

import type { ProducerRecord, RecordInput } from "@ekaf/ekaf";
import { parseJsonRecord } from "./json_record.ts";

/** Turns a line into a record. Throws a `TypeError` or `RangeError` that says what is wrong with the line. */
export type RecordFormat = (line: Uint8Array) => RecordInput;

/** What a record may be given beside its line. */
export interface RecordExtras {
  /** Headers for every record; for one with headers of its own, in front of them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Partition of every record that names none itself. */
  readonly partition: number | undefined;
}

/** How the lines of plain records are read. */
export interface PlainFormatOptions extends RecordExtras {
  /** Ends the key, at its first place in a line; undefined where lines have no key. */
  readonly keySeparator: Uint8Array | undefined;
  /** Whether an empty value and an empty key are null instead. */
  readonly isEmptyNull: boolean;
}

/**
 * Lines that are values, or keys and values, byte by byte. A line without the separator is a value without a key.
 *
 * @param options See {@linkcode PlainFormatOptions}.
 */
export function plainFormat({ keySeparator, isEmptyNull, ...extras }: PlainFormatOptions): RecordFormat {
  const added = addedFields(extras);
  // The commonest case costs no object a record.
  if (keySeparator === undefined && !isEmptyNull && added === undefined) return (line) => line;
  const nullable = (bytes: Uint8Array) => isEmptyNull && bytes.length === 0 ? null : bytes;
  return (line) => {
    const at = keySeparator === undefined ? -1 : indexOfBytes(line, keySeparator);
    if (at === -1) return { ...added, value: nullable(line) };
    const value = line.subarray(at + keySeparator!.length);
    return { ...added, key: nullable(line.subarray(0, at)), value: nullable(value) };
  };
}

/**
 * Lines that are JSON, see {@linkcode parseJsonRecord}.
 *
 * @param extras What is added to each record.
 */
export function jsonFormat(extras: RecordExtras): RecordFormat {
  const added = addedFields(extras);
  if (added === undefined) return parseJsonRecord;
  return (line) => {
    const record = parseJsonRecord(line);
    if (record.headers === undefined || added.headers === undefined) return { ...added, ...record };
    const own = Array.isArray(record.headers) ? record.headers : Object.entries(record.headers);
    return { ...added, ...record, headers: [...extras.headers, ...own] };
  };
}

function addedFields({ headers, partition }: RecordExtras): Pick<ProducerRecord, "headers" | "partition"> | undefined {
  if (headers.length === 0 && partition === undefined) return undefined;
  return { ...(headers.length > 0 ? { headers } : {}), ...(partition !== undefined ? { partition } : {}) };
}

/** First place of `part` in `bytes`, -1 if it is not there. */
function indexOfBytes(bytes: Uint8Array, part: Uint8Array): number {
  const last = bytes.length - part.length;
  for (let at = bytes.indexOf(part[0]!); at !== -1 && at <= last; at = bytes.indexOf(part[0]!, at + 1)) {
    let i = 1;
    while (i < part.length && bytes[at + i] === part[i]) i++;
    if (i === part.length) return at;
  }
  return -1;
}
