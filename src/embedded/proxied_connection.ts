/**
 * One client's connection through a proxy.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import type { Duplex } from "../transport.ts";
import type { ClientSocket } from "./client_socket.ts";
import { ProxiedStream } from "./proxied_stream.ts";
import type { CutEnd, StreamFaults } from "./stream_faults.ts";

/** Which way bytes go through a proxy. */
export type ProxyDirection = "toBroker" | "toClient";

/** The faults of both directions. */
export type FaultsByDirection = Readonly<Record<ProxyDirection, StreamFaults>>;

/** What a connection needs. */
export interface ProxiedConnectionOptions {
  /** What is done to its bytes. */
  faults: FaultsByDirection;
  /** Opens the other half. Rejects when the broker cannot be reached. */
  dial: (signal: AbortSignal) => Promise<Duplex>;
  /** Clock. */
  timers: Timers;
}

/** Two sockets and the streams between them. */
export class ProxiedConnection {
  readonly #client: ClientSocket;
  readonly #options: ProxiedConnectionOptions;
  readonly #closing = new AbortController();
  #broker: Duplex | undefined;
  #streams: Readonly<Record<ProxyDirection, ProxiedStream>> | undefined;
  #isDeaf = false;

  /**
   * @param client The client's socket; owned from here on.
   * @param options Where its bytes go, and how.
   */
  constructor(client: ClientSocket, options: ProxiedConnectionOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** The stream of one direction; undefined until the broker is reached. */
  stream(direction: ProxyDirection): ProxiedStream | undefined {
    return this.#streams?.[direction];
  }

  /** Serves until either side closes. Never rejects. */
  async serve(): Promise<void> {
    try {
      this.#broker = await this.#options.dial(this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      const [client, broker] = [this.#client, this.#broker];
      const toBroker = this.#stream("toBroker", { source: client, sink: broker });
      const toClient = this.#stream("toClient", { source: broker, sink: client });
      this.#streams = { toBroker, toClient };
      await Promise.all([this.#run(toBroker), this.#run(toClient)]);
    } catch {
      // The broker cannot be reached: the client learns of it by the end of its connection.
    } finally {
      this.close();
    }
  }

  /** Swallows all bytes from now on, both ways, and tells neither side when the other closes. */
  halfOpen(): void {
    this.#isDeaf = true;
  }

  /** Closes both sockets at once, the client's by a reset. */
  reset(): void {
    this.#client.reset();
    this.close();
  }

  /** Closes both sockets at once. */
  close(): void {
    this.#closing.abort();
    for (const socket of [this.#client, this.#broker]) {
      try {
        socket?.close();
      } catch {
        // It is closed already.
      }
    }
  }

  #stream(direction: ProxyDirection, ends: { source: Duplex; sink: Duplex }): ProxiedStream {
    return new ProxiedStream({
      ...ends,
      faults: this.#options.faults[direction],
      timers: this.#options.timers,
      signal: this.#closing.signal,
      isDeaf: () => this.#isDeaf,
      onCut: (end) => this.#end(end),
    });
  }

  /** Either side's end is the other's, unless the connection is half open: then the client must find out by itself. */
  async #run(stream: ProxiedStream): Promise<void> {
    try {
      await stream.run();
    } catch {
      // A socket failed, which ends the connection too.
    }
    if (!this.#isDeaf || stream === this.#streams?.toBroker) this.close();
  }

  #end(end: CutEnd): void {
    if (end === "halfOpen") this.halfOpen();
    else if (end === "reset") this.reset();
    else this.close();
  }
}
