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
import type { ClusterMetadata } from "./metadata.ts";
import type { ClusterOptions } from "./options.ts";
import { firstOf, isSilent } from "./patience.ts";

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
  /** Forgets the known brokers: they are none of this cluster any more. */
  forgetBrokers(): void;
  /** Ends every attempt. */
  signal: AbortSignal;
}

/** Somebody who may be asked. */
type Candidate = Connection | Address;

/** What came of asking one. */
interface Attempt {
  readonly candidate: Candidate;
  readonly outcome: MetadataAnswer | Error;
}

/**
 * Asks one broker after the other until one answers; one that takes long is not given up, but the next is asked as well.
 * Of the connections it makes itself it keeps at most one, and that only until a connection to a broker by id stands or
 * it becomes one.
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

  /** The open connections, the least busy first; one that was made for metadata alone comes last. */
  get openConnections(): readonly Connection[] {
    return this.#open();
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
    const underWay = new Map<Candidate, Promise<Attempt>>();
    const { timers } = this.#parts.liveness;
    const ending = new AbortController();
    const signal = AbortSignal.any([this.#parts.signal, ending.signal]);
    try {
      while (candidates.length + underWay.size > 0) {
        this.#parts.signal.throwIfAborted();
        const candidate = candidates.shift();
        if (candidate !== undefined) underWay.set(candidate, this.#attempt(candidate, topics, signal));
        const attempt = await firstOf(underWay.values(), candidates.length > 0 ? { timers, signal } : null);
        if (attempt === null) continue;
        const { outcome } = attempt;
        if (!(outcome instanceof Error)) return outcome;
        underWay.delete(attempt.candidate);
        failures.push(outcome);
        if (isRebootstrap(outcome)) this.#rebootstrap(candidates);
      }
    } finally {
      ending.abort(); // A connection that comes too late is none of ours.
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

  #candidates(avoid: string | undefined): Candidate[] {
    const open = this.#open();
    const isWelcome = (candidate: Candidate) =>
      formatAddress(addressOf(candidate)) !== avoid && !(candidate instanceof Connection && isSilent(candidate));
    const welcome = open.filter(isWelcome);
    // To get away from a broker that is behind or silent, another one is worth a connection; a bootstrap address is not,
    // it may be the same broker by another name.
    const others = welcome.length === open.length ? [] : this.#unconnectedBrokers(open).filter(isWelcome);
    return [
      ...welcome,
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

  /**
   * Known brokers, then what the user wrote, each once (KIP-899): names are resolved anew at every attempt, so a cluster
   * that moved to other machines is found again.
   */
  #addresses(): Address[] {
    const addresses = new Map<string, Address>();
    for (const broker of this.#parts.metadata().brokers.values()) addresses.set(formatAddress(broker), broker);
    for (const address of this.#options.bootstrap) {
      const key = formatAddress(address);
      if (!addresses.has(key)) addresses.set(key, address);
    }
    return [...addresses.values()];
  }

  /** Leaves only the bootstrap addresses to ask, those that were not asked yet. */
  #rebootstrap(candidates: Candidate[]): void {
    this.#parts.forgetBrokers();
    const bootstrap = new Set(this.#options.bootstrap.map(formatAddress));
    const left = candidates.filter((each) => !(each instanceof Connection) && bootstrap.has(formatAddress(each)));
    candidates.splice(0, candidates.length, ...left);
  }

  /** Never rejects with what is to be expected. */
  async #attempt(candidate: Candidate, topics: readonly string[], signal: AbortSignal): Promise<Attempt> {
    try {
      const connection = candidate instanceof Connection ? candidate : await this.#dial(candidate, signal);
      const response = await this.#ask(connection, topics);
      return { candidate, outcome: { response, from: formatAddress(connection.address) } };
    } catch (error) {
      if (error instanceof KafkaError) return { candidate, outcome: error };
      throw error;
    }
  }

  async #dial(address: Address, signal: AbortSignal): Promise<Connection> {
    const { liveness } = this.#parts;
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

  async #ask(connection: Connection, topics: readonly string[]): Promise<ResponseOf<"Metadata">> {
    const names = topics.map((name) => ({ name }));
    // Before version 4 a question for a topic may always create it.
    const isTold = (connection.version("Metadata") ?? 0) >= 4;
    const response = await connection.request(
      "Metadata",
      isTold ? { topics: names, allowAutoTopicCreation: this.#options.autoCreateTopics } : { topics: names },
    );
    const code = errorCode(response.errorCode);
    if (code.metadataRule === "use") return response;
    const error = new BrokerError(`fetch metadata from ${formatAddress(connection.address)}`, code);
    if (code.metadataRule === "rebootstrap") connection.close(error);
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

function isRebootstrap(error: Error): boolean {
  return error instanceof BrokerError && errorCode(error.code).metadataRule === "rebootstrap";
}

function addressOf(candidate: Candidate): Address {
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
