/**
 * The lanes of a topic by partition, and its waiting room; follows the topic's metadata.
 *
 * @module
 */

import type { Cluster } from "../cluster/cluster.ts";
import type { PartitionSnapshot, TopicSnapshot } from "../cluster/metadata.ts";
import type { TopicWatcher } from "../cluster/topic_watch.ts";
import { type BrokerError, ConnectionError, DeliveryError } from "../errors.ts";
import type { ResolvedTopicOptions } from "../options.ts";
import type { LaneInfo } from "../record.ts";
import type { TopicStats } from "../stats.ts";
import type { Batch } from "./batch.ts";
import { Expiry, textOf } from "./expiry.ts";
import { Downtime } from "./downtime.ts";
import { failureOf, failuresOf } from "./failed_records.ts";
import type { Lane } from "./lane.ts";
import type { LaneContext, ProducerContext, TopicTotals } from "./lane_context.ts";
import type { Outbox } from "./outbox.ts";
import { TopicOverflow } from "./overflow.ts";
import { laneOfKey, NO_LEADER, PartitionLanes } from "./partition_lanes.ts";
import type { TaskEndListener } from "./task_end.ts";
import type { TopicView } from "../partitioner.ts";
import { RECORD_FRAMING_BYTES } from "./record_encoder.ts";
import { type RoutableRecord, Routing } from "./routing.ts";
import type { Span } from "./span.ts";
import { type WaitingRecord, WaitingRoom } from "./waiting_room.ts";

/** What a topic needs of its producer. */
export interface TopicContext extends ProducerContext {
  /** Connections and metadata. */
  readonly cluster: Cluster;
  /** The outbox of a broker and lane number. */
  outbox(broker: number, lane: number): Outbox;
}

/** Records that leave the waiting room at a time. */
const MOST_MOVED_RECORDS = 10_000;
/** Room below which a lane counts as full for partitioners. */
const LEAST_ROOM_BYTES = 1024;

/** See the module comment. */
export class TopicLanes implements TopicWatcher, TopicView, TaskEndListener {
  /** Name of the topic. */
  readonly topic: string;
  /** Records without known partitions; null once they are known. */
  room: WaitingRoom | null;
  /** Ids of the partitions, ascending; empty until known. */
  partitions: readonly number[] = [];
  /** Id of the topic, null when brokers give none. */
  topicId: string | null = null;
  /** Why new records fail at once, null while they do not. */
  quarantine: BrokerError | ConnectionError | null = null;
  /** Why the last round brought no metadata, undefined when it did. */
  lastError: BrokerError | ConnectionError | undefined = undefined;
  /** Its downtimes. */
  readonly downtime: Downtime;
  /** What happens when there is no room. */
  readonly overflow: TopicOverflow;
  readonly #context: TopicContext;
  readonly #options: () => ResolvedTopicOptions;
  readonly #routing: Routing;
  readonly #laneContext: LaneContext;
  /** By partition. */
  readonly #lanes = new Map<number, PartitionLanes>();
  /** The partitions as last told, by id; null before. */
  #found: ReadonlyMap<number, PartitionSnapshot> | null = null;
  /** What was asked for last: the next record likely goes there as well. */
  #last: PartitionLanes | null = null;
  readonly #totals: TopicTotals = { delivered: 0, failed: 0, retries: 0 };
  #isWatching = false;
  /** Whether records are leaving the waiting room, and more are to follow at the end of the task. */
  #isEmptying = false;
  /** Those who wait for the first word about the topic, good or bad. */
  #knownListeners: (() => void)[] = [];

  /**
   * @param context What the producer's topics share.
   * @param topic Name of the topic.
   * @param options The topic's options as they are now.
   */
  constructor(context: TopicContext, topic: string, options: () => ResolvedTopicOptions) {
    this.#context = context;
    this.topic = topic;
    this.#options = options;
    this.#routing = new Routing(this, (error) => {
      context.warn("partitioner", `The partitioner of ${JSON.stringify(topic)} threw: ${textOf(error)}`, error);
    });
    this.downtime = new Downtime(context, this);
    const { budget, budgetGiven } = context;
    this.overflow = new TopicOverflow(this, { budget, downtime: this.downtime, options, budgetGiven });
    const topicId = () => this.topicId;
    const isDown = () => this.downtime.isDown;
    this.#laneContext = {
      ...context,
      topic,
      get topicId() {
        return topicId();
      },
      get isDown() {
        return isDown();
      },
      totals: this.#totals,
      options,
      budgetGiven: () => {
        this.overflow.reopen();
        budgetGiven();
      },
      noteLane: (change) => this.downtime.noteLane(change),
      refreshMetadata: () => context.cluster.refresh(topic),
      reportUnattended: (spans, partition, error) => this.#reportUnattended(spans, partition, error),
    };
    this.room = new WaitingRoom(this.#laneContext);
  }

  /** Begins to follow the topic's metadata, if it does not yet. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.downtime.used();
    this.#context.cluster.watch(this.topic, this);
    const known = this.#context.cluster.topic(this.topic);
    if (known !== undefined && this.#found === null) this.onTopic(known);
  }

  /** Ends {@linkcode watch}: nobody has use for the topic any more. */
  unwatch(): void {
    if (this.#isWatching) this.#context.cluster.unwatch(this.topic, this);
    this.#isWatching = false;
    this.#tellKnown();
  }

  /** Resolves at the first word about the topic: its partitions, or why they cannot be had now; or when it closes. */
  async firstWord(): Promise<void> {
    if (this.room === null || this.lastError !== undefined) return;
    await new Promise<void>((resolve) => this.#knownListeners.push(resolve));
  }

  /** The producer is closed: nothing comes any more, and nobody may wait for it. */
  async close(): Promise<void> {
    this.#tellKnown();
    for (const lanes of this.#lanes.values()) await lanes.close();
  }

  // Lanes

  /** Every lane that was used. */
  *lanes(): Generator<Lane, void, undefined> {
    for (const { lanes } of this.#lanes.values()) yield* lanes;
  }

  /** Whether any partition has lanes: how many they may be is settled then. */
  get hasLanes(): boolean {
    return this.#lanes.size > 0;
  }

  /** The lane of a record in its partition; the partition's lanes are made on first use. */
  laneOf(partition: number, key: Uint8Array | null, neededBytes: number): Lane {
    const last = this.#last;
    const lanes = last !== null && last.partition === partition ? last : this.#find(partition);
    return lanes.laneOf(key, neededBytes);
  }

  /** The number of that lane, without making any. */
  pick(partition: number, key: Uint8Array | null, neededBytes: number): number {
    const lanes = this.#lanes.get(partition);
    if (lanes !== undefined) return lanes.laneOf(key, neededBytes).index;
    return key === null ? 0 : laneOfKey(key, this.#options().lanesPerPartition.min);
  }

  /** Records that wait in a partition. */
  buffered(partition: number): number {
    let records = 0;
    for (const { settlement } of this.#lanes.get(partition)?.lanes ?? []) records += settlement.bufferedRecords;
    return records;
  }

  #find(partition: number): PartitionLanes {
    let lanes = this.#lanes.get(partition);
    if (lanes === undefined) {
      this.#lanes.set(partition, lanes = new PartitionLanes(this.#laneContext, partition));
      const found = this.#found?.get(partition);
      if (found !== undefined) this.#lead(lanes, found);
    }
    return this.#last = lanes;
  }

  /** Implements `TopicView`. */
  get name(): string {
    return this.topic;
  }

  /** Implements `TopicView`. */
  hasRoom(id: number): boolean {
    const last = this.#last;
    const lanes = last !== null && last.partition === id ? last : this.#lanes.get(id);
    if (lanes === undefined) return this.#found?.get(id)?.leader !== null;
    return lanes.isReachable && this.#context.budget.freeBytes(lanes.share) >= LEAST_ROOM_BYTES;
  }

  /** The partition of a record; an error when it is refused. */
  route(record: RoutableRecord): number | Error {
    return this.#routing.route(record, this.#options().partitioner);
  }

  /** Unsettled batches of the topic. */
  batches(): Batch[] {
    return [...(this.room?.batches() ?? []), ...[...this.lanes()].flatMap((lane) => lane.batches())];
  }

  /** The topic in figures. */
  stats(): TopicStats {
    const { records, bytes } = this.downtime.held();
    const { batchMaxRecords, partitionMaxBytes } = this.#options();
    return {
      topic: this.topic,
      isDown: this.downtime.isDown,
      bufferedRecords: records,
      bufferedBytes: bytes,
      batchMaxRecords,
      partitionMaxBytes,
      ...this.#totals,
      lanes: this.info(),
    };
  }

  /** What `info()` shows. */
  info(): LaneInfo[] {
    return [...this.#lanes.values()].sort((a, b) => a.partition - b.partition).flatMap((lanes) => lanes.info());
  }

  /** Implements `DowntimeHost` and `OverflowHost`. */
  *sources(): Generator<Lane | WaitingRoom, void, undefined> {
    if (this.room !== null) yield this.room;
    yield* this.lanes();
  }

  // TopicWatcher

  /** Implements `TopicWatcher`. */
  onTopic(snapshot: TopicSnapshot): void {
    const isRecreated = this.topicId !== null && snapshot.topicId !== null && snapshot.topicId !== this.topicId;
    this.#found = new Map(snapshot.partitions.map((found) => [found.partition, found]));
    this.topicId = snapshot.topicId;
    this.quarantine = null;
    this.lastError = undefined;
    const ids = snapshot.partitions.map(({ partition }) => partition);
    if (ids.length !== this.partitions.length || ids.some((id, i) => id !== this.partitions[i])) this.partitions = ids;
    for (const found of snapshot.partitions) {
      const lanes = this.#lanes.get(found.partition);
      if (lanes === undefined) continue;
      if (isRecreated) { for (const lane of lanes.lanes) lane.window.topicRecreated(); }
      this.#lead(lanes, found);
    }
    for (const lanes of this.#lanes.values()) if (!ids.includes(lanes.partition)) lanes.lead(NO_LEADER);
    if (!this.#isEmptying) this.taskEnded();
    if (this.#lanes.size === 0) this.downtime.ended(); // Nothing to send, so nothing to connect for.
  }

  /** Implements `TopicWatcher`. */
  onTopicError(error: BrokerError | ConnectionError, { final }: { final: boolean }): void {
    this.lastError = error;
    if (error instanceof ConnectionError) this.downtime.unreachable();
    if (this.room !== null) this.room.settlement.obstacle = error;
    if (final) {
      this.quarantine = error;
      this.room?.failAll(error);
      if (error instanceof ConnectionError) { for (const lane of this.lanes()) lane.failAll(error); }
      this.#context.budgetGiven();
      if (!(error instanceof ConnectionError)) this.downtime.ended(); // A broker answers; the topic is not there.
    }
    this.#tellKnown();
  }

  #lead(lanes: PartitionLanes, { leader, leaderEpoch }: PartitionSnapshot): void {
    const isKnown = leader !== null && this.#context.cluster.broker(leader) !== undefined;
    const outbox = isKnown ? (lane: number) => this.#context.outbox(leader, lane) : null;
    lanes.lead({ outbox, broker: isKnown ? leader : null, epoch: leaderEpoch });
  }

  #tellKnown(): void {
    for (const listener of this.#knownListeners.splice(0)) listener();
  }

  /**
   * Implements `TaskEndListener`: the partitions are known, so what waited goes to its lanes, in order, before anything
   * new, which waits as well until the room is empty. So many records at a time that the process can do something else
   * between: a million in one go would stop it for a second.
   */
  taskEnded(): void {
    const { room } = this;
    this.#isEmptying = false;
    if (room !== null && this.partitions.length > 0) {
      this.#isEmptying = this.#emptySome(room);
      if (this.#isEmptying) return this.#context.taskEnd.ask(this);
      this.room = null;
      this.#context.budget.dissolve(room.share);
    }
    this.#tellKnown();
  }

  /** Returns whether more wait. */
  #emptySome(room: WaitingRoom): boolean {
    const { isDue } = room;
    const touched = new Set<Lane>();
    const { isDropping } = this.overflow;
    this.downtime.moving();
    const isLeft = room.moveSome(MOST_MOVED_RECORDS, (record, to, from) => {
      const asked = routable(record);
      const partition = this.route(asked);
      if (typeof partition !== "number") {
        const error = this.refusal(partition);
        to.recipient.refused(
          to.inputIndex,
          error,
          () => failureOf(record, { topic: this.topic, partition: null }, error),
        );
        this.#context.settled(1);
        return;
      }
      const lane = this.laneOf(partition, record.key, asked.neededBytes);
      lane.append(record, to);
      if (isDropping) this.overflow.arrived(lane);
      touched.add(lane);
      to.recipient.placed?.(to.inputIndex, partition);
      const open = lane.openBatch!;
      for (const barrier of from.barriers) {
        if (open.barriers.includes(barrier)) continue;
        open.barriers.push(barrier);
        barrier.batchAdded();
      }
    });
    this.downtime.moved();
    for (const lane of touched) lane.appended(isDue ? 0 : Infinity);
    return isLeft;
  }

  /** The error of a record that was refused before it came into a batch. */
  refusal(cause: unknown): DeliveryError {
    // Time that is over explains nothing where no broker answered.
    const isObstructed = cause instanceof Expiry && this.lastError !== undefined;
    const reason = isObstructed ? this.lastError : cause;
    const text = isObstructed ? `${textOf(cause)}: ${textOf(reason)}` : textOf(cause);
    return new DeliveryError(`Cannot deliver to ${JSON.stringify(this.topic)}: ${text}`, {
      topic: this.topic,
      partition: null,
      attempts: 0,
      verdict: "notPersisted",
      cause: reason,
    });
  }

  #reportUnattended(spans: readonly Span[], partition: number | null, error: DeliveryError): void {
    const at = { topic: this.topic, partition };
    const count = spans.reduce((sum, span) => sum + span.count, 0);
    // Copied now: the batch's buffer is another's by the time somebody looks.
    const failures = spans.map((span) => failuresOf(span, at, error));
    this.#context.emit("deliveryfailed", {
      topic: this.topic,
      partition,
      count,
      error,
      failures: () => failures.flat(),
    });
    for (const span of spans) span.recipient.failed(span, partition, error);
  }
}

function routable({ key, partition, value, headers }: WaitingRecord): RoutableRecord & { neededBytes: number } {
  const payloadBytes = (key?.length ?? 0) + (value?.length ?? 0);
  return { key, partition, payloadBytes, neededBytes: payloadBytes + headers.length + RECORD_FRAMING_BYTES };
}
