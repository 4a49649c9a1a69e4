/**
 * The embedded cluster: what its user holds.
 *
 * @module
 */

import type { ApiName } from "../../protocol/apis.ts";
import { parseAddresses } from "../net/address.ts";
import type { StoredRecord } from "../record.ts";
import { BROKER_HOST } from "./address.ts";
import { AppendSignal } from "./append_signal.ts";
import { Broker } from "./broker.ts";
import { Exchange } from "./exchange.ts";
import type { Fault } from "./fault.ts";
import { assertApiName, type FailureTarget, FaultPlan } from "./faults.ts";
import { type Interceptor, Interceptors } from "./interceptors.ts";
import { loadMessageCodecs } from "./message_codec.ts";
import { type EmbeddedClusterOptions, isBrokerId, type ResolvedOptions, resolveOptions } from "./options.ts";
import type { PartitionLog } from "./partition_log.ts";
import { ProducerIds } from "./producer_ids.ts";
import { recordsArrived, type WaitForOptions } from "./record_wait.ts";
import { describeBatch, type StoredBatch } from "./stored_batch.ts";
import type { TopicLayout } from "./topic_layout.ts";
import { Topology } from "./topology.ts";

/**
 * A Kafka cluster inside this process, for tests and demos: real sockets on 127.0.0.1, the genuine protocol, and the
 * checks of CRC, sequence numbers and leaders that a real broker makes. Records are kept in memory.
 *
 * @example Read back what a producer sent
 * ```ts
 * import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
 *
 * await using cluster = await EmbeddedCluster.listen({ brokers: 3, topics: { events: 6 } });
 * cluster.bootstrap; // e.g. ["127.0.0.1:20817", "127.0.0.1:16143", "127.0.0.1:28400"]
 * cluster.records("events"); // [] so far
 * ```
 */
export class EmbeddedCluster {
  readonly #options: ResolvedOptions;
  readonly #appends = new AppendSignal();
  readonly #faults = new FaultPlan();
  readonly #interceptors = new Interceptors();
  readonly #topology: Topology;
  readonly #exchange: Exchange;
  readonly #brokers = new Map<number, Broker>();
  #lastBrokerId = 0;
  readonly #errors: unknown[] = [];
  /** Aborted when the cluster is disposed of. */
  readonly #ending = new AbortController();

  /**
   * Starts a cluster. It listens when the promise resolves.
   *
   * @throws {TypeError} When there is no such option.
   * @throws {RangeError} When a value is out of bounds.
   */
  static async listen(options: EmbeddedClusterOptions = {}): Promise<EmbeddedCluster> {
    const resolved = resolveOptions(options);
    await loadMessageCodecs(resolved.versions.format);
    const cluster = new EmbeddedCluster(resolved);
    try {
      cluster.#start();
    } catch (error) {
      await cluster.#stopAll();
      throw error;
    }
    return cluster;
  }

  private constructor(options: ResolvedOptions) {
    this.#options = options;
    const { timers, versions, maxMessageBytes, retentionBytes } = options;
    const onAppend = this.#appends.notify.bind(this.#appends);
    const { format } = versions;
    this.#topology = new Topology({ maxMessageBytes, retentionBytes, format, wallMs: () => timers.wallMs(), onAppend });
    this.#exchange = new Exchange({
      topology: this.#topology,
      appends: this.#appends,
      producerIds: new ProducerIds(),
      versions,
      timers,
      autoCreateTopics: options.autoCreateTopics,
      defaultLayout: { partitions: options.defaultPartitions, replication: options.replication },
    }, { faults: this.#faults, interceptors: this.#interceptors });
  }

  /** `host:port` of every broker, in the order in which they were added, those that are stopped too. */
  get bootstrap(): string[] {
    return [...this.#brokers.values()].map(({ port }) => `${BROKER_HOST}:${port}`);
  }

  /**
   * The records of a topic, by partition, then offset.
   *
   * @param partition Only this partition.
   * @throws {RangeError} When there is no such topic or partition; a topic still to be created on demand has no records.
   */
  records(topic: string, partition?: number): StoredRecord[] {
    return this.#logs("read records", topic, partition).flatMap((log) => [...log.records()]);
  }

  /**
   * The batches of a topic as its producers made them, by partition, then offset.
   *
   * @param partition Only this partition.
   * @throws {RangeError} As {@linkcode records}.
   */
  batches(topic: string, partition?: number): StoredBatch[] {
    const logs = this.#logs("read batches", topic, partition);
    return logs.flatMap((log) => log.batches().map((batch) => describeBatch(log, batch)));
  }

  /**
   * Resolves with the records of a topic, by partition, then offset, once there are `count` or more.
   *
   * @throws {Error} When they do not come in time, or before the cluster is disposed of: how many came is in the message.
   */
  async waitFor(topic: string, count: number, options: WaitForOptions = {}): Promise<StoredRecord[]> {
    await recordsArrived({ ...options, topic, count }, {
      topology: this.#topology,
      appends: this.#appends,
      timers: this.#options.timers,
      signal: this.#ending.signal,
    });
    return this.records(topic);
  }

  /** How many requests came so far, of one api or of all. Those that are intercepted or fail on demand count too. */
  requests(api?: ApiName): number {
    if (api !== undefined) assertApiName(api);
    return this.#exchange.requestCount(api);
  }

  /** How many connections are open to one broker, or to all. */
  connectionCount(id?: number): number {
    return this.#chosen("count the connections of", id).reduce((sum, broker) => sum + broker.connectionCount, 0);
  }

  /**
   * Stops a broker: its port is closed, and its connections end at once. Its partitions get another leader among their
   * replicas in sync, or none.
   *
   * @param id All brokers if left out.
   */
  async stop(id?: number): Promise<void> {
    const brokers = this.#chosen("stop", id);
    for (const { id } of brokers) if (this.#topology.brokers.get(id)!.isUp) this.#topology.brokerDown(id);
    await Promise.all(brokers.map((broker) => broker.stop()));
  }

  /**
   * Starts a stopped broker again, on the same port and with the same records.
   *
   * @param id All brokers if left out.
   */
  // deno-lint-ignore require-await -- a promise, as stop() gives one
  async start(id?: number): Promise<void> {
    for (const broker of this.#chosen("start", id)) {
      if (this.#topology.brokers.get(broker.id)!.isUp) continue;
      broker.start();
      this.#topology.brokerUp(broker.id);
    }
  }

  /**
   * Makes a broker the leader of a partition. The old one answers NOT_LEADER_OR_FOLLOWER from then on and, where the
   * version of the request allows, tells who leads.
   *
   * @throws {RangeError} When there is no such partition or broker.
   * @throws {TypeError} When the broker is stopped.
   */
  moveLeader(topic: string, partition: number, id: number): void {
    this.#topology.moveLeader(topic, partition, id);
  }

  /**
   * Adds a topic.
   *
   * @param layout How many partitions it has, or how it is laid out.
   * @throws {TypeError} When there is such a topic.
   * @throws {RangeError} When the name or the layout is not possible.
   */
  addTopic(name: string, layout: number | TopicLayout): void {
    const given = typeof layout === "number" ? { partitions: layout } : layout;
    this.#topology.addTopic(name, { replication: this.#options.replication, ...given });
  }

  /**
   * Gives a topic more partitions.
   *
   * @param partitions How many it shall have then; or, in a list, the ids of those that it shall get.
   * @throws {RangeError} When it has that many or one of these already.
   */
  addPartitions(name: string, partitions: TopicLayout["partitions"]): void {
    this.#topology.addPartitions(name, partitions);
  }

  /** Removes a topic with its records. One of the same name that is added later has another id. */
  deleteTopic(name: string): void {
    this.#topology.deleteTopic(name);
  }

  /**
   * Adds a broker that leads nothing yet, and resolves with its id.
   *
   * @param options Its id, by default the next that none has had; its port, by default any free one.
   * @throws {RangeError} When there is a broker of that id, or it is none.
   */
  // deno-lint-ignore require-await -- a promise, as it opens a port
  async addBroker(options: { id?: number; port?: number } = {}): Promise<number> {
    const { id = this.#lastBrokerId + 1, port } = options;
    if (!isBrokerId(id) || this.#brokers.has(id)) {
      throw new RangeError(`Cannot add broker ${id}: ${isBrokerId(id) ? "there is one" : "that is no id"}`);
    }
    this.#listen(id, port);
    return id;
  }

  /**
   * Takes a broker out of the cluster for good. What it holds moves to other brokers first, records and all, as an
   * operator does it; then its port is closed and its connections end. To lose a broker instead, {@linkcode stop} it.
   *
   * @throws {RangeError} When there is no such broker.
   * @throws {TypeError} When it is the last.
   */
  async removeBroker(id: number): Promise<void> {
    const [broker] = this.#chosen("remove", id);
    this.#topology.removeBroker(id);
    this.#brokers.delete(id);
    await broker!.stop();
  }

  /**
   * Tells clients another address of a broker than its own from the next answer on: that of a `FaultProxy` before it, or
   * one where nothing listens, as a wrong `advertised.listeners` does.
   *
   * @param address `host:port`; null for its own.
   */
  advertise(id: number, address: string | null): void {
    const [broker] = this.#chosen("advertise", id);
    const [told] = address === null ? [{ host: BROKER_HOST, port: broker!.port }] : parseAddresses(address);
    Object.assign(this.#topology.brokers.get(id)!, told);
  }

  /** Forgets the records of a partition before an offset, as retention does. */
  deleteRecords(topic: string, partition: number, beforeOffset: bigint): void {
    this.#logs("delete records", topic, partition)[0]?.deleteBefore(beforeOffset);
  }

  /** Forgets what all partitions know of producers and their sequence numbers, as brokers do after a day. */
  forgetProducers(): void {
    for (const { partitions } of this.#topology.topics.values()) {
      for (const { log } of partitions) log.producers.forget();
    }
  }

  /**
   * Lets the next requests of an api fail: with an error, or with a {@linkcode Fault} of the connection.
   *
   * REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND are answered to Produce after the records were appended, as real
   * brokers do; all other errors instead of appending them. An error is that of the partitions concerned, or of the topic
   * in Metadata; a fault befalls the whole answer.
   *
   * @param failure Kafka's name of an error, e.g. `"NOT_LEADER_OR_FOLLOWER"`; or a fault, e.g. `"close"` or
   * `{ fault: "partialFrame", bytes: 7 }`.
   * @param times How many requests; `Infinity` for all.
   * @param target Only requests for this topic or partition, and in them only these; only those to this broker.
   * @returns Takes back what has not happened yet when it is disposed of.
   */
  failNext(api: ApiName, failure: string | Fault, times: number = 1, target: FailureTarget = {}): Disposable {
    return this.#faults.failNext({ api, failure, times, target });
  }

  /**
   * Makes each request wait before it is handled; those behind it on the same connection wait too.
   *
   * @param ms How long, in milliseconds; 0 takes it back.
   * @param api Only this api; all that have no delay of their own if left out.
   */
  delay(ms: number, api?: ApiName): void {
    this.#faults.delay(ms, api ?? "all");
  }

  /**
   * Answers the requests of an api in the brokers' stead, until what is returned is disposed of. The interceptor registered
   * last is asked first. When one throws, the connection ends, and disposing of the cluster rejects with its error.
   *
   * @param interceptor Returns `next(request)`, another answer, or a {@linkcode Fault} such as `"close"`; may be async.
   */
  intercept<A extends ApiName>(api: A, interceptor: Interceptor<A>): Disposable {
    assertApiName(api);
    return this.#interceptors.add(api, interceptor);
  }

  /**
   * Stops all brokers and forgets all records.
   *
   * @throws The error of an interceptor, if one threw.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#stopAll();
    const errors = this.#errors.splice(0);
    if (errors.length > 0) {
      throw new AggregateError(errors, `Cannot end the embedded cluster in peace: ${errors.length} answers threw`, {
        cause: errors[0],
      });
    }
  }

  #start(): void {
    for (const { id, port } of this.#options.brokers) this.#listen(id, port);
    for (const [name, layout] of Object.entries(this.#options.topics)) this.addTopic(name, layout);
  }

  #listen(brokerId: number, port: number | undefined): void {
    const onError = (error: unknown) => this.#errors.push(error);
    const { timers } = this.#options;
    const broker = new Broker({ brokerId, port, timers, exchange: this.#exchange, onError });
    this.#brokers.set(brokerId, broker);
    this.#lastBrokerId = Math.max(this.#lastBrokerId, brokerId);
    this.#topology.addBroker(brokerId, broker.port);
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#brokers.values()].map((broker) => broker.stop()));
  }

  /** One broker, or all. */
  #chosen(action: string, id: number | undefined): Broker[] {
    if (id === undefined) return [...this.#brokers.values()];
    const broker = this.#brokers.get(id);
    if (broker !== undefined) return [broker];
    throw new RangeError(`Cannot ${action} broker ${id}: the ids are ${[...this.#brokers.keys()].join(", ")}`);
  }

  /** The log of one partition, or those of all. */
  #logs(action: string, topic: string, index: number | undefined): PartitionLog[] {
    const known = this.#topology.topics.get(topic);
    if (known === undefined && this.#options.autoCreateTopics) return [];
    if (known === undefined) throw new RangeError(`Cannot ${action}: there is no topic "${topic}"`);
    if (index === undefined) return known.partitions.map(({ log }) => log);
    const partition = known.partition(index);
    if (partition === undefined) throw new RangeError(`Cannot ${action}: "${topic}" has no partition ${index}`);
    return [partition.log];
  }
}
