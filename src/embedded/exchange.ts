/**
 * One request and its answer: from frame to frame.
 *
 * @module
 */

import { apiByKey, type ApiName, apis, type RequestOf, type ResponseInput } from "../../protocol/apis.ts";
import { errorCodeByName } from "../../protocol/error_codes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { type DecodedRequest, decodeRequest, decodeRequestHeader, encodeResponse } from "../../protocol/frame.ts";
import { type Answer, faultyAnswer, NOTHING, rightAnswer } from "./answer.ts";
import { checkedFault, isFault, isHandled } from "./fault.ts";
import type { FaultPlan } from "./faults.ts";
import { handlers } from "./handlers/mod.ts";
import type { Handler, SharedState } from "./handlers/handler.ts";
import type { InterceptedRequest, Interceptors } from "./interceptors.ts";
import { requestTargets } from "./request_targets.ts";
import { sleep } from "./sleep.ts";

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
    if (api === undefined && this.#state.versions.isSilent) return NOTHING;
    if (api === undefined) throw new ProtocolError(`Cannot answer a request: api ${header.apiKey} is not on offer`);
    const { apiVersion: version, correlationId } = header;
    if (!this.#state.versions.offers(api, version)) {
      if (this.#state.versions.isSilent) return NOTHING;
      if (api === "ApiVersions" && this.#state.versions.offers(api, 0)) return this.#versionsForStranger(correlationId);
      throw new ProtocolError(`Cannot answer a request: ${api} is not on offer in that version`, { api, version });
    }
    const request = decodeRequest(header);
    this.#requestCounts.set(api, (this.#requestCounts.get(api) ?? 0) + 1);
    const delayMs = this.#faults.delayMs(api);
    if (delayMs > 0) await sleep(delayMs, { timers: this.#state.timers, signal: asker.signal });
    return await this.#answerTo(request, asker);
  }

  async #answerTo(request: DecodedRequest, asker: Asker): Promise<Answer> {
    const { api } = request;
    const planned = this.#faults.takeFault(api, asker.brokerId, () => requestTargets(request, this.#state.topology));
    if (planned !== undefined && !isHandled(planned)) return faultyAnswer(request, planned, undefined);
    const intercepted = { ...request, brokerId: asker.brokerId } as InterceptedRequest;
    let response: ResponseInput<ApiName> | undefined;
    const handle = async (changed: InterceptedRequest) => response = await this.#handle(changed, asker);
    const interception = this.#interceptors.concern(api)
      ? await this.#interceptors.run(intercepted, handle)
      : await handle(intercepted);
    if (!isFault(interception)) {
      return planned === undefined ? rightAnswer(request, interception) : faultyAnswer(request, planned, interception);
    }
    const fault = checkedFault(interception);
    if (isHandled(fault) && response === undefined) await handle(intercepted);
    return faultyAnswer(request, fault, response);
  }

  #handle(request: InterceptedRequest, asker: Asker): ResponseInput<ApiName> | Promise<ResponseInput<ApiName>> {
    const { api, version, body } = request;
    const context = { ...this.#state, ...asker, version, faults: this.#faults.forRequest(api, asker.brokerId) };
    // The table has each api's own handler, but the compiler cannot follow which it is.
    return (handlers[api] as Handler<ApiName>)(body as RequestOf<ApiName>, context);
  }

  /** A client newer than the broker learns in which versions to ask, in the one that every client reads (KIP-511). */
  #versionsForStranger(correlationId: number): Answer {
    const errorCode = errorCodeByName("UNSUPPORTED_VERSION").code;
    const apiKeys = this.#state.versions.advertised().filter(({ apiKey }) => apiKey === apis.ApiVersions.key);
    const segments = encodeResponse("ApiVersions", 0, correlationId, { errorCode, apiKeys });
    return { segments, then: "serve" };
  }
}
