/**
 * Whole requests and responses: size, header, body.
 *
 * Hot path: `bench/codec_bench.ts`.
 *
 * @see {@link https://kafka.apache.org/protocol#protocol_messages}
 * @module
 */

import {
  apiByKey,
  type ApiName,
  apis,
  requestHeaderVersion,
  type RequestInput,
  type RequestOf,
  responseHeaderVersion,
  type ResponseInput,
  type ResponseOf,
} from "./apis.ts";
import { ByteReader } from "./byte_reader.ts";
import { ByteWriter, type ByteWriterOptions } from "./byte_writer.ts";
import { compile } from "./codec.ts";
import { ProtocolError } from "./errors.ts";
import { requestHeader, responseHeader } from "./messages/header.ts";

/** Bytes of the size in front of every frame. */
export const FRAME_SIZE_BYTES = 4;

/** What to send, and where to take memory for it from. */
export interface EncodeRequestOptions<A extends ApiName> extends ByteWriterOptions {
  /** Number by which the response is recognised. */
  correlationId: number;
  /** Name of the client, for the broker's logs and quotas. */
  clientId: string | null;
  /** Body of the request. */
  body: RequestInput<A>;
}

/** A decoded response. */
export interface DecodedResponse<A extends ApiName> {
  /** Number of the request it answers. */
  correlationId: number;
  /** Its body. */
  body: ResponseOf<A>;
}

/** The header of a request, whatever the request. */
export interface DecodedRequestHeader {
  /** Number of the call, possibly not one of ours. */
  apiKey: number;
  /** Version of the call, possibly not one of ours. */
  apiVersion: number;
  /** Number by which the client recognises the response. */
  correlationId: number;
  /** Name of the client. */
  clientId: string | null;
  /** Stands at the first byte of the body; of no use where the call is none of ours. */
  reader: ByteReader;
}

/** A decoded request of one of the calls spoken here. */
export type DecodedRequest = {
  [A in ApiName]: {
    /** The call. */
    api: A;
    /** Its version. */
    version: number;
    /** Number by which the client recognises the response. */
    correlationId: number;
    /** Name of the client. */
    clientId: string | null;
    /** Body of the request. */
    body: RequestOf<A>;
  };
}[ApiName];

/**
 * Encodes a request.
 *
 * @param api The call.
 * @param version Its version, one of ours.
 * @param options What to send, and where to take memory for it from.
 * @returns The frame with its size in front, in order; records of `DIRECT_WRITE_MIN_BYTES` and more are not copied but segments of their own.
 * @throws {TypeError} If the version cannot say what the body says.
 */
export function encodeRequest<A extends ApiName>(
  api: A,
  version: number,
  options: EncodeRequestOptions<A>,
): Uint8Array[] {
  const { key, request } = apis[api];
  const writer = new ByteWriter(options);
  writer.writeInt32(0);
  compile(requestHeader, requestHeaderVersion(api, version)).encode({
    requestApiKey: key,
    requestApiVersion: version,
    correlationId: options.correlationId,
    clientId: options.clientId,
  }, writer);
  // The compiler cannot see that the table and the body are of the same api.
  compile(request, version).encode(options.body as never, writer);
  return finishFrame(writer);
}

/**
 * Decodes a response.
 *
 * @param api The call it answers.
 * @param version Version of the request it answers.
 * @param frame The frame without its size. Byte arrays in the body are views of it.
 * @returns The number of the request it answers, and the body.
 * @throws {ProtocolError} If the frame is no such response, or longer than it.
 */
export function decodeResponse<A extends ApiName>(api: A, version: number, frame: Uint8Array): DecodedResponse<A> {
  const { response } = apis[api];
  const codec = compile(response, version);
  const reader = new ByteReader(frame, { api: response.name, version });
  const { correlationId } = compile(responseHeader, responseHeaderVersion(api, version)).decode(reader);
  const body = codec.decode(reader) as unknown as ResponseOf<A>;
  reader.expectEnd();
  return { correlationId, body };
}

/**
 * Reads which request a response answers, and nothing else.
 *
 * @param frame The frame without its size.
 * @returns Number of the request.
 * @throws {ProtocolError} If the frame has fewer than four bytes.
 */
export function peekCorrelationId(frame: Uint8Array): number {
  return new ByteReader(frame, { api: responseHeader.name }).readInt32();
}

/**
 * Decodes the header of any request, also of calls and versions that are not spoken here: a broker has to answer these.
 *
 * @param frame The frame without its size.
 * @returns The header, and a reader of the body.
 * @throws {ProtocolError} If the frame does not start with a header.
 */
export function decodeRequestHeader(frame: Uint8Array): DecodedRequestHeader {
  const peek = new ByteReader(frame, { api: requestHeader.name });
  const api = apiByKey(peek.readInt16());
  const apiVersion = peek.readInt16();
  // The two header versions differ in the tagged fields at the end, behind everything that is returned.
  const headerVersion = api === undefined ? 1 : requestHeaderVersion(api, apiVersion);
  const reader = new ByteReader(frame, { api: requestHeader.name, version: headerVersion });
  const { requestApiKey, correlationId, clientId } = compile(requestHeader, headerVersion).decode(reader);
  const bodyContext = { api: api === undefined ? undefined : apis[api].request.name, version: apiVersion };
  return { apiKey: requestApiKey, apiVersion, correlationId, clientId, reader: reader.as(bodyContext) };
}

/**
 * Decodes a request of one of the calls spoken here.
 *
 * @param frame The frame without its size, or its header as decoded before.
 * @returns The request. Byte arrays in the body are views of the frame.
 * @throws {ProtocolError} If the frame is no request, longer than it, or of a call or version not spoken here.
 */
export function decodeRequest(frame: Uint8Array | DecodedRequestHeader): DecodedRequest {
  const header = frame instanceof Uint8Array ? decodeRequestHeader(frame) : frame;
  const { apiKey, apiVersion: version, correlationId, clientId, reader } = header;
  const api = apiByKey(apiKey);
  if (api === undefined || version < apis[api].minVersion || version > apis[api].maxVersion) {
    const name = api ?? `api ${apiKey}`;
    throw new ProtocolError(`Cannot read a request: ${name} v${version} is not spoken here`, { api: name, version });
  }
  const body = compile(apis[api].request, version).decode(reader);
  reader.expectEnd();
  return { api, version, correlationId, clientId, body } as DecodedRequest;
}

/**
 * Encodes a response.
 *
 * @param api The call it answers.
 * @param version Version of the request it answers.
 * @param correlationId Number of the request it answers.
 * @param body Its body.
 * @returns The frame with its size in front, in order; records of `DIRECT_WRITE_MIN_BYTES` and more are not copied but segments of their own.
 * @throws {TypeError} If the version cannot say what the body says.
 */
export function encodeResponse<A extends ApiName>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseInput<A>,
): Uint8Array[] {
  const writer = new ByteWriter();
  writer.writeInt32(0);
  compile(responseHeader, responseHeaderVersion(api, version)).encode({ correlationId }, writer);
  compile(apis[api].response, version).encode(body as never, writer);
  return finishFrame(writer);
}

function finishFrame(writer: ByteWriter): Uint8Array[] {
  writer.setInt32(0, writer.byteLength - FRAME_SIZE_BYTES);
  return writer.finish();
}
