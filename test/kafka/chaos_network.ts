/**
 * What happens to the connections during the chaos run: a proxy before each broker that spoils them.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { FaultProxy, type ProxyDirection } from "@ekaf/ekaf/embedded";
import type { Random } from "../protocol/random_messages.ts";
import type { Entrance } from "./harness.ts";

/** One kind of fault. */
type NetworkFault = "cut" | "reset" | "close" | "halfOpen" | "stall" | "delay" | "slow" | "refuse";

/** How often each was made. */
export type NetworkCounts = Record<NetworkFault, number>;

/** Cuts are the ones that can fall into the middle of a request or of its answer: they come more often. */
const FAULTS: readonly NetworkFault[] = [
  ...["cut", "cut", "cut", "cut", "reset", "close", "halfOpen", "stall", "delay", "slow", "refuse"] as const,
];
const PAUSE_MS = 3_000;
const LONGEST_SPELL_MS = 3_000;
/** A few requests' worth. */
const LONGEST_CUT_BYTES = 300_000;
const SLOW_BYTES_PER_SECOND = 300_000;

/** Proxies and their misdeeds. */
export class NetworkChaos implements AsyncDisposable {
  readonly counts: NetworkCounts = {
    ...{ cut: 0, reset: 0, close: 0, halfOpen: 0, stall: 0, delay: 0, slow: 0, refuse: 0 },
  };
  /** Where clients come in. */
  readonly bootstrap: readonly string[];
  readonly #proxies: readonly FaultProxy[];
  readonly #random: Random;
  readonly #ending = new AbortController();
  /** The cut that no connection has met yet. */
  #pendingCut: Disposable | undefined;

  /** Starts a proxy before each broker. */
  static async listen(entrances: readonly Entrance[], random: Random): Promise<NetworkChaos> {
    const proxies = entrances.map(({ advertised, listener }) => {
      return FaultProxy.listen({ to: listener, port: Number(advertised.split(":")[1]) });
    });
    return new NetworkChaos(await Promise.all(proxies), random);
  }

  private constructor(proxies: readonly FaultProxy[], random: Random) {
    this.#proxies = proxies;
    this.#random = random;
    this.bootstrap = proxies.map(({ address }) => address);
  }

  /** Connections that clients have opened so far. */
  get acceptedCount(): number {
    return this.#proxies.reduce((sum, { acceptedCount }) => sum + acceptedCount, 0);
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#proxies.reduce((sum, { connectionCount }) => sum + connectionCount, 0);
  }

  /** Makes one fault after another until {@linkcode stop}. */
  async run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await delay(this.#random.below(PAUSE_MS), { signal }).catch(() => {});
      if (signal.aborted) return;
      await this.#spoil(this.#random.pick(this.#proxies), this.#random.pick(FAULTS));
    }
  }

  stop(): void {
    this.#ending.abort();
    this.#pendingCut?.[Symbol.dispose]();
  }

  /** Closes all proxies. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  async #spoil(proxy: FaultProxy, fault: NetworkFault): Promise<void> {
    this.counts[fault]++;
    // Cuts that lay in wait through an outage would all fall on the first connections after it.
    this.#pendingCut?.[Symbol.dispose]();
    const direction = this.#random.pick<ProxyDirection>(["toBroker", "toClient"]);
    switch (fault) {
      case "cut":
        this.#pendingCut = proxy.cut({
          afterBytes: this.#random.below(LONGEST_CUT_BYTES),
          direction,
          end: this.#random.pick(["close", "close", "reset", "reset", "halfOpen"]),
        });
        return;
      case "reset":
        return proxy.reset();
      case "close":
        return proxy.closeConnections();
      case "halfOpen":
        return proxy.halfOpen();
      case "stall":
        return await this.#spell(() => proxy.stall(direction), () => proxy.resume(direction));
      case "delay":
        return await this.#spell(() => proxy.delay(50, direction), () => proxy.delay(0, direction));
      case "slow":
        return await this.#spell(
          () => proxy.slow(SLOW_BYTES_PER_SECOND, direction),
          () => proxy.slow(Infinity, direction),
        );
      case "refuse":
        return await this.#spell(() => proxy.stop(), () => proxy.start());
    }
  }

  /** For a while. */
  async #spell(begin: () => Promise<void> | void, end: () => Promise<void> | void): Promise<void> {
    await begin();
    await delay(this.#random.below(LONGEST_SPELL_MS), { signal: this.#ending.signal }).catch(() => {});
    await end();
  }
}
