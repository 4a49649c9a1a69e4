/**
 * One request and its answer, and what both need of the gateway.
 *
 * @module
 */

import { type ChunkSource, codingOf, inflated, Inflation } from "./body/inflation.ts";
import { BodyChunks } from "./body_reader.ts";
import type { GatewayCore } from "./gateway_core.ts";
import type { GatewayError } from "./gateway_error.ts";
import type { Principal, RequestInfo } from "./hooks.ts";
import { parseQuery } from "./query.ts";
import { ReadAhead } from "./read_ahead.ts";
import { RequestHeaders } from "./request_headers.ts";
import type { Route } from "./route.ts";
import type { TopicUse } from "./topic_policy.ts";
import { WholeBody, type WholeBodySource } from "./whole_body.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** See the module comment. */
export class Exchange implements WholeBodySource {
  /** What all requests share. */
  readonly gateway: GatewayCore;
  /** The request. */
  readonly request: Request;
  /** Who sent it, as far as the server says. */
  readonly info: RequestInfo | undefined;
  /** What follows its `?`. */
  readonly queryText: string;
  /** Its headers that mean something. */
  readonly headers: RequestHeaders;
  /** When it came, by the clock of deadlines. */
  readonly startedMs: number;
  /** Where it leads; null until that is known, and for paths that lead nowhere. */
  route: Route | null = null;
  /** The topic of its path; null until that is known, and for paths without. */
  topic: TopicUse | null = null;
  /** What stands for `:partition`. */
  partition: string | null = null;
  /** Who sent it; null without `authenticate`. */
  principal: Principal | null = null;
  /** Why it was refused, for the error hook; null when it was not. */
  refused: { readonly message: string; readonly cause: unknown } | null = null;
  /** Resolves when the answer's body has ended, where that takes longer than its head; null where it does not. */
  ended: Promise<void> | null = null;
  /** Answers it before its body is there. */
  onLate: ((error: GatewayError) => unknown) | null = null;
  /** Its body, where the answer is written meanwhile. */
  readAhead: ReadAhead | null = null;
  /** Whether it has been answered: late bodies may still arrive. */
  isAnswered = false;
  readonly #body: WholeBody = new WholeBody(this);
  #raw: Promise<Uint8Array> | null = null;
  #chunks: BodyChunks | null = null;
  #requestId: string | null = null;
  #query: URLSearchParams | null = null;

  /**
   * @param gateway What all requests share.
   * @param request The request.
   * @param at Its query, who sent it, when.
   */
  constructor(
    gateway: GatewayCore,
    request: Request,
    at: { info: RequestInfo | undefined; query: string; nowMs: number },
  ) {
    this.gateway = gateway;
    this.request = request;
    this.info = at.info;
    this.queryText = at.query;
    this.startedMs = at.nowMs;
    this.headers = new RequestHeaders(request.headers);
  }

  /** Whether the client gave it an id, or something here has used one: then the answer names it. */
  get hasRequestId(): boolean {
    return this.#requestId !== null || this.headers.requestId !== undefined;
  }

  /** Its id: the client's own if it is one, else a new one. */
  get requestId(): string {
    if (this.#requestId === null) {
      const given = this.headers.requestId;
      this.#requestId = given !== undefined && REQUEST_ID.test(given) ? given : this.gateway.nextRequestId();
    }
    return this.#requestId;
  }

  /**
   * All of its body as it was sent, the same for each call.
   *
   * @throws {GatewayError} 413 when it is larger than the route allows, 408 when it takes too long, 503 when too much is
   * being read.
   */
  rawBody(): Promise<Uint8Array> {
    return this.#raw ??= this.#readRaw();
  }

  async #readRaw(): Promise<Uint8Array> {
    try {
      return this.#take(await this.arriving());
    } catch (error) {
      throw this.#body.failed(error);
    }
  }

  /**
   * All of its body, decompressed, within the bounds of the route.
   *
   * @throws {GatewayError} As `rawBody`; 415 when it is in a coding that nothing here knows.
   */
  async wholeBody(): Promise<Uint8Array> {
    const encoding = this.headers.contentEncoding;
    const coding = encoding === undefined ? null : codingOf(encoding);
    const bytes = await this.rawBody();
    if (encoding !== undefined) this.gateway.metrics.bodyBytes(coding ?? "identity", bytes.length);
    if (coding === null) return bytes;
    return await inflated(bytes, coding, this.route!.maxBodyBytes * this.gateway.options.decompressedMaxRatio);
  }

  /** Whether its body is in no coding: then the hot path may read it by the two halves of `rawBody`. */
  get isPlain(): boolean {
    return this.headers.contentEncoding === undefined;
  }

  /** The first half of `rawBody`, see `WholeBody`. */
  arriving(): Promise<Uint8Array> {
    return this.#raw ?? this.#body.arriving(this.headers.bodyBytes, this.route!.maxBodyBytes);
  }

  /** The second half of it. A hook may have read the body before: it is counted once. */
  arrived(bytes: Uint8Array): Uint8Array {
    return this.#raw === null ? this.#take(bytes) : bytes;
  }

  #take(bytes: Uint8Array): Uint8Array {
    const whole = this.#body.arrived(bytes);
    if (this.isPlain) this.gateway.reading.plainBytes += whole.length;
    return whole;
  }

  /** The error behind `error`, if that came of reading the body by these halves. */
  failed(error: unknown): unknown {
    return this.#raw === null ? this.#body.failed(error) : error;
  }

  /** Implements `WholeBodySource`. */
  late(error: GatewayError): void {
    this.onLate!(error);
  }

  /** Lets go of what has not been read of the body: the answer does not depend on it. */
  async discardBody(): Promise<void> {
    try {
      if (this.#chunks !== null) await this.#chunks.cancel();
      else if (!this.request.bodyUsed) await this.request.body?.cancel();
    } catch {
      // It ended by itself, or the client is gone.
    }
  }

  /**
   * The chunks of its body, decompressed, as they come.
   *
   * @param options Whether the answer is written meanwhile: see `ReadAhead`.
   * @throws {GatewayError} For a coding that nothing here knows.
   */
  bodyChunks({ isAnswered }: { isAnswered: boolean }): ChunkSource {
    const coding = codingOf(this.headers.contentEncoding);
    const reader = this.request.body?.getReader() ?? null;
    const chunks = this.#chunks = new BodyChunks(reader, this.gateway, { hasLength: this.headers.bodyBytes !== null });
    const { metrics } = this.gateway;
    const counted: ChunkSource = {
      next: async () => {
        const chunk = await chunks.next();
        if (chunk !== null) metrics.bodyBytes(coding ?? "identity", chunk.length);
        return chunk;
      },
      cancel: () => chunks.cancel(),
      get isBrokenOff() {
        return chunks.isBrokenOff;
      },
    };
    // A stream may be of any length, and so may be what it becomes.
    const { ahead, options } = this.gateway;
    // Without a server before it, the body is a stream like any other, and waits where it is.
    if (isAnswered && this.info !== undefined) {
      const now = () => this.gateway.housekeeping.now();
      this.readAhead = new ReadAhead(counted, { maxBytes: options.streamMaxAheadBytes, gauge: ahead, now });
    }
    const source = this.readAhead ?? counted;
    return coding === null ? source : new Inflation(source, coding, Infinity);
  }

  /** Its query, parsed. */
  get query(): URLSearchParams {
    return this.#query ??= parseQuery(this.queryText);
  }
}
