/**
 * A gateway over a producer over an embedded cluster, for one test, without a port.
 *
 * @module
 */

import type { EmbeddedClusterOptions } from "@ekaf/ekaf/embedded";
import type { ProducerOptions } from "@ekaf/ekaf";
import type { GatewayOptions } from "@ekaf/ekaf/gateway";
import { type Gateway, makeGateway } from "../../src/gateway/gateway.ts";
import { platformTimers, type Timers } from "../../src/timers.ts";
import { type Rig, rig } from "../producer/rig.ts";

/** A gateway and what is behind it. */
export interface GatewayRig extends Rig {
  readonly gateway: Gateway;
  /** Posts to a path; the body's type is `text/plain` for text unless told. */
  post(path: string, body?: BodyInit | null, init?: RequestInit): Promise<Response>;
  /** Gets a path. */
  get(path: string, init?: RequestInit): Promise<Response>;
  /** The values in a topic, as text. */
  texts(topic?: string): string[];
}

/** What a rig is made of. */
export interface GatewayRigOptions {
  readonly gateway?: Partial<GatewayOptions>;
  readonly cluster?: EmbeddedClusterOptions;
  readonly producer?: Partial<ProducerOptions>;
  readonly timers?: Timers;
}

/** Starts a cluster with a topic `t` of one partition, a producer and a gateway for them. */
export async function gatewayRig(options: GatewayRigOptions = {}): Promise<GatewayRig> {
  const made = await rig({ topics: { t: 1 }, ...options.cluster }, options.producer);
  const { cluster, producer } = made;
  const gateway = makeGateway({ producer, ...options.gateway }, options.timers ?? platformTimers);
  return Object.assign(made, {
    gateway,
    post: (path: string, body: BodyInit | null = null, init: RequestInit = {}) => {
      return gateway.fetch(new Request(`http://localhost${path}`, { method: "POST", body, ...init }));
    },
    get: (path: string, init: RequestInit = {}) => gateway.fetch(new Request(`http://localhost${path}`, init)),
    texts: (topic = "t") => cluster.records(topic).map((record) => record.text()),
  });
}

/** Headers of NDJSON. */
export const NDJSON = { "content-type": "application/x-ndjson" } as const;
/** Headers of a form, as `curl -d` sends them. */
export const FORM = { "content-type": "application/x-www-form-urlencoded" } as const;
