import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BodyError } from "../../../src/gateway/body/body_error.ts";
import { type ChunkSource, type Coding, codingOf, inflated, Inflation } from "../../../src/gateway/body/inflation.ts";
import { SeededRandom } from "../../protocol/seeded_random.ts";
import { bytesOf } from "./decoding.ts";

/** What `chunks` become when they are compressed. */
async function compressed(coding: Coding, chunks: Iterable<Uint8Array>): Promise<Uint8Array> {
  const stream = ReadableStream.from(chunks as Iterable<Uint8Array<ArrayBuffer>>).pipeThrough(
    new CompressionStream(coding),
  );
  return await new Response(stream).bytes();
}

/** `bytes` in pieces of `size`. */
function source(bytes: Uint8Array, size = bytes.length): ChunkSource & { wasCancelled: boolean } {
  let at = 0;
  return {
    wasCancelled: false,
    isBrokenOff: false,
    next() {
      if (at >= bytes.length) return Promise.resolve(null);
      at += size;
      return Promise.resolve(bytes.subarray(at - size, at));
    },
    cancel() {
      this.wasCancelled = true;
      return Promise.resolve();
    },
  };
}

/** 16 MiB of nothing, compressed to some 16 KB. */
function bomb(coding: Coding): Promise<Uint8Array> {
  return compressed(coding, Array.from({ length: 16 }, () => new Uint8Array(1024 * 1024)));
}

for (const coding of ["gzip", "deflate"] as const) {
  Deno.test(`Inflation gives back what was compressed with ${coding}, whatever the chunks`, async () => {
    const random = new SeededRandom(4);
    const plain = random.bytes(100_000);
    const packed = await compressed(coding, [plain]);

    for (const size of [1_000, 4_096, 4_097, packed.length]) {
      const inflation = new Inflation(source(packed, size), coding, plain.length);
      const parts: Uint8Array[] = [];
      for (let part = await inflation.next(); part !== null; part = await inflation.next()) parts.push(part);
      assertEquals(await new Blob(parts as Uint8Array<ArrayBuffer>[]).bytes(), plain);
    }
    assertEquals(await inflated(packed, coding, plain.length), plain);
    assertEquals(await inflated(await compressed(coding, []), coding, 1), new Uint8Array(0));
  });

  Deno.test(`Inflation stops a bomb of ${coding} at its limit, with chunks of less than 4 MB`, async () => {
    const body = source(await bomb(coding));
    const inflation = new Inflation(body, coding, 8 * 1024 * 1024);
    let bytes = 0;
    let peak = 0;

    const error = await assertRejects(async () => {
      for (let part = await inflation.next(); part !== null; part = await inflation.next()) {
        bytes += part.length;
        peak = Math.max(peak, part.length);
      }
    }, BodyError);

    assertEquals([error.status, error.code, body.wasCancelled], [413, "BODY_TOO_LARGE", true]);
    assert(bytes <= 8 * 1024 * 1024 && peak > 0 && peak < 4_000_000, `${bytes} ${peak}`);
  });

  Deno.test(`Inflation refuses ${coding} that is damaged, cut off, or has something behind it`, async () => {
    const packed = await compressed(coding, [new SeededRandom(2).bytes(20_000)]);
    const damaged = packed.slice();
    damaged[damaged.length >> 1]! ^= 0xff;
    const bodies = [
      packed.slice(0, -1),
      packed.slice(0, 5),
      Uint8Array.of(...packed, 0),
      damaged,
      bytesOf("no"),
      new Uint8Array(0),
    ];

    for (const [index, body] of bodies.entries()) {
      const error = await assertRejects(() => inflated(body, coding, 1e6), BodyError, undefined, `body ${index}`);
      assertEquals([error.status, error.code], [400, "MALFORMED_BODY"]);
    }
  });
}

Deno.test("inflated() takes as much as allowed and no more", async () => {
  const packed = await compressed("gzip", [new Uint8Array(1_000)]);

  assertEquals((await inflated(packed, "gzip", 1_000)).length, 1_000);
  await assertRejects(() => inflated(packed, "gzip", 999), BodyError, "larger than 999 bytes");
});

Deno.test("Inflation passes on the error of its source", async () => {
  const error = new BodyError("BODY_TIMEOUT", "too slow");
  const failing = { ...source(new Uint8Array(0)), next: () => Promise.reject(error) };

  assertEquals(await assertRejects(() => new Inflation(failing, "gzip", 1).next()), error);
});

Deno.test("Inflation.cancel() ends what has not been read", async () => {
  const body = source(await bomb("gzip"), 100);
  const inflation = new Inflation(body, "gzip", Infinity);
  await inflation.next();

  await inflation.cancel();

  assertEquals(body.wasCancelled, true);
});

Deno.test("codingOf() knows gzip and deflate, and refuses everything else and several", () => {
  const known = [undefined, "", "identity", "GZIP", "x-gzip", "identity, deflate"].map((one) => codingOf(one));

  assertEquals(known, [null, null, null, "gzip", "gzip", "deflate"]);
  for (const coding of ["br", "zstd", "gzip, gzip", "gzip,deflate", "compress"]) {
    const error = assertThrows(() => codingOf(coding), BodyError);
    assertEquals([error.status, error.headers["accept-encoding"]], [415, "gzip, deflate"]);
  }
});
