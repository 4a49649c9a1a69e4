/**
 * One Produce request: the batches of several partitions, and whose each answer is.
 *
 * @module
 */

import type { RequestInput, ResponseOf } from "../../protocol/apis.ts";
import type { FlushDetail } from "../events.ts";
import { type Acks, ACKS_ON_WIRE } from "../options.ts";
import type { Lane } from "./lane.ts";
import type { AppendAnswer, InFlightBatch } from "./sent_window.ts";

/** A batch in a request, and its lane. */
export interface RequestEntry {
  /** Whose batch. */
  readonly lane: Lane;
  /** The batch. */
  readonly sent: InFlightBatch;
  /** Its records in the form that the broker takes, where that is not the batch itself: see `old_broker.ts`. */
  readonly records?: Uint8Array;
}

/** What a broker said of one entry; null when its answer leaves the partition out. */
export interface EntryAnswer {
  /** The entry. */
  readonly entry: RequestEntry;
  /** The answer. */
  readonly answer: AppendAnswer & { readonly currentLeader?: { leaderId: number; leaderEpoch: number } } | null;
}

/** Newest version with topic names; later ones use ids (KIP-516). */
const LAST_VERSION_WITH_NAMES = 12;

const NO_CALLERS: readonly unknown[] = [];

/** Batches of equal acks for one broker, at most one a partition. */
export class ProduceRequest {
  /** The entries. */
  readonly entries: readonly RequestEntry[];
  /** Each entry as it was sent, for events. */
  readonly details: FlushDetail[] = [];
  readonly #acks: Acks;

  /**
   * @param entries Batches and their lanes.
   * @param acks What all of them ask for.
   */
  constructor(entries: readonly RequestEntry[], acks: Acks) {
    this.entries = entries;
    this.#acks = acks;
  }

  /** Notes that an entry is sent at `nowMs`; what it is, for events. */
  sent({ lane, sent: { batch }, records }: RequestEntry, broker: number, nowMs: number): FlushDetail {
    const detail = {
      topic: lane.topic,
      partition: lane.partition,
      lane: lane.index,
      broker,
      records: batch.wireCount,
      bytes: records?.length ?? batch.outgoing.byteLength,
      attempt: batch.attempts,
      queuedMs: nowMs - batch.openedMs,
      callers: batch.callers ?? NO_CALLERS,
    };
    this.details.push(detail);
    return detail;
  }

  /** Whether the broker sends an answer. */
  get isAnswered(): boolean {
    return this.#acks !== 0;
  }

  /** The version to use where the connection could use up to `agreed`: topic ids need an id for every topic. */
  version(agreed: number): number {
    if (agreed <= LAST_VERSION_WITH_NAMES) return agreed;
    return this.entries.every(({ lane }) => lane.topicId !== null) ? agreed : LAST_VERSION_WITH_NAMES;
  }

  /** The body of the request. */
  body(timeoutMs: number): RequestInput<"Produce"> {
    const byTopic = Map.groupBy(this.entries, ({ lane }) => lane.topic);
    const topicData = [...byTopic].map(([name, entries]) => ({
      name,
      topicId: entries[0]!.lane.topicId ?? undefined,
      partitionData: entries.map(({ lane, sent, records }) => {
        return { index: lane.partition, records: records ?? sent.batch.outgoing.bytes };
      }),
    }));
    return { transactionalId: null, acks: ACKS_ON_WIRE[this.#acks], timeoutMs, topicData } as RequestInput<"Produce">;
  }

  /** Pairs each entry with its answer. */
  pair(response: ResponseOf<"Produce">, version: number): EntryAnswer[] {
    const byKey = new Map<string, AppendAnswer>();
    for (const topic of response.responses) {
      const key = version > LAST_VERSION_WITH_NAMES ? topic.topicId : topic.name;
      for (const answer of topic.partitionResponses) byKey.set(`${answer.index}/${key}`, answer);
    }
    return this.entries.map((entry) => {
      const key = version > LAST_VERSION_WITH_NAMES ? entry.lane.topicId : entry.lane.topic;
      return { entry, answer: byKey.get(`${entry.lane.partition}/${key}`) ?? null };
    });
  }
}
