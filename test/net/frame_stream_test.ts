import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ProtocolError } from "../../protocol/errors.ts";
import { FrameSplitter, FrameStream } from "../../src/net/frame_stream.ts";

function framed(...bodies: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(bodies.reduce((sum, body) => sum + 4 + body.length, 0));
  let at = 0;
  for (const body of bodies) {
    new DataView(bytes.buffer).setInt32(at, body.length);
    bytes.set(body, at + 4);
    at += 4 + body.length;
  }
  return bytes;
}

function bytesOf(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);
}

Deno.test("FrameSplitter.push() finds the same frames however the stream is cut", () => {
  const bodies = [bytesOf(4, 1), bytesOf(5, 2), bytesOf(300, 3), bytesOf(17, 4)];
  const stream = framed(...bodies);
  for (let pieceBytes = 1; pieceBytes <= stream.length; pieceBytes++) {
    const splitter = new FrameSplitter();

    const frames: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += pieceBytes) {
      frames.push(...splitter.push(stream.slice(at, at + pieceBytes)));
    }

    assertEquals(frames, bodies, `cut every ${pieceBytes} bytes`);
    assert(!splitter.isWithinFrame);
  }
});

Deno.test("FrameSplitter.push() copies nothing when a frame lies within the chunk", () => {
  const chunk = framed(bytesOf(10, 1), bytesOf(20, 2));

  const frames = new FrameSplitter().push(chunk);

  assertEquals(frames.map((frame) => frame.byteOffset), [4, 18]);
  assert(frames.every((frame) => frame.buffer === chunk.buffer));
});

Deno.test("FrameSplitter.push() gathers a frame much larger than its chunks", () => {
  const body = bytesOf(300_000, 9);
  const stream = framed(body, body);
  const splitter = new FrameSplitter();

  const frames: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += 1_000) frames.push(...splitter.push(stream.slice(at, at + 1_000)));

  assertEquals(frames, [body, body]);
});

Deno.test("FrameSplitter.push() refuses sizes out of bounds", () => {
  for (const size of [-2147483648, -1, 0, 1, 2, 3, 1_001, 2 ** 31 - 1]) {
    const prefix = new Uint8Array(4);
    new DataView(prefix.buffer).setInt32(0, size);

    const splitter = new FrameSplitter({ maxFrameBytes: 1_000 });

    assertThrows(() => splitter.push(prefix), ProtocolError, String(size));
    assertEquals(splitter.refused, { prefix: size >>> 0, isFirst: true });
  }
});

Deno.test("FrameSplitter.push() accepts a frame of exactly the limit", () => {
  assertEquals(new FrameSplitter({ maxFrameBytes: 1_000 }).push(framed(bytesOf(1_000, 1))).length, 1);
});

Deno.test("FrameSplitter.push() sets aside little for a large size of which little arrives", () => {
  const before = Deno.memoryUsage();
  const splitters = Array.from({ length: 200 }, () => new FrameSplitter());

  for (const splitter of splitters) splitter.push(Uint8Array.of(3, 0, 0, 0, 1)); // 48 MiB announced, one byte sent

  const after = Deno.memoryUsage();
  assert(after.external - before.external < 50 * 1024 * 1024, "at most 64 KiB each");
  assert(splitters.every((splitter) => splitter.isWithinFrame));
});

Deno.test("FrameStream gives whole frames", async () => {
  const bodies = [bytesOf(40, 1), bytesOf(50, 2)];
  const stream = framed(...bodies);

  const frames = await Array.fromAsync(
    ReadableStream.from([stream.slice(0, 2), stream.slice(2, 60), stream.slice(60)]).pipeThrough(new FrameStream()),
  );

  assertEquals(frames, bodies);
});

Deno.test("FrameStream errors when the stream ends within a frame", async () => {
  const stream = framed(bytesOf(40, 1)).slice(0, 20);

  await assertRejects(
    () => Array.fromAsync(ReadableStream.from([stream]).pipeThrough(new FrameStream())),
    ProtocolError,
    "ends within it",
  );
});
