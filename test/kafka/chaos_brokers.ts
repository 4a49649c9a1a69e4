/**
 * What happens to the brokers during the chaos run, one step after another.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Random } from "../protocol/random_messages.ts";
import type { Kafka } from "./harness.ts";

/** One kind of step. */
export type BrokerStep = "kill" | "killTwo" | "blackout" | "freeze" | "roll" | "move" | "grow";

/** What was done, counted. */
export interface BrokerCounts {
  kills: number;
  freezes: number;
  restartsInOrder: number;
  leadersMoved: number;
  /** Moves that Kafka refused: a replica was not in sync, a broker not up. */
  movesRefused: number;
  partitionsAdded: number;
}

/** What the steps need. */
export interface BrokerChaosOptions {
  kafka: Kafka;
  topic: string;
  /** Partitions of the topic at the beginning. */
  partitionCount: number;
  random: Random;
  /** Told of each step. */
  log: (line: string) => void;
}

/** How long all brokers stay down. */
const BLACKOUT_MS = 30_000;
/** Shorter and longer than the 6 s after which a broker counts as dead. */
const LONGEST_DOWN_MS = 8_000;
const MOST_ATTEMPTS = 6;

/** Kills, freezes, restarts and moves. */
export class BrokerChaos {
  readonly counts: BrokerCounts = {
    ...{ kills: 0, freezes: 0, restartsInOrder: 0, leadersMoved: 0, movesRefused: 0, partitionsAdded: 0 },
  };
  readonly #options: BrokerChaosOptions;
  readonly #steps: Record<BrokerStep, () => Promise<void>> = {
    kill: () => this.#kill(1),
    killTwo: () => this.#kill(2),
    blackout: () => this.#blackout(),
    freeze: () => this.#freeze(),
    roll: () => this.#roll(),
    move: () => this.#move(),
    grow: () => this.#grow(),
  };
  /** How many partitions the topic had, in the course of time. */
  readonly partitionCounts: number[];

  constructor(options: BrokerChaosOptions) {
    this.#options = options;
    this.partitionCounts = [options.partitionCount];
  }

  /** Does one step; resolves when all brokers run again. */
  async step(name: BrokerStep): Promise<void> {
    await this.#steps[name]();
    await delay(this.#options.random.below(2_000));
  }

  async #kill(count: number): Promise<void> {
    const { kafka, random, log } = this.#options;
    const ids = this.#shuffled().slice(0, count);
    const downMs = 500 + random.below(LONGEST_DOWN_MS);
    log(`kill ${ids.join(" and ")}, back after ${downMs} ms`);
    await Promise.all(ids.map((id) => kafka.kill(id)));
    this.counts.kills += count;
    await delay(downMs);
    await Promise.all(ids.map((id) => kafka.restart(id)));
  }

  async #blackout(): Promise<void> {
    const { kafka, log } = this.#options;
    const ids = this.#shuffled();
    log(`kill all for ${BLACKOUT_MS} ms`);
    await Promise.all(ids.map((id) => kafka.kill(id)));
    this.counts.kills += ids.length;
    await delay(BLACKOUT_MS);
    await Promise.all(ids.map((id) => kafka.restart(id)));
    await kafka.awaitInSync(this.#options.topic);
    log("all are back");
  }

  async #freeze(): Promise<void> {
    const { kafka, random, log } = this.#options;
    const id = this.#anyId();
    const frozenMs = 500 + random.below(LONGEST_DOWN_MS);
    log(`freeze ${id} for ${frozenMs} ms`);
    kafka.stop(id);
    this.counts.freezes++;
    await delay(frozenMs);
    kafka.cont(id);
  }

  async #roll(): Promise<void> {
    const { kafka, topic, log } = this.#options;
    for (const id of this.#shuffled()) {
      await kafka.awaitInSync(topic);
      log(`restart ${id} in order`);
      await kafka.shutDown(id);
      await kafka.restart(id);
      this.counts.restartsInOrder++;
    }
  }

  async #move(): Promise<void> {
    const { kafka, topic, random, log } = this.#options;
    const id = this.#anyId();
    const partitions = Array.from({ length: this.partitionCounts.at(-1)! }, (_, i) => i).filter(() =>
      random.below(2) === 0
    );
    if (partitions.length === 0) partitions.push(0);
    log(`move ${partitions.length} leaders to ${id}`);
    try {
      await kafka.moveLeaders(topic, id, partitions);
      this.counts.leadersMoved += partitions.length;
    } catch (error) {
      this.counts.movesRefused++;
      log(`refused: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #grow(): Promise<void> {
    const { kafka, topic, random, log } = this.#options;
    const added = 1 + random.below(3);
    const count = this.partitionCounts.at(-1)! + added;
    log(`add ${added} partitions`);
    await this.#insist(() => kafka.addPartitions(topic, count));
    this.partitionCounts.push(count);
    this.counts.partitionsAdded += added;
  }

  /** Tries again until it is done: the brokers may have no controller at the moment. */
  async #insist(change: () => Promise<void>): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return await change();
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        if (text.includes("already has")) return; // An earlier attempt of which nothing was heard.
        if (attempt === MOST_ATTEMPTS) throw error;
        this.#options.log(`again: ${text}`);
      }
    }
  }

  #anyId(): number {
    return this.#options.random.pick(this.#options.kafka.brokers).id;
  }

  #shuffled(): number[] {
    return shuffled(this.#options.kafka.brokers.map(({ id }) => id), this.#options.random);
  }
}

/** The same values in another order. */
export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const rest = [...values];
  return values.map(() => rest.splice(random.below(rest.length), 1)[0]!);
}
