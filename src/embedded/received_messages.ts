/**
 * What a broker makes of the message set of a Produce request below version 3.
 *
 * @module
 */

import { ProtocolError } from "../../protocol/errors.ts";
import type { MessageMagic } from "../../protocol/message_layout.ts";
import { encodeMessageSet, wrapMessageSet } from "../../protocol/message_set.ts";
import { type DecodedMessage, MessageCursor, readMessageSet } from "../../protocol/message_set_reader.ts";
import { packMessages, unpackMessages } from "./message_codec.ts";
import { type Refusal, refusal } from "./received_batch.ts";

/** Messages that stay together: one, or those that came compressed in one. */
export interface ReceivedMessages {
  /** Number of their codec, 0 for none. */
  readonly codec: number;
  /** The messages, at least one, with the offsets they came with. */
  readonly messages: readonly DecodedMessage[];
}

/**
 * Takes a message set apart and checks it as a broker does: sizes, then CRCs. A message that is cut off at the end is
 * left out.
 *
 * @param records The `records` field.
 * @param limits `maxMessageBytes` is for each message, those that came compressed counted as one.
 */
export function receiveMessages(
  records: Uint8Array | null,
  limits: { maxMessageBytes: number },
): ReceivedMessages[] | Refusal {
  try {
    const cursor = new MessageCursor(records ?? new Uint8Array());
    const received: ReceivedMessages[] = [];
    while (cursor.next()) {
      if (cursor.end - cursor.start > limits.maxMessageBytes) return refusal("MESSAGE_TOO_LARGE");
      if (!cursor.hasValidCrc) return refusal("CORRUPT_MESSAGE");
      received.push({ codec: cursor.codec, messages: [...readMessageSet(cursor.bytes, unpackMessages)] });
    }
    return received;
  } catch (error) {
    if (error instanceof ProtocolError) return refusal("CORRUPT_MESSAGE");
    throw error;
  }
}

/**
 * The bytes of received messages as they are stored: in the log's format, with their offsets in it.
 *
 * @param received The messages.
 * @param place Format of the log, and the offset of the first of them.
 */
export function storedMessages(
  { codec, messages }: ReceivedMessages,
  { format, baseOffset }: { format: MessageMagic; baseOffset: bigint },
): Uint8Array {
  if (codec === 0) return encodeMessageSet(messages.map((message) => ({ ...message, offset: baseOffset })), format);
  // Those of format 1 count from 0 (KIP-31), those of format 0 have the offsets of the log, so that a broker has to
  // compress them anew.
  const first = format === 0 ? baseOffset : 0n;
  const set = encodeMessageSet(messages.map((message, i) => ({ ...message, offset: first + BigInt(i) })), format);
  return wrapMessageSet(packMessages(set, { codec, magic: format }), {
    magic: format,
    codec,
    offset: baseOffset + BigInt(messages.length - 1),
    timestamp: latestOf(messages),
  });
}

/** The greatest timestamp of messages, -1 when they have none. */
export function latestOf(messages: readonly DecodedMessage[]): number {
  return messages.reduce((latest, { timestamp }) => Math.max(latest, timestamp), -1);
}
