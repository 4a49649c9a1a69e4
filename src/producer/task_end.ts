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

/** Bytes of records after which a task has accepted much. */
const TASK_BYTES = 1024 * 1024;

/**
 * Calls those who asked once the present task and its microtasks are done.
 *
 * A `WritableStream` hands its sink one chunk a microtask, so a microtask would see one record at a time; a timer would
 * come a millisecond or more late.
 */
export class TaskEnd {
  #listeners: TaskEndListener[] = [];
  #acceptedBytes = 0;
  #pause: PromiseWithResolvers<void> | null = null;

  /** Asks to be called once. The caller sees to it that it asks once a task. */
  ask(listener: TaskEndListener): void {
    if (this.#listeners.push(listener) === 1) setImmediate(this.#run);
  }

  /** Notes bytes of records that this task has accepted. */
  noteAccepted(bytes: number): void {
    this.#acceptedBytes += bytes;
  }

  /**
   * What a caller that writes on and on should wait for: the end of the task when it has accepted much, else undefined.
   *
   * Sockets are written between tasks only. A loop of writes none of which has to wait is one task, however long: it
   * would fill the whole budget before its first byte went out, and then wait for all of it.
   */
  pause(): Promise<void> | undefined {
    if (this.#acceptedBytes < TASK_BYTES) return undefined;
    if (this.#pause === null) {
      this.#pause = Promise.withResolvers<void>();
      // Nobody asks to be called for records that wait for their partitions.
      if (this.#listeners.length === 0) setImmediate(this.#run);
    }
    return this.#pause.promise;
  }

  readonly #run = (): void => {
    const listeners = this.#listeners;
    const pause = this.#pause;
    this.#listeners = [];
    this.#pause = null;
    this.#acceptedBytes = 0;
    for (const listener of listeners) listener.taskEnded();
    pause?.resolve();
  };
}
