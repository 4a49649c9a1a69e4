/**
 * Which brokers tell their versions, and which may be too old to: before Kafka 0.10 they hang up on the question.
 *
 * @module
 */

import { type Address, formatAddress } from "./address.ts";

/** Hanging up once may mean anything: a broker that is about to start or to end, a proxy without a broker behind it. */
const HANG_UPS_OF_AN_OLD_BROKER = 2;

/** What the connections of a cluster have learnt. */
export class BrokerEras {
  readonly #onOld: ((address: string) => void) | undefined;
  #isAnyNew = false;
  /** How often each address has closed a fresh connection without a byte. */
  readonly #hangUps = new Map<string, number>();

  /**
   * Nothing is known yet.
   *
   * @param onOld Told the address of a broker that answers, but not when asked for its versions.
   */
  constructor(onOld?: (address: string) => void) {
    this.#onOld = onOld;
  }

  /** Whether any broker of the cluster has told its versions: then no other is taken for too old to. */
  get isAnyNew(): boolean {
    return this.#isAnyNew;
  }

  /** A broker of the cluster has told its versions. */
  answered(): void {
    this.#isAnyNew = true;
    this.#hangUps.clear();
  }

  /** The broker at an address answers to the oldest question, and only to that. */
  foundOld(address: Address): void {
    this.#onOld?.(formatAddress(address));
  }

  /**
   * An address closed a fresh connection without a byte when it was asked for versions.
   *
   * @returns What to try on another connection; undefined for nothing.
   */
  hungUp(address: Address): "versions" | "oldest" | undefined {
    if (this.#isAnyNew) return undefined;
    const key = formatAddress(address);
    const count = (this.#hangUps.get(key) ?? 0) + 1;
    this.#hangUps.set(key, count);
    return count < HANG_UPS_OF_AN_OLD_BROKER ? "versions" : "oldest";
  }
}
