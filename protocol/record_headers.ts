/**
 * The headers section of a record: a varint count, then name and value of each, each with its length before it.
 *
 * @see KIP-82
 * @module
 */

import { varintBytes, writeVarint } from "./varint.ts";

const encoder = new TextEncoder();

/** The section of a record without headers. Shared: do not write to it. */
export const NO_HEADERS: Uint8Array = new Uint8Array(1);

/**
 * Encodes a record's headers.
 *
 * @param headers Name and value of each, in order; a name may come up again, strings become UTF-8.
 * @returns The whole section, for {@link EncodableRecord.headers}.
 */
export function encodeHeaders(headers: Iterable<readonly [string, string | Uint8Array | null]>): Uint8Array {
  const parts: (Uint8Array | null)[] = [];
  let bytesTotal = 0;
  for (const [name, value] of headers) {
    const nameBytes = encoder.encode(name);
    const valueBytes = typeof value === "string" ? encoder.encode(value) : value;
    parts.push(nameBytes, valueBytes);
    bytesTotal += varintBytes(nameBytes.length) + nameBytes.length;
    bytesTotal += valueBytes === null ? 1 : varintBytes(valueBytes.length) + valueBytes.length;
  }
  if (parts.length === 0) return NO_HEADERS;
  const count = parts.length / 2;
  const section = new Uint8Array(varintBytes(count) + bytesTotal);
  let position = writeVarint(section, 0, count);
  for (const part of parts) {
    position = writeVarint(section, position, part === null ? -1 : part.length);
    if (part === null) continue;
    section.set(part, position);
    position += part.length;
  }
  return section;
}
