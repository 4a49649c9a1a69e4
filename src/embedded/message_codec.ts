/**
 * Compressed messages, packed and unpacked.
 *
 * @module
 */

import { ProtocolError } from "../../protocol/errors.ts";
import type { MessageMagic } from "../../protocol/message_layout.ts";
import type { CompressedMessages } from "../../protocol/message_set_reader.ts";

/** Unpacks the value of a compressed message. */
export function unpackMessages({ codec }: CompressedMessages): Uint8Array {
  throw new ProtocolError(`Cannot unpack messages: there is no codec ${codec}`);
}

/** Packs a message set: what {@linkcode unpackMessages} unpacks. */
export function packMessages(_set: Uint8Array, { codec }: { codec: number; magic: MessageMagic }): Uint8Array {
  throw new ProtocolError(`Cannot pack messages: there is no codec ${codec}`);
}
