import { assert, assertEquals } from "@std/assert";
import { type ApiName, apis } from "../../protocol/apis.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { decodeRequest, decodeRequestHeader, decodeResponse, peekCorrelationId } from "../../protocol/frame.ts";
import { type Vector, vectors } from "../vectors/mod.ts";
import { Random } from "./random_messages.ts";

const MUTATIONS_PER_FRAME = 40;

/** Lengths and counts that a decoder must not believe. */
const HOSTILE_INTS = [-1, -2, -2_147_483_648, 2_147_483_647, 65_536, 1_000_000, 0];

/** Bytes that do most harm where varints, lengths and counts stand. */
const HOSTILE_BYTES = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];

const decoders: Record<Vector["direction"], (vector: Vector, frame: Uint8Array) => unknown> = {
  request: (_vector, frame) => decodeRequest(frame).body,
  response: ({ api, version }, frame) => decodeResponse(api, version, frame).body,
};

for (const direction of ["request", "response"] as const) {
  const chosen = vectors.filter((vector) => vector.direction === direction);

  Deno.test(`a mutated ${direction} decodes or throws a ProtocolError, and never grows`, () => {
    const random = new Random(20);
    for (const vector of chosen) {
      const frame = Uint8Array.fromBase64(vector.bytes);
      for (let round = 0; round < MUTATIONS_PER_FRAME; round++) {
        const mutated = mutate(frame, random);

        const body = attempt(() => decoders[direction](vector, mutated), vector, mutated);

        assert(sizeOf(body) <= mutated.length, `${describe(vector)}: ${mutated.toBase64()}`);
      }
    }
  });

  Deno.test(`a truncated ${direction} throws a ProtocolError wherever it is cut`, () => {
    for (const vector of chosen) {
      const frame = Uint8Array.fromBase64(vector.bytes);
      for (let length = 0; length < frame.length; length++) {
        const truncated = frame.subarray(0, length);

        const body = attempt(() => decoders[direction](vector, truncated), vector, truncated);

        assertEquals(body, undefined, `${describe(vector)} cut to ${length} bytes`);
      }
    }
  });

  Deno.test(`a ${direction} with bytes behind it throws a ProtocolError`, () => {
    for (const vector of chosen) {
      const longer = Uint8Array.of(...Uint8Array.fromBase64(vector.bytes), 0);

      const body = attempt(() => decoders[direction](vector, longer), vector, longer);

      assertEquals(body, undefined, describe(vector));
    }
  });
}

Deno.test("a response read as another call or version decodes or throws a ProtocolError", () => {
  for (const vector of vectors.filter(({ direction, client }) => direction === "response" && client === "ekaf")) {
    const frame = Uint8Array.fromBase64(vector.bytes);
    for (const api of Object.keys(apis) as ApiName[]) {
      for (let version = apis[api].minVersion; version <= apis[api].maxVersion; version++) {
        const body = attempt(() => decodeResponse(api, version, frame).body, vector, frame);

        assert(sizeOf(body) <= frame.length, `${describe(vector)} as ${api} v${version}`);
      }
    }
  }
});

Deno.test("random bytes decode or throw a ProtocolError in every version of every call", () => {
  const random = new Random(21);
  const vector = vectors[0]!;
  for (const [api, { key, minVersion, maxVersion }] of Object.entries(apis) as [ApiName, typeof apis.Produce][]) {
    for (let version = minVersion; version <= maxVersion; version++) {
      for (let round = 0; round < 60; round++) {
        const frame = random.bytes(random.below(200));
        const request = Uint8Array.of(0, key, 0, version, 0, 0, 0, 1, 255, 255, ...frame);

        attempt(() => decodeResponse(api, version, frame), vector, frame);
        attempt(() => decodeRequest(request), vector, request);
        attempt(() => decodeRequestHeader(frame), vector, frame);
        attempt(() => peekCorrelationId(frame), vector, frame);
      }
    }
  }
});

/** What `decode` gives, undefined if it threw a ProtocolError; any other error is a fault. */
function attempt(decode: () => unknown, vector: Vector, frame: Uint8Array): unknown {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw new Error(`${describe(vector)}: ${frame.toBase64()}`, { cause: error });
  }
}

function describe({ api, version, direction, client }: Vector): string {
  return `${client}: ${api} v${version} ${direction}`;
}

/** At least the bytes that the parts of a value took on the wire: no decoder may make more of a frame than is in it. */
function sizeOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.reduce((sum, element) => sum + Math.max(1, sizeOf(element)), 0);
  if (typeof value === "object" && value !== null) {
    return Object.values(value).reduce((sum: number, inner) => sum + sizeOf(inner), 0);
  }
  return 0;
}

function mutate(frame: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(frame);
  const at = random.below(bytes.length);
  switch (random.below(6)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1:
      bytes[at] = random.pick(HOSTILE_BYTES);
      return bytes;
    case 2:
      if (at + 4 <= bytes.length) new DataView(bytes.buffer).setInt32(at, random.pick(HOSTILE_INTS));
      return bytes;
    case 3:
      return Uint8Array.of(...bytes.subarray(0, at), ...random.bytes(1 + random.below(4)), ...bytes.subarray(at));
    case 4:
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + 1 + random.below(4)));
    default:
      return Uint8Array.of(...bytes.subarray(0, at), 255, 255, 255, 255, 15, ...bytes.subarray(at + 5));
  }
}
