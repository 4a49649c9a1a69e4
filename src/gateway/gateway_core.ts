/**
 * What all requests of a gateway share.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import { type BodyContext, ReadingGauge } from "./body_reader.ts";
import { BufferGauge } from "./buffer_gauge.ts";
import { DeadlineLine } from "./deadline_line.ts";
import type { DrainReport } from "./drain.ts";
import { GatewayError } from "./gateway_error.ts";
import { GatewayMetrics } from "./gateway_metrics.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { ResolvedGatewayOptions, ResolvedLimits } from "./options.ts";
import { IdempotencyStore } from "./idempotency.ts";
import { ProxyList } from "./proxy_list.ts";
import { UnreadChunksGauge } from "./unread_chunks.ts";
import { RateLimit } from "./rate_limit.ts";
import type { PageFeed } from "./page/feed.ts";
import { Readiness } from "./readiness.ts";
import { TopicPolicy } from "./topic_policy.ts";

/** Where a gateway is on its way to its end. */
export type Phase = "serving" | "leaving" | "draining";

/** How long a topic is in use that Kafka does not have, beyond the time that a request takes to bring its record. */
const UNKNOWN_TOPIC_MS = 20_000;

/** See the module comment. */
export class GatewayCore implements BodyContext {
  /** Its options. */
  readonly options: ResolvedGatewayOptions;
  /** Clock and timers. */
  readonly timers: Timers;
  /** What happens after a while. */
  readonly housekeeping: Housekeeping;
  /** Implements `BodyContext`. */
  readonly bodies: DeadlineLine = new DeadlineLine();
  /** Bytes of bodies being read. */
  readonly reading: ReadingGauge;
  /** Bytes of bodies that are ahead of their answers. */
  readonly ahead: ReadingGauge;
  /** Bytes that Deno may keep of bodies in chunks. */
  readonly unreadChunks: UnreadChunksGauge;
  /** Which topics may be written to. */
  readonly topics: TopicPolicy;
  /** How full the producer's buffer is. */
  readonly buffer: BufferGauge;
  /** Whether records would be taken. */
  readonly readiness: Readiness;
  /** What happened so far. */
  readonly metrics: GatewayMetrics;
  /** How often a client may ask; null for any number of times. */
  readonly rate: RateLimit | null;
  /** Who is believed to say where a request comes from; null for nobody. */
  readonly proxies: ProxyList | null;
  /** Answers to requests that may be sent again; null for none. */
  readonly idempotency: IdempotencyStore | null;
  /** Where it is on its way to its end. */
  phase: Phase = "serving";
  /** What the page lives on; null where there is no page. */
  page: PageFeed | null = null;
  /** The drain, once it began. */
  drained: Promise<DrainReport> | null = null;
  readonly #idPrefix = crypto.randomUUID().slice(0, 13);
  #lastId = 0;

  /**
   * @param options Its options.
   * @param timers Clock and timers.
   */
  constructor(options: ResolvedGatewayOptions, timers: Timers) {
    this.options = options;
    this.timers = timers;
    this.reading = new ReadingGauge(options.readingMaxBytes);
    this.ahead = new ReadingGauge(options.readingMaxBytes);
    this.unreadChunks = new UnreadChunksGauge(options.unreadChunksMaxBytes);
    this.buffer = new BufferGauge(options.producer, { timers, highWaterBytes: options.highWaterBytes });
    this.housekeeping = new Housekeeping(timers, {
      bufferWaitMs: options.bufferWaitMs,
      waitedInVain: bufferStayedFull(options.bufferWaitMs),
      onTick: (nowMs) => {
        this.bodies.expire(nowMs);
        this.buffer.tick(nowMs);
      },
    });
    this.metrics = new GatewayMetrics();
    const now = () => timers.now();
    const { rateLimitPerSecond: perSecond, rateLimitBurst } = options;
    this.rate = perSecond === 0 ? null : new RateLimit({ perSecond, burst: rateLimitBurst || perSecond, now });
    this.proxies = options.trustedProxies.length === 0 ? null : new ProxyList(options.trustedProxies);
    const { idempotencyTtlMs: ttlMs, idempotencyMaxAnswers: maxEntries, idempotencyMaxBytes: maxBytes } = options;
    this.idempotency = ttlMs === 0 ? null : new IdempotencyStore({ ttlMs, maxEntries, maxBytes, now });
    this.topics = new TopicPolicy(options.topics, {
      maxTopics: options.maxTopics,
      idleMs: options.topicIdleMs,
      unknownIdleMs: UNKNOWN_TOPIC_MS + options.bodyTimeoutMs + options.editTimeoutMs,
      now: () => this.housekeeping.recentMs,
      counts: (label) => this.metrics.records(label),
      forget: (name) => options.producer.forget(name),
    });
    this.readiness = new Readiness(this);
  }

  /** Implements `BodyContext`. */
  get limits(): ResolvedLimits {
    return this.options;
  }

  /** An id that no other request of this process has, nor, by all odds, one of another. */
  nextRequestId(): string {
    return `${this.#idPrefix}-${(++this.#lastId).toString(36)}`;
  }
}

function bufferStayedFull(bufferWaitMs: number): GatewayError {
  return new GatewayError("BUFFER_FULL", `Cannot take the record: the buffer was full for ${bufferWaitMs} ms`);
}
