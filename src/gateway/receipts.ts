/**
 * Receipts: an answer that grows a line for each record of the request's body, while that still comes.
 *
 * @module
 */

import type { Outcome } from "../producer/delivery_stream.ts";
import { tell } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import { HeldReceipts, receiptTexts } from "./held_receipts.ts";
import type { ReadAhead } from "./read_ahead.ts";
import type { StreamTally } from "./stream_tally.ts";
import type { Upload } from "./upload.ts";

const encoder = new TextEncoder();

/**
 * Answers when the client is waited for, or when its body is over, and goes on as the outcomes come: see `ReadAhead` for
 * why not at once. What a client does not read is bounded: then the body is not read on, and a client that reads nothing
 * for `streamIdleMs` is cut off.
 *
 * @param exchange The request.
 * @param upload Its body.
 * @param tally Counts what becomes of the records.
 */
export async function receiptsAnswer(exchange: Exchange, upload: Upload, tally: StreamTally): Promise<Response> {
  const ended = Promise.withResolvers<void>();
  exchange.ended = ended.promise;
  const written = upload.run();
  const outcomes = new Outcomes(upload);
  const held = new HeldReceipts();
  if (exchange.readAhead !== null) await hold(exchange, { readAhead: exchange.readAhead, outcomes, held, tally });
  const { housekeeping, options } = exchange.gateway;
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
  const texts = held.texts();
  const body = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    pull: async () => {
      unreadSinceMs = null;
      const { done: isTold, value: text } = texts.next();
      const next = isTold ? await outcomes.next() : null;
      unreadSinceMs = housekeeping.now();
      if (!isTold) return controller.enqueue(encoder.encode(text));
      if (next !== null) return controller.enqueue(encoder.encode(receiptTexts(next, tally)));
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

/** Holds receipts back until the client is slower than Kafka, the body is over, or there are too many. */
async function hold(
  { gateway: { housekeeping } }: Exchange,
  { readAhead, outcomes, held, tally }: {
    readAhead: ReadAhead;
    outcomes: Outcomes;
    held: HeldReceipts;
    tally: StreamTally;
  },
): Promise<void> {
  let isSlow = false;
  let wake = () => {};
  const watched = {
    check: (nowMs: number) => {
      if (!readAhead.isClientSlow(nowMs)) return false;
      isSlow = true;
      wake();
      return true;
    },
  };
  housekeeping.watch(watched);
  while (!isSlow && !held.isFull && !outcomes.isOver) {
    // Not by a race of promises: one that lives as long as the body would keep something of each round.
    await new Promise<void>((resolve) => {
      wake = resolve;
      outcomes.ready().then(resolve);
    });
    const next = outcomes.take();
    if (next !== null) held.push(next, tally);
  }
  housekeeping.unwatch(watched);
  readAhead.begin();
}

/** The outcomes of an upload, which may be waited for without being taken. */
class Outcomes {
  /** Whether there are no more. */
  isOver = false;
  readonly #upload: Upload;
  #read: Promise<void> | null = null;
  #next: readonly Outcome[] | null = null;

  constructor(upload: Upload) {
    this.#upload = upload;
  }

  /** Resolves when there are some, or no more. Never rejects. */
  ready(): Promise<void> {
    if (this.#next !== null || this.isOver) return Promise.resolve();
    return this.#read ??= this.#upload.outcomes.read().then(({ done, value }) => {
      if (done) this.isOver = true;
      else this.#next = value;
    }, (error) => {
      this.#upload.failure ??= error;
      this.isOver = true;
    }).finally(() => this.#read = null);
  }

  /** Those that are ready, null for none. */
  take(): readonly Outcome[] | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  /** The next, null when there are no more. */
  async next(): Promise<readonly Outcome[] | null> {
    await this.ready();
    return this.take();
  }
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
