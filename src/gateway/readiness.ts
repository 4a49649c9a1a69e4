/**
 * Whether records would be taken: asked of the gateway, of its buffer, and of what is known of Kafka. Probes have little
 * patience, a second by kubelet's default, so no answer waits for the network: Kafka is asked meanwhile, for the next one.
 * Only the first of all waits a little, as nothing is known yet: whoever tries a gateway would see it red, and ask why.
 *
 * @module
 */

import type { GatewayCore } from "./gateway_core.ts";

/** How long is waited for Kafka before it is asked again: for a topic that is not there it is asked for long. */
const PROBE_MS = 2_000;
/** How long its answer holds: probes come from several sides. */
export const FRESH_MS = 1_000;
/** How long the first answer of all waits for Kafka's, and how often it looks. */
export const FIRST_MS = 500;
const LOOK_MS = 10;
/** Asked for where no topic is known. */
const ANY_TOPIC = "__consumer_offsets";

/** See the module comment. */
export class Readiness {
  readonly #core: GatewayCore;
  #askedMs = -Infinity;
  #isAsking = false;

  /** @param core The gateway. */
  constructor(core: GatewayCore) {
    this.#core = core;
  }

  /** Resolves at once, but for the first time: then when Kafka has answered, or after `FIRST_MS`. */
  async known(): Promise<void> {
    if (this.#askedMs !== -Infinity) return;
    const { options: { producer }, timers } = this.#core;
    let isAnswered = false;
    const answer = this.#ask().then(() => void (isAnswered = true));
    const endMs = timers.now() + FIRST_MS;
    // A topic that is not there is asked for long, though Kafka has answered.
    while (!isAnswered && !producer.stats().isReachable && timers.now() < endMs) {
      await Promise.race([answer, new Promise<void>((resolve) => timers.set(resolve, LOOK_MS))]);
    }
  }

  /** Why no client should be sent here, as far as is known; none when clients may come. */
  reasons(): string[] {
    const { phase, buffer, options: { producer } } = this.#core;
    const reasons: string[] = [];
    if (phase !== "serving") reasons.push("draining");
    if (!producer.stats().isReachable) reasons.push("no metadata");
    if (buffer.isAboveHighWater) reasons.push("buffer above high-water");
    this.#ask();
    return reasons;
  }

  /** Has the producer ask Kafka, if that was not done just now: what comes of it is in its `stats()`. Never rejects. */
  async #ask(): Promise<void> {
    const { options: { producer }, topics, timers } = this.#core;
    const nowMs = timers.now();
    if (this.#isAsking || nowMs - this.#askedMs < FRESH_MS) return;
    this.#askedMs = nowMs;
    this.#isAsking = true;
    const late = new AbortController();
    const timer = timers.set(() => late.abort(), PROBE_MS);
    timers.unref(timer);
    // Whether the topic is there does not matter, and what went wrong is known to the producer.
    try {
      await producer.metadata(topics.anyName ?? ANY_TOPIC, { signal: late.signal });
    } catch {
      // See above.
    } finally {
      timers.clear(timer);
      this.#isAsking = false;
    }
  }
}
