/**
 * Errors and faults to answer with on demand, and delays.
 *
 * @module
 */

import { type ApiName, apis } from "../../protocol/apis.ts";
import { type ErrorCode, errorCodeByName } from "../../protocol/error_codes.ts";
import { checkedFault, type Fault, type FaultObject } from "./fault.ts";
import type { RequestTarget } from "./request_targets.ts";

/** Which requests a failure concerns, and which partitions in them; by default all. */
export interface FailureTarget {
  /** Only this topic. */
  topic?: string;
  /** Only this partition of each topic concerned. */
  partition?: number;
  /** Only requests to the broker of this id. */
  broker?: number;
}

/** What a caller plans. */
export interface PlannedFailure {
  /** Which requests. */
  api: ApiName;
  /** Kafka's name of an error, or a fault. */
  failure: string | Fault;
  /** How many requests. */
  times: number;
  /** Which of them. */
  target: FailureTarget;
}

interface FailureRule {
  readonly api: ApiName;
  /** An error to answer; or a fault, which has no code. */
  readonly failure: ErrorCode | FaultObject;
  readonly target: FailureTarget;
  timesLeft: number;
}

/** What is planned for one request. */
export interface RequestFaults {
  /**
   * The error to answer for a partition, or undefined.
   *
   * @param topic Null for an api that has no topics.
   * @param partition Null where only a topic is named.
   */
  errorFor(topic: string | null, partition: number | null): ErrorCode | undefined;
}

/** The failures and delays planned for a cluster. */
export class FaultPlan {
  readonly #rules: FailureRule[] = [];
  readonly #delaysMs = new Map<ApiName | "all", number>();

  /**
   * Plans failures; what is left of them is taken back when what is returned is disposed of.
   *
   * @throws {TypeError} When there is no such fault.
   * @throws {RangeError} When the api, the error name or the number of times makes no sense.
   */
  failNext({ api, failure, times, target }: PlannedFailure): Disposable {
    assertApiName(api);
    if (!(times > 0)) throw new RangeError(`Cannot plan a failure: times must be at least 1, but is ${times}`);
    const isFault = typeof failure !== "string" || failure === "close" || failure === "silent";
    const planned = isFault ? checkedFault(failure as Fault) : errorCodeByName(failure);
    const rule: FailureRule = { api, failure: planned, target, timesLeft: times };
    this.#rules.push(rule);
    return { [Symbol.dispose]: () => void (rule.timesLeft = 0) };
  }

  /** Sets the delay of an api, or of all that have none of their own; 0 takes it back. */
  delay(ms: number, api: ApiName | "all"): void {
    if (api !== "all") assertApiName(api);
    if (!(ms >= 0)) throw new RangeError(`Cannot delay: ms must be 0 or more, but is ${ms}`);
    this.#delaysMs.set(api, ms);
  }

  /** How long a request of `api` waits before it is handled. */
  delayMs(api: ApiName): number {
    return this.#delaysMs.get(api) ?? this.#delaysMs.get("all") ?? 0;
  }

  /**
   * The errors for one request. A rule counts down once a request that it hits, however many partitions that has; a
   * partition takes the oldest rule that concerns it.
   */
  forRequest(api: ApiName, brokerId: number): RequestFaults {
    // A copy: a rule that this request used up must stay in force for the request's other partitions.
    const rules = this.#rulesFor(api, brokerId).filter(({ failure }) => !("fault" in failure));
    if (rules.length === 0) return NO_FAULTS;
    const used = new Set<FailureRule>();
    const errorFor = (topic: string | null, partition: number | null) => {
      const rule = rules.find((rule) =>
        (rule.timesLeft > 0 || used.has(rule)) && concerns(rule.target, { topic, partition })
      );
      if (rule === undefined) return undefined;
      if (!used.has(rule)) {
        used.add(rule);
        rule.timesLeft--;
      }
      return rule.failure as ErrorCode;
    };
    return { errorFor };
  }

  /**
   * The fault of one request, if one is planned: that of the oldest rule that concerns it, which counts down.
   *
   * @param targets Lists what the request names; called only when it matters.
   */
  takeFault(api: ApiName, brokerId: number, targets: () => readonly RequestTarget[]): FaultObject | undefined {
    for (const rule of this.#rulesFor(api, brokerId)) {
      const { failure, target } = rule;
      if (!("fault" in failure)) continue;
      const isForAll = target.topic === undefined && target.partition === undefined;
      if (!isForAll && !targets().some((named) => concerns(target, named))) continue;
      rule.timesLeft--;
      return failure;
    }
    return undefined;
  }

  /** The rules in force, the oldest first. */
  #rulesFor(api: ApiName, brokerId: number): FailureRule[] {
    for (let i = this.#rules.length - 1; i >= 0; i--) {
      if (this.#rules[i]!.timesLeft <= 0) this.#rules.splice(i, 1);
    }
    return this.#rules.filter((rule) => rule.api === api && (rule.target.broker ?? brokerId) === brokerId);
  }
}

const NO_FAULTS: RequestFaults = { errorFor: () => undefined };

/** @throws {RangeError} When no api has that name. */
export function assertApiName(api: string): asserts api is ApiName {
  if (!Object.hasOwn(apis, api)) {
    throw new RangeError(`Cannot use api "${api}": the apis are ${Object.keys(apis).join(", ")}`);
  }
}

function concerns(target: FailureTarget, { topic, partition }: RequestTarget): boolean {
  if (target.topic !== undefined && target.topic !== topic) return false;
  return target.partition === undefined || target.partition === partition;
}
