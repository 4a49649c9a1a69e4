/**
 * A caller's own answers to requests.
 *
 * @module
 */

import type { ApiName, RequestOf, ResponseInput } from "../../protocol/apis.ts";

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

/**
 * What becomes of a request: an answer, by Kafka's field names; `"close"` ends the connection without one; `"silent"`
 * leaves the client waiting, while later requests of the connection are answered.
 */
export type Interception<A extends ApiName = ApiName> = ResponseInput<A> | "close" | "silent";

/** Hands a request on: to the interceptor registered before, or to the broker. */
export type Next<A extends ApiName> = (request: InterceptedRequest<A>) => Promise<Interception<A>>;

/** Answers a request in the broker's stead, or changes it or its answer on the way. */
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
  run<A extends ApiName>(
    request: InterceptedRequest<A>,
    handle: (request: InterceptedRequest<A>) => Promise<Interception<A>>,
  ): Promise<Interception<A>> {
    const chain = this.#byApi.get(request.api) ?? [];
    const step = async (index: number, request: InterceptedRequest<A>): Promise<Interception<A>> => {
      const interceptor = chain[index];
      if (interceptor === undefined) return await handle(request);
      const next: Next<A> = (changed) => step(index - 1, changed);
      return await interceptor(request, next) as Interception<A>;
    };
    return step(chain.length - 1, request);
  }
}
