/**
 * The port of a broker. The only file that listens, beside `proxy_listener.ts`.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import { BROKER_HOST, PORT_ATTEMPTS, randomPort } from "./address.ts";
import { sleep } from "./sleep.ts";

/** Pause after a failure to accept: without one, running out of file descriptors would take a whole core. */
const ACCEPT_PAUSE_MS = 50;

/** What a listener needs. */
export interface ListenerOptions {
  /** Port on 127.0.0.1; any free one if left out. */
  port?: number | undefined;
  /** Clock. */
  timers: Timers;
  /** Takes over each connection. Must not throw. */
  onConnection: (conn: Deno.TcpConn) => void;
}

/** A listener that can be closed and opened again on the same port. */
export class Listener {
  /** Port on 127.0.0.1. */
  readonly port: number;

  readonly #options: ListenerOptions;
  #socket: Deno.TcpListener | undefined;
  #accepting: Promise<void> = Promise.resolve();
  #closing = new AbortController();

  /**
   * Listens.
   *
   * @param options Where, and who takes the connections.
   * @throws {Deno.errors.AddrInUse} When something else listens on `port`.
   */
  constructor(options: ListenerOptions) {
    this.#options = options;
    const socket = options.port === undefined ? listenAnywhere() : listenOn(options.port);
    this.port = socket.addr.port;
    this.#begin(socket);
  }

  /**
   * Listens again after {@linkcode close}.
   *
   * @throws {Deno.errors.AddrInUse} When something else has taken the port.
   */
  open(): void {
    if (this.#socket === undefined) this.#begin(listenOn(this.port));
  }

  /** Closes the port; resolves when no connection will come any more. */
  async close(): Promise<void> {
    this.#socket?.close();
    this.#socket = undefined;
    this.#closing.abort();
    await this.#accepting;
  }

  #begin(socket: Deno.TcpListener): void {
    this.#socket = socket;
    this.#closing = new AbortController();
    this.#accepting = this.#accept(socket, this.#closing.signal);
  }

  async #accept(socket: Deno.TcpListener, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let conn: Deno.TcpConn;
      try {
        conn = await socket.accept();
      } catch {
        // Closed, which ends the loop; or the system is out of something, which may pass.
        if (!signal.aborted) await sleep(ACCEPT_PAUSE_MS, { timers: this.#options.timers, signal });
        continue;
      }
      if (signal.aborted) return conn.close();
      conn.setNoDelay(true);
      this.#options.onConnection(conn);
    }
  }
}

function listenOn(port: number): Deno.TcpListener {
  return Deno.listen({ hostname: BROKER_HOST, port });
}

function listenAnywhere(): Deno.TcpListener {
  for (let attempt = 1;; attempt++) {
    try {
      return listenOn(randomPort());
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
