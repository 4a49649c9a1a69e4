/**
 * Where metadata comes from: a connection that is open anyway, else the first broker that can be reached.
 *
 * @module
 */

import type { ResponseOf } from "../../protocol/apis.ts";
import { errorCode } from "../../protocol/error_codes.ts";
import { BrokerError, ConnectionError, KafkaError } from "../errors.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { Connection } from "../net/connection.ts";
import type { BrokerConnections } from "./broker_connections.ts";
import type { Liveness } from "./liveness.ts";
import { pause } from "./pause.ts";
import type { ClusterMetadata } from "./metadata.ts";
import type { ClusterOptions } from "./options.ts";

/** An answer and who gave it. */
export interface MetadataAnswer {
  /** The answer. */
  response: ResponseOf<"Metadata">;
  /** Address of the broker that gave it. */
  from: string;
}

/** What {@linkcode MetadataSource} shares with the rest of the cluster. */
export interface MetadataSourceParts {
  /** The connections to brokers by id. */
  connections: BrokerConnections;
  /** Whether connections keep the process alive. */
  liveness: Liveness;
  /** What is known of the cluster now. */
  metadata(): ClusterMetadata;
  /** Ends every attempt. */
  signal: AbortSignal;
}

/** How long a broker may take to answer before another one is asked. */
const PATIENCE_MS = 3_000;

/**
 * Asks one broker after the other until one answers. Of the connections it makes itself it keeps at most one, and that
 * only until a connection to a broker by id stands or it becomes one.
 */
export class MetadataSource {
  readonly #options: ClusterOptions;
  readonly #parts: MetadataSourceParts;
  /** A connection to an address of which no broker id is known, or that was opened by address. */
  #spare: Connection | undefined;

  /**
   * Opens nothing.
   *
   * @param options Of the cluster.
   * @param parts What it shares with the rest of the cluster.
   */
  constructor(options: ClusterOptions, parts: MetadataSourceParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** Some open connection, the least busy. */
  get openConnection(): Connection | undefined {
    return this.#open()[0];
  }

  /**
   * Makes one round: asks every open connection, then every address, until one answers.
   *
   * @param topics Names of the topics to ask for.
   * @param options `avoid` is the address of a broker to ask last: its last answer seemed out of date.
   * @throws {ConnectionError} If the round ends without an answer. It names each address and reason.
   */
  async fetch(topics: readonly string[], options: { avoid?: string | undefined } = {}): Promise<MetadataAnswer> {
    const failures: Error[] = [];
    const candidates = this.#candidates(options.avoid);
    for (const candidate of candidates) {
      this.#parts.signal.throwIfAborted();
      try {
        const connection = candidate instanceof Connection ? candidate : await this.#dial(candidate);
        const isLast = candidate === candidates.at(-1);
        const response = await (isLast ? this.#ask(connection, topics) : this.#askPatiently(connection, topics));
        return { response, from: formatAddress(connection.address) };
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        failures.push(error);
      }
    }
    this.#parts.signal.throwIfAborted();
    throw this.#unreachable(failures);
  }

  /** Finds a use for the spare connection, or ends it: to be called when brokers became known or connected. */
  placeSpare(): void {
    const spare = this.#spare;
    if (spare === undefined) return;
    this.#spare = undefined; // First of all: adopting it comes back here.
    if (this.#parts.connections.adopt(spare)) return;
    if (this.#parts.connections.open().length > 0) spare.closeWhenIdle();
    else this.#spare = spare;
  }

  /** Closes the spare connection at once. */
  close(): void {
    this.#spare?.close();
    this.#spare = undefined;
  }

  #open(): Connection[] {
    const connections = this.#parts.connections.open();
    if (this.#spare !== undefined && !this.#spare.isClosed) connections.push(this.#spare);
    return connections;
  }

  #candidates(avoid: string | undefined): (Connection | Address)[] {
    const open = this.#open();
    const isWelcome = (candidate: Connection | Address) => formatAddress(addressOf(candidate)) !== avoid;
    // To get away from a broker that is behind, another one is worth a connection; a bootstrap address is not, it may
    // be the same broker by another name.
    const others = avoid === undefined ? [] : this.#unconnectedBrokers(open).filter(isWelcome);
    return [
      ...open.filter(isWelcome),
      ...others,
      ...open.filter((connection) => !isWelcome(connection)),
      // A connection that broke says nothing of its address: it is tried as well.
      ...this.#addresses().filter((address) => !others.includes(address)),
    ];
  }

  #unconnectedBrokers(open: readonly Connection[]): Address[] {
    const connected = new Set(open.map((connection) => formatAddress(connection.address)));
    return [...this.#parts.metadata().brokers.values()].filter((broker) => !connected.has(formatAddress(broker)));
  }

  /** Known brokers, then what the user wrote, each once. */
  #addresses(): Address[] {
    const addresses = new Map<string, Address>();
    for (const broker of this.#parts.metadata().brokers.values()) addresses.set(formatAddress(broker), broker);
    for (const address of this.#options.bootstrap) {
      const key = formatAddress(address);
      if (!addresses.has(key)) addresses.set(key, address);
    }
    return [...addresses.values()];
  }

  async #dial(address: Address): Promise<Connection> {
    const { liveness, signal } = this.#parts;
    const startMs = liveness.timers.now();
    const connection = await Connection.open(
      { host: address.host, port: address.port },
      { ...this.#options, signal, ref: liveness.isHeld },
    );
    if (signal.aborted) connection.close(); // Closed between the answer and this line.
    signal.throwIfAborted();
    liveness.add(connection);
    connection.closed.then(() => {
      liveness.remove(connection);
      if (this.#spare === connection) this.#spare = undefined;
    });
    this.#spare?.closeWhenIdle();
    this.#spare = connection;
    this.#options.emit("timetoconnect", {
      broker: "id" in address ? (address as { id: number }).id : null,
      address: formatAddress(address),
      ms: liveness.timers.now() - startMs,
    });
    return connection;
  }

  /**
   * Asks, but goes on to the next candidate when there is no answer for {@linkcode PATIENCE_MS}: a frozen broker says
   * nothing until the request times out, and all that time nobody would learn who leads its partitions now. The
   * connection is left alone, other requests may be under way on it.
   */
  async #askPatiently(connection: Connection, topics: readonly string[]): Promise<ResponseOf<"Metadata">> {
    const answer = this.#ask(connection, topics);
    const waiting = new AbortController();
    const { liveness, signal } = this.#parts;
    const patience = pause(PATIENCE_MS, { timers: liveness.timers, signal: AbortSignal.any([signal, waiting.signal]) });
    try {
      const isAnswered = await Promise.race([answer.then(() => true), patience.then(() => false)]);
      if (isAnswered) return await answer;
    } finally {
      answer.catch(() => {}); // An error after the patience is over: the round has gone on.
      patience.catch(() => {});
      waiting.abort();
    }
    const address = formatAddress(connection.address);
    throw new ConnectionError(`Cannot wait for metadata from ${address}: no answer for ${PATIENCE_MS} ms`, { address });
  }

  async #ask(connection: Connection, topics: readonly string[]): Promise<ResponseOf<"Metadata">> {
    const names = topics.map((name) => ({ name }));
    // Before version 4 a question for a topic may always create it.
    const isTold = (connection.version("Metadata") ?? 0) >= 4;
    const response = await connection.request(
      "Metadata",
      isTold ? { topics: names, allowAutoTopicCreation: this.#options.autoCreateTopics } : { topics: names },
    );
    if (response.errorCode === 0) return response;
    // REBOOTSTRAP_REQUIRED (KIP-1102): this broker is none of our cluster any more. Others are asked.
    const error = new BrokerError("fetch metadata", errorCode(response.errorCode));
    connection.close(error);
    throw error;
  }

  #unreachable(failures: readonly Error[]): Error {
    const addresses = this.#addresses().map(formatAddress);
    const error = failures.length === 1 ? failures[0]! : allFailed(failures, addresses);
    this.#options.emit("bootstrapunreachable", { addresses, cause: error });
    this.#options.warn("bootstrapunreachable", error.message, error);
    return error;
  }
}

function addressOf(candidate: Connection | Address): Address {
  return candidate instanceof Connection ? candidate.address : candidate;
}

function allFailed(failures: readonly Error[], addresses: readonly string[]): ConnectionError {
  const reasons = failures.map((failure) => failure.message.replace(/^Cannot connect to /, "")).join("; ");
  return new ConnectionError(`Cannot reach any broker: ${reasons}`, {
    address: addresses.join(", "),
    retriable: failures.some((failure) => !(failure instanceof KafkaError) || failure.retriable),
    cause: new AggregateError(failures),
  });
}
