/**
 * An example of code that uses Kafka: what it does is tested in `orders_test.ts`, without a Kafka.
 *
 * @module
 */

import { DeliveryError, Producer } from "@ekaf/ekaf";

/** An order. */
export interface Order {
  /** Number of the order. */
  id: string;
  /** Who ordered. */
  customer: string;
  /** What it costs, in cents. */
  totalCents: number;
}

/** The producer that this code is made for: the options that matter to it are tested with it. */
export function createProducer(bootstrap: string | readonly string[]): Producer {
  return new Producer({ bootstrap, clientId: "shop", retryBackoffMs: { initial: 50, max: 500 } });
}

/**
 * Writes an order down. Those of one customer keep their order.
 *
 * @param producer Where to; the caller's to close.
 * @returns Where it is written.
 */
export async function placeOrder(producer: Producer, order: Order): Promise<{ partition: number }> {
  const { partition } = await producer.send("orders", {
    key: order.customer,
    value: JSON.stringify(order),
    headers: { version: "1" },
  });
  return { partition };
}

/**
 * Writes an order down if that is possible in time.
 *
 * @param timeoutMs How long it may take, in milliseconds.
 * @returns `"placed"`; `"refused"` when it is certain that nothing is written; `"unknown"` when it may be.
 */
export async function tryPlaceOrder(
  producer: Producer,
  order: Order,
  timeoutMs = 1_000,
): Promise<"placed" | "refused" | "unknown"> {
  try {
    await producer.send("orders", { key: order.customer, value: JSON.stringify(order) }, { timeoutMs });
    return "placed";
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    return error.verdict === "notPersisted" ? "refused" : "unknown";
  }
}
