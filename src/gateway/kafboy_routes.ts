/**
 * The routes of kafboy, and what they answer byte for byte.
 *
 * @module
 */

import type { Delivery } from "../record.ts";
import { jsonAnswer, tell } from "./answers.ts";
import { editedAnswer } from "./edit_hook.ts";
import type { Exchange } from "./exchange.ts";
import { GatewayError } from "./gateway_error.ts";
import type { ResolvedGatewayOptions } from "./options.ts";
import { bodyRecords } from "./plain_body.ts";
import { accept, type Consignment, deliver, enqueue, noteAccepted, type Outcomes } from "./produce.ts";
import { isOn } from "./query.ts";
import { once } from "./replay.ts";
import type { Route, RouteDescription } from "./route.ts";

/** When a route answers, and how its records travel. */
export interface Manner {
  /** Its name, and its path below `/` and `/safe/`. */
  readonly name: "async" | "sync" | "batch/async" | "batch/sync";
  /** Whether it answers when Kafka has acknowledged, not when the buffer has the record. */
  readonly waits: boolean;
  /** Whether records wait for company. */
  readonly isBatched: boolean;
}

const MANNERS: readonly Manner[] = [
  { name: "async", waits: false, isBatched: false },
  { name: "batch/async", waits: false, isBatched: true },
  { name: "sync", waits: true, isBatched: false },
  { name: "batch/sync", waits: true, isBatched: true },
];

const OK = '{"ok":1}';

/** The routes, aliases included. */
export function kafboyRoutes(options: ResolvedGatewayOptions): Route[] {
  const { routes: aliases } = options;
  const further = {
    "async": aliases.async,
    "batch/async": aliases.asyncBatch,
    "sync": aliases.sync,
    "batch/sync": aliases.syncBatch,
  };
  return MANNERS.flatMap((manner) => [
    produceRoute(options, manner, { path: `/${manner.name}/:topic` }),
    produceRoute(options, manner, { path: `/safe/${manner.name}/:topic`, isSafe: true }),
    ...further[manner.name].map((path, index) => produceRoute(options, manner, { path, alias: index + 1 })),
  ]);
}

function produceRoute(
  options: ResolvedGatewayOptions,
  manner: Manner,
  { path, isSafe = false, alias = 0 }: { path: string; isSafe?: boolean; alias?: number },
): Route {
  const name = manner.name.replace("/", "_");
  return {
    id: `${isSafe ? "safe_" : ""}${name}${alias === 0 ? "" : `_${alias}`}`,
    method: "POST",
    path,
    style: "kafboy",
    maxBodyBytes: manner.isBatched ? options.batchBodyMaxBytes : options.bodyMaxBytes,
    isOperation: false,
    describe: description(manner, isSafe),
    handle: isSafe ? (exchange) => safely(exchange, manner) : (exchange) => produce(exchange, manner),
  };
}

/** With admission control: refuses before the body is read. */
function safely(exchange: Exchange, manner: Manner): Promise<Response> {
  const { buffer, housekeeping, options } = exchange.gateway;
  const reason = buffer.isAboveHighWater
    ? "system queue full"
    : housekeeping.underWay > options.maxRequests / 2
    ? "system overload"
    : null;
  if (reason === null) return produce(exchange, manner);
  exchange.gateway.metrics.rejected("safe");
  throw new GatewayError("OVERLOADED", reason);
}

function produce(exchange: Exchange, manner: Manner): Promise<Response> {
  return manner.waits ? produceAndWait(exchange, manner) : produceAndGo(exchange, manner);
}

async function produceAndWait(exchange: Exchange, manner: Manner): Promise<Response> {
  const bytes = await exchange.wholeBody();
  return await once(exchange, bytes, () => produceBytes(exchange, bytes, manner));
}

/** The hot path: one function from the body to the answer, as each layer more would cost every request. */
async function produceAndGo(exchange: Exchange, manner: Manner): Promise<Response> {
  const bytes = exchange.isPlain ? exchange.arrived(await exchange.arriving()) : await exchange.wholeBody();
  if (exchange.gateway.options.editJson !== undefined) return await editedAnswer(exchange, bytes, manner, perform);
  const input = bodyRecords(exchange, bytes);
  await enqueue(exchange, exchange.topic!, input);
  noteAccepted(exchange, exchange.topic!, input);
  return jsonAnswer(exchange, OK);
}

async function produceBytes(exchange: Exchange, bytes: Uint8Array, manner: Manner): Promise<Response> {
  if (exchange.gateway.options.editJson !== undefined) return await editedAnswer(exchange, bytes, manner, perform);
  return await perform(exchange, [{ topic: exchange.topic!, input: bodyRecords(exchange, bytes) }], manner);
}

/** Does what the route is for. */
async function perform(exchange: Exchange, consignments: readonly Consignment[], manner: Manner): Promise<Response> {
  const isDue = !manner.isBatched;
  if (!manner.waits || exchange.query.get("wait") === "buffer") {
    for (const consignment of consignments) await accept(exchange, consignment);
    return jsonAnswer(exchange, OK);
  }
  const outcomes = consignments.length === 1
    ? await deliver(exchange, consignments[0]!, isDue)
    : (await Promise.all(consignments.map((one) => deliver(exchange, one, isDue)))).flat();
  return outcomeAnswer(exchange, outcomes, manner);
}

function outcomeAnswer(exchange: Exchange, outcomes: Outcomes, manner: Manner): Response {
  const isMixed = outcomes.some((outcome) => outcome.error !== undefined);
  if (!isMixed && manner.isBatched) return jsonAnswer(exchange, OK);
  const showsOffsets = isOn(exchange.query, "offsets");
  const elements = outcomes.map((outcome) => {
    if (outcome.error === undefined) return showsOffsets ? placeOf(outcome) : '{"ok":true}';
    return JSON.stringify({ error: numberOf(outcome.error) ?? tell(exchange, outcome.error).code });
  });
  const [first] = outcomes;
  const place = outcomes.length === 1 && first!.error === undefined ? placeHeaders(first!) : undefined;
  return jsonAnswer(exchange, `[${elements.join(",")}]`, isMixed ? 207 : 200, place);
}

function placeOf({ partition, offset }: Delivery): string {
  return `{"ok":true,"partition":${partition},"offset":${offset}}`;
}

function placeHeaders({ partition, offset }: Delivery): Record<string, string> {
  const partitionHeader = { "x-kafka-partition": String(partition) };
  return offset === null ? partitionHeader : { ...partitionHeader, "x-kafka-offset": String(offset) };
}

/** Kafka's number of an error, as kafboy would have shown it. */
function numberOf(error: unknown): number | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown };
    if (typeof code === "number") return code;
  }
  return null;
}

const SOME_FAILED = {
  description: "Some records were acknowledged, others were not: those have Kafka's number of the error, or a name",
  content: { "application/json": { example: [{ ok: true }, { error: 10 }] } },
};

function description({ name, waits, isBatched }: Manner, isSafe: boolean): RouteDescription {
  const when = waits ? "answered when Kafka has acknowledged it" : "answered when it is in the buffer";
  const example = waits && !isBatched ? [{ ok: true }] : { ok: 1 };
  return {
    summary: `Sends a record to a topic: ${when}${isBatched ? "; it waits for company" : ""}`,
    description: `As kafboy's /${name}/:topic.${isSafe ? " Refused early while the gateway is busy." : ""}`,
    tag: "produce",
    takesRecordHeaders: true,
    body: {
      "application/json": { schema: {}, example: { hello: "world" } },
      "text/plain": { schema: { type: "string" }, example: "hello" },
      "application/octet-stream": { schema: { type: "string", format: "binary" } },
      "application/x-ndjson": { schema: { type: "string" }, example: '{"n":1}\n{"n":2}\n' },
      "application/x-www-form-urlencoded": { schema: { type: "object" }, example: { hello: "world" } },
    },
    query: waits
      ? {
        wait: '"buffer": answered when the record is in the buffer',
        ...(isBatched ? {} : { offsets: "1: the answer names partition and offset" }),
      }
      : {},
    answers: {
      200: { description: waits ? "Acknowledged" : "Accepted", content: { "application/json": { example } } },
      ...(waits ? { 207: SOME_FAILED } : {}),
    },
    ...(waits ? { rareFailures: [409] } : {}),
  };
}
