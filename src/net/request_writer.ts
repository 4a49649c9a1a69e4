/**
 * Writes requests to a socket, one write at a time.
 *
 * Hot path: `bench/pipeline_bench.ts`.
 *
 * @module
 */

import type { RequestInput } from "../../protocol/apis.ts";
import { encodeRequest } from "../../protocol/frame.ts";
import type { PendingRequest } from "./pending_request.ts";
import type { Duplex } from "./transport.ts";

/** The request buffer of a connection never grows beyond this. */
export const MAX_REQUEST_BUFFER_BYTES = 1_048_576;

const FIRST_REQUEST_BUFFER_BYTES = 8_192;

/** What became of a request in the writer. */
export interface RequestWriterEvents {
  /** The socket has taken the whole request. */
  onWritten(request: PendingRequest): void;
  /** The request cannot be encoded; nothing of it was written. */
  onUnencodable(request: PendingRequest, error: unknown): void;
  /** The socket failed; nothing more will be written. */
  onFailed(error: unknown): void;
}

/**
 * Queues requests and writes them in order. A request is encoded when its turn comes, into one buffer that is used
 * again for the next: whatever queued up behind a write goes out with a single one. Big record batches are written
 * from their own memory.
 */
export class RequestWriter {
  readonly #duplex: Duplex;
  readonly #clientId: string;
  readonly #events: RequestWriterEvents;
  #queue: PendingRequest[] = [];
  #isWriting = false;
  #isStopped = false;
  /** Memory for the requests of one write; free again once that has settled. */
  #buffer: Uint8Array = new Uint8Array(FIRST_REQUEST_BUFFER_BYTES);
  #usedBytes = 0;
  readonly #allocate = (minBytes: number): Uint8Array => this.#take(minBytes);

  /**
   * Opens nothing and writes nothing yet.
   *
   * @param duplex Where to write.
   * @param options The name to put into each request, and whom to tell.
   */
  constructor(duplex: Duplex, options: { clientId: string; events: RequestWriterEvents }) {
    this.#duplex = duplex;
    this.#clientId = options.clientId;
    this.#events = options.events;
  }

  /**
   * Writes a request after those before it, at once if there are none.
   *
   * @param request The request; its memory must not change until its promise has settled.
   */
  push(request: PendingRequest): void {
    this.#queue.push(request);
    if (!this.#isWriting) this.#drain(); // Never rejects: failures go to the events.
  }

  /** Writes nothing more, apart from what the socket has been handed already. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    const group: PendingRequest[] = [];
    try {
      while (this.#queue.length > 0) {
        const segments = this.#encodeGroup(group);
        for (const request of group) request.writeBegins();
        for (const segment of segments) await this.#write(segment);
        this.#endGroup(group, true);
      }
    } catch (error) {
      this.#endGroup(group, false);
      this.#events.onFailed(error);
    } finally {
      this.#isWriting = false;
    }
  }

  async #write(segment: Uint8Array): Promise<void> {
    let at = await this.#duplex.write(segment);
    while (at < segment.length) at += await this.#duplex.write(segment.subarray(at));
  }

  #endGroup(group: PendingRequest[], isWhole: boolean): void {
    for (const request of group) {
      request.writeEnds(isWhole);
      if (isWhole) this.#events.onWritten(request);
    }
    group.length = 0;
  }

  /** Moves requests from the queue into `group` and returns their bytes in the fewest pieces. */
  #encodeGroup(group: PendingRequest[]): Uint8Array[] {
    const segments: Uint8Array[] = [];
    this.#usedBytes = 0;
    while (this.#queue.length > 0 && !this.#isStopped) {
      const request = this.#queue.shift()!;
      let encoded: Uint8Array[];
      try {
        encoded = this.#encode(request);
      } catch (error) {
        this.#events.onUnencodable(request, error);
        continue;
      }
      group.push(request);
      for (const segment of encoded) this.#append(segments, segment);
      // Several pieces: something big is among them and the next requests are better encoded when it is gone. A buffer
      // that is half full would have to be outgrown by another big one.
      if (encoded.length > 1 || this.#usedBytes * 2 > this.#buffer.length) break;
    }
    return segments;
  }

  #encode(request: PendingRequest): Uint8Array[] {
    const body = request.body;
    request.body = undefined;
    return encodeRequest(request.api, request.version, {
      correlationId: request.correlationId,
      clientId: this.#clientId,
      body: body as RequestInput<typeof request.api>,
      allocate: this.#allocate,
    });
  }

  /** Adds a piece, or lengthens the last one by it where they lie side by side in the request buffer. */
  #append(segments: Uint8Array[], segment: Uint8Array): void {
    if (segment.buffer === this.#buffer.buffer) {
      this.#usedBytes = segment.byteOffset - this.#buffer.byteOffset + segment.byteLength;
      const last = segments[segments.length - 1];
      if (
        last !== undefined && last.buffer === segment.buffer && last.byteOffset + last.length === segment.byteOffset
      ) {
        segments[segments.length - 1] = new Uint8Array(
          last.buffer,
          last.byteOffset,
          last.byteLength + segment.byteLength,
        );
        return;
      }
    }
    segments.push(segment);
  }

  /** Memory for a request: what is left of the request buffer, a bigger buffer, or memory of its own. */
  #take(minBytes: number): Uint8Array {
    if (this.#usedBytes + minBytes <= this.#buffer.length) return this.#buffer.subarray(this.#usedBytes);
    if (minBytes > MAX_REQUEST_BUFFER_BYTES) return new Uint8Array(minBytes);
    // What this write has encoded so far keeps the old buffer alive until it is out.
    let bytes = this.#buffer.length;
    while (bytes < minBytes) bytes *= 2;
    this.#buffer = new Uint8Array(bytes);
    this.#usedBytes = 0;
    return this.#buffer;
  }
}
