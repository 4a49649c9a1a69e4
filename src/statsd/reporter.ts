/**
 * A producer's events and figures under the names that ekaf's demo gave them.
 *
 * @module
 */

import type { FlushDetail, LaneDetail } from "../events.ts";
import type { MeasuredProducer, TopicStats } from "../stats.ts";
import type { Pending } from "./pending.ts";

/** Listens to a producer, and reads it at the end of an interval. */
export class Reporter {
  readonly #producer: MeasuredProducer;
  readonly #pending: Pending;
  readonly #isEnabled: (topic: string) => boolean;
  readonly #listening = new AbortController();
  /** Batches under way, by the name of their lane; none with 0. */
  readonly #underWay = new Map<string, number>();
  /** How long it took to connect last, by broker. */
  readonly #connectMs = new Map<number, number>();

  /**
   * Begins to listen.
   *
   * @param producer Whose events.
   * @param pending Where values go.
   * @param isEnabled Whether a topic is reported.
   */
  constructor(producer: MeasuredProducer, pending: Pending, isEnabled: (topic: string) => boolean) {
    this.#producer = producer;
    this.#pending = pending;
    this.#isEnabled = isEnabled;
    this.#listenToBatches();
    this.#listenToLanes();
    this.#listenToDowntimes();
  }

  /** Listens no more. */
  close(): void {
    this.#listening.abort();
  }

  /** Notes what is at hand just now. */
  read(): void {
    let [workers, up, dead] = [0, 0, 0];
    for (const topic of this.#producer.stats().topics) {
      if (!this.#isEnabled(topic.topic)) continue;
      this.#readTopic(topic);
      workers += topic.lanes.length;
      for (const { state } of topic.lanes) {
        if (state === "up") up++;
        if (state === "down") dead++;
      }
    }
    this.#pending.gauge("ekaf_sup/workers", workers);
    this.#pending.gauge("ekaf_sup/children", up);
    this.#pending.gauge("ekaf_sup/workers.dead", dead);
  }

  #readTopic({ topic, lanes, bufferedRecords, batchMaxRecords }: TopicStats): void {
    const sizes = new Map<number, number>();
    let inLanes = 0;
    for (const { partition, bufferedRecords } of lanes) {
      inLanes += bufferedRecords;
      sizes.set(partition, (sizes.get(partition) ?? 0) + bufferedRecords);
    }
    this.#pending.gauge(`ekaf_sup/${topic}.message_queue`, bufferedRecords - inLanes);
    for (const [partition, size] of sizes) {
      this.#pending.gauge(`${topic}.${partition}.buffer.size`, size);
      this.#pending.gauge(`${topic}.${partition}.buffer.max`, batchMaxRecords);
    }
  }

  #listenToBatches(): void {
    const { signal } = this.#listening;
    this.#producer.addEventListener("flush", ({ detail }) => {
      if (!this.#isEnabled(detail.topic)) return;
      const { partition, records, attempt } = detail;
      const name = laneName(detail, "flush");
      this.#underWay.set(name, (this.#underWay.get(name) ?? 0) + 1);
      this.#pending.gauge(name, records);
      if (attempt === 1) this.#pending.count(`partition.${partition}.sent`, records);
      this.#pending.gauge(`partition.${partition}.batch.size`, records);
    }, { signal });
    this.#producer.addEventListener("flushreplied", ({ detail }) => {
      if (!this.#isEnabled(detail.topic)) return;
      const name = laneName(detail, "flush");
      // A batch that was sent before anybody listened is not among them.
      const underWay = Math.max(0, (this.#underWay.get(name) ?? 0) - 1);
      if (underWay > 0) this.#underWay.set(name, underWay);
      else this.#underWay.delete(name);
      this.#pending.gauge(`${laneName(detail, "flushed_replied")}.diff`, underWay);
    }, { signal });
  }

  #listenToLanes(): void {
    const { signal } = this.#listening;
    this.#producer.addEventListener("timetoconnect", ({ detail: { broker, ms } }) => {
      if (broker !== null) this.#connectMs.set(broker, ms);
    }, { signal });
    this.#producer.addEventListener("laneup", ({ detail }) => {
      if (!this.#isEnabled(detail.topic)) return;
      this.#pending.count(laneName(detail, "worker_up"));
      const ms = this.#connectMs.get(detail.broker!);
      if (ms !== undefined) this.#pending.gauge(laneName(detail, "time_to_connect"), Math.ceil(ms));
    }, { signal });
    this.#producer.addEventListener("lanedown", ({ detail }) => {
      if (this.#isEnabled(detail.topic)) this.#pending.count(laneName(detail, "worker_down"));
    }, { signal });
    this.#producer.addEventListener("lanestilldown", ({ detail: { topic } }) => {
      if (this.#isEnabled(topic)) this.#pending.count(topicName(topic, "worker_still_down"));
    }, { signal });
  }

  #listenToDowntimes(): void {
    const { signal } = this.#listening;
    const counted = {
      downtimesaved: "downtime_saved",
      downtimereplayed: "downtime_replayed",
      downtimefull: "max_downtime_buffer_reached",
    } as const;
    for (const type of ["downtimesaved", "downtimereplayed", "downtimefull"] as const) {
      this.#producer.addEventListener(type, ({ detail: { topic } }) => {
        if (this.#isEnabled(topic)) this.#pending.count(topicName(topic, counted[type]));
      }, { signal });
    }
    this.#producer.addEventListener("timedown", ({ detail: { topic, ms } }) => {
      if (this.#isEnabled(topic)) this.#pending.gauge(topicName(topic, "time_down"), Math.ceil(ms));
    }, { signal });
    this.#producer.addEventListener("bootstrapunreachable", () => {
      for (const { topic } of this.#producer.stats().topics) {
        if (this.#isEnabled(topic)) this.#pending.count(`${topic}.mainbroker_unreachable`);
      }
    }, { signal });
  }
}

/** Name of an event of a lane: ekaf's workers. */
function laneName({ topic, broker, partition }: FlushDetail | LaneDetail, event: string): string {
  return `${topicName(topic, event)}.broker${broker}.${partition}`;
}

/** Name of an event of a topic: ekaf's topic servers. */
function topicName(topic: string, event: string): string {
  return `${topic}.ekaf_callback_${event}`;
}
