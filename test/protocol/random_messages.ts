/**
 * Random values of any table, the same for the same seed.
 *
 * @module
 */

import { type Field, hasVersion, type MessageSchema, type Primitive } from "../../protocol/schema.ts";

/** A source of numbers that repeats itself: mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** One of several. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Any bytes. */
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
}

/** A message of a version with random values in all fields the version has, and nothing else. */
export function randomMessage(schema: MessageSchema, version: number, random: Random): Record<string, unknown> {
  return randomStruct(schema.fields, version, random);
}

function randomStruct(fields: readonly Field[], version: number, random: Random): Record<string, unknown> {
  const present = fields.filter((field) => hasVersion(field.versions ?? "0+", version));
  return Object.fromEntries(present.map((field) => [field.name, randomValue(field, version, random)]));
}

function randomValue(field: Field, version: number, random: Random): unknown {
  const isNullable = field.nullable !== undefined && hasVersion(field.nullable, version);
  if (isNullable && random.below(4) === 0) return null;
  const one = () =>
    field.fields === undefined
      ? randomPrimitive(field.type.replace("[]", "") as Primitive, random)
      : randomStruct(field.fields, version, random);
  return field.type.startsWith("[]") ? Array.from({ length: random.below(4) }, one) : one();
}

function randomPrimitive(type: Primitive, random: Random): unknown {
  const bits = random.bytes(8);
  const view = new DataView(bits.buffer);
  switch (type) {
    case "bool":
      return random.below(2) === 1;
    case "int8":
      return view.getInt8(0);
    case "int16":
      return view.getInt16(0);
    case "int32":
      return view.getInt32(0);
    case "int64":
      return view.getBigInt64(0);
    case "string":
      return random.pick(["", "clicks", "größe", "日本語", "🦕", "x".repeat(random.below(300)), "é".repeat(70)]);
    case "uuid":
      return random.bytes(16).toBase64({ alphabet: "base64url", omitPadding: true });
    case "bytes":
    case "records":
      return random.bytes(random.below(300));
  }
}
