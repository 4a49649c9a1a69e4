/**
 * One broker of an embedded cluster: a listener and its connections.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import { BrokerConnection, type BrokerConnectionOptions } from "./broker_connection.ts";
import { Listener } from "./listener.ts";

/** What a broker needs. */
export interface BrokerOptions extends BrokerConnectionOptions {
  /** Port on 127.0.0.1; any free one if left out. */
  port?: number | undefined;
  /** Clock. */
  timers: Timers;
}

/** A broker that can be stopped and started again on the same port. */
export class Broker {
  /** Id. */
  readonly id: number;
  /** Port on 127.0.0.1. */
  readonly port: number;

  readonly #connections = new Map<BrokerConnection, Promise<void>>();
  readonly #listener: Listener;

  /**
   * Listens.
   *
   * @param options Where, and who answers.
   * @throws {Deno.errors.AddrInUse} When something else listens on `port`.
   */
  constructor(options: BrokerOptions) {
    this.id = options.brokerId;
    const onConnection = (conn: Deno.TcpConn) => {
      const connection = new BrokerConnection(conn, options);
      // Never rejects, so nobody needs to catch.
      this.#connections.set(connection, connection.serve().finally(() => this.#connections.delete(connection)));
    };
    this.#listener = new Listener({ port: options.port, timers: options.timers, onConnection });
    this.port = this.#listener.port;
  }

  /** How many clients are connected. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Listens again after {@linkcode stop}. */
  start(): void {
    this.#listener.open();
  }

  /** Closes the listener and all connections at once; resolves when nothing of them is left. */
  async stop(): Promise<void> {
    const listening = this.#listener.close();
    for (const connection of this.#connections.keys()) connection.close();
    await Promise.all([listening, ...this.#connections.values()]);
  }
}
