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
}

/** Kafka's own rule for names. */
const NAME = /^[a-zA-Z0-9._-]{1,249}$/;
/** Of topics that Kafka itself keeps. */
const INTERNAL_PREFIX = "__";

/** See the module comment. */
export class TopicPolicy {
  readonly #rule: "*" | NameList | TopicRule;
  readonly #maxTopics: number;
  readonly #counts: (label: string) => RecordCounts;
  readonly #inUse = new Map<string, TopicUse>();

  /**
   * @param rule See `GatewayOptions.topics`.
   * @param options How many may be in use; where the records of each are counted.
   */
  constructor(
    rule: "*" | readonly string[] | TopicRule,
    { maxTopics, counts }: { maxTopics: number; counts: (label: string) => RecordCounts },
  ) {
    this.#counts = counts;
    this.#rule = rule === "*" || typeof rule === "function" ? rule : new NameList(rule);
    this.#maxTopics = maxTopics;
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
    return known ?? this.#add(name);
  }

  #add(name: string): TopicUse {
    if (this.#inUse.size >= this.#maxTopics) {
      throw new GatewayError(
        "OVERLOADED",
        `Cannot write to topic "${name}": as many topics as allowed are in use, ${this.#maxTopics}`,
      );
    }
    // A series each for names that clients make up would be theirs to multiply.
    const isListed = this.#rule instanceof NameList && this.#rule.names.has(name);
    const use = { name, records: this.#counts(isListed ? name : "other") };
    this.#inUse.set(name, use);
    return use;
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
