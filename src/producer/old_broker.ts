/**
 * What a broker before Kafka 0.11 takes: its Produce has no record batches, only message sets.
 *
 * @module
 */

import { COMPRESSION_IDS } from "../../protocol/compression.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { MessageMagic } from "../../protocol/message_layout.ts";
import { headedRecords, messageSetOf, wrapMessageSet } from "../../protocol/message_set.ts";
import type { Connection } from "../cluster/cluster.ts";
import type { ResolvedOptions } from "../options.ts";
import type { Batch } from "./batch.ts";
import type { RequestEntry } from "./produce_request.ts";

/** First version of Produce with record batches. */
const FIRST_VERSION_WITH_BATCHES = 3;
/** First version of Produce whose messages have timestamps. */
const FIRST_VERSION_WITH_TIMESTAMPS = 2;

/** Why a batch cannot go to an old broker as it is. */
export type Misfit =
  /** As a message set it would be larger than a request may be. */
  | { readonly type: "tooLarge"; readonly cause: Error }
  /** These records ask for what the broker has not. */
  | { readonly type: "culprits"; readonly indexes: readonly number[]; readonly cause: Error };

/** Where a request is to go. */
export interface OldBroker {
  /** Its connection. */
  readonly connection: Connection;
  /** Its id. */
  readonly broker: number;
  /** The producer's options. */
  readonly options: Pick<ResolvedOptions, "requestMaxBytes" | "idempotent">;
}

/** Whether the broker at the other end is that old. */
export function isOldBroker(connection: Connection): boolean {
  return versionOf(connection) < FIRST_VERSION_WITH_BATCHES;
}

/**
 * Finds out which entries can go out in one request, and gives these their message sets. They are made anew for every
 * attempt, always the same from the batch's frozen bytes: the broker may be a newer one by then, and gets the batch.
 *
 * Messages take up to 27 bytes more than records, so a request may become larger than it was meant to: then its last
 * entries wait for the next one. Other entries are refused here as the broker would: see `SentWindow.misfit`.
 *
 * @param entries Taken batches.
 * @param to Where the request is to go.
 * @returns Those to send.
 */
export function fitEntries(entries: readonly RequestEntry[], to: OldBroker): RequestEntry[] {
  const fitting: RequestEntry[] = [];
  let bytes = 0;
  for (const { lane, sent } of entries) {
    const fit = fitFor(sent.batch, to);
    if (!(fit instanceof Uint8Array)) {
      lane.window.misfit(sent, fit);
    } else if (bytes > 0 && bytes + fit.length > to.options.requestMaxBytes) {
      lane.wake();
    } else {
      bytes += fit.length;
      // The broker checks no numbers, even where the batch was given some for a newer one.
      sent.maybeDuplicate ||= sent.isUnknown;
      fitting.push({ lane, sent, records: fit });
    }
  }
  return fitting;
}

/** The batch as a message set, or why not. */
function fitFor(batch: Batch, { connection, broker, options }: OldBroker): Uint8Array | Misfit {
  const version = versionOf(connection);
  const { bytes, count } = batch.wire;
  const blame = (what: string, indexes: readonly number[], release = "0.11"): Misfit => {
    const state = `it is older than Kafka ${release} (Produce ${version})`;
    const cause = new ProtocolError(`Cannot send ${what} to broker ${broker}: ${state}`, { api: "Produce", version });
    return { type: "culprits", indexes, cause };
  };
  if (options.idempotent === true) return blame("idempotently", Array.from({ length: count }, (_, i) => i));
  const headed = headedRecords(bytes);
  if (headed.length > 0) return blame("headers", headed);
  if (version >= FIRST_VERSION_WITH_TIMESTAMPS) return setOf(batch, 1, options);
  const timed = timedRecords(batch);
  return timed.length > 0 ? blame("timestamps", timed, "0.10") : setOf(batch, 0, options);
}

function setOf(batch: Batch, magic: MessageMagic, { requestMaxBytes }: OldBroker["options"]): Uint8Array | Misfit {
  const set = packed(batch, messageSetOf(batch.wire.bytes, { magic })!, magic);
  if (set.length <= requestMaxBytes) return set;
  const what = `a batch that takes ${set.length} bytes as messages of Kafka before 0.11`;
  return { type: "tooLarge", cause: new RangeError(`Cannot send ${what}: "requestMaxBytes" is ${requestMaxBytes}`) };
}

/** The set as one compressed message, where the batch is to be compressed and the format has the codec. */
function packed({ wire, outgoing: { compressor } }: Batch, set: Uint8Array, magic: MessageMagic): Uint8Array {
  // Of zstd the lane tells, when the batch is sent.
  if (compressor === null || compressor.codec === "zstd") return set;
  const compressed = compressor.compressNow(set, { isMagic0: magic === 0 });
  if (compressed === null) return set;
  const offset = BigInt(wire.count - 1);
  const codec = COMPRESSION_IDS[compressor.codec];
  const message = wrapMessageSet(compressed, { magic, codec, offset, timestamp: wire.maxTimestamp });
  return message.length < set.length ? message : set;
}

/** The records whose timestamps the caller has chosen, and still waits for. */
function timedRecords(batch: Batch): number[] {
  const indexes: number[] = [];
  for (const span of batch.spans) {
    if (!span.isTimed || span.isSettled) continue;
    for (let i = 0; i < span.count; i++) indexes.push(span.first + i);
  }
  return indexes;
}

function versionOf(connection: Connection): number {
  return connection.version("Produce") ?? 0;
}
