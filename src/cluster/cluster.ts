/**
 * A cluster as a producer sees it: who leads what, and a connection to whom it needs.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { errorCode } from "../../protocol/error_codes.ts";
import { ConnectionError } from "../errors.ts";
import { formatAddress } from "../net/address.ts";
import { backoffMs } from "../net/backoff.ts";
import type { Connection } from "../net/connection.ts";
import { BrokerConnections } from "./broker_connections.ts";
import { Liveness } from "./liveness.ts";
import {
  type BrokerAddress,
  type LeaderHint,
  mergeTopic,
  type TopicMetadata,
  type TopicSnapshot,
  toTopicMetadata,
} from "./metadata.ts";
import { MetadataRefresher, topicError } from "./metadata_refresher.ts";
import { MetadataSource } from "./metadata_source.ts";
import { type ClusterOptions, reconnectBackoff } from "./options.ts";
import { pause } from "./pause.ts";
import { isSilent } from "./patience.ts";
import { type BrokerToAsk, initProducerId, type ProducerId } from "./producer_ids.ts";
import type { TopicWatcher } from "./topic_watch.ts";

export { backoffMs } from "../net/backoff.ts";
export type { Connection } from "../net/connection.ts";
export type { BrokerAddress, LeaderHint, PartitionSnapshot, TopicMetadata, TopicSnapshot } from "./metadata.ts";
export type { ClusterOptions } from "./options.ts";
export type { ProducerId } from "./producer_ids.ts";
export type { TopicWatcher } from "./topic_watch.ts";

/** The facade over metadata and connections. Opens nothing until asked for something. */
export class Cluster {
  /**
   * Resolves when the first round of attempts to get metadata has ended, well or badly: each bootstrap address was
   * tried once, or one answered.
   */
  readonly firstRound: Promise<void>;
  /**
   * Called when a connection takes no more requests: it broke, or its broker moved or left; in that case requests
   * under way still get their answers. Not called when the cluster is closed.
   */
  onConnectionClosed: ((brokerId: number, lane: number, cause: unknown) => void) | undefined;
  readonly #options: ClusterOptions;
  readonly #liveness: Liveness;
  readonly #connections: BrokerConnections;
  readonly #source: MetadataSource;
  readonly #refresher: MetadataRefresher;
  readonly #closing = new AbortController();

  /**
   * Opens nothing.
   *
   * @param options What it is made of.
   */
  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#liveness = new Liveness(options.timers);
    this.#connections = new BrokerConnections(options, {
      liveness: this.#liveness,
      host: {
        metadata: () => this.#refresher.metadata,
        onOpened: () => this.#source.placeSpare(),
        onClosed: (brokerId, lane, cause) => this.onConnectionClosed?.(brokerId, lane, cause),
        onDialFailed: () => this.#refresher.refresh(),
      },
    });
    this.#source = new MetadataSource(options, {
      connections: this.#connections,
      liveness: this.#liveness,
      metadata: () => this.#refresher.metadata,
      forgetBrokers: () => this.#refresher.forgetBrokers(),
      signal: this.#closing.signal,
    });
    this.#refresher = new MetadataRefresher(options, {
      source: this.#source,
      timers: this.#liveness.timers,
      onBrokers: () => {
        this.#connections.reconcile();
        this.#source.placeSpare();
      },
    });
    this.firstRound = this.#refresher.firstRound;
  }

  /** Whether the last round of attempts to get metadata brought an answer. */
  get isReachable(): boolean {
    return this.#refresher.isReachable;
  }

  /**
   * A watched topic as last told.
   *
   * @param name Its name.
   */
  topic(name: string): TopicSnapshot | undefined {
    return this.#refresher.metadata.topics.get(name);
  }

  /**
   * A broker as last told.
   *
   * @param id Its id.
   */
  broker(id: number): BrokerAddress | undefined {
    return this.#refresher.metadata.brokers.get(id);
  }

  /**
   * Where a broker listens, as `host:port`, as last told; null if it is not known.
   *
   * @param id Its id.
   */
  addressOf(id: number): string | null {
    const broker = this.broker(id);
    return broker === undefined ? null : formatAddress(broker);
  }

  /**
   * A topic's metadata as last told, without asking a broker.
   *
   * @param name Name of the topic.
   */
  lastMetadata(name: string): TopicMetadata | undefined {
    const topic = this.topic(name);
    return topic && toTopicMetadata(topic, this.#refresher.metadata.brokers.values());
  }

  /**
   * Keeps a topic's metadata fresh: asked for soon, whenever it is as old as `metadataMaxAgeMs`, and on
   * {@linkcode refresh}.
   *
   * @param name Name of the topic.
   * @param watcher Is told of the first metadata that comes and of every change; not of what is known already.
   */
  watch(name: string, watcher: TopicWatcher): void {
    this.#refresher.watch(name, watcher);
  }

  /**
   * Ends {@linkcode watch}; with the last watcher the topic is forgotten.
   *
   * @param name Name of the topic.
   * @param watcher As given then.
   */
  unwatch(name: string, watcher: TopicWatcher): void {
    this.#refresher.unwatch(name, watcher);
  }

  /**
   * Asks for metadata soon: a round under way serves all, and rounds that bring nothing new are ever further apart.
   *
   * @param topic The topic in question, all watched ones if left out.
   */
  refresh(topic?: string): void {
    this.#refresher.refresh(topic);
  }

  /**
   * Fetches a topic's metadata from a broker, and keeps the process alive meanwhile. Topics that are just being made,
   * or not known to all brokers yet, are waited for, at most `unknownTopicTimeoutMs`.
   *
   * @param name Name of the topic.
   * @param options A signal that ends the wait.
   * @throws {ConnectionError} After one round in which no broker could be reached; it names each address and reason.
   * @throws {BrokerError} If the topic cannot be had.
   */
  async fetchTopic(name: string, options: { signal?: AbortSignal } = {}): Promise<TopicMetadata> {
    this.#liveness.hold();
    try {
      const signal = this.#signal(options.signal);
      signal.throwIfAborted();
      return await this.#fetchTopic(name, signal);
    } finally {
      this.#liveness.release();
    }
  }

  /**
   * The connection to a broker, made if need be: one attempt is shared by all who ask, and an attempt soon after one
   * that failed waits for its time.
   *
   * @param brokerId Which broker.
   * @param lane Which lane.
   * @param options A signal that ends the wait.
   * @throws {ConnectionError} If the attempt failed.
   */
  connection(brokerId: number, lane: number, options: { signal?: AbortSignal } = {}): Promise<Connection> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#closing.signal.reason);
    return this.#connections.connect(brokerId, lane, options.signal);
  }

  /**
   * The connection to a broker, if it is open.
   *
   * @param brokerId Which broker.
   * @param lane Which lane.
   */
  openConnection(brokerId: number, lane: number): Connection | undefined {
    return this.#connections.get(brokerId, lane);
  }

  /**
   * Gets a producer id from any broker, trying until there is one.
   *
   * @param options A signal that ends the attempts.
   * @returns The id, null if the broker cannot give any.
   * @throws {BrokerError} If it is refused for good.
   */
  initProducerId(options: { signal?: AbortSignal } = {}): Promise<ProducerId | null> {
    const signal = this.#signal(options.signal);
    return abortable(
      initProducerId(this.#options, {
        next: (busy) => this.#anyBroker(busy),
        timers: this.#liveness.timers,
        signal,
      }),
      signal,
    );
  }

  /**
   * Takes in who leads a partition, as told by a Produce answer (KIP-951). Watchers are told before it returns.
   *
   * @param topic Topic of the partition.
   * @param partition The partition.
   * @param leader Its new leader, and the epoch in which it leads.
   * @param endpoint Where the leader listens, if the answer told.
   * @returns Whether it was news; a hint with an epoch no newer than known is ignored.
   */
  applyLeaderHint(
    topic: string,
    partition: number,
    leader: LeaderHint["leader"],
    endpoint?: LeaderHint["endpoint"],
  ): boolean {
    return this.#refresher.applyHint({ topic, partition, leader, endpoint });
  }

  /** Adds a reason for which connections and timers keep the process alive. */
  hold(): void {
    this.#liveness.hold();
  }

  /** Takes one {@linkcode hold} back; without any, the process may end. */
  release(): void {
    this.#liveness.release();
  }

  /** Closes every connection at once, clears every timer and rejects whatever waits. Idempotent. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    const cause = new TypeError("Cannot use the cluster: it is closed");
    this.#closing.abort(cause);
    this.#refresher.close(cause);
    this.#connections.close(cause);
    this.#source.close();
  }

  async #fetchTopic(name: string, signal: AbortSignal): Promise<TopicMetadata> {
    const { timers } = this.#liveness;
    const endMs = timers.now() + this.#options.unknownTopicTimeoutMs;
    for (let attempt = 0;; attempt++) {
      const wasFinal = this.#refresher.isFinal(name);
      const round = await abortable(this.#refresher.ask(name), signal);
      const answer = round.topics.get(name)!;
      if (answer.errorCode === 0) {
        return toTopicMetadata(mergeTopic(round.metadata.topics.get(name), answer), round.metadata.brokers.values());
      }
      const waitMs = backoffMs(reconnectBackoff(this.#options), attempt, this.#options.random ?? Math.random);
      const isFinal = wasFinal || errorCode(answer.errorCode).topicRule === "final";
      if (isFinal || timers.now() + waitMs > endMs) {
        throw topicError(name, answer.errorCode);
      }
      await pause(waitMs, { timers, signal });
    }
  }

  /** Any broker to ask but those that are being asked: one that is connected, else one to connect to. */
  async #anyBroker(busy: ReadonlySet<string>): Promise<BrokerToAsk | null> {
    // Metadata sees by itself to brokers that say nothing.
    if (this.#source.openConnections.length === 0 && busy.size === 0) await this.#refresher.ask(null);
    const open = this.#source.openConnections;
    const idle = open.filter(({ address }) => !busy.has(formatAddress(address)));
    const fresh = idle.find((connection) => !isSilent(connection));
    if (fresh !== undefined) return { address: formatAddress(fresh.address), connect: () => Promise.resolve(fresh) };
    const connected = new Set(open.map(({ address }) => formatAddress(address)));
    for (const broker of this.#refresher.metadata.brokers.values()) {
      const address = formatAddress(broker);
      if (connected.has(address) || busy.has(address)) continue;
      return { address, connect: () => this.#connections.connect(broker.id, 0) };
    }
    const [silent] = idle;
    if (silent !== undefined) return { address: formatAddress(silent.address), connect: () => Promise.resolve(silent) };
    if (busy.size > 0) return null;
    throw new ConnectionError("Cannot use the connection that metadata came from: it was closed", { address: "" });
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }
}
