/**
 * The options of a topic as they are now: from the producer's, from the first handle that has any, and as changed since.
 *
 * @module
 */

import { checkOptions, quote } from "../option_checks.ts";
import type { ResolvedTopicOptions, TopicOptions } from "../options.ts";

/** Options that {@linkcode Topic.configure} changes. */
export type ChangeableOption =
  | "partitioner"
  | "lingerMs"
  | "idleMs"
  | "batchMaxRecords"
  | "batchMaxBytes"
  | "compression"
  | "overflow"
  | "downtimeMaxRecords"
  | "transformBatch";

/** What {@linkcode Topic.configure} takes. An option given as undefined goes back to what the producer was made with. */
export type TopicChanges = { [Name in ChangeableOption]?: TopicOptions[Name] | undefined };

const CHANGEABLE: Record<ChangeableOption, true> = {
  partitioner: true,
  lingerMs: true,
  idleMs: true,
  batchMaxRecords: true,
  batchMaxBytes: true,
  compression: true,
  overflow: true,
  downtimeMaxRecords: true,
  transformBatch: true,
};

/** Checks options of a topic, and fills in those of the producer. */
export type ResolveTopic = (options: TopicOptions) => ResolvedTopicOptions;

/** See the module comment. Each change makes a new object of options: who keeps one keeps what held at the time. */
export class TopicSettings {
  readonly #topic: string;
  /** What the producer was made with. */
  readonly #made: TopicOptions;
  readonly #resolve: ResolveTopic;
  /** What was set since. */
  #set: TopicOptions = {};
  #isSetByHandle = false;
  #current: ResolvedTopicOptions;

  /**
   * @param topic Name of the topic.
   * @param made What the producer's own options say of it.
   * @param resolve Checks options, and fills in those of the producer.
   */
  constructor(topic: string, made: TopicOptions, resolve: ResolveTopic) {
    this.#topic = topic;
    this.#made = made;
    this.#resolve = resolve;
    this.#current = resolve(made);
  }

  /** The options as they are now. */
  get current(): ResolvedTopicOptions {
    return this.#current;
  }

  /**
   * Applies the options of a handle, if they are the first.
   *
   * @param options The handle's.
   * @param topic Whether the topic has lanes: how many cannot change then, or keys would change lanes with records under way.
   * @returns Whether anything changed.
   * @throws {TypeError} When another value was set before.
   */
  setOnce(options: TopicOptions, { isUsed }: { isUsed: boolean }): boolean {
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    if (given.length === 0) return false;
    const set: TopicOptions = { ...this.#set, ...Object.fromEntries(given) };
    const resolved = this.#resolved(set, options);
    for (const [name, value] of given) {
      const isFixed = isUsed && name === "lanesPerPartition";
      if (!this.#isSetByHandle && !Object.hasOwn(this.#set, name) && !isFixed) continue;
      const present = this.#current[name as keyof TopicOptions];
      if (!isSame(resolved[name as keyof TopicOptions], present)) throw this.#conflict(name, value, present);
    }
    if (this.#isSetByHandle) return false;
    this.#isSetByHandle = true;
    this.#set = set;
    this.#current = resolved;
    return true;
  }

  /**
   * Changes options, all or none of them.
   *
   * @throws {TypeError} For a value of the wrong type, an unknown name, or an option that cannot change.
   * @throws {RangeError} For a value out of bounds, or bounds that contradict each other.
   */
  change(changes: TopicChanges): void {
    checkOptions(`configure topic ${quote(this.#topic)}`, changes);
    for (const name of Object.keys(changes)) {
      if (Object.hasOwn(CHANGEABLE, name) || !Object.hasOwn(this.#current, name)) continue;
      throw new TypeError(`Cannot change ${quote(name)} of topic ${quote(this.#topic)}: it holds for a topic's life`);
    }
    const set: TopicOptions = { ...this.#set, ...changes as TopicOptions };
    for (const [name, value] of Object.entries(set)) if (value === undefined) delete set[name as keyof TopicOptions];
    const resolved = this.#resolved(set, changes);
    this.#set = set;
    this.#current = resolved;
  }

  /** What holds when `set` is set; the names of `given` are checked also where it leaves them undefined. */
  #resolved(set: TopicOptions, given: object): ResolvedTopicOptions {
    const names = Object.fromEntries(Object.keys(given).map((name) => [name, undefined]));
    return this.#resolve({ ...names, ...this.#made, ...set });
  }

  #conflict(name: string, value: unknown, present: unknown): TypeError {
    const what = `Cannot set ${quote(name)} of topic ${quote(this.#topic)} to ${quote(value)}`;
    const is = `it is ${present === undefined ? "the default" : quote(present)} already`;
    return new TypeError(`${what}: ${is}${Object.hasOwn(CHANGEABLE, name) ? "; configure() changes it" : ""}`);
  }
}

/** Whether two option values are the same: objects by what they hold. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object") return false;
  return JSON.stringify(a) === JSON.stringify(b);
}
