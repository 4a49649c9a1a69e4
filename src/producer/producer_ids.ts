/**
 * Producer ids: one for each lane number, fetched when first needed, its epoch raised locally.
 *
 * @module
 */

import type { Cluster } from "../cluster/cluster.ts";
import type { ProducerIdentity } from "./sequence.ts";

/** Epochs are 16-bit; past the last one a new id is fetched. */
const LAST_EPOCH = 32767;

/** Who waits for an identity. */
export interface IdentityListener {
  /** An identity is there, or it turned out that there is none: ask again. */
  identityChanged(): void;
  /** No identity can be had now. */
  identityFailed(error: unknown): void;
}

/** The identity shared by the lanes of one number. */
export class ProducerIds {
  readonly #cluster: Pick<Cluster, "initProducerId">;
  #current: ProducerIdentity | null = null;
  #isUnsupported = false;
  #isFetching = false;
  #listeners = new Set<IdentityListener>();

  /** @param cluster Where ids come from. */
  constructor(cluster: Pick<Cluster, "initProducerId">) {
    this.#cluster = cluster;
  }

  /** The newest identity, null before the first. */
  get current(): ProducerIdentity | null {
    return this.#current;
  }

  /** Whether the brokers know no producer ids (before Kafka 0.11). */
  get isUnsupported(): boolean {
    return this.#isUnsupported;
  }

  /** Fetches an identity unless one is there or under way; `listener` is told once how it ended. */
  request(listener: IdentityListener): void {
    this.#listeners.add(listener);
    if (!this.#isFetching) this.#fetch();
  }

  /**
   * The identity to use after `old`: one that another lane got meanwhile, or the next epoch, without asking a broker
   * (KIP-360 allows an idempotent producer to raise its own). Null when a new id must be fetched: `listener` is told.
   */
  renew(old: ProducerIdentity, needsNewId: boolean, listener: IdentityListener): ProducerIdentity | null {
    const current = this.#current!;
    const isNewer = current.producerId !== old.producerId || current.producerEpoch > old.producerEpoch;
    if (isNewer && !(needsNewId && current.producerId === old.producerId)) return current;
    if (!needsNewId && old.producerEpoch < LAST_EPOCH) {
      this.#current = { producerId: old.producerId, producerEpoch: old.producerEpoch + 1 };
      return this.#current;
    }
    this.request(listener);
    return null;
  }

  async #fetch(): Promise<void> {
    this.#isFetching = true;
    try {
      const identity = await this.#cluster.initProducerId();
      this.#isFetching = false;
      if (identity === null) this.#isUnsupported = true;
      else this.#current = identity;
      for (const listener of this.#takeListeners()) listener.identityChanged();
    } catch (error) {
      this.#isFetching = false;
      for (const listener of this.#takeListeners()) listener.identityFailed(error);
    }
  }

  #takeListeners(): Set<IdentityListener> {
    const listeners = this.#listeners;
    this.#listeners = new Set();
    return listeners;
  }
}
