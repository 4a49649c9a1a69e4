/**
 * Threads of a test, which compress when they are told to.
 *
 * @module
 */

import { compress } from "../../protocol/compression.ts";

interface Job {
  codec: "gzip" | "zstd";
  level: number | undefined;
  bytes: Uint8Array;
}

/** Takes the place of the platform's workers until it is disposed of. */
export class HeldWorkers implements Disposable {
  /** Jobs that wait to be done. */
  readonly jobs: { job: Job; answer: (message: unknown) => void }[] = [];
  /** Whether new jobs are done at once. */
  #isOpen = false;
  readonly #platform = globalThis.Worker;

  constructor() {
    const hold = (job: Job, answer: (message: unknown) => void) => {
      this.jobs.push({ job, answer });
      if (this.#isOpen) this.open();
    };
    class HeldWorker {
      onmessage: (event: { data: unknown }) => void = () => {};
      #isEnded = false;
      constructor() {
        queueMicrotask(() => this.#tell({ ready: true }));
      }
      postMessage(job: Job): void {
        hold(job, (message) => this.#tell(message));
      }
      terminate(): void {
        this.#isEnded = true;
      }
      #tell(data: unknown): void {
        if (!this.#isEnded) this.onmessage({ data });
      }
    }
    globalThis.Worker = HeldWorker as unknown as typeof Worker;
  }

  /** Does what waits, and all that comes. */
  open(): void {
    this.#isOpen = true;
    for (const { job: { codec, level, bytes }, answer } of this.jobs.splice(0)) {
      answer({ bytes: compress(codec, bytes, { level }) });
    }
  }

  /** Fails the job that waits longest. */
  fail(error: string): void {
    this.jobs.shift()!.answer({ error });
  }

  [Symbol.dispose](): void {
    globalThis.Worker = this.#platform;
  }
}
