/**
 * A map that forgets what was used least recently.
 *
 * @module
 */

/** See the module comment. */
export class RecentMap<K, V> {
  readonly #maxSize: number;
  /** Least recently used first. */
  readonly #entries = new Map<K, V>();

  /** @param maxSize Most entries. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** How many entries there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key, which is now the most recently used one. */
  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** Sets a value; what was used least recently makes room, and is returned. */
  set(key: K, value: V): V | undefined {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#maxSize) return undefined;
    const [oldest, forgotten] = this.#entries.entries().next().value!;
    this.#entries.delete(oldest);
    return forgotten;
  }

  /** Forgets a key. */
  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** All of it, least recently used first. */
  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries();
  }
}
