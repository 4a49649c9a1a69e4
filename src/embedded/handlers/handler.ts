/**
 * What a handler is given, and what it gives back.
 *
 * @module
 */

import type { ApiName, RequestOf, ResponseInput } from "../../../protocol/apis.ts";
import type { Timers } from "../../timers.ts";
import type { AppendSignal } from "../append_signal.ts";
import type { RequestFaults } from "../faults.ts";
import type { ProducerIds } from "../producer_ids.ts";
import type { EmbeddedTopic } from "../topic.ts";
import type { Topology } from "../topology.ts";
import type { OfferedVersions } from "../versions.ts";

/** What all brokers of a cluster share. */
export interface SharedState {
  /** Brokers, topics, leaders. */
  readonly topology: Topology;
  /** Told of every append. */
  readonly appends: AppendSignal;
  /** Where producer ids come from. */
  readonly producerIds: ProducerIds;
  /** The apis and versions offered. */
  readonly versions: OfferedVersions;
  /** Clock. */
  readonly timers: Timers;
  /** Whether Metadata creates topics it is asked for. */
  readonly autoCreateTopics: boolean;
  /** How topics are laid out when nobody says. */
  readonly defaultLayout: { readonly partitions: number; readonly replication: number };
}

/** One request's surroundings. */
export interface RequestContext extends SharedState {
  /** Id of the broker that was asked. */
  readonly brokerId: number;
  /** Version of the request. */
  readonly version: number;
  /** Errors to answer on demand. */
  readonly faults: RequestFaults;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
}

/** Answers the requests of one api. */
export type Handler<A extends ApiName> = (
  request: RequestOf<A>,
  context: RequestContext,
) => ResponseInput<A> | Promise<ResponseInput<A>>;

/** The topic that a request names, or in later versions means by its id. */
export function topicOf(
  topology: Topology,
  named: { readonly name: string; readonly topicId: string },
  isById: boolean,
): EmbeddedTopic | undefined {
  return isById ? topology.topicById(named.topicId) : topology.topics.get(named.name);
}
