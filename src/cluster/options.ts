/**
 * What a cluster is made of.
 *
 * @module
 */

import type { Emit } from "../events.ts";
import type { Warn } from "../logger.ts";
import type { Address } from "../net/address.ts";
import type { ProtocolEra } from "../net/api_negotiation.ts";
import type { BrokerEras } from "../net/broker_eras.ts";
import type { Backoff } from "../net/backoff.ts";
import type { Transport } from "../net/transport.ts";
import type { Timers } from "../timers.ts";

/** Waits before a reconnect and before metadata is asked for again never exceed this. */
export const MAX_RECONNECT_BACKOFF_MS = 250;

/** How to make a cluster. */
export interface ClusterOptions {
  /** Where to ask for the brokers. */
  bootstrap: readonly Address[];
  /** Name of the client, for the brokers' logs and quotas. */
  clientId: string;
  /** Opens sockets. */
  transport: Transport;
  /** Time to connect and agree on versions. */
  connectTimeoutMs: number;
  /** Time for a request. */
  requestTimeoutMs: number;
  /** Waits between attempts. */
  retryBackoffMs: Backoff;
  /** Metadata is asked for again when it is as old as that. */
  metadataMaxAgeMs: number;
  /** A topic that no broker knows for that long is given up, and probed now and then. */
  unknownTopicTimeoutMs: number;
  /** Whether asking for a topic may create it, where brokers allow it. */
  autoCreateTopics: boolean;
  /** Whether brokers can be asked for their versions. */
  protocol: ProtocolEra;
  /** What connections learn of that. */
  eras?: BrokerEras | undefined;
  /** Clock and timers. */
  timers: Timers;
  /** Takes events. */
  emit: Emit;
  /** Takes warnings. */
  warn: Warn;
  /** From 0 to below 1, for jitter; `Math.random` by default. */
  random?: (() => number) | undefined;
}

/**
 * The waits before a reconnect or a question for metadata: a leader that is back is to be found soon.
 *
 * @param options Of the cluster.
 */
export function reconnectBackoff(options: ClusterOptions): Backoff {
  const { initial, max } = options.retryBackoffMs;
  return { initial: Math.min(initial, MAX_RECONNECT_BACKOFF_MS), max: Math.min(max, MAX_RECONNECT_BACKOFF_MS) };
}
