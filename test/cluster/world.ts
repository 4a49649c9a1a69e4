/**
 * A cluster over scripted brokers, for the tests in this folder.
 *
 * @module
 */

import type { RequestOf, ResponseInput } from "../../protocol/apis.ts";
import { Cluster, type ClusterOptions, type TopicSnapshot } from "../../src/cluster/cluster.ts";
import type { BrokerError, ConnectionError } from "../../src/errors.ts";
import { parseAddresses } from "../../src/net/address.ts";
import { ManualTimers } from "../manual_timers.ts";
import { type Script, scriptedBroker, type ScriptedBrokerOptions, type ScriptedTransport } from "../scripted_broker.ts";

export interface World {
  cluster: Cluster;
  timers: ManualTimers;
  transport: ScriptedTransport;
  events: [string, unknown][];
  warnings: string[];
}

/** A cluster over scripted brokers. Jitter is at its highest, so that waits are what the formula says. */
export function world(
  script: Script,
  options: Partial<ClusterOptions> & { bootstrap?: never; at?: string } & ScriptedBrokerOptions = {},
): World {
  const timers = new ManualTimers();
  const events: [string, unknown][] = [];
  const warnings: string[] = [];
  const transport = scriptedBroker(script, options);
  const cluster = new Cluster({
    bootstrap: parseAddresses(options.at ?? "a:1"),
    clientId: "test",
    transport,
    connectTimeoutMs: 1_000,
    requestTimeoutMs: 30_000,
    retryBackoffMs: { initial: 100, max: 1_000 },
    metadataMaxAgeMs: 60_000,
    unknownTopicTimeoutMs: 5_000,
    autoCreateTopics: false,
    protocol: "auto",
    timers,
    emit: (type, detail) => events.push([type, detail]),
    warn: (_kind, message) => warnings.push(message),
    random: () => 0.999_999,
    ...options,
  });
  return { cluster, timers, transport, events, warnings };
}

export const ID = "AAAAAAAAAAAAAAAAAAAAAQ";

/** An answer: brokers as "id@host:port", topics as leaders and an epoch or an error. */
export function told(
  brokers: string[],
  topics: Record<string, { leaders?: number[]; epoch?: number; error?: number }> = {},
): ResponseInput<"Metadata"> {
  return {
    brokers: brokers.map((text) => {
      const [id, address] = text.split("@") as [string, string];
      return { nodeId: Number(id), ...parseAddresses(address)[0]!, rack: null };
    }),
    topics: Object.entries(topics).map(([name, { leaders = [], epoch = 0, error = 0 }]) => ({
      errorCode: error,
      name,
      topicId: ID,
      partitions: leaders.map((leaderId, partitionIndex) => ({
        errorCode: leaderId < 0 ? 5 : 0,
        partitionIndex,
        leaderId,
        leaderEpoch: epoch,
        replicaNodes: [1],
        isrNodes: [1],
        offlineReplicas: [],
      })),
    })),
  };
}

export const producerId = (id: bigint, errorCode = 0) => ({
  throttleTimeMs: 0,
  errorCode,
  producerId: id,
  producerEpoch: 1,
});

export class Watcher {
  readonly snapshots: TopicSnapshot[] = [];
  readonly errors: { error: BrokerError | ConnectionError; final: boolean }[] = [];
  onTopic(snapshot: TopicSnapshot): void {
    this.snapshots.push(snapshot);
  }
  onTopicError(error: BrokerError | ConnectionError, { final }: { final: boolean }): void {
    this.errors.push({ error, final });
  }
  get leaders(): (number | null)[] | undefined {
    return this.snapshots.at(-1)?.partitions.map(({ leader }) => leader);
  }
}

export const askedTopics = (transport: ScriptedTransport) =>
  transport.requests.filter(({ api }) => api === "Metadata").map(({ body }) =>
    bodyNames(body as RequestOf<"Metadata">)
  );

export const bodyNames = (body: { topics: readonly { name: string | null }[] | null }) =>
  body.topics!.map(({ name }) => name!);

export function refused(...hosts: string[]): (to: { host: string }) => void {
  return ({ host }) => {
    if (hosts.includes(host)) throw new Error("Connection refused");
  };
}
