/**
 * One client's connection to the sink.
 *
 * @module
 */

import type { Counters } from "./counters.ts";
import type { Replies } from "./replies.ts";
import { type Crc32c, type ProduceSummary, RequestScanner } from "./request_scanner.ts";

/** How a sink treats its clients. */
export interface SinkConnectionOptions {
  /** Encodes the answers. */
  replies: Replies;
  /** Where arrivals are counted. */
  counters: Counters;
  /** Size of the read buffer. */
  bufferBytes: number;
  /** How long each answer is held back; 0 for not at all. */
  delayMs: number;
  /** Stops reading for good once this many bytes of batches have arrived on all connections; Infinity for never. */
  stallAfterBytes: number;
  /** Checks the checksum of each batch when given. */
  crc32c: Crc32c | null;
}

/** The client's end: a `Deno.Conn`, or an end of a memory pair. */
export type Peer = Pick<Deno.Conn, "read" | "write" | "close">;

/**
 * Reads and answers until the client leaves. Answers to everything one read brought leave in one write, which is
 * awaited before the next read: a client that does not read its answers holds itself up.
 */
export async function serveConnection(conn: Peer, options: SinkConnectionOptions): Promise<void> {
  let answers: Uint8Array[] = [];
  const scanner = new RequestScanner(options.bufferBytes, {
    onProduce(request: ProduceSummary): void {
      const answer = options.replies.produce(request);
      if (answer !== null) answers.push(...answer);
    },
    onRequest(frame: Uint8Array): void {
      answers.push(...options.replies.other(frame));
    },
  }, options.crc32c);
  try {
    for (;;) {
      const count = await conn.read(scanner.space());
      if (count === null) return;
      scanner.advance(count);
      if (options.counters.totalBatchBytes >= options.stallAfterBytes) await new Promise<never>(() => {});
      if (answers.length === 0) continue;
      const joined = join(answers);
      answers = [];
      if (options.delayMs === 0) await writeAll(conn, joined);
      // Equal delays keep the order; a client that has left meanwhile is noticed by the next read.
      else setTimeout(() => writeAll(conn, joined).catch(() => {}), options.delayMs);
    }
  } finally {
    conn.close();
  }
}

async function writeAll(conn: Peer, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function join(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
