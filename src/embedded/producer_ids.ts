/**
 * Where producer ids come from.
 *
 * @module
 */

/** Gives out producer ids, from 0 like a new Kafka cluster. */
export class ProducerIds {
  #next = 0n;

  /** An id that nobody has. */
  next(): bigint {
    return this.#next++;
  }
}
