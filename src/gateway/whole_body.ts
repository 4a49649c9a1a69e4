/**
 * The body of a request that is read whole.
 *
 * @module
 */

import { joined } from "./body/joined.ts";
import { BodyChunks, type BodyContext, brokenOff, tooLarge, tooSlow } from "./body_reader.ts";
import type { Waiting } from "./deadline_line.ts";
import type { GatewayError } from "./gateway_error.ts";

/** Up to here a body is read in one go: it has come with its head, or comes within a few packets. */
const SMALL_BODY_BYTES = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** What reading a body whole takes. */
export interface WholeBodySource {
  /** The request. */
  readonly request: Request;
  /** Bounds, time, and the bytes that all requests are reading. */
  readonly gateway: BodyContext;
  /** Answers the request now: whoever reads its body may wait for ever. */
  late(error: GatewayError): void;
}

/**
 * Reads it in two halves, with an `await` of the caller's between them. One function for both would be a promise and
 * four closures more for each request, which is what a small request costs altogether. A body that takes too long is
 * answered from outside, by {@linkcode WholeBodySource.late}, and the second half throws when it comes after all.
 */
export class WholeBody implements Waiting {
  /** Implements `Waiting`. */
  deadlineMs = 0;
  /** Implements `Waiting`. */
  previous: Waiting | null = null;
  /** Implements `Waiting`. */
  next: Waiting | null = null;
  readonly #source: WholeBodySource;
  #maxBytes = 0;
  /** Bytes of the body that is being read in one go; 0 when none is. */
  #takenBytes = 0;
  #late: GatewayError | null = null;

  /** @param source What it takes. */
  constructor(source: WholeBodySource) {
    this.#source = source;
  }

  /**
   * The first half: begins to read.
   *
   * @param declared How many bytes it is said to have, null where nothing is said.
   * @param maxBytes Most bytes.
   * @returns What has to be given to {@linkcode arrived}; rejects with what has to be given to {@linkcode failed}.
   * @throws {GatewayError} 413 when it is larger, 503 when too much is being read.
   */
  arriving(declared: number | null, maxBytes: number): Promise<Uint8Array> {
    if (declared === 0) return Promise.resolve(NOTHING);
    if (declared !== null && declared > maxBytes) throw tooLarge(maxBytes);
    if (declared === null || declared > SMALL_BODY_BYTES) return this.#readChunks(declared, maxBytes);
    const { bodies, housekeeping, reading, limits } = this.#source.gateway;
    reading.take(declared);
    this.#takenBytes = declared;
    this.#maxBytes = maxBytes;
    this.deadlineMs = housekeeping.recentMs + limits.bodyTimeoutMs;
    bodies.add(this);
    return this.#source.request.bytes();
  }

  /**
   * The second half.
   *
   * @param bytes What came.
   * @returns The body.
   * @throws {GatewayError} 408 when it took too long, 413 when it is larger than allowed.
   */
  arrived(bytes: Uint8Array): Uint8Array {
    if (this.#late !== null) throw this.#late;
    if (this.#takenBytes === 0) return bytes;
    this.#end();
    // Whoever made the request says how long it is; a server sees to it that this is true, a test need not.
    if (bytes.length > this.#maxBytes) throw tooLarge(this.#maxBytes);
    return bytes;
  }

  /** The error behind `error`, if that came of reading. */
  failed(error: unknown): unknown {
    if (this.#takenBytes === 0) return error;
    this.#end();
    return brokenOff(error);
  }

  /** Implements `Waiting`. */
  expired(): void {
    this.#give();
    this.#late = tooSlow(`it took longer than ${this.#source.gateway.limits.bodyTimeoutMs} ms`);
    this.#source.late(this.#late);
  }

  #end(): void {
    this.#source.gateway.bodies.remove(this);
    this.#give();
  }

  #give(): void {
    this.#source.gateway.reading.give(this.#takenBytes);
    this.#takenBytes = 0;
  }

  async #readChunks(declared: number | null, maxBytes: number): Promise<Uint8Array> {
    const { request, gateway } = this.#source;
    const { reading, limits } = gateway;
    const chunks = new BodyChunks(request.body?.getReader() ?? null, gateway, { hasLength: declared !== null });
    chunks.bound(limits.bodyTimeoutMs, limits.bodyMinBytesPerSecond);
    const parts: Uint8Array[] = [];
    let length = 0;
    try {
      for (let chunk = await chunks.next(); chunk !== null; chunk = await chunks.next()) {
        if (length + chunk.length > maxBytes) throw tooLarge(maxBytes);
        reading.take(chunk.length);
        length += chunk.length;
        parts.push(chunk);
      }
    } finally {
      reading.give(length);
    }
    return joined(parts, length);
  }
}
