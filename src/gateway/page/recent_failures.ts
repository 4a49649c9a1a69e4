/**
 * The last things that went wrong, for the page.
 *
 * @module
 */

/** Something that went wrong. */
export interface RecentFailure {
  /** Number of its last time among all failures. */
  readonly id: number;
  /** When it was the last time, in milliseconds since 1970. */
  readonly at: number;
  /** How many times it was. */
  readonly count: number;
  /** Where: a status of HTTP, or the name of a producer's event. */
  readonly source: string;
  /** Topic, null where there is none. */
  readonly topic: string | null;
  /** What. */
  readonly text: string;
}

/** How many are kept. */
export const MAX_FAILURES = 20;
/** Longer texts are cut. */
export const MAX_FAILURE_TEXT = 300;

/** See the module comment. */
export class RecentFailures {
  readonly #wallMs: () => number;
  #kept: RecentFailure[] = [];
  #lastId = 0;

  /** @param wallMs Tells the time. */
  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** Those that are kept, the last one first. */
  get list(): readonly RecentFailure[] {
    return this.#kept;
  }

  /** Keeps one, and forgets the oldest; the same again is counted, so that it does not drive out the others. */
  note(source: string, topic: string | null, text: string): void {
    const cut = text.length > MAX_FAILURE_TEXT ? `${text.slice(0, MAX_FAILURE_TEXT - 1)}…` : text;
    const known = this.#kept.find((one) => one.source === source && one.topic === topic && one.text === cut);
    const count = (known?.count ?? 0) + 1;
    const others = this.#kept.filter((one) => one !== known).slice(0, MAX_FAILURES - 1);
    this.#kept = [{ id: ++this.#lastId, at: this.#wallMs(), source, topic, text: cut, count }, ...others];
  }
}
