/**
 * Ids of topics: 16 bytes on the wire, 22 characters of base64url where people see them.
 *
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-516%3A+Topic+Identifiers}
 * @module
 */

import type { ByteReader } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";

/** The id that stands for none. */
export const ZERO_UUID = "AAAAAAAAAAAAAAAAAAAAAA";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const CHARACTERS = Array.from(ALPHABET);
const PATTERN = /^[A-Za-z0-9_-]{21}[AQgw]$/;

const SEXTETS = new Uint8Array(128);
for (let value = 0; value < ALPHABET.length; value++) SEXTETS[ALPHABET.charCodeAt(value)] = value;

/**
 * Reads an id.
 *
 * @param reader Where from.
 * @returns Its 22 characters.
 */
export function readUuid(reader: ByteReader): string {
  const bytes = reader.readBytes(16);
  let text = "";
  for (let at = 0; at < 15; at += 3) {
    const triple = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    text += CHARACTERS[triple >>> 18]! + CHARACTERS[(triple >>> 12) & 63]! + CHARACTERS[(triple >>> 6) & 63]! +
      CHARACTERS[triple & 63]!;
  }
  const last = bytes[15]!;
  return text + CHARACTERS[last >>> 2]! + CHARACTERS[(last & 3) << 4]!;
}

/**
 * Writes an id.
 *
 * @param writer Where to.
 * @param text Its 22 characters.
 * @throws {TypeError} If it is no id.
 */
export function writeUuid(writer: ByteWriter, text: string): void {
  if (!PATTERN.test(text)) {
    throw new TypeError(`Cannot write an id: ${JSON.stringify(text)} is not 22 base64url digits`);
  }
  for (let at = 0; at < 20; at += 4) {
    const triple = (sextet(text, at) << 18) | (sextet(text, at + 1) << 12) | (sextet(text, at + 2) << 6) |
      sextet(text, at + 3);
    writer.writeInt16(triple >> 8);
    writer.writeInt8(triple);
  }
  writer.writeInt8((sextet(text, 20) << 2) | (sextet(text, 21) >> 4));
}

function sextet(text: string, at: number): number {
  return SEXTETS[text.charCodeAt(at)]!;
}
