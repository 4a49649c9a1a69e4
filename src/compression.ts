/**
 * The option `compression`: how it is written, and what it means.
 *
 * @module
 */

import { COMPRESSION_IDS, COMPRESSION_LEVELS, type CompressionCodec } from "../protocol/compression.ts";
import { checkAll, integer, oneOf, quote } from "./option_checks.ts";

export type { CompressionCodec };

/**
 * How batches are compressed: a codec, or a codec and its level. Levels are 1 to 9 for gzip (6 if unset) and -7 to 22 for
 * zstd (3 if unset); snappy and LZ4 have none.
 */
export type Compression = "none" | CompressionCodec | { codec: "none" | CompressionCodec; level?: number };

const CODECS = ["none", ...Object.keys(COMPRESSION_IDS)];

/** Throws when `value` is no {@linkcode Compression}. */
export function checkCompression(name: string, value: unknown): void {
  if (typeof value === "string") return oneOf(...CODECS)(name, value);
  if (typeof value !== "object" || value === null || !("codec" in value) || value.codec === undefined) {
    const form = `must be one of ${CODECS.map(quote).join(", ")}, or { codec, level }`;
    throw new TypeError(`Cannot use ${quote(name)} ${quote(value)}: it ${form}`);
  }
  const { codec } = value;
  oneOf(...CODECS)(`${name}.codec`, codec);
  const bounds = COMPRESSION_LEVELS[codec as CompressionCodec];
  checkAll(value, {
    codec: () => {},
    level: (_, level) => {
      if (bounds !== undefined) return integer(...bounds)(`${name}.level`, level);
      throw new RangeError(`Cannot use "${name}.level" ${quote(level)}: ${quote(codec)} has no levels`);
    },
  }, `${quote(name)}'s`);
}

/** The codec and level that a checked value means, null for none. */
export function compressionSetting(value: Compression): { codec: CompressionCodec; level: number | undefined } | null {
  const { codec, level } = typeof value === "string" ? { codec: value, level: undefined } : value;
  return codec === "none" ? null : { codec, level };
}
