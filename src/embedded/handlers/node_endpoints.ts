/**
 * Where the leaders are that an answer points to (KIP-951).
 *
 * @module
 */

import type { Topology } from "../topology.ts";

/** One broker's place. */
export interface NodeEndpoint {
  /** Id. */
  nodeId: number;
  /** Host to connect to. */
  host: string;
  /** Port to connect to. */
  port: number;
  /** Always null: embedded brokers stand in no rack. */
  rack: string | null;
}

/** The places of those that are brokers: -1, which stands for no leader, is none. */
export function nodeEndpoints(ids: Iterable<number>, { brokers }: Topology): NodeEndpoint[] {
  return [...ids].flatMap((nodeId) => {
    const broker = brokers.get(nodeId);
    return broker === undefined ? [] : { nodeId, host: broker.host, port: broker.port, rack: null };
  });
}
