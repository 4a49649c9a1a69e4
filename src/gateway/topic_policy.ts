/**
 * Which topics a request may write to.
 *
 * @module
 */

import { GatewayError } from "./gateway_error.ts";
import type { RecordCounts } from "./gateway_metrics.ts";
import type { Principal, TopicRule } from "./hooks.ts";

/** A topic in use. */
export interface TopicUse {
  /** Its name. */
  readonly name: string;
  /** What became of its records; shared with others where clients choose the names. */
  readonly records: RecordCounts;
  /** When it was last asked for. */
  usedMs: number;
}

/** What a policy is made of beside its rule. */
export interface TopicPolicyOptions {
  /** Most topics in use. */
  readonly maxTopics: number;
  /** How long one counts as in use that is not asked for. */
  readonly idleMs: number;
  /** The same for one that Kafka does not have: longer than a request takes from its head to its record. */
  readonly unknownIdleMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Where the records of a topic are counted. */
  readonly counts: (label: string) => RecordCounts;
  /** Has the producer let go of a topic; tells whether it does not exist, as far as is known. */
  readonly forget: (name: string) => boolean;
}

/** Kafka's own rule for names. */
const NAME = /^[a-zA-Z0-9._-]{1,249}$/;
/** Of topics that Kafka itself keeps. */
const INTERNAL_PREFIX = "__";
/** How often is looked for topics that are no more in use: it takes a look at each. */
const SWEEP_MS = 1_000;

/** See the module comment. */
export class TopicPolicy {
  readonly #rule: "*" | NameList | TopicRule;
  readonly #options: TopicPolicyOptions;
  readonly #inUse = new Map<string, TopicUse>();

  #sweptMs = -Infinity;

  /**
   * @param rule See `GatewayOptions.topics`.
   * @param options What else it is made of.
   */
  constructor(rule: "*" | readonly string[] | TopicRule, options: TopicPolicyOptions) {
    this.#options = options;
    this.#rule = rule === "*" || typeof rule === "function" ? rule : new NameList(rule);
  }

  /** Topics in use. */
  get inUse(): ReadonlyMap<string, TopicUse> {
    return this.#inUse;
  }

  /** A topic that should be there: one that is allowed, or in use. */
  get anyName(): string | undefined {
    const [first] = this.#rule instanceof NameList && this.#rule.names.size > 0 ? this.#rule.names : this.#inUse.keys();
    return first;
  }

  /**
   * The topic of a request.
   *
   * @param name As it was written.
   * @param principal Who asks.
   * @throws {GatewayError} 400 for no name of a topic, 403 for one that is not allowed, 503 for too many.
   */
  use(name: string, principal: Principal | null): TopicUse {
    const known = this.#inUse.get(name);
    if (known === undefined) assertName(name);
    if (!this.#allows(name, principal)) {
      throw new GatewayError("FORBIDDEN", `Cannot write to topic "${name}": it is not among the topics allowed here`);
    }
    if (known === undefined) return this.#add(name);
    known.usedMs = this.#options.now();
    return known;
  }

  #add(name: string): TopicUse {
    const { maxTopics, counts, now } = this.#options;
    const isListed = this.#isListed(name);
    if (this.#inUse.size >= maxTopics) this.#sweep();
    // Names that are listed are so many, and no more: others cannot shut them out.
    if (this.#inUse.size >= maxTopics && !isListed) {
      throw new GatewayError(
        "OVERLOADED",
        `Cannot write to topic "${name}": as many topics as allowed are in use, ${maxTopics}`,
      );
    }
    // A series each for names that clients make up would be theirs to multiply.
    const use = { name, records: counts(isListed ? name : "other"), usedMs: now() };
    this.#inUse.set(name, use);
    return use;
  }

  /**
   * Takes out what is no more in use: otherwise, whoever makes up names would shut out all others for ever. Requests under
   * way keep what they have got.
   */
  #sweep(): void {
    const { idleMs, unknownIdleMs, now, forget } = this.#options;
    const nowMs = now();
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    for (const [name, { usedMs }] of this.#inUse) {
      const unusedMs = nowMs - usedMs;
      if (unusedMs < unknownIdleMs) continue;
      const isUnknown = forget(name);
      if (isUnknown || unusedMs >= idleMs) this.#inUse.delete(name);
    }
  }

  #isListed(name: string): boolean {
    return this.#rule instanceof NameList && this.#rule.names.has(name);
  }

  #allows(name: string, principal: Principal | null): boolean {
    const rule = this.#rule;
    if (rule instanceof NameList && !rule.has(name)) return false;
    if (typeof rule === "function" && !rule(name, principal)) return false;
    const own = principal?.topics;
    return own === undefined || own === "*" || new NameList(own).has(name);
  }
}

/** Names, and beginnings of names followed by `*`. */
class NameList {
  readonly names = new Set<string>();
  readonly #prefixes: string[] = [];

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      if (entry.endsWith("*")) this.#prefixes.push(entry.slice(0, -1));
      else this.names.add(entry);
    }
  }

  has(name: string): boolean {
    return this.names.has(name) || this.#prefixes.some((prefix) => name.startsWith(prefix));
  }
}

function assertName(name: string): void {
  // The name itself is not quoted: it may hold anything.
  if (!NAME.test(name) || name === "." || name === "..") {
    throw new GatewayError(
      "INVALID_TOPIC",
      "Cannot write to that topic: names are 1 to 249 of the characters a-z A-Z 0-9 . _ -",
    );
  }
  if (name.startsWith(INTERNAL_PREFIX)) {
    throw new GatewayError("FORBIDDEN", `Cannot write to topic "${name}": topics that begin with "__" are Kafka's own`);
  }
}
