/**
 * Batches as spans.
 *
 * @module
 */

import { type Attributes, context, type Link, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ProducerEventMap } from "../events.ts";
import type { TracedProducer } from "../stats.ts";
import { errorTypeOf } from "./measurement.ts";
import {
  BROKER,
  ERROR_TYPE,
  MESSAGE_COUNT,
  OPERATION_NAME,
  OPERATION_TYPE,
  PARTITION,
  SCOPE,
  SYSTEM,
  TOPIC,
} from "./semantics.ts";

/**
 * Makes a span of every time a batch is sent: from its hand-over to its connection until it is answered.
 *
 * A span is the child of the one that was active where its records came from. When they came from several, it begins a
 * trace of its own, with a link to each, at most 128.
 *
 * @param producer Whose batches.
 * @returns What ends it.
 */
export function traceBatches(producer: TracedProducer): () => void {
  const tracer = trace.getTracer(SCOPE);
  const listening = new AbortController();
  producer.traceCallers(() => trace.getActiveSpan());
  producer.addEventListener("flushreplied", ({ detail }) => {
    const endMs = Date.now();
    const links = linksOf(detail.callers);
    // The listener runs in the context of whichever call or answer came last: it says nothing of this batch.
    const clean = trace.deleteSpan(context.active());
    const parent = links.length === 1 ? trace.setSpanContext(clean, links[0]!.context) : clean;
    const attributes = attributesOf(detail);
    const span = tracer.startSpan(`send ${detail.topic}`, {
      kind: SpanKind.CLIENT, // The records carry their callers' contexts, not this one.
      startTime: endMs - detail.ms,
      attributes,
      links,
    }, parent);
    if (detail.error !== null) {
      span.setAttribute(ERROR_TYPE, errorTypeOf(detail.error));
      span.setStatus({ code: SpanStatusCode.ERROR, message: detail.error.message });
    }
    span.end(endMs);
  }, { signal: listening.signal });
  return () => {
    producer.traceCallers(null);
    listening.abort();
  };
}

/** A link to each span among the callers. */
function linksOf(callers: readonly unknown[]): Link[] {
  const links: Link[] = [];
  for (const caller of callers) links.push({ context: (caller as Span).spanContext() });
  return links;
}

function attributesOf(detail: ProducerEventMap["flushreplied"]): Attributes {
  return {
    [SYSTEM]: "kafka",
    [OPERATION_NAME]: "send",
    [OPERATION_TYPE]: "send",
    [TOPIC]: detail.topic,
    [PARTITION]: String(detail.partition),
    [BROKER]: String(detail.broker),
    ...(detail.records > 1 && { [MESSAGE_COUNT]: detail.records }),
    ...(detail.attempt > 1 && { "ekaf.batch.attempt": detail.attempt }),
    "ekaf.batch.size": detail.bytes,
  };
}
