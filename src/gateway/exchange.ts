/**
 * One request and its answer, and what both need of the gateway.
 *
 * @module
 */

import { type ChunkSource, type Coding, codingOf, inflated, Inflation } from "./body/inflation.ts";
import { Body } from "./body_reader.ts";
import type { GatewayCore } from "./gateway_core.ts";
import type { Principal, RequestInfo } from "./hooks.ts";
import { parseQuery } from "./query.ts";
import { ReadAhead } from "./read_ahead.ts";
import { RequestHeaders } from "./request_headers.ts";
import type { Route } from "./route.ts";
import type { TopicUse } from "./topic_policy.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** See the module comment. */
export class Exchange {
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
  #body: Body | null = null;
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
    return this.#requestId !== null || this.headers.get("x-request-id") !== undefined;
  }

  /** Its id: the client's own if it is one, else a new one. */
  get requestId(): string {
    if (this.#requestId === null) {
      const given = this.headers.get("x-request-id");
      this.#requestId = given !== undefined && REQUEST_ID.test(given) ? given : this.gateway.nextRequestId();
    }
    return this.#requestId;
  }

  /** Its body. */
  get body(): Body {
    if (this.#body === null) {
      this.#body = new Body(this.request, this.headers.get("content-length"), this.gateway);
      this.#body.isPlain = this.headers.get("content-encoding") === undefined;
    }
    return this.#body;
  }

  /**
   * All of its body, decompressed, within the bounds of the route.
   *
   * @throws {GatewayError} When it is too large or too slow, or in a coding that nothing here knows.
   */
  wholeBody(): Promise<Uint8Array> {
    const { maxBodyBytes } = this.route!;
    const encoding = this.headers.get("content-encoding");
    return encoding === undefined
      ? this.body.bytes(maxBodyBytes)
      : this.#inflatedBody(codingOf(encoding), maxBodyBytes);
  }

  async #inflatedBody(coding: Coding | null, maxBodyBytes: number): Promise<Uint8Array> {
    const bytes = await this.body.bytes(maxBodyBytes);
    this.gateway.metrics.bodyBytes(coding ?? "identity", bytes.length);
    if (coding === null) return bytes;
    return await inflated(bytes, coding, maxBodyBytes * this.gateway.options.decompressedMaxRatio);
  }

  /**
   * The chunks of its body, decompressed, as they come.
   *
   * @param options Whether the answer is written meanwhile: see `ReadAhead`.
   * @throws {GatewayError} For a coding that nothing here knows.
   */
  bodyChunks({ isAnswered }: { isAnswered: boolean }): ChunkSource {
    const coding = codingOf(this.headers.get("content-encoding"));
    const chunks = this.body.chunks();
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
    const source = isAnswered && this.info !== undefined
      ? new ReadAhead(counted, { maxBytes: options.streamMaxAheadBytes, gauge: ahead })
      : counted;
    return coding === null ? source : new Inflation(source, coding, Infinity);
  }

  /** Its query, parsed. */
  get query(): URLSearchParams {
    return this.#query ??= parseQuery(this.queryText);
  }
}
