/**
 * Why a connection could not be made, in words that say what to do.
 *
 * @module
 */

import { KafkaError } from "../../protocol/errors.ts";
import { ConnectionError } from "../errors.ts";
import { type Address, formatAddress } from "./address.ts";
import type { RefusedSize } from "./frame_stream.ts";

/** A peer speaks, but not Kafka's protocol. */
export class ForeignPeerError extends KafkaError {
  /** Always `"ForeignPeerError"`. */
  override readonly name = "ForeignPeerError";
  /** Always false: what listens there is no broker. */
  override readonly retriable = false;
}

/**
 * Makes the error of a failed attempt to connect.
 *
 * @param address Where to.
 * @param context What to call the peer, and why it failed.
 */
export function connectError(address: Address, context: { label: string; cause: unknown }): ConnectionError {
  const { label, cause } = context;
  const where = formatAddress(address);
  if (isMissingPermission(cause)) {
    return new ConnectionError(
      `Cannot connect to ${label}: this process may not reach it, add --allow-net=${where} to its command line`,
      { address: where, retriable: false, cause },
    );
  }
  return new ConnectionError(`Cannot connect to ${label}: ${reasonText(cause)}`, {
    address: where,
    retriable: !(cause instanceof KafkaError) || cause.retriable,
    cause,
  });
}

/**
 * Tells from the first bytes of a stream, read as a frame's size and refused, what is on the other side.
 *
 * @param refused The size.
 * @returns An error, undefined when the bytes tell nothing.
 */
export function foreignPeerError(refused: RefusedSize): ForeignPeerError | undefined {
  if (!refused.isFirst) return undefined;
  const bytes = [24, 16, 8, 0].map((shift) => (refused.prefix >>> shift) & 0xff);
  // A TLS record: type alert or handshake, version 3.x (RFC 8446, section 5.1).
  if ((bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 0x03) {
    return new ForeignPeerError("it speaks TLS, and the connection is to be in plain text");
  }
  if (!bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return undefined;
  const text = String.fromCharCode(...bytes);
  if (text === "HTTP") return new ForeignPeerError("it speaks HTTP, it is no Kafka broker");
  return new ForeignPeerError(`it is no Kafka broker, its first bytes are ${JSON.stringify(text)}`);
}

/**
 * The words behind an error.
 *
 * @param cause What was thrown.
 */
export function reasonText(cause: unknown): string {
  if (cause instanceof Error) return cause.message === "" ? cause.name : cause.message;
  return String(cause);
}

/** `Deno.errors.NotCapable`, recognised by name so that other transports may throw their own. */
function isMissingPermission(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "NotCapable";
}
