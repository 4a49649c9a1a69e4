/**
 * Whether records would be taken: asked of the gateway, of its buffer, and of Kafka.
 *
 * @module
 */

import { ConnectionError } from "../errors.ts";
import type { GatewayCore } from "./gateway_core.ts";

/** How long Kafka may take to answer. */
export const PROBE_MS = 2_000;
/** How long its answer holds: probes come from several sides. */
const FRESH_MS = 1_000;
/** Asked for where no topic is known: whether it is there does not matter, somebody has to answer. */
const ANY_TOPIC = "__consumer_offsets";

/** See the module comment. */
export class Readiness {
  readonly #core: GatewayCore;
  /** Whether Kafka could be reached when that was last tried. */
  #wasReachable = false;
  #probe: { readonly atMs: number; readonly isReachable: Promise<boolean> } | null = null;

  /** @param core The gateway. */
  constructor(core: GatewayCore) {
    this.#core = core;
    const { producer } = core.options;
    producer.addEventListener("timetoconnect", () => void (this.#wasReachable = true));
    producer.addEventListener("bootstrapunreachable", () => void (this.#wasReachable = false));
  }

  /** Why no client should be sent here; none when clients may come. */
  async reasons(): Promise<string[]> {
    const reasons: string[] = [];
    if (this.#core.phase !== "serving") reasons.push("draining");
    if (!await this.#isReachable()) reasons.push("no metadata");
    if (this.#core.buffer.isAboveHighWater) reasons.push("buffer above high-water");
    return reasons;
  }

  #isReachable(): Promise<boolean> {
    const nowMs = this.#core.timers.now();
    if (this.#probe === null || nowMs - this.#probe.atMs >= FRESH_MS) {
      this.#probe = { atMs: nowMs, isReachable: this.#ask() };
    }
    return this.#probe.isReachable;
  }

  async #ask(): Promise<boolean> {
    const { options: { producer }, topics, timers } = this.#core;
    const late = new AbortController();
    const timer = timers.set(() => late.abort(), PROBE_MS);
    try {
      await producer.metadata(topics.anyName ?? ANY_TOPIC, { signal: late.signal });
      return true;
    } catch (error) {
      if (error instanceof ConnectionError || error instanceof TypeError) return false;
      if (!late.signal.aborted) return true; // A broker that knows no such topic has answered.
      // Kafka does not answer; or it does, and is asked again and again for a topic that is not there.
      const used = producer.stats().topics;
      return this.#wasReachable && (used.length === 0 || used.some(({ isDown }) => !isDown));
    } finally {
      timers.clear(timer);
    }
  }
}
