/**
 * One broker of an embedded cluster: a listener and its connections. The only file that listens.
 *
 * @module
 */

import { BROKER_HOST } from "./address.ts";
import type { Timers } from "../timers.ts";
import { BrokerConnection, type BrokerConnectionOptions } from "./broker_connection.ts";
import { sleep } from "./sleep.ts";

/** Ports outside the range that systems hand out by themselves: nothing takes the port of a stopped broker. */
const FIRST_PORT = 15_000;
const LAST_PORT = 31_999;
const PORT_ATTEMPTS = 100;
/** Pause after a failure to accept: without one, running out of file descriptors would take a whole core. */
const ACCEPT_PAUSE_MS = 50;

/** What a broker needs. */
export interface BrokerOptions extends BrokerConnectionOptions {
  /** Port on 127.0.0.1; any free one if left out. */
  port?: number | undefined;
  /** Clock. */
  timers: Timers;
}

/** A listener that can be stopped and started again on the same port. */
export class Broker {
  /** Id, from 1. */
  readonly id: number;
  /** Port on 127.0.0.1. */
  readonly port: number;

  readonly #options: BrokerOptions;
  readonly #connections = new Map<BrokerConnection, Promise<void>>();
  #listener: Deno.TcpListener | undefined;
  #accepting: Promise<void> = Promise.resolve();
  #stopping = new AbortController();

  /**
   * Listens.
   *
   * @param options Where, and who answers.
   * @throws {Deno.errors.AddrInUse} When something else listens on `port`.
   */
  constructor(options: BrokerOptions) {
    this.id = options.brokerId;
    this.#options = options;
    this.#listener = options.port === undefined ? listenAnywhere() : listenOn(options.port);
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept(this.#listener);
  }

  /** Listens again after {@linkcode stop}. */
  start(): void {
    if (this.#listener !== undefined) return;
    this.#stopping = new AbortController();
    this.#listener = listenOn(this.port);
    this.#accepting = this.#accept(this.#listener);
  }

  /** Closes the listener and all connections at once; resolves when nothing of them is left. */
  async stop(): Promise<void> {
    this.#listener?.close();
    this.#listener = undefined;
    this.#stopping.abort();
    for (const connection of this.#connections.keys()) connection.close();
    await Promise.all([this.#accepting, ...this.#connections.values()]);
  }

  async #accept(listener: Deno.TcpListener): Promise<void> {
    while (this.#listener === listener) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch {
        // Closed, which ends the loop; or the system is out of something, which may pass.
        if (this.#listener === listener) await this.#pause();
        continue;
      }
      this.#serve(conn, listener);
    }
  }

  #pause(): Promise<void> {
    return sleep(ACCEPT_PAUSE_MS, { timers: this.#options.timers, signal: this.#stopping.signal });
  }

  #serve(conn: Deno.TcpConn, listener: Deno.TcpListener): void {
    if (this.#listener !== listener) return conn.close();
    conn.setNoDelay(true);
    const connection = new BrokerConnection(conn, this.#options);
    // Never rejects, so nobody needs to catch.
    this.#connections.set(connection, connection.serve().finally(() => this.#connections.delete(connection)));
  }
}

function listenOn(port: number): Deno.TcpListener {
  return Deno.listen({ hostname: BROKER_HOST, port });
}

function listenAnywhere(): Deno.TcpListener {
  for (let attempt = 1;; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    try {
      return listenOn(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
