/**
 * The embedded cluster: what its user holds.
 *
 * @module
 */

import type { ApiName } from "../../protocol/apis.ts";
import type { StoredRecord } from "../record.ts";
import { BROKER_HOST } from "./address.ts";
import { AppendSignal } from "./append_signal.ts";
import { Broker } from "./broker.ts";
import { Exchange } from "./exchange.ts";
import { assertApiName, type FailureTarget, FaultPlan } from "./faults.ts";
import { type Interceptor, Interceptors } from "./interceptors.ts";
import { type EmbeddedClusterOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { ProducerIds } from "./producer_ids.ts";
import { type Partition, Topology } from "./topology.ts";

/** Options of {@linkcode EmbeddedCluster.waitFor}. */
export interface WaitForOptions {
  /**
   * Longest time to wait, in milliseconds.
   *
   * @default {5_000}
   */
  timeoutMs?: number;
}

const DEFAULT_WAIT_MS = 5_000;

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
    const cluster = new EmbeddedCluster(resolveOptions(options));
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
    const { timers, versions, maxMessageBytes } = options;
    const onAppend = this.#appends.notify.bind(this.#appends);
    this.#topology = new Topology({ maxMessageBytes, wallMs: () => timers.wallMs(), onAppend });
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

  /** `host:port` of every broker, by id, those that are stopped too. */
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
    const known = this.#topology.topics.get(topic);
    if (known === undefined && this.#options.autoCreateTopics) return [];
    if (known === undefined) throw new RangeError(`Cannot read records: there is no topic "${topic}"`);
    const partitions = partition === undefined ? known.partitions : [this.#partition("read records", topic, partition)];
    return partitions.flatMap(({ log }) => [...log.records()]);
  }

  /**
   * Resolves with the records of a topic, by partition, then offset, once there are `count` or more.
   *
   * @throws {Error} When they do not come in time, or before the cluster is disposed of: how many came is in the message.
   */
  waitFor(topic: string, count: number, options: WaitForOptions = {}): Promise<StoredRecord[]> {
    const { timers } = this.#options;
    const timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS;
    const signal = this.#ending.signal;
    return new Promise((resolve, reject) => {
      const end = () => {
        unsubscribe();
        timers.clear(timer);
        signal.removeEventListener("abort", onEnding);
      };
      const fail = (when: string) => {
        end();
        reject(new Error(`Cannot wait for ${count} records: ${this.#progressOf(topic)} ${when}`));
      };
      const check = () => {
        if (this.#recordCount(topic) < count) return;
        end();
        resolve(this.records(topic));
      };
      const unsubscribe = this.#appends.subscribe((log) => {
        if (log.topic === topic) check();
      });
      const timer = timers.set(() => fail(`after ${timeoutMs} ms`), timeoutMs);
      const onEnding = () => fail("when the cluster was disposed of");
      signal.addEventListener("abort", onEnding);
      if (signal.aborted) onEnding();
      else check();
    });
  }

  /** How many requests came so far, of one api or of all. Those that are intercepted or fail on demand count too. */
  requests(api?: ApiName): number {
    if (api !== undefined) assertApiName(api);
    return this.#exchange.requestCount(api);
  }

  /**
   * Stops a broker: its port is closed, and its connections end at once. Its partitions get another leader among their
   * replicas in sync, or none.
   */
  async stop(id: number): Promise<void> {
    const broker = this.#broker("stop", id);
    if (this.#topology.brokers.get(id)!.isUp) this.#topology.brokerDown(id);
    await broker.stop();
  }

  /** Starts a stopped broker again, on the same port and with the same records. */
  // deno-lint-ignore require-await -- a promise, as stop() gives one
  async start(id: number): Promise<void> {
    const broker = this.#broker("start", id);
    if (this.#topology.brokers.get(id)!.isUp) return;
    broker.start();
    this.#topology.brokerUp(id);
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
   * @param partitions How many partitions it has.
   */
  addTopic(name: string, partitions: number): void {
    this.#topology.addTopic(name, { partitions, replication: this.#options.replication });
  }

  /**
   * Gives a topic more partitions.
   *
   * @param count How many it shall have then.
   * @throws {RangeError} When it has that many already.
   */
  addPartitions(name: string, count: number): void {
    this.#topology.addPartitions(name, count);
  }

  /** Removes a topic with its records. One of the same name that is added later has another id. */
  deleteTopic(name: string): void {
    this.#topology.deleteTopic(name);
  }

  /** Adds a broker that leads nothing yet, and resolves with its id. */
  // deno-lint-ignore require-await -- a promise, as it opens a port
  async addBroker(): Promise<number> {
    return this.#listen(undefined);
  }

  /** Forgets the records of a partition before an offset, as retention does. */
  deleteRecords(topic: string, partition: number, beforeOffset: bigint): void {
    this.#partition("delete records", topic, partition).log.deleteBefore(beforeOffset);
  }

  /** Forgets what all partitions know of producers and their sequence numbers, as brokers do after a day. */
  forgetProducers(): void {
    for (const { partitions } of this.#topology.topics.values()) {
      for (const { log } of partitions) log.producers.forget();
    }
  }

  /**
   * Answers the next requests of an api with an error. REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND are
   * answered to Produce after the records were appended, as real brokers do; all other errors instead of appending them.
   *
   * @param errorName Kafka's name, e.g. `"NOT_LEADER_OR_FOLLOWER"`.
   * @param times How many requests.
   * @param target Only requests for this topic or partition, and in them only these.
   */
  failNext(api: ApiName, errorName: string, times: number = 1, target: FailureTarget = {}): void {
    this.#faults.failNext(api, errorName, times, target);
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
   * @param interceptor Returns `next(request)`, another answer, `"close"` or `"silent"`; may be async.
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
    for (const port of this.#options.ports) this.#listen(port);
    for (const [name, partitions] of Object.entries(this.#options.topics)) this.addTopic(name, partitions);
  }

  #listen(port: number | undefined): number {
    const brokerId = this.#brokers.size + 1;
    const onError = (error: unknown) => this.#errors.push(error);
    const { timers } = this.#options;
    const broker = new Broker({ brokerId, port, timers, exchange: this.#exchange, onError });
    this.#brokers.set(brokerId, broker);
    this.#topology.brokers.set(brokerId, { id: brokerId, port: broker.port, isUp: true });
    return brokerId;
  }

  async #stopAll(): Promise<void> {
    await Promise.all([...this.#brokers.values()].map((broker) => broker.stop()));
  }

  #broker(action: string, id: number): Broker {
    const broker = this.#brokers.get(id);
    if (broker === undefined) {
      throw new RangeError(`Cannot ${action} broker ${id}: the ids are 1 to ${this.#brokers.size}`);
    }
    return broker;
  }

  #partition(action: string, topic: string, index: number): Partition {
    const partition = this.#topology.partition(topic, index);
    if (partition !== undefined) return partition;
    throw new RangeError(`Cannot ${action}: there is no topic "${topic}" with a partition ${index}`);
  }

  #recordCount(topic: string): number {
    const partitions = this.#topology.topics.get(topic)?.partitions ?? [];
    return partitions.reduce((sum, { log }) => sum + Number(log.endOffset - log.startOffset), 0);
  }

  #progressOf(topic: string): string {
    const known = this.#topology.topics.get(topic);
    if (known === undefined) return `there was no topic "${topic}"`;
    const counts = known.partitions.map(({ log }) => log.endOffset - log.startOffset);
    return `${this.#recordCount(topic)} had come to "${topic}" (by partition: ${counts.join(", ")})`;
  }
}
