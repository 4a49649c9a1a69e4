/**
 * The edit hook: what becomes of a post by the word of the gateway's owner.
 *
 * @module
 */

import type { ProducerRecord } from "../record.ts";
import { jsonAnswer } from "./answers.ts";
import type { Exchange } from "./exchange.ts";
import { formFields } from "./form.ts";
import { GatewayError } from "./gateway_error.ts";
import type { EditAction, EditedRecord, Post } from "./hooks.ts";
import type { Manner } from "./kafboy_routes.ts";
import { FORM_TYPE } from "./plain_body.ts";
import type { Consignment } from "./produce.ts";
import { recordMetadata, withMetadata } from "./record_metadata.ts";
import { mediaType } from "./request_headers.ts";
import type { TopicUse } from "./topic_policy.ts";

/** Does what a route is for. */
type Perform = (exchange: Exchange, consignments: readonly Consignment[], manner: Manner) => Promise<Response>;

const MIN_STATUS = 400;
const MAX_STATUS = 599;
const decoder = new TextDecoder();

/**
 * Asks the hook and answers accordingly.
 *
 * @param exchange The request.
 * @param bytes Its body.
 * @param manner Of the route.
 * @param perform What the route is for.
 */
export async function editedAnswer(
  exchange: Exchange,
  bytes: Uint8Array,
  manner: Manner,
  perform: Perform,
): Promise<Response> {
  const given = await ask(exchange, bytes);
  const actions: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (actions.length === 0) return errorAnswer(exchange, "empty", 400);
  for (const action of actions) {
    if (!isAction(action)) return errorAnswer(exchange, "unexp", 400);
    if ("error" in action) return errorAnswer(exchange, String(action.error), statusOf(action.status));
    if ("body" in action) return jsonAnswer(exchange, asText(action.body));
  }
  return await perform(exchange, consign(exchange, actions as readonly EditedRecord[]), manner);
}

async function ask(exchange: Exchange, bytes: Uint8Array): Promise<unknown> {
  const { options, timers } = exchange.gateway;
  const deadline = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = timers.set(() => {
    const error = new GatewayError("HOOK_TIMEOUT", "callback timeout");
    deadline.abort(error);
    late.reject(error);
  }, options.editTimeoutMs);
  try {
    return await Promise.race([options.editJson!(postOf(exchange, bytes, deadline.signal)), late.promise]);
  } catch (cause) {
    if (cause instanceof GatewayError && cause.code === "HOOK_TIMEOUT") throw cause;
    throw new GatewayError("INTERNAL", "callback failed", { cause });
  } finally {
    timers.clear(timer);
  }
}

function postOf(exchange: Exchange, body: Uint8Array, signal: AbortSignal): Post {
  const { topic, request, principal, headers } = exchange;
  const isForm = mediaType(headers.contentType) === FORM_TYPE;
  return {
    topic: topic!.name,
    body,
    fields: isForm ? formFields(body).map(([name, value]) => [name, value === true ? "" : value]) : [],
    headers: request.headers,
    principal,
    signal,
    json: () => JSON.parse(decoder.decode(body)),
  };
}

function isAction(action: unknown): action is EditAction {
  if (typeof action !== "object" || action === null) return false;
  if ("error" in action) return true;
  if ("body" in action) return (action as { status?: unknown }).status === 200 && isBytes(action.body);
  return "value" in action && (action.value === null || isBytes(action.value));
}

function isBytes(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}

function statusOf(status: number | undefined): number {
  return status !== undefined && status >= MIN_STATUS && status <= MAX_STATUS ? status : MIN_STATUS;
}

function errorAnswer(exchange: Exchange, error: string, status: number): Response {
  exchange.refused = { message: error, cause: null };
  return jsonAnswer(exchange, JSON.stringify({ error }), status);
}

function asText(body: string | Uint8Array): string {
  return typeof body === "string" ? body : decoder.decode(body);
}

/** The records by topic, in order; the rule for topics holds for those that the hook chose, too. */
function consign(exchange: Exchange, actions: readonly EditedRecord[]): Consignment[] {
  const metadata = recordMetadata(exchange);
  const byTopic = new Map<TopicUse, ProducerRecord[]>();
  for (const { topic: name, ...edited } of actions) {
    const topic = name === undefined ? exchange.topic! : exchange.gateway.topics.use(name, exchange.principal);
    const record = metadata === null ? edited : withMetadata(edited, metadata);
    const records = byTopic.get(topic);
    if (records === undefined) byTopic.set(topic, [record]);
    else records.push(record);
  }
  return Array.from(byTopic, ([topic, records]) => ({ topic, input: records.length === 1 ? records[0]! : records }));
}
