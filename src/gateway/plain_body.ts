/**
 * Bodies of kafboy's routes: bytes into records. JSON and all that is not known here passes as it came.
 *
 * @module
 */

import type { RecordInput } from "../record.ts";
import { LineDecoder } from "./body/line_decoder.ts";
import type { Exchange } from "./exchange.ts";
import { fieldsAsJson, formFields, looksLikeJson } from "./form.ts";
import { GatewayError } from "./gateway_error.ts";
import { recordMetadata, withMetadata } from "./record_metadata.ts";
import { mediaType } from "./request_headers.ts";

const EQUALS_SIGN = 0x3d;

/** A form, unless it is JSON in truth. */
export const FORM_TYPE = "application/x-www-form-urlencoded";

/**
 * The records of a body.
 *
 * @param exchange The request.
 * @param bytes The body, decompressed.
 * @returns One record, or several; never none.
 * @throws {GatewayError} When there is nothing in it, a record is too large, or there are too many.
 */
export function bodyRecords(exchange: Exchange, bytes: Uint8Array): RecordInput | readonly RecordInput[] {
  if (bytes.length === 0) throw new GatewayError("EMPTY_BODY", "Cannot take the body: it is empty");
  const input = split(exchange, bytes);
  const metadata = recordMetadata(exchange);
  if (metadata === null) return input;
  return Array.isArray(input)
    ? input.map((one) => withMetadata(one, metadata))
    : withMetadata(input as RecordInput, metadata);
}

function split(exchange: Exchange, bytes: Uint8Array): RecordInput | readonly RecordInput[] {
  const { recordMaxBytes, compat } = exchange.gateway.options;
  switch (mediaType(exchange.headers.contentType)) {
    case "application/x-ndjson":
    case "application/jsonl":
      return lines(exchange, bytes);
    case FORM_TYPE: {
      // `curl -d` says of everything that it is a form.
      if (looksLikeJson(bytes) || !bytes.includes(EQUALS_SIGN)) break;
      const fields = formFields(bytes);
      if (compat.formAsKeyed) return fields.map(([key, value]) => ({ key, value: value === true ? "" : value }));
      return fieldsAsJson(fields);
    }
  }
  if (bytes.length <= recordMaxBytes) return bytes;
  throw new GatewayError(
    "RECORD_TOO_LARGE",
    `Cannot take a record of ${bytes.length} bytes: at most ${recordMaxBytes} are allowed`,
  );
}

function lines(exchange: Exchange, bytes: Uint8Array): readonly RecordInput[] {
  const { recordMaxBytes, requestMaxRecords } = exchange.gateway.options;
  const decoder = new LineDecoder({ skipBlank: true, maxRecordBytes: recordMaxBytes, maxRecords: requestMaxRecords });
  const records = decoder.push(bytes);
  for (let more = decoder.end(); more.length > 0; more = decoder.end()) records.push(...more);
  if (records.length === 0) throw new GatewayError("EMPTY_BODY", "Cannot take the body: it has no line");
  return records;
}
