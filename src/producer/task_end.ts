/**
 * The end of the present task: when what one task appended to a lane is handed on in one piece.
 *
 * @module
 */

/** Who has something to do when the task ends. */
export interface TaskEndListener {
  /** Called once at the end of the task. */
  taskEnded(): void;
}

/**
 * Calls those who asked once the present task and its microtasks are done.
 *
 * A `WritableStream` hands its sink one chunk a microtask, so a microtask would see one record at a time; a timer would
 * come a millisecond or more late.
 */
export class TaskEnd {
  #listeners: TaskEndListener[] = [];

  /** Asks to be called once. The caller sees to it that it asks once a task. */
  ask(listener: TaskEndListener): void {
    if (this.#listeners.push(listener) === 1) setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener.taskEnded();
  };
}
