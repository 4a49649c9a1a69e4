import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DEFAULT_MAX_LINE_BYTES, LineSplitter, LineStream } from "@ekaf/ekaf/lines";
import { SeededRandom } from "../protocol/seeded_random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

function textsOf(lines: readonly Uint8Array[]): string[] {
  return lines.map((line) => decoder.decode(line));
}

/** All lines of `bytes` when they come in pieces that end at `cuts`. */
function splitAt(bytes: Uint8Array, cuts: readonly number[], maxLineBytes?: number): Uint8Array[] {
  const splitter = new LineSplitter(maxLineBytes === undefined ? {} : { maxLineBytes });
  const lines: Uint8Array[] = [];
  let begin = 0;
  for (const cut of [...cuts, bytes.length]) {
    lines.push(...splitter.push(bytes.subarray(begin, cut)));
    begin = cut;
  }
  const last = splitter.end();
  return last === null ? lines : [...lines, last];
}

/** What lines must be, the slow way: latin1 keeps every byte apart. */
function expectedLines(bytes: Uint8Array): Uint8Array[] {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const parts = text.split("\n");
  if (parts.at(-1) === "") parts.pop();
  return parts.map((part) => Uint8Array.from(part, (char) => char.charCodeAt(0)));
}

Deno.test("LineSplitter.push() splits at \\n only and leaves all other bytes", () => {
  const splitter = new LineSplitter();

  const lines = splitter.push(bytesOf("\ufeffone\r\n\n\rtwo\v\f\u2028three\0\n"));

  assertEquals(lines.map((line) => decoder.decode(line)), ["one\r", "", "\rtwo\v\f\u2028three\0"]);
  assertEquals(lines[0]!.slice(0, 3), Uint8Array.of(0xef, 0xbb, 0xbf));
  assertEquals(splitter.end(), null);
  assertEquals(splitter.lineCount, 3);
});

Deno.test("LineSplitter.end() gives the last line when it did not end with \\n", () => {
  const splitter = new LineSplitter();

  const lines = textsOf(splitter.push(bytesOf("one\ntwo")));
  const last = splitter.end();

  assertEquals(lines, ["one"]);
  assertEquals(decoder.decode(last!), "two");
  assertEquals(splitter.lineCount, 2);
});

Deno.test("LineSplitter gives no line for no bytes and one for a lone \\n", () => {
  assertEquals(splitAt(bytesOf(""), []), []);
  assertEquals(textsOf(splitAt(bytesOf("\n"), [])), [""]);
  assertEquals(textsOf(splitAt(bytesOf("\n\n"), [1])), ["", ""]);
});

Deno.test("LineSplitter gives the same lines wherever a text is cut", () => {
  const bytes = bytesOf("a\r\n\n\nzwölf\n\n€");
  const expected = expectedLines(bytes);

  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      assertEquals(splitAt(bytes, [first, second]), expected);
    }
  }
});

Deno.test("LineSplitter gives the lines of random bytes in random chunks", () => {
  const random = new SeededRandom(20_261_122);

  for (let round = 0; round < 2_000; round++) {
    const bytes = random.bytes(random.below(400));
    const newlines = 1 + random.below(40);
    for (let i = 0; i < bytes.length; i++) if (random.below(newlines) === 0) bytes[i] = 0x0a;
    const cuts = Array.from({ length: random.below(12) }, () => random.below(bytes.length + 1)).sort((a, b) => a - b);

    const lines = splitAt(bytes, cuts, 400);

    assertEquals(lines, expectedLines(bytes));
  }
});

Deno.test("LineSplitter.push() hands out views of the chunk, and copies of what spans chunks", () => {
  const splitter = new LineSplitter();
  const first = bytesOf("whole\nbeg");
  const second = bytesOf("in\n");

  const [whole] = splitter.push(first);
  const [spanning] = splitter.push(second);
  first.fill(0);
  second.fill(0);

  assert(whole!.buffer === first.buffer);
  assertEquals(decoder.decode(spanning), "begin");
});

Deno.test("LineSplitter.push() hands out memory that the next lines do not touch", () => {
  const splitter = new LineSplitter();
  splitter.push(bytesOf("on"));
  const one = splitter.push(bytesOf("e\ntw"));

  const two = splitter.push(bytesOf("o\n"));

  assertEquals(textsOf([...one, ...two]), ["one", "two"]);
});

Deno.test("LineSplitter.push() keeps the order of a long line that comes byte by byte", () => {
  const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251 === 10 ? 11 : i % 251);

  const lines = splitAt(bytes, Array.from({ length: 4_999 }, (_, i) => i + 1));

  assertEquals(lines, [bytes]);
});

Deno.test("LineSplitter takes a line of exactly maxLineBytes and refuses a longer one, naming number and limit", async (t) => {
  for (const cuts of [[], [1], [2, 5], [1, 2, 3, 4, 5, 6, 7]]) {
    await t.step(`cut at ${cuts}`, () => {
      assertEquals(textsOf(splitAt(bytesOf("a\n1234\n1234"), cuts, 4)), ["a", "1234", "1234"]);
      for (const text of ["a\n12345\nb\n", "a\n12345"]) {
        assertThrows(
          () => splitAt(bytesOf(text), cuts, 4),
          RangeError,
          'Cannot split line 2: it is longer than "maxLineBytes" 4',
        );
      }
    });
  }
});

Deno.test("LineSplitter.push() hands out the lines before one that is too long, then throws for ever", () => {
  const splitter = new LineSplitter({ maxLineBytes: 4 });

  const lines = textsOf(splitter.push(bytesOf("a\nb\n12345\nc\n")));

  assertEquals(lines, ["a", "b"]);
  assert(splitter.failure instanceof RangeError);
  assertEquals(splitter.carriedBytes, 0);
  assertThrows(() => splitter.push(bytesOf("d\n")), RangeError, "line 3");
  assertThrows(() => splitter.end(), RangeError, "line 3");
});

Deno.test("LineSplitter holds at most maxLineBytes of an endless line", () => {
  const splitter = new LineSplitter({ maxLineBytes: 1_000 });
  const chunk = new Uint8Array(300).fill(0x61);

  for (let i = 0; i < 3; i++) splitter.push(chunk);
  const heldBytes = splitter.carriedBytes;
  splitter.push(chunk);

  assertEquals(heldBytes, 900);
  assertEquals(splitter.carriedBytes, 0);
  assert(splitter.failure !== null);
});

Deno.test("LineSplitter refuses a maxLineBytes that is no integer of at least 1", () => {
  for (const maxLineBytes of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => new LineSplitter({ maxLineBytes }), RangeError, `"maxLineBytes" ${maxLineBytes}`);
  }
  assertEquals(DEFAULT_MAX_LINE_BYTES, 1024 * 1024);
});

Deno.test("LineStream gives arrays of lines, none of them empty", async () => {
  const chunks = ["one\ntwo\nth", "r", "", "ee\n", "\nlast"].map(bytesOf);

  const arrays = await Array.fromAsync(ReadableStream.from(chunks).pipeThrough(new LineStream()));

  assertEquals(arrays.map(textsOf), [["one", "two"], ["three"], [""], ["last"]]);
});

Deno.test("LineStream errors at a line that is too long, after the lines before it", async () => {
  const stream = ReadableStream.from([bytesOf("a\nb\n123"), bytesOf("45"), bytesOf("c\n")])
    .pipeThrough(new LineStream({ maxLineBytes: 4 }));
  const seen: string[] = [];

  const reading = (async () => {
    for await (const lines of stream) seen.push(...textsOf(lines));
  })();

  await assertRejects(() => reading, RangeError, "Cannot split line 3");
  assertEquals(seen, ["a", "b"]);
});

Deno.test("LineStream errors at the end when the last chunk had a line that is too long", async () => {
  const stream = ReadableStream.from([bytesOf("a\n12345\n")]).pipeThrough(new LineStream({ maxLineBytes: 4 }));
  const seen: string[] = [];

  const reading = (async () => {
    for await (const lines of stream) seen.push(...textsOf(lines));
  })();

  await assertRejects(() => reading, RangeError, "Cannot split line 2");
  assertEquals(seen, ["a"]);
});

Deno.test("LineStream reads no further than its reader asks", async () => {
  let chunkCount = 0;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      chunkCount++;
      controller.enqueue(bytesOf("line\n"));
    },
  }, { highWaterMark: 0 });
  const reader = source.pipeThrough(new LineStream()).getReader();

  await reader.read();
  const readCount = chunkCount;
  await reader.cancel();

  assert(readCount <= 3, `${readCount} chunks were read for one`);
});
