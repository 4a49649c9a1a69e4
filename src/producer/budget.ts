/**
 * The byte budget of a producer: what may be accepted, and who waits for room.
 *
 * @module
 */

/** One who waits for room. */
export interface Waiter {
  /** Bytes it needs next. */
  neededBytes: number;
  /** Its place among all who wait, 0 until it waits for the first time. It keeps it, whatever it waits for. */
  arrival: number;
  /**
   * Called when they are free. Takes them at once and goes on as far as it can; when it blocks again it stays at the
   * head of its queue if it still waits for the same share.
   *
   * @returns The share it waits for now, or null when it is done.
   */
  resume(): BudgetShare | null;
  /** Drops the choice of where its next record goes, when that may be made anew; says whether it may. */
  mayMove(): boolean;
}

/** What the partitions that one broker leads hold together. */
class BrokerHold {
  /** Bytes of their records. */
  bytes = 0;
  /** Of the shares, how many are up. */
  upShares = 0;
}

/** One partition's, or one waiting room's, part of the budget. */
export class BudgetShare {
  /** Most bytes this share may hold. */
  maxBytes: number;
  /** Bytes it holds. */
  bytes = 0;
  /** Whether records can leave it: its broker is connected. */
  isUp = false;
  /** Lanes of the partition that are connected. */
  upLanes = 0;
  /** What its leader's partitions hold together, null while there is no leader. */
  broker: BrokerHold | null = null;
  /** Those who wait for room here, first come first. */
  readonly waiters: Waiter[] = [];

  /** @param maxBytes Most bytes this share may hold. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }
}

/**
 * Counts the bytes of all unsettled records.
 *
 * Four limits: the whole budget; each share's own; half of the budget for all shares together that one broker leads,
 * while another broker is up, so that enough is left for the others on the day it falls silent; and half of the budget for
 * all shares together that are not up, while another one is.
 */
export class Budget {
  readonly #maxBytes: number;
  #usedBytes = 0;
  #downBytes = 0;
  #upShares = 0;
  /** By broker id. */
  readonly #brokers = new Map<number, BrokerHold>();
  /** Brokers that lead a share that is up. */
  #upBrokers = 0;
  /** Shares with waiters, in the order in which their first waiter came. */
  readonly #waiting = new Set<BudgetShare>();
  #arrivals = 0;
  /** The share whose head waiter goes on just now: it alone need not queue there. */
  #served: BudgetShare | null = null;
  /** Whether a waiter that went elsewhere has found no room there, in this round. */
  #isCrowded = false;

  /** @param maxBytes Most bytes of unsettled records in all. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of all unsettled records. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes of the whole budget that are not taken. */
  get unusedBytes(): number {
    return this.#maxBytes - this.#usedBytes;
  }

  /** Whether anybody waits for room: then every open batch is due. */
  get hasWaiters(): boolean {
    return this.#waiting.size > 0;
  }

  /** Bytes that `share` could take now. */
  freeBytes(share: BudgetShare): number {
    return Math.min(this.unusedBytes, this.#shareFreeBytes(share));
  }

  /** Whether a new call may take `bytes` now; not while others wait for the same share, or for the whole budget. */
  admits(share: BudgetShare, bytes: number): boolean {
    return bytes <= this.grantedBytes(share);
  }

  /** Bytes that a new call may take now, -1 while others come first. */
  grantedBytes(share: BudgetShare): number {
    if (this.#waiting.size > 0 && share !== this.#served) {
      if (share.waiters.length > 0 || (this.#served === null && this.#isStarving(share))) return -1;
    }
    return this.freeBytes(share);
  }

  /** Takes `bytes` that {@linkcode admits} allowed. */
  take(share: BudgetShare, bytes: number): void {
    this.#usedBytes += bytes;
    share.bytes += bytes;
    if (share.broker !== null) share.broker.bytes += bytes;
    if (!share.isUp) this.#downBytes += bytes;
  }

  /** Gives `bytes` back. Call {@linkcode serve} when all that was settled has been given back. */
  give(share: BudgetShare, bytes: number): void {
    this.#usedBytes -= bytes;
    share.bytes -= bytes;
    if (share.broker !== null) share.broker.bytes -= bytes;
    if (!share.isUp) this.#downBytes -= bytes;
  }

  /** Notes that a share's broker is connected, or is not any more. */
  setUp(share: BudgetShare, isUp: boolean): void {
    if (share.isUp === isUp) return;
    share.isUp = isUp;
    this.#upShares += isUp ? 1 : -1;
    this.#downBytes += isUp ? -share.bytes : share.bytes;
    if (share.broker !== null) this.#countUp(share.broker, isUp);
  }

  /** Notes which broker leads a share, null for none. */
  lead(share: BudgetShare, brokerId: number | null): void {
    let broker = brokerId === null ? null : this.#brokers.get(brokerId) ?? null;
    if (brokerId !== null && broker === null) this.#brokers.set(brokerId, broker = new BrokerHold());
    const before = share.broker;
    if (broker === before) return;
    if (before !== null) {
      before.bytes -= share.bytes;
      if (share.isUp) this.#countUp(before, false);
    }
    share.broker = broker;
    if (broker === null) return;
    broker.bytes += share.bytes;
    if (share.isUp) this.#countUp(broker, true);
  }

  #countUp(broker: BrokerHold, isUp: boolean): void {
    const before = broker.upShares;
    broker.upShares += isUp ? 1 : -1;
    if (before === 0) this.#upBrokers++;
    else if (broker.upShares === 0) this.#upBrokers--;
  }

  /** Queues a waiter at a share: before those who came later, also where it has waited for another share first. */
  wait(share: BudgetShare, waiter: Waiter): void {
    if (waiter.arrival === 0) waiter.arrival = ++this.#arrivals;
    let index = share.waiters.length;
    while (index > 0 && share.waiters[index - 1]!.arrival > waiter.arrival) index--;
    share.waiters.splice(index, 0, waiter);
    this.#waiting.add(share);
  }

  /** Takes a waiter out of its queue, if it is there. */
  leave(share: BudgetShare, waiter: Waiter): void {
    const index = share.waiters.indexOf(waiter);
    if (index !== -1) share.waiters.splice(index, 1);
    if (share.waiters.length === 0) this.#waiting.delete(share);
  }

  /**
   * Sends the waiters of a share that is no more to others, in order: were they left to wait for their turn here, calls
   * made later would queue before them there.
   */
  dissolve(share: BudgetShare): void {
    for (const waiter of [...share.waiters]) {
      this.leave(share, waiter);
      const next = waiter.resume();
      if (next !== null) this.wait(next, waiter);
    }
  }

  /**
   * Lets waiters go on, as far as there is room: per share in order. A waiter whose share is full holds up nobody else,
   * and asks again where to go when its broker is away and its next record may go elsewhere; one that needs more than the
   * whole budget has left holds up those behind it, and one that needs more than its broker has left those of the same
   * broker, or it would starve.
   */
  serve(): void {
    if (this.#served !== null || this.#waiting.size === 0) return;
    try {
      const full = new Set<BrokerHold>();
      for (const share of [...this.#waiting]) {
        this.#served = share;
        if (!this.#serveShare(share, share.broker !== null && full.has(share.broker))) return;
        if (share.broker !== null && share.waiters.length > 0 && this.#waitsForBroker(share)) full.add(share.broker);
      }
    } finally {
      this.#served = null;
      this.#isCrowded = false;
    }
  }

  /** Returns false when the head waiter of `share` waits for the whole budget. `isHeldUp`: others come first here. */
  #serveShare(share: BudgetShare, isHeldUp: boolean): boolean {
    while (share.waiters.length > 0) {
      const waiter = share.waiters[0]!;
      const hasRoom = !isHeldUp && waiter.neededBytes <= this.freeBytes(share);
      if (!hasRoom && !this.#mayMove(share, waiter)) return isHeldUp || !this.#isStarved(share);
      const next = waiter.resume();
      // It blocks again: nothing is free elsewhere either, and those behind it need not ask.
      if (!hasRoom && next !== null) this.#isCrowded = true;
      if (next !== share) {
        this.leave(share, waiter);
        if (next !== null) this.wait(next, waiter);
      } else if (!hasRoom) {
        return isHeldUp || !this.#isStarved(share);
      }
    }
    return true;
  }

  /**
   * Whether a waiter at a share that is not up may find room elsewhere. Without this: all partitions are full, a record
   * without a key is to wait for one of them, its broker dies, the others empty, and the record waits for the dead.
   */
  #mayMove(share: BudgetShare, waiter: Waiter): boolean {
    if (this.#isCrowded || share.isUp || this.#upShares === 0 || waiter.neededBytes > this.unusedBytes) return false;
    return share.maxBytes > 0 && waiter.mayMove();
  }

  /** Bytes that `share` could take if the whole budget were free for it. */
  #shareFreeBytes(share: BudgetShare): number {
    const free = Math.min(share.maxBytes - share.bytes, this.#brokerFreeBytes(share));
    // One record at least may always be kept for a lane that is down, or it could never be accepted at all.
    if (share.isUp || this.#upShares === 0 || this.#downBytes === 0) return free;
    return Math.min(free, Math.floor(this.#maxBytes / 2) - this.#downBytes);
  }

  /** Bytes that the broker of `share` leaves for it. */
  #brokerFreeBytes({ broker }: BudgetShare): number {
    if (broker === null || this.#upBrokers - (broker.upShares > 0 ? 1 : 0) === 0) return Infinity;
    // One record at least may always be kept for a broker: the others wait for it.
    return broker.bytes === 0 ? Infinity : Math.floor(this.#maxBytes / 2) - broker.bytes;
  }

  /** Whether the head waiter of `share` would go on but for the whole budget. */
  #isStarved(share: BudgetShare): boolean {
    const { neededBytes } = share.waiters[0]!;
    return neededBytes > this.unusedBytes && neededBytes <= this.#shareFreeBytes(share);
  }

  /** Whether the head waiter of `share` would go on but for what other partitions of its broker hold. */
  #waitsForBroker(share: BudgetShare): boolean {
    const { neededBytes } = share.waiters[0]!;
    return neededBytes > this.#brokerFreeBytes(share) && neededBytes <= share.maxBytes - share.bytes;
  }

  /** Whether anybody waits for the whole budget alone, or for what the broker of `share` leaves. */
  #isStarving(share: BudgetShare): boolean {
    for (const other of this.#waiting) {
      if (this.#isStarved(other)) return true;
      if (share.broker !== null && other.broker === share.broker && this.#waitsForBroker(other)) return true;
    }
    return false;
  }
}
