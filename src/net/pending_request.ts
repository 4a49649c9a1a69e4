/**
 * A request between the call that made it and its answer.
 *
 * @module
 */

import type { ApiName } from "../../protocol/apis.ts";

/**
 * Where a request's bytes are: none left, some are being written out of memory the caller lent, or the socket has
 * taken them all.
 */
export type WriteState = "queued" | "writing" | "written";

/** What a {@linkcode PendingRequest} is made of. */
export interface PendingRequestInit {
  /** The call. */
  api: ApiName;
  /** Its version. */
  version: number;
  /** Body of the request, as the codec of that version takes it. */
  body: unknown;
  /** Number by which the answer is recognised. */
  correlationId: number;
  /** When it has waited too long, by the clock of the timers. */
  deadlineMs: number;
  /** How long that was, for the error. */
  timeoutMs: number;
  /** No answer will come: it ends with its write. */
  noResponse: boolean;
  /** Reads the answer. */
  decode: (frame: Uint8Array) => unknown;
  /** Called when the socket has taken all bytes. */
  onWritten: (() => void) | undefined;
}

/**
 * A request and its promise. The promise never settles while the socket writes from the request's memory, so that a
 * settled promise means that buffers may be used again; an outcome that comes earlier is kept until then.
 *
 * Without that rule (KAFKA-19012): an answer or a closed connection settles the promise, the caller refills the buffer,
 * and the write still under way sends the new bytes under the old header.
 */
export class PendingRequest {
  /** The call. */
  readonly api: ApiName;
  /** Its version. */
  readonly version: number;
  /** Number by which the answer is recognised. */
  readonly correlationId: number;
  /** When it has waited too long, by the clock of the timers. */
  readonly deadlineMs: number;
  /** How long that was, for the error. */
  readonly timeoutMs: number;
  /** No answer will come: it ends with its write. */
  readonly noResponse: boolean;
  /** Reads the answer. */
  readonly decode: (frame: Uint8Array) => unknown;
  /** Settles with the decoded answer, undefined for a request without one. */
  readonly promise: Promise<unknown>;
  /** Body of the request; dropped once encoded. */
  body: unknown;
  #state: WriteState = "queued";
  #outcome: { isFailure: boolean; value: unknown } | undefined;
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;
  #onWritten: (() => void) | undefined;

  /**
   * A request none of whose bytes have left.
   *
   * @param init What it is made of.
   */
  constructor(init: PendingRequestInit) {
    this.api = init.api;
    this.version = init.version;
    this.correlationId = init.correlationId;
    this.deadlineMs = init.deadlineMs;
    this.timeoutMs = init.timeoutMs;
    this.noResponse = init.noResponse;
    this.decode = init.decode;
    this.body = init.body;
    this.#onWritten = init.onWritten;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Where its bytes are. */
  get state(): WriteState {
    return this.#state;
  }

  /** The socket is about to get the first byte. */
  writeBegins(): void {
    this.#state = "writing";
  }

  /**
   * The socket will not look at the request's memory any more.
   *
   * @param isWhole Whether it took all bytes.
   */
  writeEnds(isWhole: boolean): void {
    this.#state = "written";
    if (isWhole) this.#onWritten?.();
    const outcome = this.#outcome;
    if (outcome === undefined) return;
    if (outcome.isFailure) this.#reject(outcome.value);
    else this.#resolve(outcome.value);
  }

  /**
   * The answer.
   *
   * @param body Decoded.
   */
  resolve(body: unknown): void {
    if (this.#state === "writing") this.#outcome ??= { isFailure: false, value: body };
    else this.#resolve(body);
  }

  /**
   * There will be no answer.
   *
   * @param error Why.
   */
  reject(error: unknown): void {
    if (this.#state === "writing") this.#outcome ??= { isFailure: true, value: error };
    else this.#reject(error);
  }
}
