/**
 * `/topics/:topic` and `/topics/:topic/partitions/:partition`: the REST Proxy API v2, as clients of Confluent's, Strimzi's,
 * Redpanda's and Karapace's proxies speak it; and every other type of body as `/stream/:topic` takes it.
 *
 * @module
 */

import { confluentAnswer, confluentType, isConfluent, tell } from "./answers.ts";
import { BodyError } from "./body/body_error.ts";
import { ACCEPT_POST } from "./body/body_formats.ts";
import {
  CONFLUENT_REPLY_TYPES,
  CONFLUENT_TYPES,
  confluentErrorCode,
  type ConfluentKind,
  type ConfluentOutcome,
  confluentReply,
  readConfluentBody,
} from "./body/confluent_body.ts";
import { headerLimits, STREAM_QUERY, STREAM_TYPES } from "./body_types.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import type { ResolvedGatewayOptions } from "./options.ts";
import { accept, deliver, type Outcomes } from "./produce.ts";
import { isOn } from "./query.ts";
import type { ProducerRecord } from "../record.ts";
import { recordMetadata, withMetadata } from "./record_metadata.ts";
import { once } from "./replay.ts";
import { mediaType } from "./request_headers.ts";
import type { Route } from "./route.ts";
import { stream, STREAM_CONTENT } from "./stream_route.ts";

const KINDS: ReadonlyMap<string, ConfluentKind> = new Map(
  (Object.keys(CONFLUENT_TYPES) as ConfluentKind[]).map((kind) => [CONFLUENT_TYPES[kind], kind]),
);
const EXAMPLES: Readonly<Record<ConfluentKind, unknown>> = {
  json: { records: [{ key: "7", value: { total: 12.5 } }] },
  binary: { records: [{ key: "Nw==", value: "SGVsbG8=" }] },
  text: { records: [{ key: "7", value: "hello" }] },
};
const REPLY_EXAMPLE = JSON.parse(confluentReply([{ partition: 0, offset: 42n }]));

const { "application/json": STREAM_SUMMARY, ...ndjsonReceipts } = STREAM_CONTENT[200];

/** The routes. */
export function confluentRoutes(options: ResolvedGatewayOptions): Route[] {
  return [
    produceRoute(options, { id: "topics", path: "/topics/:topic" }),
    produceRoute(options, { id: "topics_partition", path: "/topics/:topic/partitions/:partition" }),
  ];
}

function produceRoute(options: ResolvedGatewayOptions, { id, path }: { id: string; path: string }): Route {
  const types = (Object.keys(CONFLUENT_TYPES) as ConfluentKind[]).map((kind) => [
    CONFLUENT_TYPES[kind],
    { schema: bodySchema(kind), example: EXAMPLES[kind] },
  ]);
  return {
    id,
    method: "POST",
    path,
    style: "confluent",
    maxBodyBytes: options.batchBodyMaxBytes,
    isOperation: false,
    describe: {
      summary: "Sends records as the REST Proxy API v2 does, or a body of any other type as /stream does",
      description:
        "JSON values are forwarded as they were written. Where some records fail the status is 200 all the same, " +
        "and the answer says which; where all do it is that of the failure.",
      tag: "confluent",
      takesRecordHeaders: true,
      body: { ...Object.fromEntries(types), ...STREAM_TYPES },
      query: { async: "`true`: answered 204 when the records are in the buffer", ...STREAM_QUERY },
      answers: {
        200: {
          description: "Acknowledged, but for records with an `error_code`",
          content: { ...Object.fromEntries(CONFLUENT_REPLY_TYPES.map(replyOf)), ...ndjsonReceipts },
        },
        204: { description: "In the buffer" },
        207: {
          description: "Of a body of another type, some records were not acknowledged",
          content: STREAM_CONTENT[207],
        },
      },
      rareFailures: [406, 409],
    },
    handle: produce,
  };
}

async function produce(exchange: Exchange): Promise<Response> {
  if (!isConfluent(exchange)) return await stream(exchange);
  const kind = KINDS.get(mediaType(exchange.headers.contentType));
  if (kind === undefined) throw unknownKind();
  if (confluentType(exchange) === null) throw notAcceptable();
  const body = await exchange.wholeBody();
  return await once(exchange, body, () => produceAll(exchange, body, kind));
}

async function produceAll(exchange: Exchange, body: Uint8Array, kind: ConfluentKind): Promise<Response> {
  const consignment = { topic: exchange.topic!, input: records(exchange, body, kind) };
  if (isOn(exchange.query, "async")) {
    await accept(exchange, consignment);
    return new Response(null, { status: 204, headers: { "x-request-id": exchange.requestId } });
  }
  const outcomes = await deliver(exchange, consignment, true);
  return confluentAnswer(exchange, confluentReply(toldOutcomes(exchange, outcomes)), 200);
}

function records(exchange: Exchange, body: Uint8Array, kind: ConfluentKind): ProducerRecord[] {
  const { options } = exchange.gateway;
  const records = readConfluentBody(body, kind, headerLimits(options));
  if (records.length > options.requestMaxRecords) {
    throw new BodyError("TOO_MANY_RECORDS", `Cannot take more than ${options.requestMaxRecords} records in a request`);
  }
  records.forEach((record, index) => check(exchange, record, index + 1));
  const metadata = recordMetadata(exchange);
  return metadata === null ? records : records.map((record) => withMetadata(record, metadata));
}

function check({ partition, gateway }: Exchange, record: ProducerRecord, line: number): void {
  const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  const { recordMaxBytes } = gateway.options;
  if (bytes > recordMaxBytes) {
    const reason = `it has ${bytes} bytes, at most ${recordMaxBytes} are allowed`;
    throw new BodyError("RECORD_TOO_LARGE", `Cannot take record ${line}: ${reason}`, { line });
  }
  if (partition !== null && record.partition !== undefined) {
    const reason = "it names a partition, and so does the path";
    throw new BodyError("UNPROCESSABLE_BODY", `Cannot take record ${line}: ${reason}`, { line });
  }
}

function toldOutcomes(exchange: Exchange, outcomes: Outcomes): ConfluentOutcome[] {
  return outcomes.map((outcome) => {
    if (outcome.error === undefined) return outcome;
    const { status, code, text } = tell(exchange, outcome.error);
    return { errorCode: confluentErrorCode(status, code), error: text };
  });
}

function unknownKind(): BodyError {
  const types = [...KINDS.keys()].join(", ");
  return new BodyError("UNSUPPORTED_MEDIA_TYPE", `Cannot take the body: its content-type must be one of ${types}`, {
    headers: { "accept-post": `${types}, ${ACCEPT_POST}` },
  });
}

function notAcceptable(): GatewayError {
  const types = CONFLUENT_REPLY_TYPES.join(", ");
  return new GatewayError("NOT_ACCEPTABLE", `Cannot answer in a type that is accepted: there are ${types}`);
}

/** A body of another type is answered as on `/stream`, in JSON as well. */
function replyOf(type: string): [type: string, content: object] {
  if (type !== "application/json") return [type, { example: REPLY_EXAMPLE }];
  return [type, { examples: { "REST Proxy": { value: REPLY_EXAMPLE }, "stream": { value: STREAM_SUMMARY.example } } }];
}

function bodySchema(kind: ConfluentKind): object {
  const part = kind === "json" ? {} : { type: ["string", "null"] };
  const record = {
    type: "object",
    anyOf: [{ required: ["key"] }, { required: ["value"] }],
    additionalProperties: false,
    properties: {
      key: part,
      value: part,
      partition: { type: ["integer", "null"], minimum: 0, maximum: 2 ** 31 - 1 },
      timestamp: { type: ["integer", "null"], minimum: 0 },
      headers: {
        type: "array",
        items: { type: "object", properties: { key: { type: "string" }, value: { type: ["string", "null"] } } },
      },
    },
  };
  const records = { type: "array", minItems: 1, items: record };
  return { type: "object", required: ["records"], properties: { records } };
}
