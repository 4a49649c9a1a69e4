/**
 * `/stream/:topic`: a body of any length, its records delivered as they come, its socket held back when the buffer is
 * full.
 *
 * @module
 */

import { AcceptedTypes } from "./accepted_types.ts";
import { failureAnswer, jsonAnswer } from "./answers.ts";
import { decoderFor, STREAM_QUERY, STREAM_TYPES } from "./body_types.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import type { ResolvedGatewayOptions } from "./options.ts";
import { receiptsAnswer } from "./receipts.ts";
import type { Route } from "./route.ts";
import { StreamTally } from "./stream_tally.ts";
import { Upload } from "./upload.ts";

const JSON_TYPE = "application/json";
const RECEIPTS_TYPE = "application/x-ndjson";
const SUMMARY_EXAMPLE = { accepted: 3, acked: 3, failed: [] };
const PARTLY_EXAMPLE = {
  accepted: 2,
  acked: 1,
  failed: [{ line: 2, code: "MESSAGE_TOO_LARGE", error: "…", retriable: false }],
  "failed_count": 1,
};

/** Bodies of the answers that tell what became of the records, by status. */
export const STREAM_CONTENT = {
  200: {
    "application/json": { example: SUMMARY_EXAMPLE },
    "application/x-ndjson": {
      example: '{"line":1,"partition":0,"offset":42}\n{"done":true,"accepted":1,"acked":1,"failed":0}\n',
    },
  },
  207: { "application/json": { example: PARTLY_EXAMPLE } },
};

/** The route. */
export function streamRoutes(_options: ResolvedGatewayOptions): Route[] {
  return [{
    id: "stream",
    method: "POST",
    path: "/stream/:topic",
    style: "problem",
    maxBodyBytes: 0,
    isOperation: false,
    describe: {
      summary: "Sends a stream of records: a line of NDJSON each, for one",
      description:
        "Of any length: while the buffer is full the body is not read. The answer comes at the end and says " +
        "what became of the records; with `accept: application/x-ndjson` there is a line for each, as it is known, and " +
        'a last line with `"done":true`. Where that is missing, the stream was cut off.',
      tag: "stream",
      takesRecordHeaders: true,
      body: STREAM_TYPES,
      query: STREAM_QUERY,
      answers: {
        200: { description: "Every record was acknowledged, or receipts follow", content: STREAM_CONTENT[200] },
        207: { description: "Some records were not acknowledged", content: STREAM_CONTENT[207] },
      },
      rareFailures: [406],
    },
    handle: stream,
  }];
}

/** Which of the two answers a client wants: receipts, where it names them and nothing it likes better. */
function wantsReceipts(accept: string | undefined): boolean {
  const types = new AcceptedTypes(accept);
  const summaryWeight = types.weightOf(JSON_TYPE);
  const receiptsWeight = types.weightOf(RECEIPTS_TYPE);
  if (receiptsWeight > 0 && (summaryWeight === 0 || (types.names(RECEIPTS_TYPE) && receiptsWeight >= summaryWeight))) {
    return true;
  }
  if (summaryWeight > 0) return false;
  throw new GatewayError(
    "NOT_ACCEPTABLE",
    `Cannot answer in a type that is accepted: there are ${JSON_TYPE} and ${RECEIPTS_TYPE}`,
  );
}

/** Sends a body of any type. */
export async function stream(exchange: Exchange): Promise<Response> {
  const isReceipts = wantsReceipts(exchange.headers.get("accept"));
  const decoder = decoderFor(exchange);
  const tally = new StreamTally(exchange, { maxFailures: isReceipts ? 0 : undefined });
  const upload = new Upload(exchange, {
    decoder,
    tally,
    maxUnread: isReceipts ? exchange.gateway.options.streamMaxUnread : undefined,
  });
  if (isReceipts) return receiptsAnswer(exchange, upload, tally);
  await upload.drain();
  return summaryAnswer(exchange, upload, tally);
}

function summaryAnswer(exchange: Exchange, upload: Upload, tally: StreamTally): Response {
  const summary = tally.summary();
  // What was wrong with the body decides; without that, a stream of which nothing came through.
  const error = upload.failure ?? (tally.acked === 0 ? tally.firstError : null);
  if (error !== null) {
    const { line } = error as { line?: number };
    return failureAnswer(exchange, error, line === undefined ? { ...summary } : { line, ...summary });
  }
  return jsonAnswer(exchange, JSON.stringify(summary), tally.failedCount > 0 ? 207 : 200);
}
