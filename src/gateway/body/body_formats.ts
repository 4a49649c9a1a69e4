/**
 * Which media type is read by what: the one table that decoders, the answer 415 and the OpenAPI document are made of.
 *
 * @module
 */

import { type BodyDecoder, BodyError } from "./body_decoder.ts";
import {
  CLOUD_EVENT_BATCH_TYPE,
  CLOUD_EVENT_TYPE,
  isBinaryCloudEvent,
  readBinaryEvent,
  readJsonEvent,
} from "./cloud_event.ts";
import { CsvDecoder } from "./csv_decoder.ts";
import { EnvelopeDecoder } from "./envelope_decoder.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import { JsonArrayDecoder } from "./json_array_decoder.ts";
import { LineDecoder } from "./line_decoder.ts";
import type { HeaderLimits } from "./record_headers.ts";
import { WholeBodyDecoder, type WholeBodyLimits } from "./whole_body_decoder.ts";

/** What is allowed. */
export interface FormatLimits extends WholeBodyLimits, HeaderLimits {}

/** What a decoder may depend on. */
export interface FormatRequest {
  /** The request's headers. */
  headers: Headers;
  /** What follows the `?` of its URL. */
  query: URLSearchParams;
  /** What is allowed. */
  limits: FormatLimits;
  /** Whether plain text is one record, and not one for each line. */
  isTextOneRecord?: boolean;
}

/** A kind of body. */
export interface BodyFormat {
  /** Its media types, the preferred one first. */
  readonly types: readonly string[];
  /** Whether a body without `content-type` is taken for it. */
  readonly isDefault?: boolean;
  /** What it is, in a line. */
  readonly summary: string;
  /** A JSON Schema of it. */
  readonly schema: object;
  /** A body. */
  readonly example: string;
  /** Parameters behind `?` that change how it is read, and what they do. */
  readonly query?: Readonly<Record<string, string>>;
  /** Makes a decoder. */
  readonly decoder: (request: FormatRequest) => BodyDecoder;
}

/** Media type of {@linkcode EnvelopeDecoder}'s bodies. */
export const ENVELOPE_TYPE = "application/vnd.ekaf.record+x-ndjson";

const TEXT = { type: "string" };
const EVENT_EXAMPLE =
  '{"specversion":"1.0","id":"1","source":"/shop","type":"order","partitionkey":"7","data":{"total":12.50}}';
const EVENT_SCHEMA = {
  type: "object",
  required: ["specversion", "id", "source", "type"],
  properties: {
    specversion: { const: "1.0" },
    id: TEXT,
    source: TEXT,
    type: TEXT,
    datacontenttype: TEXT,
    partitionkey: { type: "string", description: "Becomes the record's key" },
    data: {},
    data_base64: TEXT,
  },
  not: { required: ["data", "data_base64"] },
};

/** Every kind of body that becomes one record or several. */
export const BODY_FORMATS: readonly BodyFormat[] = [
  {
    types: ["application/x-ndjson", "application/jsonl", "application/ndjson", "application/jsonlines"],
    summary: "A record for each line; blank lines are passed over",
    schema: TEXT,
    example: '{"n":1}\n{"n":2}\n',
    decoder: ({ limits }) => new LineDecoder({ ...limits, skipBlank: true }),
  },
  {
    types: ["application/json"],
    summary: "One record; with ?each=array one for each element of an array, with the bytes it came in",
    schema: {},
    example: '[{"n":1},{"n":2}]',
    query: { each: "`array`: a record for each element of the array that the body is" },
    decoder: ({ query, limits }) => query.get("each") === "array" ? new JsonArrayDecoder(limits) : oneRecord(limits),
  },
  {
    types: ["text/plain"],
    summary: "A record for each line",
    schema: TEXT,
    example: "one\ntwo\n",
    decoder: ({ limits, isTextOneRecord }) => isTextOneRecord ? oneRecord(limits) : new LineDecoder(limits),
  },
  {
    types: ["application/octet-stream"],
    isDefault: true,
    summary:
      "One record; with ?frame=length32 one for each frame: four bytes of length, the highest first, and a value",
    schema: { type: "string", contentMediaType: "application/octet-stream" },
    example: "any bytes",
    query: { frame: "`length32`: a record for each frame of four bytes of length, the highest first, and a value" },
    decoder: ({ query, limits }) => query.get("frame") === "length32" ? new FrameDecoder(limits) : oneRecord(limits),
  },
  {
    types: ["text/csv"],
    summary: "A record for each row as it came; with ?header=1, or ;header=present, as a JSON object of texts",
    schema: TEXT,
    example: "name,total\nAda,12.50\n",
    query: { header: "`1`: the first row holds names, and each other row becomes a JSON object of texts" },
    decoder: ({ headers, query, limits }) => new CsvDecoder({ ...limits, hasHeader: hasCsvHeader(headers, query) }),
  },
  {
    types: [CLOUD_EVENT_TYPE],
    summary: "A CloudEvent; its attributes become record headers `ce_…`, `partitionkey` the key, the data the value",
    schema: EVENT_SCHEMA,
    example: EVENT_EXAMPLE,
    decoder: ({ limits }) => new WholeBodyDecoder((body) => [readJsonEvent(body, limits)], limits),
  },
  {
    types: [CLOUD_EVENT_BATCH_TYPE],
    summary: "An array of CloudEvents",
    schema: { type: "array", items: EVENT_SCHEMA },
    example: `[${EVENT_EXAMPLE}]`,
    decoder: ({ limits }) => new JsonArrayDecoder(limits, (event, place) => readJsonEvent(event, limits, place)),
  },
  {
    types: [ENVELOPE_TYPE, "application/vnd.kafboy.record+x-ndjson"],
    summary: "A record for each line, with key, headers, partition and timestamp",
    schema: TEXT,
    example: '{"key":"7","value":{"total":12.50},"headers":{"source":"shop"}}\n',
    decoder: ({ limits }) => new EnvelopeDecoder(limits),
  },
];

const BY_TYPE: ReadonlyMap<string, BodyFormat> = new Map(
  BODY_FORMATS.flatMap((format) => format.types.map((type) => [type, format] as const)),
);

/** All media types, as `accept-post` has them. */
export const ACCEPT_POST = [...BY_TYPE.keys()].join(", ");

/** A media type with its parameters, names in lower case. */
export interface MediaType {
  /** Type and subtype, in lower case. */
  readonly type: string;
  /** Parameters. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Takes a `content-type` apart.
 *
 * @param text The header.
 * @returns Its parts; what makes no sense is no parameter.
 */
export function parseMediaType(text: string): MediaType {
  const parameters = new Map<string, string>();
  const end = text.indexOf(";");
  const type = (end === -1 ? text : text.slice(0, end)).trim().toLowerCase();
  if (end === -1) return { type, parameters };
  for (const [, name, quoted, plain] of text.matchAll(/;\s*([^\s;=]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g)) {
    parameters.set(name!.toLowerCase(), quoted === undefined ? plain! : quoted.replaceAll(/\\(.)/g, "$1"));
  }
  return { type, parameters };
}

/**
 * The format of a request's body.
 *
 * @param contentType The header, null for none.
 * @returns Null for a type that nothing here reads.
 */
export function formatOf(contentType: string | null): BodyFormat | null {
  if (contentType === null) return BODY_FORMATS.find((format) => format.isDefault)!;
  return BY_TYPE.get(parseMediaType(contentType).type) ?? null;
}

/**
 * A decoder for a request's body. A CloudEvent in binary mode is told by its headers, whatever its type.
 *
 * @param request What it may depend on.
 * @throws {BodyError} 415, with `accept-post`, for a type that nothing here reads.
 */
export function bodyDecoder(request: FormatRequest): BodyDecoder {
  const { headers, limits } = request;
  if (isBinaryCloudEvent(headers)) {
    return new WholeBodyDecoder((body) => [readBinaryEvent(body, headers, limits)], limits);
  }
  const format = formatOf(headers.get("content-type"));
  if (format !== null) return format.decoder(request);
  throw new BodyError(
    "UNSUPPORTED_MEDIA_TYPE",
    `Cannot take the body: its content-type must be one of ${ACCEPT_POST}`,
    {
      headers: { "accept-post": ACCEPT_POST },
    },
  );
}

/** The body is the value. */
function oneRecord(limits: FormatLimits): BodyDecoder {
  return new WholeBodyDecoder((value) => {
    if (value.length > 0) return [{ value }];
    throw new BodyError("EMPTY_BODY", "Cannot take the body: it is empty");
  }, limits);
}

function hasCsvHeader(headers: Headers, query: URLSearchParams): boolean {
  const asked = query.get("header");
  if (asked !== null) return asked !== "0" && asked !== "false";
  return parseMediaType(headers.get("content-type") ?? "").parameters.get("header") === "present";
}
