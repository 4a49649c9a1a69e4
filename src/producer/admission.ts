/**
 * A call's records on their way into lanes, and their wait when there is no room.
 *
 * @module
 */

import type { EncodableRecord } from "../../protocol/record_batch.ts";
import type { RecordInput } from "../record.ts";
import type { BudgetShare, Waiter } from "./budget.ts";
import type { RefusalListener, SpanTarget } from "./span.ts";

/** Where a record goes: a lane, or the waiting room of its topic. */
export interface Destination {
  /** Partition, null for the waiting room. */
  readonly partition: number | null;
  /** Its part of the budget. */
  readonly share: BudgetShare;
  /** Copies a record in. */
  append(record: EncodableRecord & { partition: number }, to: SpanTarget): void;
}

/** The topic of a call, as an admission sees it. */
export interface AdmissionHost {
  /** The record being admitted: one object for all. */
  readonly record: EncodableRecord & {
    partition: number;
    readonly neededBytes: number;
    beginRun(): void;
    /** Whether the caller has chosen the record's timestamp. */
    readonly isTimed: boolean;
    prepareAt(inputs: readonly RecordInput[], index: number, nowMs: number): void;
  };
  /** A run begins, of a call that drops records when there is no room, or one that waits. */
  runBegins(isDropping: boolean): void;
  /** Bytes that `share` has room for; below 1 also when others came first. */
  grantedBytes(share: BudgetShare): number;
  /** What a record waits for that has no room in `share`. */
  blocking(share: BudgetShare, neededBytes: number): BudgetShare;
  /** Where the prepared record goes, or null when it is refused: `refusals` has been told. */
  route(inputIndex: number, refusals: RefusalListener): Destination | null;
  /** Whether records may still go to a destination chosen earlier. */
  isOpen(destination: Destination): boolean;
  /** Notes a destination that got records in this run. */
  touch(destination: Destination): void;
  /** The run is over: hands on what it appended, to go out after `lingerMs` at the latest. */
  runEnded(admitted: { readonly records: number; readonly bytes: number }, lingerMs: number): void;
  /** An admission ended: everything in, or given up. */
  admissionEnded(admission: Admission): void;
}

/** What an admission is made of. */
export interface AdmissionOptions {
  /** The call's records, checked. */
  readonly inputs: readonly RecordInput[];
  /** Where outcomes go; its `inputIndex` is moved along. */
  readonly to: SpanTarget;
  /** Who is told of refused records. */
  readonly refusals: RefusalListener;
  /** Place of the first record in the call's input. */
  readonly firstIndex: number;
  /** Timestamp for records that have none. */
  readonly wallMs: number;
  /** See `IntakeOptions.lingerMs`. */
  readonly lingerMs: number;
  /** Whether records are dropped when there is no room; else the call waits. */
  readonly isDropping: boolean;
  /** Where each record goes, where that was found out before. */
  readonly destinations: readonly (Destination | null)[] | null;
  /** Gets the partition of each record, if somebody wants to know. */
  readonly partitions: (number | null)[] | null;
}

/**
 * Admits records in order, one by one, as far as the budget goes. It holds no record that has been admitted.
 *
 * The fast path never waits: then the object is all that is allocated for a call, whatever its number of records.
 */
export class Admission implements Waiter {
  /** Bytes the next record may need at most. */
  neededBytes = 0;
  /** Implements `Waiter`. */
  arrival = 0;
  /** Where outcomes go. */
  readonly to: SpanTarget;
  readonly #host: AdmissionHost;
  readonly #options: AdmissionOptions;
  #next = 0;
  /** What this run has admitted. */
  readonly #admitted = { records: 0, bytes: 0 };
  /**
   * Chosen for the next record: a partitioner is asked once a record, however long the record waits, unless it may move
   * and others have room.
   */
  #destination: Destination | null = null;
  /** Place of the record that may move: what was found out before does not hold for it. */
  #movedIndex = -1;
  #ended: PromiseWithResolvers<void> | null = null;
  #waitsFor: BudgetShare | null = null;

  /**
   * @param host The topic.
   * @param options The call.
   */
  constructor(host: AdmissionHost, options: AdmissionOptions) {
    this.#host = host;
    this.#options = options;
    this.to = options.to;
  }

  /** Records not admitted yet. */
  get remaining(): readonly RecordInput[] {
    return this.#options.inputs.slice(this.#next);
  }

  /** Place in the call's input of the first of them. */
  get nextIndex(): number {
    return this.#options.firstIndex + this.#next;
  }

  /** Who is told of refused records. */
  get refusals(): RefusalListener {
    return this.#options.refusals;
  }

  /** Timestamp for records that have none. */
  get wallMs(): number {
    return this.#options.wallMs;
  }

  /** The share it waits for, null while it does not wait. */
  get waitsFor(): BudgetShare | null {
    return this.#waitsFor;
  }

  /** Resolves when every record is admitted or refused, rejects when the wait was given up. */
  get ended(): Promise<void> {
    return (this.#ended ??= Promise.withResolvers<void>()).promise;
  }

  /** Admits as far as there is room. Returns the share to wait for, null when all is in. */
  run(): BudgetShare | null {
    const admitted = this.#admitted;
    admitted.records = admitted.bytes = 0;
    this.#host.runBegins(this.#options.isDropping);
    this.#waitsFor = this.#admit();
    this.#host.runEnded(admitted, this.#options.lingerMs);
    return this.#waitsFor;
  }

  /** Implements `Waiter`. */
  resume(): BudgetShare | null {
    const share = this.run();
    if (share === null) {
      this.#host.admissionEnded(this);
      this.#ended?.resolve();
    }
    return share;
  }

  /** Implements `Waiter`: a record with a key, or for a partition, stays where it was to go. */
  mayMove(): boolean {
    const input = this.#options.inputs[this.#next];
    if (this.#destination === null || input === undefined || !isUnbound(input)) return false;
    this.#destination = null;
    this.#movedIndex = this.#next;
    return true;
  }

  /** Waits at `share` before anything is admitted. */
  waitAt(share: BudgetShare): BudgetShare {
    return this.#waitsFor = share;
  }

  /** Ends the wait; the caller has taken it out of the budget's queue and told the recipient. */
  giveUp(reason: unknown): void {
    this.#waitsFor = null;
    this.#next = this.#options.inputs.length;
    this.#host.admissionEnded(this);
    this.#ended?.reject(reason);
  }

  #admit(): BudgetShare | null {
    const host = this.#host;
    const admitted = this.#admitted;
    const { inputs, to, refusals, firstIndex, wallMs, partitions } = this.#options;
    const { record } = host;
    let last: Destination | null = null;
    /** What the share of `last` may take without being asked again. */
    let grantedBytes = 0;
    record.beginRun();
    for (; this.#next < inputs.length; this.#next++) {
      record.prepareAt(inputs, this.#next, wallMs);
      to.inputIndex = firstIndex + this.#next;
      to.isTimed = record.isTimed;
      const destination = this.#takeChosen() ?? host.route(to.inputIndex, refusals);
      if (destination === null) {
        partitions?.push(null);
        last = null; // Whoever was told may have taken of the budget.
        continue;
      }
      const { neededBytes } = record;
      if (destination !== last || neededBytes > grantedBytes) {
        grantedBytes = host.grantedBytes(destination.share);
        if (neededBytes > grantedBytes) {
          this.neededBytes = neededBytes;
          this.#destination = destination;
          return host.blocking(destination.share, neededBytes);
        }
        if (destination !== last) host.touch(destination);
        last = destination;
      }
      grantedBytes -= neededBytes;
      destination.append(record, to);
      admitted.records++;
      admitted.bytes += neededBytes;
      partitions?.push(destination.partition);
    }
    return null;
  }

  /** Where the next record goes, when that was found out before and is still so. */
  #takeChosen(): Destination | null {
    if (this.#destination === null && this.#options.destinations === null) return null;
    const given = this.#next === this.#movedIndex ? null : this.#options.destinations?.[this.#next];
    const destination = this.#destination ?? given ?? null;
    this.#destination = null;
    return destination !== null && this.#host.isOpen(destination) ? destination : null;
  }
}

/** Whether neither a key nor the caller says where a record goes. */
function isUnbound(input: RecordInput): boolean {
  if (typeof input === "string" || input instanceof Uint8Array) return true;
  return (input.key === undefined || input.key === null) && input.partition === undefined;
}
