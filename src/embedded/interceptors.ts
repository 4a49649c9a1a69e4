/**
 * A caller's own answers to requests.
 *
 * @module
 */

import type { ApiName, RequestOf, ResponseInput } from "../../protocol/apis.ts";
import { type Fault, isFault } from "./fault.ts";

/** A request on its way to its handler. */
export interface InterceptedRequest<A extends ApiName = ApiName> {
  /** The api. */
  readonly api: A;
  /** Version of the api. */
  readonly version: number;
  /** Id of the broker that was asked. */
  readonly brokerId: number;
  /** What the client calls itself. */
  readonly clientId: string | null;
  /** Number by which the client recognises the answer. */
  readonly correlationId: number;
  /** The request, by Kafka's field names. */
  readonly body: RequestOf<A>;
}

/** What becomes of a request: an answer, by Kafka's field names, or what goes wrong with it. */
export type Interception<A extends ApiName = ApiName> = ResponseInput<A> | Fault;

/**
 * Hands a request on: to the interceptor registered before, or to the broker. Resolves with the answer. When the other
 * interceptor lets something go wrong, it rejects, and that goes wrong unless the caller catches and answers by itself.
 */
export type Next<A extends ApiName> = (request: InterceptedRequest<A>) => Promise<ResponseInput<A>>;

/**
 * Answers a request in the broker's stead, or changes it or its answer on the way, or lets it go wrong.
 *
 * The broker carries the request out when `next` is called, and not otherwise: `return { fault: "close" }` loses the
 * request, `await next(request); return { fault: "close" }` only its answer. A fault that needs an answer, as
 * `{ fault: "partialFrame" }` does, takes what the broker answered to `next`; if that was not called, the request is carried
 * out now. The short forms `"close"` and `"silent"` are for interceptors that are not async: where an async function returns
 * nothing but one string, the compiler takes it for any string.
 */
export type Interceptor<A extends ApiName> = (
  request: InterceptedRequest<A>,
  next: Next<A>,
) => Interception<A> | Promise<Interception<A>>;

/** Some api's interceptor: the compiler cannot follow which, so {@linkcode Interceptors} goes by the list it is in. */
type AnyInterceptor = (request: unknown, next: unknown) => unknown;

/** The interceptors of a cluster. The latest is asked first. */
export class Interceptors {
  readonly #byApi = new Map<ApiName, AnyInterceptor[]>();

  /** Registers an interceptor until what is returned is disposed of. */
  add<A extends ApiName>(api: A, interceptor: Interceptor<A>): Disposable {
    const before = this.#byApi.get(api) ?? [];
    const added = interceptor as unknown as AnyInterceptor;
    // A new list each time: requests under way go on with theirs.
    this.#byApi.set(api, [...before, added]);
    const remove = () => {
      const left = this.#byApi.get(api)!.filter((other) => other !== added);
      this.#byApi.set(api, left);
    };
    return { [Symbol.dispose]: remove };
  }

  /** Whether a request of that api must go through {@linkcode run}. */
  concern(api: ApiName): boolean {
    return (this.#byApi.get(api)?.length ?? 0) > 0;
  }

  /** Sends a request through the interceptors of its api, down to `handle`. */
  async run<A extends ApiName>(
    request: InterceptedRequest<A>,
    handle: (request: InterceptedRequest<A>) => Promise<ResponseInput<A>>,
  ): Promise<Interception<A>> {
    const chain = this.#byApi.get(request.api) ?? [];
    const step = async (index: number, request: InterceptedRequest<A>): Promise<Interception<A>> => {
      const interceptor = chain[index];
      if (interceptor === undefined) return await handle(request);
      const next: Next<A> = async (changed) => {
        const interception = await step(index - 1, changed);
        if (isFault(interception)) throw new ChosenFault(interception);
        return interception;
      };
      return await interceptor(request, next) as Interception<A>;
    };
    try {
      return await step(chain.length - 1, request);
    } catch (error) {
      if (error instanceof ChosenFault) return error.fault;
      throw error;
    }
  }
}

/** Carries a fault past the interceptors that wait for an answer: none can go on without one. */
class ChosenFault extends Error {
  constructor(readonly fault: Fault) {
    super("Cannot hand the request on: the interceptor registered before lets its answer go wrong");
  }
}
