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

/**
 * Asks any broker for a producer id, until one gives it.
 *
 * @param options Of the cluster.
 * @param context How to get a connection, a clock, and a signal that ends the attempts.
 * @returns The id, null if the broker cannot give any.
 * @throws {BrokerError} If it is refused for good.
 * @throws {ConnectionError} If no broker can ever be reached.
 */
export async function initProducerId(
  options: ClusterOptions,
  context: { connect: () => Promise<Connection>; timers: Timers; signal: AbortSignal },
): Promise<ProducerId | null> {
  for (let attempt = 0;; attempt++) {
    try {
      const connection = await context.connect();
      if (connection.version("InitProducerId") === null) return null;
      return await ask(connection);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isPassing(error)) throw error;
      // Those that are to be expected, as when a cluster starts, are no news.
      const { message, retriable } = error as KafkaError;
      if (!retriable) options.warn("producerid", `${message}; trying again`, error);
    }
    await pause(backoffMs(options.retryBackoffMs, attempt, options.random ?? Math.random), context);
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
