/**
 * What is waited for by many for the same time at most: whoever came first is late first.
 *
 * @module
 */

/** A place in a line: its own links, so that coming and going, once for every request, allocates nothing. */
export interface Waiting {
  /** When it is late. */
  deadlineMs: number;
  /** Who stands before it; the line's own. */
  previous: Waiting | null;
  /** Who stands behind it; the line's own. */
  next: Waiting | null;
  /** Called when it is late, and stands in the line no more. */
  expired(): void;
}

/** See the module comment. */
export class DeadlineLine {
  #first: Waiting | null = null;
  #last: Waiting | null = null;

  /** Puts one at its end. Its deadline is not before that of any other. */
  add(waiting: Waiting): void {
    waiting.previous = this.#last;
    if (this.#last === null) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
  }

  /** Takes one out that stands in it. */
  remove(waiting: Waiting): void {
    const { previous, next } = waiting;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    waiting.previous = waiting.next = null;
  }

  /** Takes out all that are late by `nowMs`. */
  expire(nowMs: number): void {
    for (let first = this.#first; first !== null && first.deadlineMs <= nowMs; first = this.#first) {
      this.remove(first);
      first.expired();
    }
  }
}
