/**
 * Keeps metadata fresh: decides when to ask, and tells what changed.
 *
 * @module
 */

import type { ResponseOf } from "../../protocol/apis.ts";
import { errorCode } from "../../protocol/error_codes.ts";
import { BrokerError, ConnectionError } from "../errors.ts";
import { backoffMs } from "../net/backoff.ts";
import type { TimerHandle, Timers } from "../timers.ts";
import { ClusterMetadata, type LeaderHint, type TopicAnswer, type TopicSnapshot } from "./metadata.ts";
import type { MetadataAnswer, MetadataSource } from "./metadata_source.ts";
import { type ClusterOptions, reconnectBackoff } from "./options.ts";
import { TopicWatch, type TopicWatcher } from "./topic_watch.ts";

/** What one round of questions brought. */
export interface Round {
  /** What each topic asked for was answered with, by name. */
  readonly topics: ReadonlyMap<string, TopicAnswer>;
  /** What is known now. */
  readonly metadata: ClusterMetadata;
}

/** A round that is planned or under way. */
interface OpenRound extends PromiseWithResolvers<Round> {
  readonly names: Set<string>;
}

/** What {@linkcode MetadataRefresher} works with. */
export interface MetadataRefresherParts {
  /** Asks. */
  source: MetadataSource;
  /** Clock and timers. */
  timers: Timers;
  /** Called when the brokers or their addresses changed, or an answer confirmed them. */
  onBrokers(): void;
}

/**
 * One round of questions at a time, for all topics together: however many ask, they share the round under way, or the
 * next one. Everything that wants metadata is a topic with a due time, and one timer runs to the earliest.
 */
export class MetadataRefresher {
  /** Resolves when the first round has ended, well or badly. */
  readonly firstRound: Promise<void>;
  readonly #options: ClusterOptions;
  readonly #parts: MetadataRefresherParts;
  readonly #watches = new Map<string, TopicWatch>();
  readonly #endFirstRound: () => void;
  #metadata = ClusterMetadata.empty;
  #current: OpenRound | undefined;
  #next: OpenRound | undefined;
  #isStarting = false;
  #timer: TimerHandle | undefined;
  #closedBy: { cause: unknown } | undefined;
  #isReachable = false;
  /** Rounds in a row that brought nothing new, and until when another one is not worth it. */
  #idleRounds = 0;
  #notBeforeMs = -Infinity;
  /** The broker whose last answer did not know a topic. */
  #avoid: string | undefined;

  /**
   * Asks nothing yet.
   *
   * @param options Of the cluster.
   * @param parts What it works with.
   */
  constructor(options: ClusterOptions, parts: MetadataRefresherParts) {
    this.#options = options;
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstRound = promise;
    this.#endFirstRound = resolve;
  }

  /** What is known now. */
  get metadata(): ClusterMetadata {
    return this.#metadata;
  }

  /** Whether the last round got an answer. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /**
   * Whether a topic was given up.
   *
   * @param topic Its name.
   */
  isFinal(topic: string): boolean {
    return this.#watches.get(topic)?.isFinal ?? false;
  }

  /**
   * Keeps a topic fresh from now on.
   *
   * @param topic Its name.
   * @param watcher Is told.
   */
  watch(topic: string, watcher: TopicWatcher): void {
    let watch = this.#watches.get(topic);
    if (watch === undefined) {
      watch = new TopicWatch(topic, { options: this.#options, nowMs: this.#parts.timers.now() });
      this.#watches.set(topic, watch);
    }
    watch.watchers.add(watcher);
    this.#schedule();
  }

  /**
   * Tells one watcher no more; with the last one the topic is forgotten.
   *
   * @param topic Its name.
   * @param watcher As given to {@linkcode watch}.
   */
  unwatch(topic: string, watcher: TopicWatcher): void {
    const watch = this.#watches.get(topic);
    watch?.watchers.delete(watcher);
    if (watch === undefined || watch.watchers.size > 0) return;
    this.#watches.delete(topic);
    this.#metadata = this.#metadata.without(topic);
    this.#schedule(); // The timer may have been this topic's.
  }

  /**
   * Asks soon. A round under way serves; rounds that bring nothing new are ever further apart.
   *
   * @param topic The topic in question, all if left out.
   */
  refresh(topic?: string): void {
    const earliestMs = Math.max(this.#parts.timers.now(), this.#notBeforeMs);
    for (const watch of this.#watches.values()) {
      if (topic !== undefined && watch.name !== topic) continue;
      if (!this.#current?.names.has(watch.name)) watch.hasten(earliestMs);
    }
    this.#schedule();
  }

  /**
   * Asks at once, or joins the round under way if that asks for the topic.
   *
   * @param topic A topic, null to ask for the brokers only.
   * @throws {ConnectionError} If no broker could be reached in that round.
   */
  ask(topic: string | null): Promise<Round> {
    if (this.#closedBy !== undefined) return Promise.reject(this.#closedBy.cause);
    const current = this.#current;
    if (current !== undefined && (topic === null || current.names.has(topic))) return current.promise;
    this.#next ??= openRound();
    if (topic !== null) this.#next.names.add(topic);
    this.#schedule();
    return this.#next.promise;
  }

  /**
   * Takes in a hint from a Produce answer; watchers are told before it returns.
   *
   * @param hint Who leads what.
   * @returns Whether it was news.
   */
  applyHint(hint: LeaderHint): boolean {
    const metadata = this.#metadata.withLeader(hint);
    if (metadata === null) return false;
    const before = this.#metadata;
    this.#metadata = metadata;
    if (metadata.brokers !== before.brokers) this.#parts.onBrokers();
    this.#tell([hint.topic], before);
    return true;
  }

  /** Forgets where the brokers are, until the next answer. Connections that are open stay open until then. */
  forgetBrokers(): void {
    this.#metadata = this.#metadata.withoutBrokers();
  }

  /**
   * Asks nothing more; whoever waits gets the cause.
   *
   * @param cause Why.
   */
  close(cause: unknown): void {
    this.#closedBy ??= { cause };
    if (this.#timer !== undefined) this.#parts.timers.clear(this.#timer);
    this.#timer = undefined;
    this.#watches.clear();
    this.#next?.reject(cause);
    this.#current?.reject(cause);
    this.#endFirstRound();
  }

  /** Starts a round or sets the timer to when one is due. */
  #schedule(): void {
    if (this.#closedBy !== undefined || this.#current !== undefined || this.#isStarting) return;
    const { timers } = this.#parts;
    if (this.#timer !== undefined) timers.clear(this.#timer);
    this.#timer = undefined;
    let dueMs = this.#next === undefined ? Infinity : -Infinity;
    for (const watch of this.#watches.values()) dueMs = Math.min(dueMs, watch.dueMs);
    if (dueMs === Infinity) return;
    const waitMs = dueMs - timers.now();
    if (waitMs > 0) {
      this.#timer = timers.set(() => this.#run(), waitMs);
      return;
    }
    // Not before the task's end: what is asked for in one go goes into one question.
    this.#isStarting = true;
    queueMicrotask(() => {
      this.#isStarting = false;
      this.#run();
    });
  }

  /** Never rejects: a failed round is told to those who wait for it. */
  async #run(): Promise<void> {
    this.#timer = undefined;
    if (this.#closedBy !== undefined || this.#current !== undefined) return;
    const round = this.#next ?? openRound();
    this.#next = undefined;
    const nowMs = this.#parts.timers.now();
    for (const watch of this.#watches.values()) {
      if (!watch.isFinal || watch.dueMs <= nowMs) round.names.add(watch.name);
    }
    this.#current = round;
    let answer: MetadataAnswer | ConnectionError;
    try {
      answer = await this.#parts.source.fetch([...round.names], { avoid: this.#avoid });
    } catch (error) {
      answer = asConnectionError(error);
    }
    this.#current = undefined;
    if (this.#closedBy !== undefined) return;
    if (answer instanceof ConnectionError) this.#failed(round, answer);
    else this.#succeeded(round, answer);
    this.#endFirstRound();
    this.#schedule();
  }

  #succeeded(round: OpenRound, { response, from }: MetadataAnswer): void {
    const before = this.#metadata;
    this.#isReachable = true;
    this.#metadata = before.merge(response, { from, isWanted: (topic) => this.#watches.has(topic) });
    this.#parts.onBrokers();
    const answers = answersByName(response, round.names);
    this.#avoid = undefined;
    const refused: { watch: TopicWatch; error: BrokerError }[] = [];
    for (const [name, answer] of answers) {
      const watch = this.#watches.get(name);
      if (answer.errorCode === UNKNOWN_TOPIC_OR_PARTITION) this.#avoid = from;
      if (watch === undefined) continue;
      const nowMs = this.#parts.timers.now();
      if (answer.errorCode === 0) {
        watch.succeeded(this.#metadata.topics.get(name)!, nowMs);
        continue;
      }
      const error = topicError(name, answer.errorCode);
      watch.refused(error, nowMs);
      if (watch.isFinal) this.#metadata = this.#metadata.without(name);
      refused.push({ watch, error });
    }
    this.#throttle(this.#isNews(before));
    round.resolve({ topics: answers, metadata: this.#metadata });
    this.#tell(answers.keys(), before);
    for (const { watch, error } of refused) {
      for (const watcher of [...watch.watchers]) watcher.onTopicError(error, { final: watch.isFinal });
    }
  }

  #failed(round: OpenRound, error: ConnectionError): void {
    this.#isReachable = false;
    this.#throttle(false);
    round.reject(error);
    for (const name of round.names) {
      const watch = this.#watches.get(name);
      watch?.unreachable(error, this.#parts.timers.now());
      for (const watcher of [...watch?.watchers ?? []]) watcher.onTopicError(error, { final: watch!.isFinal });
    }
  }

  #isNews(before: ClusterMetadata): boolean {
    const { brokers, topics } = this.#metadata;
    return brokers.size !== before.brokers.size || topics.size !== before.topics.size ||
      [...brokers].some(([id, broker]) => before.brokers.get(id) !== broker) ||
      [...topics].some(([name, topic]) => before.topics.get(name) !== topic);
  }

  /** After a round without news the next one has to wait, unless somebody asks for an answer of its own. */
  #throttle(isNews: boolean): void {
    this.#idleRounds = isNews ? 0 : this.#idleRounds + 1;
    if (isNews) return;
    const random = this.#options.random ?? Math.random;
    const waitMs = backoffMs(reconnectBackoff(this.#options), this.#idleRounds - 1, random);
    this.#notBeforeMs = this.#parts.timers.now() + waitMs;
  }

  #hasNewBroker(snapshot: TopicSnapshot, before: ClusterMetadata): boolean {
    const { brokers } = this.#metadata;
    if (brokers === before.brokers) return false;
    return snapshot.partitions.some(({ leader }) =>
      leader !== null && brokers.has(leader) && !before.brokers.has(leader)
    );
  }

  /** Tells the watchers of those topics that are not what they were, or have a leader that can be reached only now. */
  #tell(names: Iterable<string>, before: ClusterMetadata): void {
    for (const name of names) {
      const snapshot: TopicSnapshot | undefined = this.#metadata.topics.get(name);
      const known = before.topics.get(name);
      if (snapshot === undefined || (snapshot === known && !this.#hasNewBroker(snapshot, before))) continue;
      if (known !== undefined) {
        const detail = { topic: name, partitions: snapshot.partitions.length, brokers: this.#metadata.brokers.size };
        this.#options.emit("metadatachanged", detail);
      }
      for (const watcher of [...this.#watches.get(name)?.watchers ?? []]) watcher.onTopic(snapshot);
    }
  }
}

const UNKNOWN_TOPIC_OR_PARTITION = 3;

/**
 * The error of a topic as a whole.
 *
 * @param topic Its name.
 * @param code The code it was answered with.
 */
export function topicError(topic: string, code: number): BrokerError {
  return new BrokerError(`fetch metadata of topic ${JSON.stringify(topic)}`, errorCode(code));
}

function openRound(): OpenRound {
  const round = { ...Promise.withResolvers<Round>(), names: new Set<string>() };
  round.promise.catch(() => {}); // Mostly nobody waits: watchers are told by the round itself.
  return round;
}

/** A topic that was asked for and is absent from the answer is as unknown as one that is said to be. */
function answersByName(response: ResponseOf<"Metadata">, names: Iterable<string>): Map<string, TopicAnswer> {
  const told = new Map(response.topics.map((topic) => [topic.name, topic]));
  const answers = new Map<string, TopicAnswer>();
  for (const name of names) answers.set(name, told.get(name) ?? unknownTopic(name));
  return answers;
}

function unknownTopic(name: string): TopicAnswer {
  return {
    errorCode: UNKNOWN_TOPIC_OR_PARTITION,
    name,
    topicId: "AAAAAAAAAAAAAAAAAAAAAA",
    isInternal: false,
    partitions: [],
    topicAuthorizedOperations: -2_147_483_648,
  };
}

function asConnectionError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ConnectionError(`Cannot fetch metadata: ${message}`, { address: "", cause: error });
}
