import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  codecOf,
  compress,
  COMPRESSION_IDS,
  COMPRESSION_LEVELS,
  type CompressionCodec,
  decompress,
  loadCodec,
} from "../../protocol/compression.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { xxhash32 } from "../../protocol/xxhash32.ts";
import { readRecords } from "../../protocol/record_batch_reader.ts";
import { COMPRESSED_VECTORS, valueOf } from "../vectors/compressed.ts";
import { SeededRandom } from "./seeded_random.ts";

const CODECS = Object.keys(COMPRESSION_IDS) as CompressionCodec[];
await loadCodec("snappy");
await loadCodec("lz4");

function seededRandom(seed: number): () => number {
  const random = new SeededRandom(seed);
  return () => random.below(2 ** 30) / 2 ** 30;
}

/** Bytes of many kinds: repeats near and far, runs, noise, text. */
function bytesOf(random: () => number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = Math.min(length - at, 1 + Math.floor(random() * random() * 2_000));
    const kind = random();
    if (kind < 0.4 && at > 0) {
      const distance = 1 + Math.floor(random() * at);
      for (let i = 0; i < count; i++) bytes[at + i] = bytes[at + i - distance]!;
    } else if (kind < 0.6) bytes.fill(Math.floor(random() * 256), at, at + count);
    else for (let i = 0; i < count; i++) bytes[at + i] = Math.floor(random() * (kind < 0.8 ? 256 : 8));
    at += count;
  }
  return bytes;
}

for (const codec of CODECS) {
  Deno.test(`decompress() gives back what compress() took: ${codec}, random bytes`, () => {
    const random = seededRandom(7);
    for (let round = 0; round < 150; round++) {
      const bytes = bytesOf(random, Math.floor(random() ** 3 * 300_000));

      const compressed = compress(codec, bytes);

      assertEquals(decompress(codec, compressed), bytes);
    }
  });

  Deno.test(`compress() leaves its input alone: ${codec}`, () => {
    const bytes = bytesOf(seededRandom(3), 200_000);
    const before = bytes.slice();

    compress(codec, bytes);

    assertEquals(bytes, before);
  });

  Deno.test(`decompress() takes exactly as many bytes as it may, and not one more: ${codec}`, () => {
    for (const length of [1, 100, 65_536, 65_537, 500_000]) {
      const compressed = compress(codec, new Uint8Array(length));

      assertEquals(decompress(codec, compressed, { maxBytes: length }).length, length);
      if (length > 1) {
        const tooMany = () => decompress(codec, compressed, { maxBytes: length - 1 });
        assertThrows(tooMany, ProtocolError, `Cannot decompress ${codec}: it holds more than ${length - 1} bytes`);
      }
    }
  });

  Deno.test(`decompress() stops at 128 MiB when nothing else is said: ${codec}`, () => {
    const compressed = compress(codec, new Uint8Array(128 * 1024 * 1024 + 1));

    assertThrows(() => decompress(codec, compressed), ProtocolError, "it holds more than 134217728 bytes");
  });

  Deno.test(`decompress() throws ProtocolError only, for truncated, mutated and random bytes: ${codec}`, () => {
    const random = seededRandom(11);
    const compressed = compress(codec, bytesOf(random, 5_000));
    const tryIt = (bytes: Uint8Array) => {
      try {
        assert(decompress(codec, bytes, { maxBytes: 100_000 }).length <= 100_000);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    };

    for (let length = 0; length < Math.min(compressed.length, 1_500); length++) tryIt(compressed.slice(0, length));
    for (let round = 0; round < 3_000; round++) {
      const mutated = compressed.slice();
      for (let i = 0; i < 1 + random() * 3; i++) mutated[Math.floor(random() * mutated.length)] = random() * 256;
      tryIt(mutated);
    }
    for (let round = 0; round < 1_000; round++) {
      tryIt(Uint8Array.from({ length: Math.floor(random() * 60) }, () => random() * 256));
    }
  });

  Deno.test(`decompress() throws for every truncation: ${codec}`, () => {
    const bytes = bytesOf(seededRandom(5), 3_000);
    const compressed = compress(codec, bytes);

    for (let length = 0; length < compressed.length; length++) {
      let result: Uint8Array | null = null;
      try {
        result = decompress(codec, compressed.slice(0, length));
      } catch (error) {
        assert(error instanceof ProtocolError);
      }
      // Nothing at all may be nothing, and snappy's frame has no end.
      if (result !== null) assert(codec === "snappy" || length === 0, `${codec} took ${length} bytes`);
    }
  });

  Deno.test(`codecOf() knows ${codec} among other attributes`, () => {
    assertEquals(codecOf(0x38 | COMPRESSION_IDS[codec]), codec);
  });
}

for (const [codec, [min, max]] of Object.entries(COMPRESSION_LEVELS) as [CompressionCodec, [number, number]][]) {
  Deno.test(`compress() becomes smaller from level ${min} to ${max}: ${codec}`, () => {
    const text = Array.from({ length: 2_000 }, (_, i) => JSON.stringify({ id: i * 7919, user: `user-${i % 97}` }))
      .join();
    const bytes = new TextEncoder().encode(text);

    const lowest = compress(codec, bytes, { level: min });
    const highest = compress(codec, bytes, { level: max });

    assert(highest.length < lowest.length, `${highest.length} < ${lowest.length}`);
    assertEquals(decompress(codec, lowest), bytes);
    assertEquals(decompress(codec, highest), bytes);
  });
}

Deno.test("codecOf() is null for none and throws for codecs that are none", () => {
  assertEquals(codecOf(0x08), null);
  for (const id of [5, 6, 7]) assertThrows(() => codecOf(id), ProtocolError, `there is no codec ${id}`);
});

for (const vector of COMPRESSED_VECTORS) {
  const { client, magic, codec, count } = vector;
  const expected = Array.from({ length: count }, (_, i) => valueOf(vector, i));
  const bytes = Uint8Array.fromBase64(vector.bytes);
  const name = `${count} records of ${client}, magic ${magic}, ${codec}`;

  if (magic === 2) {
    Deno.test(`readRecords() reads ${name}`, () => {
      const values = Array.from(readRecords(bytes), ({ value }) => new TextDecoder().decode(value!));

      assertEquals(values, expected);
    });
  } else {
    Deno.test(`decompress() reads the message set inside: ${name}`, () => {
      // Offset 8, size 4, CRC 4, magic, attributes, timestamp 8 since magic 1, key -1, then the value's length.
      const start = 8 + 4 + 4 + 2 + (magic === 1 ? 8 : 0) + 4 + 4;
      assertEquals(codecOf(bytes[17]!), codec);

      const inner = new TextDecoder().decode(decompress(codec, bytes.subarray(start)));

      for (const value of expected) assert(inner.includes(value));
    });
  }
}

Deno.test("compress() makes LZ4's header checksum for magic 0 as Java does", () => {
  const bytes = new Uint8Array(100);
  const java = COMPRESSED_VECTORS.find(({ magic, codec }) => magic === 0 && codec === "lz4")!;

  const legacy = compress("lz4", bytes, { isMagic0: true });

  assertEquals(legacy.subarray(0, 7), Uint8Array.fromBase64(java.bytes).subarray(26, 33));
  assertEquals(decompress("lz4", legacy), bytes);
});

Deno.test("xxhash32() gives the values of its specification", () => {
  const hashOf = (text: string) => xxhash32(new TextEncoder().encode(text)).toString(16);

  assertEquals(["", "a", "abc", "Nobody inspects the spammish repetition"].map(hashOf), [
    "2cc5d05",
    "550d7456",
    "32d153ff",
    "e2293b2f",
  ]);
});
