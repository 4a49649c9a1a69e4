/**
 * Libraries that compress for snappy and LZ4, side by side: what `.github/ARCHITECTURE.md` bases its choice on.
 *
 *     deno run --no-lock --allow-all bench/compression_candidates.ts
 *
 * @module
 */

// deno-lint-ignore-file no-console

import { jsonRecords } from "./values.ts";

const ROUNDS = 7;
const BYTES_A_ROUND = 8_000_000;

// Named by variables, so that those not chosen come neither into the lock file nor onto the machine of who checks types.
const specifiers = {
  wasmUtils: "npm:@platformatic/wasm-utils@0.2.1/bundled",
  lz4js: "npm:lz4js@0.2.0",
  snappyjs: "npm:snappyjs@0.7.0",
  lz4Wasm: "npm:lz4-wasm-nodejs@0.9.2",
};
// deno-lint-ignore no-explicit-any
const libraries: any = {};
for (const [name, specifier] of Object.entries(specifiers)) {
  const module = await import(specifier);
  libraries[name] = module.default ?? module;
}
const hashes = new Uint32Array(65_536);

const candidates: Record<string, (block: Uint8Array) => number> = {
  "snappy: @platformatic/wasm-utils": (block) => libraries.wasmUtils.snappyCompress(block).length,
  "snappy: snappyjs": (block) => libraries.snappyjs.compress(block).length,
  "lz4: @platformatic/wasm-utils": (block) => libraries.wasmUtils.lz4Compress(block).length,
  "lz4: lz4-wasm-nodejs": (block) => libraries.lz4Wasm.compress(block).length,
  "lz4: lz4js": (block) => {
    const into = new Uint8Array(libraries.lz4js.compressBound(block.length));
    hashes.fill(0);
    return libraries.lz4js.compressBlock(block, into, 0, block.length, hashes);
  },
};

for (const blockBytes of [16_384, 65_536, 1_048_576]) {
  const block = jsonRecords(blockBytes);
  const rates = new Map<string, number[]>();
  const sizes = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, compress] of Object.entries(candidates)) {
      const count = Math.ceil(BYTES_A_ROUND / blockBytes);
      const startMs = performance.now();
      for (let i = 0; i < count; i++) sizes.set(name, compress(block));
      const ms = performance.now() - startMs;
      rates.set(name, [...rates.get(name) ?? [], count * blockBytes / ms / 1000]);
    }
  }
  console.log(`blocks of ${blockBytes} bytes`);
  for (const [name, measured] of rates) {
    const median = measured.toSorted((a, b) => a - b)[ROUNDS >> 1]!;
    const ratio = blockBytes / sizes.get(name)!;
    console.log(`  ${name.padEnd(34)} ${median.toFixed(0).padStart(5)} MB/s, ratio ${ratio.toFixed(2)}`);
  }
}
