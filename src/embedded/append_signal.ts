/**
 * Tells those who wait for records that some came.
 *
 * @module
 */

import type { PartitionLog } from "./partition_log.ts";

/** Listeners to every append of a cluster. Nobody has to poll a log. */
export class AppendSignal {
  readonly #listeners = new Set<(log: PartitionLog) => void>();

  /** Calls `listener` after each append, until what is returned is called. */
  subscribe(listener: (log: PartitionLog) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells every listener. */
  notify(log: PartitionLog): void {
    for (const listener of this.#listeners) listener(log);
  }
}
