/**
 * One request and its answer: from frame to frame.
 *
 * @module
 */

import { apiByKey, type ApiName, apis, type RequestOf, type ResponseInput } from "../../protocol/apis.ts";
import { errorCodeByName } from "../../protocol/error_codes.ts";
import { type DecodedRequest, decodeRequest, decodeRequestHeader, encodeResponse } from "../../protocol/frame.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { FaultPlan } from "./faults.ts";
import { handlers } from "./handlers/mod.ts";
import type { Handler, SharedState } from "./handlers/handler.ts";
import type { InterceptedRequest, Interception, Interceptors } from "./interceptors.ts";
import { sleep } from "./sleep.ts";

/** What to send back: the segments of a frame, nothing, or the end of the connection. */
export type Answer = Uint8Array[] | "silent" | "close";

/** Who asks whom. */
export interface Asker {
  /** Id of the broker that was asked. */
  readonly brokerId: number;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
}

/** Answers requests for all brokers of a cluster. */
export class Exchange {
  readonly #state: SharedState;
  readonly #faults: FaultPlan;
  readonly #interceptors: Interceptors;
  readonly #requestCounts = new Map<ApiName, number>();

  /**
   * @param state What the brokers share.
   * @param meddling Failures, delays and interceptors.
   */
  constructor(state: SharedState, meddling: { faults: FaultPlan; interceptors: Interceptors }) {
    this.#state = state;
    this.#faults = meddling.faults;
    this.#interceptors = meddling.interceptors;
  }

  /** How many requests came so far, of one api or of all. */
  requestCount(api?: ApiName): number {
    if (api !== undefined) return this.#requestCounts.get(api) ?? 0;
    return [...this.#requestCounts.values()].reduce((sum, count) => sum + count, 0);
  }

  /**
   * Answers one request.
   *
   * @param frame The request without its size.
   * @throws {ProtocolError} When it is not a request that is on offer: a broker then ends the connection.
   */
  async answer(frame: Uint8Array, asker: Asker): Promise<Answer> {
    const header = decodeRequestHeader(frame);
    const api = apiByKey(header.apiKey);
    if (api === undefined) throw new ProtocolError(`Cannot answer a request: api ${header.apiKey} is not on offer`);
    const { apiVersion: version, correlationId } = header;
    if (!this.#state.versions.offers(api, version)) {
      if (api === "ApiVersions" && this.#state.versions.offers(api, 0)) return this.#versionsForStranger(correlationId);
      throw new ProtocolError(`Cannot answer a request: ${api} is not on offer in that version`, { api, version });
    }
    const request = decodeRequest(header);
    this.#requestCounts.set(api, (this.#requestCounts.get(api) ?? 0) + 1);
    const delayMs = this.#faults.delayMs(api);
    if (delayMs > 0) await sleep(delayMs, { timers: this.#state.timers, signal: asker.signal });
    const intercepted = { ...request, brokerId: asker.brokerId } as InterceptedRequest;
    const response = this.#interceptors.concern(api)
      ? await this.#interceptors.run(intercepted, async (changed) => await this.#handle(changed, asker))
      : await this.#handle(intercepted, asker);
    return answerFor(request, response);
  }

  #handle(request: InterceptedRequest, asker: Asker): Interception | Promise<Interception> {
    const { api, version, body } = request;
    const context = { ...this.#state, ...asker, version, faults: this.#faults.forRequest(api) };
    // The table has each api's own handler, but the compiler cannot follow which it is.
    return (handlers[api] as Handler<ApiName>)(body as RequestOf<ApiName>, context) as Interception;
  }

  /** A client newer than the broker learns in which versions to ask, in the one that every client reads (KIP-511). */
  #versionsForStranger(correlationId: number): Answer {
    const errorCode = errorCodeByName("UNSUPPORTED_VERSION").code;
    const apiKeys = this.#state.versions.advertised().filter(({ apiKey }) => apiKey === apis.ApiVersions.key);
    return encodeResponse("ApiVersions", 0, correlationId, { errorCode, apiKeys });
  }
}

function answerFor(request: DecodedRequest, response: Interception): Answer {
  if (response === "close" || response === "silent") return response;
  if (request.api === "Produce" && request.body.acks === 0) {
    // Nobody reads an answer, so an error is told by ending the connection, as Kafka does.
    return hasError(response as ResponseInput<"Produce">) ? "close" : "silent";
  }
  return encodeResponse(request.api, request.version, request.correlationId, response as ResponseInput<ApiName>);
}

function hasError({ responses }: ResponseInput<"Produce">): boolean {
  return responses.some(({ partitionResponses }) => partitionResponses.some(({ errorCode }) => errorCode !== 0));
}
