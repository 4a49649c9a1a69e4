/**
 * Compressed messages, packed and unpacked.
 *
 * @module
 */

import { codecOf, compress, decompress, isCodecLoaded, loadCodec } from "../../protocol/compression.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { MessageMagic } from "../../protocol/message_layout.ts";
import type { CompressedMessages } from "../../protocol/message_set_reader.ts";
import type { RecordFormat } from "./log_format.ts";

/** Unpacks the value of a compressed message. */
export function unpackMessages({ codec, bytes }: CompressedMessages): Uint8Array {
  return decompress(known(codec), bytes);
}

/** Packs a message set: what {@linkcode unpackMessages} unpacks. */
export function packMessages(set: Uint8Array, { codec, magic }: { codec: number; magic: MessageMagic }): Uint8Array {
  return compress(known(codec), set, { isMagic0: magic === 0 });
}

/** Loads what logs of a format are packed with: brokers before 0.11 compress what they store. */
export async function loadMessageCodecs(format: RecordFormat): Promise<void> {
  if (format === 2) return;
  for (const codec of ["snappy", "lz4"] as const) if (!isCodecLoaded(codec)) await loadCodec(codec);
}

function known(id: number): "gzip" | "snappy" | "lz4" {
  const codec = codecOf(id);
  // Record batches came before zstd: no message is compressed with it (KIP-110).
  if (codec !== null && codec !== "zstd") return codec;
  throw new ProtocolError(`Cannot compress messages: there is no codec ${id}`);
}
