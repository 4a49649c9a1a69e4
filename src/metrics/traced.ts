/**
 * The trace of a record, in its headers.
 *
 * @module
 */

import { context, propagation } from "@opentelemetry/api";
import type { Bytes, ProducerRecord, RecordInput } from "../record.ts";

/**
 * A record with the active span in its headers, so that its consumer's spans join the trace: `traceparent` and
 * `tracestate` as W3C has them, or what else the propagator writes. Headers of the record are kept, and are not
 * replaced. Without tracing (`OTEL_DENO`) nothing is added.
 *
 * Call it where the span is active; it costs a header of some 70 bytes a record. `encode: traced` does so for all that is
 * sent or enqueued through a handle.
 *
 * @param input The record; it is not changed.
 */
export function traced(input: RecordInput): ProducerRecord {
  const record: ProducerRecord = typeof input === "string" || input instanceof Uint8Array ? { value: input } : input;
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  const given = entriesOf(record.headers);
  const added = Object.entries(carrier).filter(([name]) => !given.some(([other]) => other === name));
  return added.length === 0 ? record : { ...record, headers: [...given, ...added] };
}

function entriesOf(headers: ProducerRecord["headers"]): (readonly [string, Bytes | null])[] {
  if (headers === undefined) return [];
  return Array.isArray(headers) ? [...headers] : Object.entries(headers as Record<string, Bytes | null>);
}
