/**
 * Datagrams to one address; the only UDP socket. `node:dgram`, because Deno's own is unstable.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";

/** Most datagrams that wait for the operating system, or for a resolver. */
const MAX_QUEUED = 1_000;

/** Sends, and never throws or waits once it is open. It does not keep the process alive. */
export class DatagramSender {
  readonly #to: { host: string; port: number };
  readonly #onError: (error: unknown) => void;
  readonly #socket: Socket;
  readonly #bound = Promise.withResolvers<void>();
  /** Datagrams that the operating system does not have yet; the first is under way. */
  readonly #queue: Uint8Array[] = [];
  #drained: Promise<void> = Promise.resolve();

  /**
   * Opens a socket at a free port.
   *
   * @param to Where to.
   * @param onError Told of a datagram that could not be sent.
   * @throws {Deno.errors.NotCapable} When a permission is missing, naming it.
   */
  constructor(to: { host: string; port: number }, onError: (error: unknown) => void) {
    const host = to.host === "localhost" ? "127.0.0.1" : to.host; // IPv4, as ekaf did, and without asking a resolver
    const isV6 = host.includes(":");
    const address = isV6 ? (host === "::1" ? host : "::") : host.startsWith("127.") ? "127.0.0.1" : "0.0.0.0";
    // A socket that may not be bound would end the process: the error of node:dgram reaches no listener.
    checkPermissions([hostPort(address, 0), hostPort(host, to.port)]);
    this.#to = { host, port: to.port };
    this.#onError = onError;
    this.#socket = createSocket(isV6 ? "udp6" : "udp4");
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.unref();
    this.#socket.bind({ address, port: 0 }, () => this.#bound.resolve());
  }

  /** Sends a datagram behind those before it, or tells the error listener. */
  send(datagram: Uint8Array): void {
    if (this.#queue.length === MAX_QUEUED) {
      const { host, port } = this.#to;
      return this.#failed(new Error(`Cannot send to statsd at ${host}:${port}: ${MAX_QUEUED} datagrams wait already`));
    }
    this.#queue.push(datagram);
    if (this.#queue.length === 1) this.#drained = this.#drain();
  }

  /** Resolves when nothing is left to be sent. */
  async sent(): Promise<void> {
    await this.#drained;
  }

  /** Closes the socket. */
  async close(): Promise<void> {
    this.#queue.length = 0;
    await this.#bound.promise; // Whoever closes a socket that is being bound gets an error.
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  /** One after the other: given all at once they would go out in any order, and an old gauge might be the last. */
  async #drain(): Promise<void> {
    await this.#bound.promise;
    while (this.#queue.length > 0) {
      await this.#sendOne(this.#queue[0]!).catch((error) => this.#failed(error));
      this.#queue.shift();
    }
  }

  #sendOne(datagram: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.send(datagram, this.#to.port, this.#to.host, (error) => error ? reject(error) : resolve());
    return promise;
  }

  #failed(error: unknown): void {
    this.#bound.resolve(); // Should it not be bound, each datagram fails by itself.
    try {
      this.#onError(error);
    } catch {
      // Whoever wants to know of errors looks after its own.
    }
  }
}

function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function checkPermissions(hosts: readonly string[]): void {
  const missing = hosts.filter((host) => Deno.permissions.querySync({ name: "net", host }).state !== "granted");
  if (missing.length === 0) return;
  throw new Deno.errors.NotCapable(
    `Cannot send to statsd: a permission is missing, run again with --allow-net=${missing.join(",")}`,
  );
}
