/**
 * Makes a {@linkcode Cluster} from what a caller configures.
 *
 * @module
 */

import { parseAddresses } from "../net/address.ts";
import { BrokerEras } from "../net/broker_eras.ts";
import { denoTransport } from "../net/transport.ts";
import type { Transport } from "../transport.ts";
import { Cluster } from "./cluster.ts";
import type { ClusterOptions } from "./options.ts";

/** {@linkcode ClusterOptions} as configured. */
export interface ClusterConfiguration extends Omit<ClusterOptions, "bootstrap" | "transport"> {
  /** Where to ask for the brokers: addresses, each possibly a comma-separated list. */
  bootstrap: string | readonly string[];
  /** Opens sockets; undefined for TCP by the platform. */
  connect: Transport | undefined;
}

/**
 * Makes a cluster. Opens nothing.
 *
 * @param configuration See {@linkcode ClusterConfiguration}.
 * @throws {TypeError} For an address that is none.
 * @throws {RangeError} For a port out of range.
 */
export function openCluster({ bootstrap, connect, ...options }: ClusterConfiguration): Cluster {
  const eras = new BrokerEras((address) => {
    options.warn("oldbroker", `${address} does not tell what it speaks: it is spoken to as to Kafka 0.8`);
  });
  return new Cluster({ ...options, bootstrap: parseAddresses(bootstrap), transport: connect ?? denoTransport, eras });
}
