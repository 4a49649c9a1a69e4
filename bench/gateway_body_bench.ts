/**
 * Bodies of requests into records, in chunks of 64 KiB: 100,000 records an iteration, so that 100 ms are a million
 * records a second.
 *
 *     deno bench --allow-read=. bench/gateway_body_bench.ts
 *
 * @module
 */

import type { BodyDecoder } from "../src/gateway/body/body_decoder.ts";
import { CsvDecoder } from "../src/gateway/body/csv_decoder.ts";
import { EnvelopeDecoder } from "../src/gateway/body/envelope_decoder.ts";
import { JsonArrayDecoder } from "../src/gateway/body/json_array_decoder.ts";
import { LineDecoder } from "../src/gateway/body/line_decoder.ts";

const RECORD_COUNT = 100_000;
const CHUNK_BYTES = 65_536;
const VALUE = JSON.stringify({
  id: 123456,
  name: "a name of some length",
  tags: ["x", "y"],
  at: 1.5,
  text: "z".repeat(24),
});

const bodies: Record<string, { decoder: () => BodyDecoder; body: string }> = {
  "NDJSON": { decoder: () => new LineDecoder({ skipBlank: true }), body: `${VALUE}\n`.repeat(RECORD_COUNT) },
  "JSON array": { decoder: () => new JsonArrayDecoder(), body: `[${`${VALUE},`.repeat(RECORD_COUNT - 1)}${VALUE}]` },
  "envelopes": {
    decoder: () => new EnvelopeDecoder(),
    body: `{"key":"some key","value":${VALUE}}\n`.repeat(RECORD_COUNT),
  },
  "CSV": {
    decoder: () => new CsvDecoder(),
    body: 'some name,12.50,"a, b",more text of a row,1,2,3\n'.repeat(RECORD_COUNT),
  },
  "CSV as objects": {
    decoder: () => new CsvDecoder({ hasHeader: true }),
    body: "name,total,pair,text,a,b,c\n" + 'some name,12.50,"a, b",more text of a row,1,2,3\n'.repeat(RECORD_COUNT),
  },
  "text": { decoder: () => new LineDecoder(), body: `${VALUE}\n`.repeat(RECORD_COUNT) },
};

for (const [name, { decoder, body }] of Object.entries(bodies)) {
  const bytes = new TextEncoder().encode(body);
  const chunks: Uint8Array[] = [];
  for (let begin = 0; begin < bytes.length; begin += CHUNK_BYTES) chunks.push(bytes.slice(begin, begin + CHUNK_BYTES));

  Deno.bench(`${name}, ${RECORD_COUNT} records`, { group: "decoders" }, () => {
    const decoding = decoder();
    let count = 0;
    for (const chunk of chunks) count += decoding.push(chunk).length;
    count += decoding.end().length;
    if (count !== RECORD_COUNT) throw new Error(`${count} records`);
  });
}
