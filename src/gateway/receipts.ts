/**
 * Receipts: an answer that grows a line for each record of the request's body, while that still comes.
 *
 * @module
 */

import type { Outcome } from "../producer/delivery_stream.ts";
import { tell } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import type { StreamTally } from "./stream_tally.ts";
import type { Upload } from "./upload.ts";

const encoder = new TextEncoder();

/**
 * Answers at once, and goes on as the outcomes come. What a client does not read is bounded: then the body is not read
 * on, and a client that reads nothing for `streamIdleMs` is cut off.
 *
 * @param exchange The request.
 * @param upload Its body.
 * @param tally Counts what becomes of the records.
 */
export function receiptsAnswer(exchange: Exchange, upload: Upload, tally: StreamTally): Response {
  const { housekeeping, options } = exchange.gateway;
  const ended = Promise.withResolvers<void>();
  exchange.ended = ended.promise;
  const written = upload.run();
  /** Since when nobody has asked for the next receipt, null while somebody waits for it. */
  let unreadSinceMs: number | null = housekeeping.now();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const watched = {
    check: (nowMs: number) => {
      if (unreadSinceMs === null || nowMs - unreadSinceMs < options.streamIdleMs) return false;
      const error = new GatewayError("BODY_TIMEOUT", "Cannot go on: the receipts are not read");
      upload.cutOff(error).then(end);
      controller.error(error);
      return true;
    },
  };
  const end = () => {
    housekeeping.unwatch(watched);
    exchange.discardBody(); // Never rejects.
    ended.resolve();
  };
  housekeeping.watch(watched);
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    pull: async () => {
      unreadSinceMs = null;
      const next = await upload.outcomes.read().catch((error) => {
        upload.failure ??= error;
        return { done: true, value: undefined } as const;
      });
      unreadSinceMs = housekeeping.now();
      if (!next.done) return controller.enqueue(encoder.encode(receipts(next.value, tally)));
      await written;
      controller.enqueue(encoder.encode(lastLine(exchange, upload, tally)));
      controller.close();
      end();
    },
    cancel: async () => {
      await upload.cutOff(new GatewayError("MALFORMED_BODY", "Cannot go on: the client is gone"));
      end();
    },
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: { "content-type": "application/x-ndjson", "x-request-id": exchange.requestId },
  });
}

function receipts(outcomes: readonly Outcome[], tally: StreamTally): string {
  let text = "";
  for (const outcome of outcomes) {
    const line = tally.settled(outcome);
    text += outcome.error === undefined
      ? `{"line":${line},"partition":${outcome.partition},"offset":${outcome.offset}}\n`
      : `${JSON.stringify(tally.failedLine(line, outcome.error))}\n`;
  }
  return text;
}

/** Without this line a client knows that it was cut off. */
function lastLine(exchange: Exchange, upload: Upload, tally: StreamTally): string {
  const { accepted, acked, failedCount: failed } = tally;
  tally.count(exchange.topic!.records);
  const line: Record<string, unknown> = { done: true, accepted, acked, failed };
  if (upload.failure !== null) {
    const { code, text } = tell(exchange, upload.failure);
    const at = (upload.failure as { line?: number }).line;
    Object.assign(line, { error: text, code }, at === undefined ? {} : { line: at });
  }
  return `${JSON.stringify(line)}\n`;
}
