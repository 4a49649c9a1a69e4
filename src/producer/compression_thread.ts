/**
 * A thread that compresses: `node:zlib` does its work on the calling thread in Deno, also in its asynchronous form.
 *
 * @module
 */

import type { CompressionCodec } from "../../protocol/compression.ts";

/** What runs in the thread. It comes from a blob, so that no permission is needed to read it. */
const SOURCE = `
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
self.onmessage = ({ data: { codec, level, bytes } }) => {
  try {
    const options = level === undefined ? {}
      : codec === "gzip" ? { level } : { params: { [constants.ZSTD_c_compressionLevel]: level } };
    const compressed = codec === "gzip" ? gzipSync(bytes, options) : zstdCompressSync(bytes, options);
    const copy = new Uint8Array(compressed);
    self.postMessage({ bytes: copy }, [copy.buffer]);
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
self.postMessage({ ready: true });
`;

/** Batches that may lie in a thread: one it works on, one it goes on with. */
const MAX_JOBS = 2;

/** Who learns what becomes of a thread. */
export interface CompressionThreadListener {
  /** It can take a job, or another one. */
  onRoom(): void;
  /** It is of no use any more; its jobs have been rejected. */
  onBroken(thread: CompressionThread, error: unknown): void;
}

/** See the module comment. */
export class CompressionThread {
  readonly #worker: Worker;
  readonly #url: string;
  readonly #listener: CompressionThreadListener;
  #isReady = false;
  #jobs: PromiseWithResolvers<Uint8Array>[] = [];

  /**
   * Starts it; it takes jobs some tens of milliseconds later.
   *
   * @param listener Who learns what becomes of it.
   * @throws Where there are no workers.
   */
  constructor(listener: CompressionThreadListener) {
    this.#listener = listener;
    this.#url = URL.createObjectURL(new Blob([SOURCE], { type: "text/javascript" }));
    this.#worker = new Worker(this.#url, { type: "module", name: "ekaf compression" });
    this.#worker.onmessage = ({ data }) => this.#onMessage(data);
    this.#worker.onerror = (event) => {
      event.preventDefault(); // An error that nobody handles would end the process.
      this.#broken(new Error(event.message));
    };
  }

  /** Jobs under way. */
  get jobs(): number {
    return this.#jobs.length;
  }

  /** Whether it takes a job. */
  get hasRoom(): boolean {
    return this.#isReady && this.#jobs.length < MAX_JOBS;
  }

  /** Whether it has started. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Compresses a copy of the bytes. */
  compress(codec: CompressionCodec, bytes: Uint8Array, level: number | undefined): Promise<Uint8Array> {
    const job = Promise.withResolvers<Uint8Array>();
    this.#jobs.push(job);
    const copy = bytes.slice();
    this.#worker.postMessage({ codec, level, bytes: copy }, [copy.buffer]);
    return job.promise;
  }

  /** Ends it; what is under way rejects. */
  close(): void {
    this.#isReady = false;
    this.#worker.terminate();
    URL.revokeObjectURL(this.#url);
    this.#rejectAll(new Error("Cannot compress: the producer is closed"));
  }

  #onMessage(message: { ready?: true; bytes?: Uint8Array; error?: string }): void {
    if (message.ready) this.#isReady = true;
    else if (message.bytes !== undefined) this.#jobs.shift()?.resolve(message.bytes);
    else this.#jobs.shift()?.reject(new Error(message.error));
    this.#listener.onRoom();
  }

  #broken(error: unknown): void {
    this.#isReady = false;
    this.#worker.terminate();
    this.#rejectAll(error);
    this.#listener.onBroken(this, error);
  }

  #rejectAll(error: unknown): void {
    for (const job of this.#jobs.splice(0)) job.reject(error);
  }
}
