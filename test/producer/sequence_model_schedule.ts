/**
 * Schedules for the model of the sequence machine: made from a seed, and made shorter while they still fail.
 *
 * @module
 */

import { SeededRandom } from "../protocol/seeded_random.ts";

/** What happens in a step. A step that means nothing in the state reached is passed over. */
export type ModelEventKind =
  /** The caller hands over a batch. */
  | "submit"
  /** The client looks whether it may send. */
  | "send"
  /** A broker takes the next request of a connection. */
  | "process"
  /** The client reads the next answer of a connection. */
  | "answer"
  /** A connection ends; what the broker had not taken from it may be processed later all the same. */
  | "close"
  /** A broker processes a request of a connection that has ended. */
  | "late"
  /** The client's metadata is brought up to date. */
  | "metadata"
  /** Time passes. */
  | "wait"
  /** Nobody waits for a batch any more. */
  | "abandon"
  /** Another broker leads the partition; uncommitted batches may be lost. */
  | "move"
  /** Another lane of the producer raised the epoch. */
  | "sibling"
  /** A new producer id comes. */
  | "identity"
  /** The leader restarts, and knows only the last batch of a producer. */
  | "restart"
  /** A day without records: brokers forget the producer. */
  | "expire"
  /** The topic is deleted and made again. */
  | "recreate"
  /** Another broker leads the partition, which had not got all that was acknowledged. */
  | "unclean";

/** One step; `a` and `b` choose among what is possible. */
export interface ModelEvent {
  /** What happens. */
  readonly kind: ModelEventKind;
  /** 0 to 999. */
  readonly a: number;
  /** 0 to 999. */
  readonly b: number;
}

/** What holds for a whole schedule. */
export interface ModelProfile {
  /** Whether batches carry numbers. */
  idempotent: boolean;
  /** See `SequenceOptions`. */
  maxInFlight: number;
  /** See `SequenceOptions`. */
  onUnknown: "retry" | "fail";
  /** Epoch of the first identity. */
  firstEpoch: number;
  /** Whether the first batch takes so many numbers that the next ones wrap. */
  isNearWrap: boolean;
  /** Of a hundred requests, how many are answered with an error. */
  faultPercent: number;
  /** Whether brokers answer 59 to an unknown producer that does not begin with 0, and 46 to a duplicate. */
  isOldBroker: boolean;
  /** Whether late requests are processed after all else rather than before. */
  isLateLast: boolean;
}

/** A profile and the steps. */
export interface Schedule {
  /** What it was made from. */
  readonly seed: number;
  /** What holds all the time. */
  readonly profile: ModelProfile;
  /** The steps. */
  readonly events: readonly ModelEvent[];
}

const MOST_EVENTS = 60;

/** Steps that every schedule has, by weight. */
const USUAL: readonly (readonly [ModelEventKind, number])[] = [
  ["submit", 14],
  ["send", 30],
  ["process", 24],
  ["answer", 20],
];

/** Steps of which each schedule has some. */
const SPECIAL: readonly (readonly [ModelEventKind, number])[] = [
  ["close", 5],
  ["late", 4],
  ["metadata", 3],
  ["wait", 5],
  ["abandon", 5],
  ["move", 3],
  ["sibling", 2],
  ["identity", 3],
  ["restart", 1],
  ["expire", 2],
  ["recreate", 1],
  ["unclean", 1],
];

/** The schedule of a seed: always the same one. */
export function scheduleOf(seed: number): Schedule {
  // Neighbouring seeds must not begin alike.
  const random = new SeededRandom(Math.imul(seed + 1, 0x9e3779b1) || 1);
  for (let i = 0; i < 4; i++) random.below(2);
  const idempotent = random.below(8) > 0;
  const profile: ModelProfile = {
    idempotent,
    maxInFlight: 1 + random.below(5),
    onUnknown: random.below(3) === 0 ? "fail" : "retry",
    firstEpoch: random.below(4) === 0 ? 32766 : 0,
    isNearWrap: random.below(4) === 0,
    faultPercent: [0, 15, 40][random.below(3)]!,
    isOldBroker: random.below(5) === 0,
    isLateLast: random.below(2) === 0,
  };
  const kinds = [...USUAL, ...SPECIAL.filter(() => random.below(2) === 0)];
  const total = kinds.reduce((sum, [, weight]) => sum + weight, 0);
  const events = Array.from({ length: 10 + random.below(MOST_EVENTS - 9) }, () => ({
    kind: pick(kinds, random.below(total)),
    a: random.below(1000),
    b: random.below(1000),
  }));
  return { seed, profile, events };
}

/** Leaves out steps while `fails` still holds, until each one left is needed. */
export function shrink(schedule: Schedule, fails: (schedule: Schedule) => boolean): Schedule {
  let smallest = schedule;
  for (let size = Math.ceil(schedule.events.length / 2); size >= 1;) {
    let isSmaller = false;
    for (let from = 0; from < smallest.events.length;) {
      const events = smallest.events.toSpliced(from, size);
      if (fails({ ...smallest, events })) {
        smallest = { ...smallest, events };
        isSmaller = true;
      } else {
        from += size;
      }
    }
    if (!isSmaller || size > 1) size = size === 1 ? 0 : Math.floor(size / 2);
  }
  return smallest;
}

function pick(kinds: readonly (readonly [ModelEventKind, number])[], at: number): ModelEventKind {
  let left = at;
  for (const [kind, weight] of kinds) {
    if (left < weight) return kind;
    left -= weight;
  }
  throw new RangeError(`Cannot pick a step: ${at} is past the last weight`);
}
