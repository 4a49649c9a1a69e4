/**
 * Lines of a stream of 64 KiB chunks: 100,000 lines an iteration, so that 100 ms are a million lines a second.
 *
 *     deno bench --allow-read=. bench/lines_bench.ts
 *
 * @module
 */

import { LineSplitter, LineStream } from "@ekaf/ekaf/lines";

const LINE_COUNT = 100_000;
const CHUNK_BYTES = 65_536;

/** Lines of `lineBytes` each, their ends not counted, in chunks. */
function chunksOf(lineBytes: number): Uint8Array[] {
  const all = new Uint8Array(LINE_COUNT * (lineBytes + 1)).fill(0x61);
  for (let end = lineBytes; end < all.length; end += lineBytes + 1) all[end] = 0x0a;
  const chunks: Uint8Array[] = [];
  for (let begin = 0; begin < all.length; begin += CHUNK_BYTES) chunks.push(all.slice(begin, begin + CHUNK_BYTES));
  return chunks;
}

for (const lineBytes of [0, 10, 100, 1_000]) {
  const chunks = chunksOf(lineBytes);
  const group = `${LINE_COUNT} lines of ${lineBytes} bytes`;

  Deno.bench(`LineSplitter, ${group}`, { group, baseline: true }, () => {
    const splitter = new LineSplitter();
    for (const chunk of chunks) splitter.push(chunk);
    if (splitter.lineCount !== LINE_COUNT) throw new Error(`${splitter.lineCount} lines`);
  });

  Deno.bench(`LineStream, ${group}`, { group }, async () => {
    let lineCount = 0;
    for await (const lines of ReadableStream.from(chunks).pipeThrough(new LineStream())) lineCount += lines.length;
    if (lineCount !== LINE_COUNT) throw new Error(`${lineCount} lines`);
  });
}
