/**
 * Producer ids, which brokers give out.
 *
 * @see {@link https://cwiki.apache.org/confluence/display/KAFKA/KIP-98+-+Exactly+Once+Delivery+and+Transactional+Messaging KIP-98}
 * @module
 */

import { errorCode } from "../../protocol/error_codes.ts";
import { BrokerError, ConnectionError, type KafkaError } from "../errors.ts";
import { backoffMs } from "../net/backoff.ts";
import type { Connection } from "../net/connection.ts";
import type { Timers } from "../timers.ts";
import type { ClusterOptions } from "./options.ts";
import { firstOf } from "./patience.ts";
import { pause } from "./pause.ts";

/** An id under which a broker counts what it was sent, and the epoch of that id. */
export interface ProducerId {
  /** The id. */
  producerId: bigint;
  /** Its epoch. */
  producerEpoch: number;
}

/** Unused without a transactional id, and must be positive all the same. */
const TRANSACTION_TIMEOUT_MS = 60_000;

/** A broker that may be asked. */
export interface BrokerToAsk {
  /** Names it among those that are being asked. */
  readonly address: string;
  /** A connection to it. */
  connect(): Promise<Connection>;
}

/** What {@linkcode initProducerId} works with. */
export interface ProducerIdContext {
  /** A broker to ask, none of those that are being asked; null if there is no other. Rejects if none can be reached. */
  next(busy: ReadonlySet<string>): Promise<BrokerToAsk | null>;
  /** Clock and timers. */
  readonly timers: Timers;
  /** Ends the attempts. */
  readonly signal: AbortSignal;
}

/** What came of asking one broker; an id of null if it cannot give any. */
type Attempt = { readonly address: string } & ({ readonly id: ProducerId | null } | { readonly error: unknown });

/**
 * Asks any broker for a producer id, until one gives it. A broker that takes long is not given up, but another is asked as
 * well: nothing can be sent without an id, and a frozen broker would hold up the partitions of all. What is given twice
 * is used once.
 *
 * @param options Of the cluster.
 * @param context Whom to ask, a clock, and a signal that ends the attempts.
 * @returns The id, null if the broker cannot give any.
 * @throws {BrokerError} If it is refused for good.
 * @throws {ConnectionError} If no broker can ever be reached.
 */
export async function initProducerId(options: ClusterOptions, context: ProducerIdContext): Promise<ProducerId | null> {
  const underWay = new Map<string, Promise<Attempt>>();
  /** Could not be reached: asked again when there is no other. */
  const unreachable = new Set<string>();
  for (let attempt = 0;;) {
    try {
      const broker = await context.next(new Set([...underWay.keys(), ...unreachable]));
      if (broker === null && unreachable.size > 0) {
        unreachable.clear();
        continue;
      }
      if (broker !== null) underWay.set(broker.address, attemptWith(broker));
      const ended = await firstOf(underWay.values(), broker === null ? null : context);
      if (ended === null) continue;
      underWay.delete(ended.address);
      if ("id" in ended) return ended.id;
      if (ended.error instanceof ConnectionError) unreachable.add(ended.address);
      throw ended.error;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isPassing(error)) throw error;
      // Those that are to be expected, as when a cluster starts, are no news.
      const { message, retriable } = error as KafkaError;
      if (!retriable) options.warn("producerid", `${message}; trying again`, error);
    }
    await pause(backoffMs(options.retryBackoffMs, attempt++, options.random ?? Math.random), context);
  }
}

/** Never rejects. */
async function attemptWith({ address, connect }: BrokerToAsk): Promise<Attempt> {
  try {
    const connection = await connect();
    return { address, id: connection.version("InitProducerId") === null ? null : await ask(connection) };
  } catch (error) {
    return { address, error };
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof BrokerError) return errorCode(error.code).producerIdRule === "retry";
  return error instanceof ConnectionError && error.retriable;
}

async function ask(connection: Connection): Promise<ProducerId> {
  const { errorCode: code, producerId, producerEpoch } = await connection.request("InitProducerId", {
    transactionalId: null,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
  });
  if (code !== 0) throw new BrokerError("get a producer id", errorCode(code));
  return { producerId, producerEpoch };
}
