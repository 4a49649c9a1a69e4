/**
 * Records of a request on their way to the producer.
 *
 * @module
 */

import { DeliveryError } from "../errors.ts";
import type { Delivery, DeliveryFailure, RecordInput } from "../record.ts";
import type { Exchange } from "./exchange.ts";
import type { GatewayProducer } from "./hooks.ts";
import type { TopicUse } from "./topic_policy.ts";

/** Records for one topic: one, or several. */
export interface Consignment {
  /** Where they go. */
  readonly topic: TopicUse;
  /** The records. */
  readonly input: RecordInput | readonly RecordInput[];
}

/** What a producer does with one record or several; its own signatures tell the two apart. */
type Enqueue = (topic: string, input: Consignment["input"], options: object) => Promise<unknown>;
type Send = (topic: string, input: Consignment["input"], options: object) => Promise<Delivery | Delivery[]>;

/**
 * Has records accepted into the buffer. When they go out is the producer's to say (`lingerMs`): nobody waits for it, and
 * a request to Kafka for each to the gateway would be the most expensive way.
 *
 * @param exchange The request.
 * @param consignment The records.
 * @throws {GatewayError} 503 when there was no room for `bufferWaitMs`.
 */
export async function accept(exchange: Exchange, { topic, input }: Consignment): Promise<void> {
  await enqueue(exchange, topic, input);
  noteAccepted(exchange, topic, input);
}

/** The first half of {@linkcode accept}, for the hot path: what comes between is the caller's own `await`. */
export function enqueue({ gateway }: Exchange, { name }: TopicUse, input: Consignment["input"]): Promise<unknown> {
  const { options, housekeeping } = gateway;
  return (options.producer as { enqueue: Enqueue }).enqueue(
    name,
    input,
    housekeeping.waitOptions(housekeeping.recentMs),
  );
}

/** The second half of {@linkcode accept}: counts what is in. */
export function noteAccepted({ gateway }: Exchange, { records }: TopicUse, input: Consignment["input"]): void {
  gateway.buffer.accepted(bytesOf(input));
  records.accepted += countOf(input);
}

/** What became of records. */
export type Outcomes = readonly (Delivery | DeliveryFailure)[];

/**
 * Has records delivered.
 *
 * @param exchange The request.
 * @param consignment The records.
 * @param isDue Whether they go out at once, without waiting for company; else they wait `batchSyncLingerMs` for it.
 * @returns An outcome each, at least one of them a delivery.
 * @throws {DeliveryError} When none was delivered.
 */
export async function deliver(exchange: Exchange, consignment: Consignment, isDue: boolean): Promise<Outcomes> {
  const { options, buffer } = exchange.gateway;
  const { topic, input } = consignment;
  buffer.accepted(bytesOf(input));
  const count = countOf(input);
  topic.records.accepted += count;
  try {
    const delivered = await send(options.producer, consignment, {
      timeoutMs: options.requestTimeoutMs,
      lingerMs: isDue ? 0 : options.batchSyncLingerMs,
    });
    topic.records.acked += count;
    return delivered;
  } catch (error) {
    const outcomes = error instanceof DeliveryError ? error.outcomes : undefined;
    const acked = outcomes?.filter((outcome) => outcome.error === undefined).length ?? 0;
    topic.records.acked += acked;
    topic.records.failed += count - acked;
    if (outcomes === undefined || acked === 0) throw error;
    return outcomes;
  }
}

async function send(
  producer: GatewayProducer,
  { topic, input }: Consignment,
  options: { timeoutMs: number; lingerMs: number },
): Promise<Delivery[]> {
  const delivered = await (producer as { send: Send }).send(topic.name, input, options);
  return Array.isArray(delivered) ? delivered : [delivered];
}

function countOf(input: Consignment["input"]): number {
  return Array.isArray(input) ? input.length : 1;
}

/** Bytes of values and keys, roughly: it is for rates. */
function bytesOf(input: Consignment["input"]): number {
  if (Array.isArray(input)) return input.reduce<number>((sum, one) => sum + bytesOf(one as RecordInput), 0);
  const one = input as RecordInput;
  if (typeof one === "string" || one instanceof Uint8Array) return one.length;
  return (one.value?.length ?? 0) + (one.key?.length ?? 0);
}
