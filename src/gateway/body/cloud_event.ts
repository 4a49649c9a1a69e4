/**
 * CloudEvents 1.0: from the HTTP binding into the Kafka binding, whose binary mode it is in the end: attributes are record
 * headers, the data is the value.
 *
 * @see {@link https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md}
 * @see {@link https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md}
 * @module
 */

import type { ProducerRecord } from "../../record.ts";
import { BodyError } from "./body_error.ts";
import { isJsonNull, isJsonString, jsonMembers, jsonText, jsonTextBytes } from "./json_object.ts";
import { checkRecordHeaders, type HeaderLimits } from "./record_headers.ts";

/** Media type of a body that is one event. */
export const CLOUD_EVENT_TYPE = "application/cloudevents+json";
/** Media type of a body that is an array of events. */
export const CLOUD_EVENT_BATCH_TYPE = "application/cloudevents-batch+json";
/** What the names of HTTP headers begin with that hold an attribute. */
export const CLOUD_EVENT_HTTP_PREFIX = "ce-";

/** What the names of record headers begin with that hold an attribute. */
const RECORD_PREFIX = "ce_";
const REQUIRED = ["id", "source", "specversion", "type"];
const ATTRIBUTE_NAME = /^[a-z0-9]{1,100}$/;
/** Attribute whose value becomes the record's key. */
const KEY_ATTRIBUTE = "partitionkey";
const JSON_TYPE = /^[^/]+\/(?:[^/;]+\+)?json\s*(?:;|$)/i;

const encoder = new TextEncoder();

/** Whether `headers` hold an event in binary mode. */
export function isBinaryCloudEvent(headers: Headers): boolean {
  return headers.has("ce-specversion");
}

/**
 * An event in binary mode: attributes in the request's headers, its body the data.
 *
 * @param data The body.
 * @param headers The request's headers.
 * @param limits What the record's headers may be.
 * @throws {BodyError} When attributes are missing or make no sense.
 */
export function readBinaryEvent(data: Uint8Array, headers: Headers, limits: HeaderLimits = {}): ProducerRecord {
  const attributes = new Map<string, string>();
  for (const [name, value] of headers) {
    if (name.startsWith(CLOUD_EVENT_HTTP_PREFIX)) {
      attributes.set(name.slice(CLOUD_EVENT_HTTP_PREFIX.length), percentDecoded(value));
    }
  }
  return record({ attributes, contentType: headers.get("content-type"), value: data }, limits);
}

/**
 * An event in structured mode.
 *
 * @param event The event as JSON. Data that is JSON is forwarded as it was written.
 * @param limits What the record's headers may be.
 * @param line Number of the event in its batch, for errors.
 * @throws {BodyError} When it is no such event.
 */
export function readJsonEvent(event: Uint8Array, limits: HeaderLimits = {}, line?: number): ProducerRecord {
  const attributes = new Map<string, string>();
  let contentType: string | null = null;
  let data: Uint8Array | null = null;
  let base64: Uint8Array | null = null;
  for (const [name, value] of jsonMembers(event, "the event", { line, depth: line === undefined ? 0 : 1 })) {
    if (isJsonNull(value)) continue;
    if (name === "data") data = value;
    else if (name === "data_base64") base64 = value;
    else if (name === "datacontenttype") contentType = jsonText(value, '"datacontenttype"', { line });
    else attributes.set(name, attributeText(value, line));
  }
  if (data !== null && base64 !== null) throw invalid("it has data twice", line);
  const isJson = contentType === null || JSON_TYPE.test(contentType);
  if (isJson && data !== null) contentType ??= "application/json";
  const value = base64 !== null
    ? fromBase64(base64, line)
    // Text that is declared to be something else than JSON stands for itself.
    : data !== null && !isJson && isJsonString(data)
    ? jsonTextBytes(data, '"data"', { line })
    : data;
  return record({ attributes, contentType, value }, limits, line);
}

interface Event {
  attributes: ReadonlyMap<string, string>;
  contentType: string | null;
  value: Uint8Array | null;
}

function record({ attributes, contentType, value }: Event, limits: HeaderLimits, line?: number): ProducerRecord {
  for (const name of REQUIRED) {
    if (!attributes.get(name)) throw invalid(`the attribute "${name}" is missing`, line);
  }
  if (attributes.get("specversion") !== "1.0") throw invalid('"specversion" must be "1.0"', line);
  const headers: [string, Uint8Array][] = [];
  for (const [name, text] of attributes) {
    if (!ATTRIBUTE_NAME.test(name)) {
      throw invalid("names of attributes are made of the characters a-z 0-9", line);
    }
    headers.push([RECORD_PREFIX + name, encoder.encode(text)]);
  }
  if (contentType !== null) headers.push(["content-type", encoder.encode(contentType)]);
  checkRecordHeaders(headers, limits, line);
  const key = attributes.get(KEY_ATTRIBUTE);
  return key === undefined ? { value, headers } : { key: encoder.encode(key), value, headers };
}

/** Texts as what they say; numbers and booleans as they are written. */
function attributeText(value: Uint8Array, line: number | undefined): string {
  if (isJsonString(value)) return jsonText(value, "an attribute", { line });
  const text = String.fromCharCode(...value.subarray(0, 20));
  if (/^(true|false|-?\d+)$/.test(text)) return text;
  throw invalid("attributes must be texts, whole numbers or booleans", line);
}

/**
 * HTTP headers hold what is not printable ASCII, quotes and percent signs as `%` and two digits. The SDK for JavaScript sends
 * percent signs as they are: what cannot be decoded stands for itself.
 */
function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function fromBase64(value: Uint8Array, line: number | undefined): Uint8Array {
  try {
    return Uint8Array.fromBase64(jsonText(value, '"data_base64"', { line }));
  } catch (cause) {
    throw invalid('"data_base64" is not base64', line, cause);
  }
}

function invalid(reason: string, line: number | undefined, cause?: unknown): BodyError {
  return new BodyError("INVALID_METADATA", `Cannot take the event: ${reason}`, { line, cause });
}
