/**
 * The port of a proxy. It listens by `node:net`, for the sake of {@linkcode ClientSocket.reset}.
 *
 * @module
 */

import type { AddressInfo, Server } from "node:net";
import { BROKER_HOST, PORT_ATTEMPTS, randomPort } from "./address.ts";
import { ClientSocket } from "./client_socket.ts";

/** What a listener needs. */
export interface ProxyListenerOptions {
  /** Port on 127.0.0.1; any free one if left out. */
  port?: number | undefined;
  /** Takes over each connection. Must not throw. */
  onConnection: (client: ClientSocket) => void;
}

/** A listener that can be closed and opened again on the same port. */
export class ProxyListener {
  /** Port on 127.0.0.1. */
  readonly port: number;

  readonly #server: Server;

  /**
   * Listens.
   *
   * @param options Where, and who takes the connections.
   * @throws {Error} When something else listens on `port`.
   */
  static async open({ port, onConnection }: ProxyListenerOptions): Promise<ProxyListener> {
    // Only those who use a proxy wait for this module.
    const { createServer } = await import("node:net");
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      onConnection(new ClientSocket(socket));
    });
    if (port === undefined) await listenAnywhere(server);
    else await listen(server, port);
    return new ProxyListener(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Listens again after {@linkcode close}. */
  async reopen(): Promise<void> {
    if (!this.#server.listening) await listen(this.#server, this.port);
  }

  /** Closes the port; resolves when all connections that came by it are closed too. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

async function listenAnywhere(server: Server): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await listen(server, randomPort());
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EADDRINUSE" || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, BROKER_HOST, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
