/**
 * A proxy between a client and a broker, embedded or real, that spoils the connection on demand.
 *
 * @module
 */

import { formatAddress, parseAddresses } from "../net/address.ts";
import { denoTransport } from "../net/transport.ts";
import { platformTimers, type Timers } from "../timers.ts";
import type { Duplex, Transport } from "../transport.ts";
import { BROKER_HOST } from "./address.ts";
import type { ClientSocket } from "./client_socket.ts";
import { ProxiedConnection, type ProxyDirection } from "./proxied_connection.ts";
import { ProxyListener } from "./proxy_listener.ts";
import { type CutEnd, StreamFaults } from "./stream_faults.ts";

/** Options of `FaultProxy.listen()`. */
export interface FaultProxyOptions {
  /** `host:port` of the broker. It is connected to when a client connects, not before. */
  to: string;
  /** Port on 127.0.0.1; any free one if left out. A real broker has to advertise it. */
  port?: number;
  /**
   * Opens sockets to the broker.
   *
   * @default {`Deno.connect`}
   */
  connect?: Transport;
  /** Clock and timers; for tests. */
  timers?: Timers;
}

/** Options of {@linkcode FaultProxy.cut}. */
export interface CutOptions {
  /**
   * How many bytes are let through before: on a connection that is open now counted from now, on a later one from its
   * beginning.
   *
   * @default {0}
   */
  afterBytes?: number;
  /**
   * Which way they go.
   *
   * @default {"toClient"}
   */
  direction?: ProxyDirection;
  /**
   * What becomes of the connection: it is closed on both sides, in order or by a reset, or it stays open and nothing
   * passes any more.
   *
   * @default {"close"}
   */
  end?: CutEnd;
}

const DIRECTIONS: readonly ProxyDirection[] = ["toBroker", "toClient"];

/**
 * A TCP proxy in this process, for tests of how a client gets along with a bad network. It knows nothing of Kafka.
 *
 * Clients of Kafka connect to the addresses that brokers advertise, so the broker has to advertise the proxy: an embedded
 * one by `EmbeddedCluster.advertise()`, a real one by its `advertised.listeners`.
 *
 * | method | what happens |
 * |---|---|
 * | `cut` | one connection ends after a number of bytes |
 * | `reset` | connections end by a reset (RST), not in order (FIN) |
 * | `halfOpen` | the other side is gone, and nobody says so |
 * | `stall`, `resume` | nothing passes for a while, then everything |
 * | `delay` | everything arrives later |
 * | `slow` | bytes are read slowly, until the sender has to wait |
 * | `stop`, `start` | connections are refused |
 *
 * @example A connection that breaks in the middle of an answer
 * ```ts
 * import { EmbeddedCluster, FaultProxy } from "@ekaf/ekaf/embedded";
 *
 * await using cluster = await EmbeddedCluster.listen({ topics: { events: 1 } });
 * await using proxy = await FaultProxy.listen({ to: cluster.bootstrap[0]! });
 * cluster.advertise(1, proxy.address);
 * proxy.cut({ afterBytes: 10 });
 * // Now let a client with `bootstrap: proxy.address` do its work.
 * ```
 */
export class FaultProxy {
  readonly #listener: ProxyListener;
  readonly #connections = new Map<ProxiedConnection, Promise<void>>();
  readonly #faults = { toBroker: new StreamFaults(), toClient: new StreamFaults() };
  #acceptedCount = 0;

  /**
   * Starts a proxy. It listens when the promise resolves.
   *
   * @throws {TypeError} When `to` is no address.
   * @throws {RangeError} When `to` is several addresses, or its port is impossible.
   * @throws {Error} When something else listens on `port`.
   */
  static async listen(options: FaultProxyOptions): Promise<FaultProxy> {
    const { to, port, connect = denoTransport, timers = platformTimers } = options;
    const [address, ...others] = parseAddresses(to);
    if (others.length > 0) throw new RangeError(`Cannot start a proxy: "${to}" is more than one address`);
    const dial = (signal: AbortSignal) => connect(address!, { signal });
    const onConnection = (client: ClientSocket) => proxy.#serve(client, { dial, timers });
    const proxy: FaultProxy = new FaultProxy(await ProxyListener.open({ port, onConnection }));
    return proxy;
  }

  private constructor(listener: ProxyListener) {
    this.#listener = listener;
  }

  /** `host:port` for clients. */
  get address(): string {
    return formatAddress({ host: BROKER_HOST, port: this.#listener.port });
  }

  /** How many connections are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** How many connections came so far. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /**
   * Cuts one connection: the first that gets so far.
   *
   * @param options After how many bytes, which way.
   * @returns Takes the cut back, if it has not been made, when it is disposed of.
   */
  cut(options: CutOptions = {}): Disposable {
    const { afterBytes = 0, direction = "toClient", end = "close" } = options;
    if (!(afterBytes >= 0)) throw new RangeError(`Cannot cut: afterBytes must be 0 or more, but is ${afterBytes}`);
    const passedBefore = new Map<object, number>();
    for (const connection of this.#connections.keys()) {
      const stream = connection.stream(direction);
      if (stream !== undefined) passedBefore.set(stream, stream.passedBytes);
    }
    return this.#faults[direction].cut({ afterBytes, end, passedBefore });
  }

  /**
   * Ends the connections that are open now by a reset (RST), as the system does when a broker's process is killed. An end
   * in order is {@linkcode closeConnections}.
   */
  reset(): void {
    for (const connection of this.#connections.keys()) connection.reset();
  }

  /**
   * Makes the connections that are open now half open, as a pulled plug does: they stay open, but nothing passes any more,
   * not even the news that the other side has closed. Later connections are not concerned.
   */
  halfOpen(): void {
    for (const connection of this.#connections.keys()) connection.halfOpen();
  }

  /** Closes the connections that are open now, in order. */
  closeConnections(): void {
    for (const connection of this.#connections.keys()) connection.close();
  }

  /**
   * Lets nothing pass until {@linkcode resume}, on all connections; new ones are accepted. Nothing is lost.
   *
   * @param direction Both ways if left out.
   */
  stall(direction?: ProxyDirection): void {
    this.#each(direction, (faults) => faults.stall());
  }

  /**
   * Lets everything pass that {@linkcode stall} held back.
   *
   * @param direction Both ways if left out.
   */
  resume(direction?: ProxyDirection): void {
    this.#each(direction, (faults) => faults.resume());
  }

  /**
   * Lets bytes arrive later, without fewer of them passing in a second, as distance does.
   *
   * @param ms How much later, in milliseconds; 0 takes it back.
   * @param direction Both ways if left out, each of them by `ms`.
   */
  delay(ms: number, direction?: ProxyDirection): void {
    if (!(ms >= 0)) throw new RangeError(`Cannot delay: ms must be 0 or more, but is ${ms}`);
    this.#each(direction, (faults) => faults.delayMs = ms);
  }

  /**
   * Reads slowly. What the sender writes fills the buffers of the system, and then its writes wait.
   *
   * @param bytesPerSecond How many bytes a second pass on each connection; `Infinity` takes it back.
   * @param direction Both ways if left out.
   */
  slow(bytesPerSecond: number, direction?: ProxyDirection): void {
    if (!(bytesPerSecond > 0)) {
      throw new RangeError(`Cannot slow down: bytesPerSecond must be more than 0, but is ${bytesPerSecond}`);
    }
    this.#each(direction, (faults) => faults.bytesPerSecond = bytesPerSecond);
  }

  /** Closes all connections and refuses new ones. */
  async stop(): Promise<void> {
    const listening = this.#listener.close();
    this.closeConnections();
    await Promise.all([listening, ...this.#connections.values()]);
  }

  /** Accepts connections again after {@linkcode stop}, on the same port. */
  async start(): Promise<void> {
    await this.#listener.reopen();
  }

  /** Stops the proxy. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #serve(client: ClientSocket, options: { dial: (signal: AbortSignal) => Promise<Duplex>; timers: Timers }): void {
    this.#acceptedCount++;
    const connection = new ProxiedConnection(client, { ...options, faults: this.#faults });
    // Never rejects, so nobody needs to catch.
    this.#connections.set(connection, connection.serve().finally(() => this.#connections.delete(connection)));
  }

  #each(direction: ProxyDirection | undefined, change: (faults: StreamFaults) => void): void {
    for (const each of direction === undefined ? DIRECTIONS : [direction]) change(this.#faults[each]);
  }
}
