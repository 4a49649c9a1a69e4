/**
 * One broker's sender: joins ready batches of the partitions it leads into Produce requests.
 *
 * @module
 */

import type { ResponseOf } from "../../protocol/apis.ts";
import type { Cluster, Connection } from "../cluster/cluster.ts";
import { ConnectionError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { ResolvedOptions } from "../options.ts";
import type { Timers } from "../timers.ts";
import { collectBatches } from "./batch_collection.ts";
import type { Lane } from "./lane.ts";
import { fitEntries, isOldBroker } from "./old_broker.ts";
import { type EntryAnswer, ProduceRequest, type RequestEntry } from "./produce_request.ts";
import { StallWatch } from "./stall_watch.ts";
import { Throttle } from "./throttle.ts";

/** What the outboxes of a producer share. */
export interface OutboxContext {
  /** Connections and metadata. */
  readonly cluster: Cluster;
  /** The producer's options. */
  readonly producer: ResolvedOptions;
  /** Clock and timers. */
  readonly timers: Timers;
  /** Emits an event. */
  readonly emit: Emit;
}

/** Least time a broker gets to replicate before it answers REQUEST_TIMED_OUT, ahead of the client's own time-out. */
const ANSWER_MARGIN_MS = 5_000;

/** Looks at ready lanes one after another that may lead to no request. */
const MAX_LOOKS = 1_000;
const PAUSE_MS = 1;

/** Brokers before Kafka 2.0 have waited that long by themselves before they answer (KIP-219). */
const FIRST_VERSION_OF_CLIENT_THROTTLING = 6;

/** Whether the outbox' broker can be reached. */
export type OutboxState = "connecting" | "up" | "down";

/**
 * Sends for all lanes of one number whose partitions one broker leads, over one connection with at most `maxInFlight`
 * requests under way. It drains in a microtask, so that what one synchronous loop sent shares a request.
 */
export class Outbox {
  /** Id of the broker. */
  readonly broker: number;
  /** Number of its lanes. */
  readonly lane: number;
  readonly #context: OutboxContext;
  readonly #lanes = new Set<Lane>();
  /** Lanes that may have something to send, first come first. */
  readonly #ready = new Set<Lane>();
  #connection: Connection | null = null;
  #isConnecting = false;
  #connectError: unknown = undefined;
  #failedAttempts = 0;
  /** Requests without an answer, and the connections they are on. */
  readonly #inFlight = new Map<ProduceRequest, Connection>();
  readonly #stallWatch: StallWatch<ProduceRequest>;
  #isScheduled = false;
  #isDraining = false;
  #isWoken = false;
  /** Looks at the ready lanes since the last request. */
  #looks = 0;
  readonly #throttle: Throttle;
  /** Whether the connection was given up because no lane was left. */
  #isLeft = false;
  #isClosed = false;

  /**
   * @param context What the outboxes of a producer share.
   * @param broker Id of the broker.
   * @param lane Number of its lanes.
   */
  constructor(context: OutboxContext, broker: number, lane: number) {
    this.#context = context;
    this.broker = broker;
    this.lane = lane;
    this.#throttle = new Throttle(context.timers, () => this.#schedule());
    this.#stallWatch = new StallWatch(context.timers, (stalled) => this.#onStalled(stalled));
  }

  /** `host:port` of the broker, null when metadata does not name it any more. */
  get address(): string | null {
    return this.#context.cluster.addressOf(this.broker);
  }

  /** Whether the broker can be reached. */
  get state(): OutboxState {
    if (this.#connection !== null) return "up";
    return this.#connectError === undefined ? "connecting" : "down";
  }

  /** Whether the broker is connected, and takes no record batches: it checks no sequence numbers. */
  get isOld(): boolean {
    return this.#connection !== null && isOldBroker(this.#connection);
  }

  /** Takes a lane over. */
  add(lane: Lane): void {
    this.#isLeft = false;
    this.#lanes.add(lane);
    lane.setUp(this.#connection !== null, this.#connectError);
    this.wake(lane);
  }

  /** Lets a lane go. What is in flight for it is answered all the same. */
  remove(lane: Lane): void {
    this.#lanes.delete(lane);
    this.#ready.delete(lane);
    for (const request of this.#inFlight.keys()) {
      if (this.#stallWatch.isStalled(request) && request.entries.some((entry) => entry.lane === lane)) {
        this.#giveUp(request);
      }
    }
    // Lanes may come in the same task: of other partitions, when leaders move. Lane 0 stays for metadata.
    if (this.lane > 0 && this.#lanes.size === 0) queueMicrotask(() => this.#leave());
  }

  /** Connects ahead of the first record. */
  warm(): void {
    if (this.#connection === null && !this.#isClosed) this.#dial();
  }

  /** Without lanes nobody needs the connection: it ends with the last answer under way. */
  #leave(): void {
    if (this.#lanes.size > 0 || this.#isClosed) return;
    this.#isLeft = true;
    const connection = this.#connection;
    if (connection === null) return;
    const cause = new Error(
      `Cannot stay connected to broker ${this.broker}: no partition uses lane ${this.lane} any more`,
    );
    this.#disconnected(connection, cause);
    connection.closeWhenIdle(cause);
  }

  /** Notes that a lane may have something to send. */
  wake(lane: Lane): void {
    // A lane on its way out may be woken once more, after `remove`: when its going is the topic's going down, all lanes of
    // the topic are. Were it ready here then, and this connection still up, the drain would find it with a batch to send
    // again, see that it is not its own, and so on for ever in microtasks.
    if (!this.#lanes.has(lane)) return;
    this.#ready.add(lane);
    this.#schedule();
  }

  /** Connects if it is not connected. Resolves when it is, rejects when an attempt failed. */
  async connect(signal?: AbortSignal): Promise<void> {
    if (this.#connection !== null) return;
    const connection = await this.#context.cluster.connection(this.broker, this.lane, signal && { signal });
    this.#connected(connection);
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#stallWatch.close();
    this.#throttle.close();
  }

  #schedule(): void {
    this.#isWoken = true;
    if (this.#isScheduled || this.#isDraining || this.#isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#drain();
    });
  }

  /** Sends until nothing is ready or no slot is free. Never rejects. */
  async #drain(): Promise<void> {
    this.#isDraining = true;
    // A lane may wake the outbox after a look that found nothing and before the promise of that look is awaited: without
    // the flag nobody would look again.
    do {
      this.#isWoken = false;
      while (await this.#sendOne()) if (++this.#looks % MAX_LOOKS === 0) await this.#pause();
    } while (this.#isWoken);
    this.#isDraining = false;
  }

  /**
   * Lets the process do something else. No sequence is known that leads here: those that were, a connection about to end
   * and a lane about to leave, stopped whole processes, as nothing but these microtasks ever ran again.
   */
  #pause(): Promise<void> {
    return new Promise((resolve) => this.#context.timers.set(resolve, PAUSE_MS));
  }

  /** Sends one request; false when there is nothing to send or no way to. */
  async #sendOne(): Promise<boolean> {
    if (this.#isClosed || this.#ready.size === 0 || this.#inFlight.size >= this.#context.producer.maxInFlight) {
      return false;
    }
    const now = this.#context.timers.now();
    if (this.#throttle.isMute(now)) return false;
    if (this.#connection === null) {
      if (this.#hasWork()) this.#dial();
      return false;
    }
    const connection = this.#connection;
    if (connection.isClosed) {
      // It takes no more requests, but ends only with the last answer under way: its broker left, or moved elsewhere.
      // Were it kept until then, the drain would go round and round in microtasks, none of its batches could be sent,
      // and the answers that would end the connection could never be read.
      this.#disconnected(connection, undefined);
      return true;
    }
    const { taken, acks } = collectBatches(this.#ready, now, this.#context.producer.requestMaxBytes);
    if (acks === null) return false;
    const entries: RequestEntry[] = [];
    for (const { lane, sent } of await Promise.all(taken)) {
      // A batch that was struck out whole is gone; one whose lane moved, or whose connection ended, is numbered and
      // goes out again as a resend. One may also have been given up while it was awaited: its signal fires, the window
      // settles it, and sent all the same it would stay in flight for ever.
      if (sent === null || lane.outbox !== this || connection.isClosed || !lane.maySend(sent)) lane.wake();
      else entries.push({ lane, sent });
    }
    const { broker } = this;
    const options = this.#context.producer;
    const fitting = this.isOld ? fitEntries(entries, { connection, broker, options }) : entries;
    if (fitting.length > 0) this.#send(connection, new ProduceRequest(fitting, acks));
    return true;
  }

  #send(connection: Connection, request: ProduceRequest): void {
    this.#looks = 0;
    const { requestTimeoutMs } = this.#context.producer;
    const version = request.version(connection.version("Produce") ?? 0);
    const timeoutMs = Math.max(requestTimeoutMs - ANSWER_MARGIN_MS, Math.ceil(requestTimeoutMs / 2));
    const startMs = this.#context.timers.now();
    for (const entry of request.entries) {
      entry.lane.send(entry.sent, version);
      this.#context.emit("flush", request.sent(entry, this.broker, startMs));
    }
    this.#inFlight.set(request, connection);
    this.#stallWatch.begin(request);
    connection.request("Produce", request.body(timeoutMs), { version, noResponse: !request.isAnswered }).then(
      (response) => this.#answered(connection, request, { response, version, startMs }),
      (error) => this.#unanswered(request, { error, startMs }),
    );
  }

  #answered(
    connection: Connection,
    request: ProduceRequest,
    { response, version, startMs }: { response: ResponseOf<"Produce"> | undefined; version: number; startMs: number },
  ): void {
    this.#landed(request);
    if (response === undefined) {
      for (const { lane, sent } of request.entries) lane.window.writtenUnacknowledged(sent);
    } else {
      if (response.throttleTimeMs > 0) {
        this.#context.emit("throttled", { broker: this.broker, ms: response.throttleTimeMs });
        if (version >= FIRST_VERSION_OF_CLIENT_THROTTLING) this.#throttle.mute(response.throttleTimeMs);
      }
      const answers = request.pair(response, version);
      for (const answer of answers) this.#settle(answer, response);
      if (answers.some(({ answer }) => answer === null)) {
        connection.close(
          new ConnectionError(`Cannot use ${this.address}: it left partitions out of its answer`, {
            address: this.address ?? "",
            written: true,
          }),
        );
      }
    }
    this.#replied(request, startMs, null);
  }

  #settle({ entry: { lane, sent }, answer }: EntryAnswer, response: ResponseOf<"Produce">): void {
    if (answer === null) {
      const cause = new ConnectionError(
        `Cannot tell what became of a batch for ${lane.settlement.label}: the answer of broker ${this.broker} leaves it out`,
        { address: this.address ?? "", written: true },
      );
      return lane.window.unanswered(sent, cause, true);
    }
    const leader = answer.currentLeader;
    lane.window.answered(sent, answer);
    if (leader === undefined || leader.leaderId < 0) return;
    const endpoint = response.nodeEndpoints.find(({ nodeId }) => nodeId === leader.leaderId);
    this.#context.cluster.applyLeaderHint(lane.topic, lane.partition, {
      id: leader.leaderId,
      epoch: leader.leaderEpoch,
    }, endpoint);
  }

  #unanswered(request: ProduceRequest, { error, startMs }: { error: unknown; startMs: number }): void {
    this.#landed(request);
    const written = !(error instanceof ConnectionError) || error.written;
    for (const { lane, sent } of request.entries) lane.window.unanswered(sent, error, written);
    this.#replied(request, startMs, error instanceof Error ? error : new Error(String(error)));
  }

  #replied({ entries, details }: ProduceRequest, startMs: number, error: Error | null): void {
    const ms = this.#context.timers.now() - startMs;
    for (let i = 0; i < entries.length; i++) {
      const { lane, sent } = entries[i]!;
      lane.answered();
      const failure = error ??
        (sent.batch.lastError instanceof Error && !sent.isInFlight ? sent.batch.lastError : null);
      this.#context.emit("flushreplied", { ...details[i]!, ms, error: failure });
    }
    this.#schedule();
  }

  #landed(request: ProduceRequest): void {
    this.#inFlight.delete(request);
    this.#stallWatch.end(request);
  }

  /**
   * A frozen or cut off broker says nothing until the request times out, and meanwhile its partitions may have moved:
   * their new leader must not get a batch while this one may still append an earlier one. So metadata is asked for, and
   * once it shows that a partition moved, the connection is closed, which makes its batches sent-unknown.
   */
  #onStalled(stalled: readonly ProduceRequest[]): void {
    for (const request of stalled) {
      if (request.entries.some(({ lane }) => lane.outbox !== this)) this.#giveUp(request);
      else for (const { lane } of request.entries) this.#context.cluster.refresh(lane.topic);
    }
  }

  /** Ends the connection that a stalled request is on. */
  #giveUp(request: ProduceRequest): void {
    const address = this.address ?? "";
    const message = `Cannot wait longer for broker ${this.broker}: its partitions have moved to another leader`;
    this.#inFlight.get(request)?.close(new ConnectionError(message, { address, written: true }));
  }

  #hasWork(): boolean {
    for (const lane of this.#ready) if (lane.hasWork) return true;
    return false;
  }

  /** Connects in the background, again and again while there is work: the cluster sees to the pauses. */
  #dial(): void {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    this.connect().then(() => {
      this.#isConnecting = false;
      // A connection that ended before it could be used woke nobody.
      this.#schedule();
    }, (error) => {
      this.#isConnecting = false;
      if (!this.#isClosed) this.#connectFailed(error);
    });
  }

  #connected(connection: Connection): void {
    if (this.#connection !== null || this.#isClosed || connection.isClosed) return;
    this.#connection = connection;
    this.#connectError = undefined;
    this.#failedAttempts = 0;
    if (this.#isLeft) return this.#leave();
    connection.closed.then((cause) => this.#disconnected(connection, cause));
    for (const lane of this.#lanes) {
      lane.setUp(true);
      this.#ready.add(lane);
    }
    this.#schedule();
  }

  #disconnected(connection: Connection, cause: unknown): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    if (this.#isClosed) return;
    for (const lane of this.#lanes) lane.setUp(false, cause);
    if (this.#hasWork()) this.#refresh();
    this.#schedule();
  }

  #connectFailed(error: unknown): void {
    this.#connectError = error;
    this.#failedAttempts++;
    const { emit } = this.#context;
    const topics = new Set([...this.#lanes].map((lane) => lane.topic));
    for (const topic of topics) {
      emit("lanestilldown", { topic, address: this.address, attempt: this.#failedAttempts, cause: error });
    }
    const isFinal = error instanceof ConnectionError && !error.retriable;
    for (const lane of this.#lanes) {
      lane.setUp(false, error);
      if (isFinal) lane.failAll(error);
    }
    this.#refresh();
    this.#schedule();
  }

  #refresh(): void {
    for (const topic of new Set([...this.#lanes].map((lane) => lane.topic))) this.#context.cluster.refresh(topic);
  }
}
