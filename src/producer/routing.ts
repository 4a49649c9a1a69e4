/**
 * Which partition a record goes to: what the caller asked for, or what the partitioner says.
 *
 * @module
 */

import { quote } from "../option_checks.ts";
import type { Partitioner, PartitionInput, TopicView } from "../partitioner.ts";
import { RecordRefusedError, UnknownPartitionError } from "../record_errors.ts";
import { javaCompatible } from "./partitioners.ts";

/** A record as the routing sees it. */
export interface RoutableRecord {
  /** Key, null for none. */
  readonly key: Uint8Array | null;
  /** Partition the caller asked for, -1 for none. */
  readonly partition: number;
  /** Bytes of key and value. */
  readonly payloadBytes: number;
}

/** Chooses partitions for one topic. */
export class Routing {
  readonly #view: TopicView;
  readonly #onThrow: (error: unknown) => void;
  readonly #fallback: Partitioner = javaCompatible();
  /** Reused between calls. */
  readonly #input: PartitionInput = { key: null, bytes: 0 };

  /**
   * @param view The topic, as partitioners see it.
   * @param onThrow Told of an exception in a caller's partitioner; the default decides then.
   */
  constructor(view: TopicView, onThrow: (error: unknown) => void) {
    this.#view = view;
    this.#onThrow = onThrow;
  }

  /**
   * The partition of a record; asking counts as a pick.
   *
   * @param record The record.
   * @param partitioner The caller's, undefined for the default.
   * @returns A partition id, or why the record is refused: a `RangeError` for a number that is no partition, else an
   * error with the partitioner's reason.
   */
  route(record: RoutableRecord, partitioner: Partitioner | undefined): number | Error {
    if (record.partition !== -1) return this.#check(record.partition, `"partition"`);
    const input = this.#input;
    input.key = record.key;
    input.bytes = record.payloadBytes;
    const choice = partitioner === undefined ? undefined : this.#ask(partitioner, input);
    if (choice === undefined) return this.#fallback(input, this.#view) as number;
    if (typeof choice === "number") return this.#check(choice, "the partitioner's choice");
    if (typeof choice === "object" && choice !== null && typeof choice.refused === "string") {
      return new RecordRefusedError(choice.refused);
    }
    // Nobody else would hear of its failure, and an unheard one ends the process.
    const isPromise = (choice as unknown) instanceof Promise;
    if (isPromise) (choice as unknown as Promise<unknown>).catch(() => {});
    const given = isPromise ? "a promise" : quote(choice);
    return new TypeError(
      `Cannot accept a record: the partitioner must return a partition, a refusal or undefined, not ${given}`,
    );
  }

  #ask(partitioner: Partitioner, input: PartitionInput): ReturnType<Partitioner> {
    try {
      return partitioner(input, this.#view);
    } catch (error) {
      this.#onThrow(error);
      return undefined;
    }
  }

  #check(partition: number, what: string): number | RangeError {
    const ids = this.#view.partitions;
    if (holds(ids, partition)) return partition;
    return new UnknownPartitionError(
      `Cannot accept a record: ${what} ${partition} is no partition of ${quote(this.#view.name)} (${describeIds(ids)})`,
      partition,
    );
  }
}

/** Whether ascending ids hold one: at the cost of a look where they are 0 to n-1, as nearly always. */
function holds(ids: readonly number[], id: number): boolean {
  if (ids[id] === id) return true;
  let low = 0;
  for (let high = ids.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return ids[low] === id;
}

function describeIds(ids: readonly number[]): string {
  const isRun = ids.every((id, i) => id === ids[0]! + i);
  return isRun ? `it has ${ids[0]} to ${ids.at(-1)}` : `it has ${ids.slice(0, 20).join(", ")}`;
}
