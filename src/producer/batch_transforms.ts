/**
 * Batch transforms that are ready to use.
 *
 * @module
 */

import type { BatchRecord, BatchTransform } from "../batch_transform.ts";

const encoder = new TextEncoder();
/** A byte order mark is part of a value, and bytes that are no UTF-8 are an error: nothing is changed in silence. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const NULL = encoder.encode("null");
const [OPEN, COMMA, CLOSE] = encoder.encode("[,]") as unknown as [number, number, number];

/**
 * Makes each batch one record: its value is a JSON array of the batch's values. ekaf:
 * `encode_messages_as_one_large_json`.
 *
 * - A value that is JSON text stands there as it is, byte for byte; so the text `42` becomes a number.
 * - Any other text becomes a JSON string.
 * - A tombstone becomes `null`.
 * - A value that is no UTF-8 cannot be written in JSON: its batch goes out unchanged, and a warning is logged.
 *
 * The record has no key and no headers: those of the batch's records are not in it. Its timestamp is the newest of
 * theirs. How many records share an array is up to `batchMaxRecords`, `batchMaxBytes` and `lingerMs`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { asOneJsonRecord, Producer } from "@ekaf/ekaf";
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { clicks: 1 } });
 * await using producer = new Producer({
 *   bootstrap: cluster.bootstrap,
 *   topics: { clicks: { transformBatch: asOneJsonRecord() } },
 * });
 *
 * await producer.send("clicks", ['{"page":"/"}', "plain text"]);
 *
 * assertEquals(cluster.records("clicks").map((record) => record.text()), ['[{"page":"/"},"plain text"]']);
 * ```
 */
export function asOneJsonRecord(): BatchTransform {
  return (records) => [jsonArray(records.map(jsonOf))];
}

/** A record's value as JSON. */
function jsonOf({ value }: BatchRecord): Uint8Array {
  if (value === null) return NULL;
  const text = decoder.decode(value);
  return isJson(text) ? value : encoder.encode(JSON.stringify(text));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function jsonArray(elements: readonly Uint8Array[]): Uint8Array {
  const bytes = elements.reduce((sum, element) => sum + element.length + 1, 1);
  const array = new Uint8Array(bytes);
  array[0] = OPEN;
  let position = 1;
  for (const element of elements) {
    array.set(element, position);
    position += element.length;
    array[position++] = COMMA;
  }
  array[position - 1] = CLOSE; // Instead of the last comma: a batch has a record at least.
  return array;
}
