/**
 * Errors to answer on demand, and delays.
 *
 * @module
 */

import { type ApiName, apis } from "../../protocol/apis.ts";
import { type ErrorCode, errorCodeByName } from "../../protocol/error_codes.ts";

/** Which partitions a failure concerns; by default all of a request. */
export interface FailureTarget {
  /** Only this topic. */
  topic?: string;
  /** Only this partition of each topic concerned. */
  partition?: number;
}

interface FailureRule {
  api: ApiName;
  error: ErrorCode;
  timesLeft: number;
  target: FailureTarget;
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
   * Plans failures.
   *
   * @throws {RangeError} When the api, the error name or the number of times makes no sense.
   */
  failNext(api: ApiName, errorName: string, times: number, target: FailureTarget): void {
    assertApiName(api);
    const error = errorCodeByName(errorName);
    if (!(times > 0)) throw new RangeError(`Cannot plan a failure: times must be at least 1, but is ${times}`);
    this.#rules.push({ api, error, timesLeft: times, target });
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
   * The failures for one request. A rule counts down once a request that it hits, however many partitions that has; a
   * partition takes the oldest rule that concerns it.
   */
  forRequest(api: ApiName): RequestFaults {
    if (this.#rules.length === 0) return NO_FAULTS;
    this.#dropUsedUp();
    // A copy: a rule that this request used up must stay in force for the request's other partitions.
    const rules = this.#rules.filter((rule) => rule.api === api);
    const used = new Set<FailureRule>();
    const errorFor = (topic: string | null, partition: number | null) => {
      const rule = rules.find((rule) =>
        (rule.timesLeft > 0 || used.has(rule)) && concerns(rule.target, topic, partition)
      );
      if (rule === undefined) return undefined;
      if (!used.has(rule)) {
        used.add(rule);
        rule.timesLeft--;
      }
      return rule.error;
    };
    return { errorFor };
  }

  #dropUsedUp(): void {
    for (let i = this.#rules.length - 1; i >= 0; i--) {
      if (this.#rules[i]!.timesLeft <= 0) this.#rules.splice(i, 1);
    }
  }
}

const NO_FAULTS: RequestFaults = { errorFor: () => undefined };

/** @throws {RangeError} When no api has that name. */
export function assertApiName(api: string): asserts api is ApiName {
  if (!Object.hasOwn(apis, api)) {
    throw new RangeError(`Cannot use api "${api}": the apis are ${Object.keys(apis).join(", ")}`);
  }
}

function concerns(target: FailureTarget, topic: string | null, partition: number | null): boolean {
  if (target.topic !== undefined && target.topic !== topic) return false;
  return target.partition === undefined || target.partition === partition;
}
