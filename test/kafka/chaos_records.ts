/**
 * The numbered records of the chaos run: who sent one, and which it was, can be told from its bytes.
 *
 * @module
 */

import type { ProducerRecord } from "@ekaf/ekaf";
import { murmur2, toPositive } from "../../protocol/murmur2.ts";

/** Keys of one caller: prime, so that they meet every remainder by which something else is chosen. */
const KEY_COUNT = 997;
/** Every third record has no key. */
const UNKEYED_EVERY = 3;
const PADDING = "-".repeat(24);
const COLON = 0x3a;
const ZERO = 0x30;

const decoder = new TextDecoder();

/** A record that was read back: its caller and its number among the caller's records. */
export interface Numbered {
  caller: number;
  number: number;
}

/** Number of a caller's key, -1 for a record without one. */
export function keyOf(number: number): number {
  return number % UNKEYED_EVERY === UNKEYED_EVERY - 1 ? -1 : number % KEY_COUNT;
}

/** What a key's partition is the remainder of. */
export function hashOf(caller: number, key: number): number {
  return toPositive(murmur2(new TextEncoder().encode(keyText(caller, key))));
}

/** A caller's record of a number. */
export function recordOf(caller: number, number: number): ProducerRecord {
  const key = keyOf(number);
  return { key: key < 0 ? null : keyText(caller, key), value: `${caller}:${number}:${PADDING}` };
}

/** Several of them in a row. */
export function recordsFrom(caller: number, first: number, count: number): ProducerRecord[] {
  return Array.from({ length: count }, (_, i) => recordOf(caller, first + i));
}

/** Which record it is; undefined for one that no caller has made. */
export function numbered(key: Uint8Array | null, value: Uint8Array | null): Numbered | undefined {
  if (value === null) return undefined;
  const caller = value[0]! - ZERO;
  let number = 0;
  let at = 2;
  for (; at < value.length && value[at] !== COLON; at++) number = number * 10 + value[at]! - ZERO;
  const isWhole = value[1] === COLON && value.length === at + 1 + PADDING.length;
  if (!isWhole || !Number.isSafeInteger(number)) return undefined;
  const expected = keyOf(number);
  const text = key === null ? null : decoder.decode(key);
  return text === (expected < 0 ? null : keyText(caller, expected)) ? { caller, number } : undefined;
}

function keyText(caller: number, key: number): string {
  return `${caller}-${key}`;
}
