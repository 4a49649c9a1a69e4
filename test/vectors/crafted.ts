/**
 * Requests of our own, one for every version of every call: a broker that answers them without an error proves our
 * encoder, and its answers test our decoder.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { type ApiName, apis, type RequestInput } from "../../protocol/apis.ts";
import { decodeResponse, encodeRequest } from "../../protocol/frame.ts";
import { messageSetOf } from "../../protocol/message_set.ts";
import { NO_HEADERS, RecordBatchBuilder } from "../../protocol/record_batch.ts";
import { type Exchange, readFrames } from "./capturing_proxy.ts";

const MAX_ASK_COUNT = 500;
const ASK_INTERVAL_MS = 20;

/** A topic the requests are about. */
interface CraftedTopic {
  name: string;
  topicId: string;
}

interface CraftedTopics {
  ordinary: CraftedTopic;
  /** Refuses records without a key. */
  compacted: CraftedTopic;
}

/** An exchange, and what it was about. */
export interface CraftedExchange extends Omit<Exchange, "request"> {
  /** As we sent it; null where no codec of ours makes such a request. */
  request: Uint8Array | null;
  /** What was asked for. */
  about: string;
}

/**
 * Sends a broker one request of every version of every call, and of those that are refused in an interesting way.
 *
 * @param broker The broker.
 * @param what `topicNames`: an ordinary topic, and a compacted one; `isWanted`: which versions to send.
 * @returns What was said.
 */
export async function exchangeCrafted(
  broker: { hostname: string; port: number },
  { topicNames, isWanted }: {
    topicNames: { ordinary: string; compacted: string };
    isWanted: (api: ApiName, version: number) => boolean;
  },
): Promise<CraftedExchange[]> {
  const connection = await Deno.connect(broker);
  const frames = readFrames(connection);
  const exchanges: CraftedExchange[] = [];
  const topics = await lookUpTopics(connection, frames, topicNames);
  if (isWanted("FindCoordinator", 0)) await awaitCoordinator(connection, frames);
  for (const api of Object.keys(apis) as ApiName[]) {
    for (let version = apis[api].minVersion; version <= apis[api].maxVersion; version++) {
      if (!isWanted(api, version)) continue;
      for (const [about, body] of Object.entries(requestsOf(api, version, topics))) {
        const { frame, response } = await exchange(connection, frames, { api, version, body });
        exchanges.push({ api, version, request: frame.slice(4), response, about });
      }
    }
  }
  if (isWanted("ApiVersions", 0)) exchanges.push(await exchangeUnsupported(connection, frames));
  return exchanges;
}

/** A client of the future: the broker answers its first request in version 0. */
async function exchangeUnsupported(
  connection: Deno.TcpConn,
  frames: AsyncIterator<Uint8Array>,
): Promise<CraftedExchange> {
  const [frame] = encodeRequest("ApiVersions", 4, { correlationId: 99, clientId: "ekaf", body: {} });
  new DataView(frame!.buffer, frame!.byteOffset).setInt16(6, 99);
  await connection.write(frame!);
  const { value: response } = await frames.next();
  return { api: "ApiVersions", version: 0, request: null, response: response!, about: "version 99" };
}

/** The first question makes the topic that a coordinator needs; an answer comes later. */
async function awaitCoordinator(connection: Deno.TcpConn, frames: AsyncIterator<Uint8Array>): Promise<void> {
  for (let i = 0; i < MAX_ASK_COUNT; i++) {
    const asked = { api: "FindCoordinator", version: 0, body: { key: "ekaf" } } as const;
    const { response } = await exchange(connection, frames, asked);
    if (decodeResponse("FindCoordinator", 0, response).body.errorCode === 0) return;
    await delay(ASK_INTERVAL_MS);
  }
  throw new Error("Cannot capture FindCoordinator: there is no coordinator");
}

async function lookUpTopics(
  connection: Deno.TcpConn,
  frames: AsyncIterator<Uint8Array>,
  { ordinary, compacted }: { ordinary: string; compacted: string },
): Promise<CraftedTopics> {
  const version = 12; // The last of Kafka 3.9.
  const body = { topics: [{ name: ordinary }, { name: compacted }] };
  const { response } = await exchange(connection, frames, { api: "Metadata", version, body });
  const { topics } = decodeResponse("Metadata", version, response).body;
  const find = (name: string) => ({ name, topicId: topics.find((topic) => topic.name === name)!.topicId });
  return { ordinary: find(ordinary), compacted: find(compacted) };
}

async function exchange(
  connection: Deno.TcpConn,
  frames: AsyncIterator<Uint8Array>,
  { api, version, body }: { api: ApiName; version: number; body: unknown },
): Promise<{ frame: Uint8Array; response: Uint8Array }> {
  const [frame] = encodeRequest(api, version, { correlationId: version, clientId: "ekaf", body: body as never });
  await connection.write(frame!);
  const { value: response } = await frames.next();
  if (response === undefined) throw new Error(`Cannot capture ${api} v${version}: the broker closed`);
  decodeResponse(api, version, response);
  return { frame: frame!, response };
}

function requestsOf(api: ApiName, version: number, topics: CraftedTopics): Record<string, unknown> {
  const makers: { [A in ApiName]: (version: number, topics: CraftedTopics) => Record<string, RequestInput<A>> } = {
    Produce: produceRequests,
    Fetch: fetchRequests,
    ListOffsets: listOffsetsRequests,
    Metadata: metadataRequests,
    FindCoordinator: (version) => ({
      "coordinator of a group": version >= 4 ? { coordinatorKeys: ["ekaf"] } : { key: "ekaf" },
    }),
    ApiVersions: (version) => ({
      "versions": version >= 3 ? { clientSoftwareName: "ekaf", clientSoftwareVersion: "1" } : {},
    }),
    CreateTopics: createTopicsRequests,
    InitProducerId: () => ({ "new producer": { transactionalId: null, transactionTimeoutMs: 60_000 } }),
  };
  return makers[api](version, topics);
}

function produceRequests(version: number, topics: CraftedTopics): Record<string, RequestInput<"Produce">> {
  const unknown = { name: "unknown", topicId: "unknownunknownunknowwQ" };
  const request = (about: CraftedTopic) => ({
    acks: -1,
    timeoutMs: 5000,
    topicData: [{
      ...(version >= 13 ? { topicId: about.topicId } : { name: about.name }),
      partitionData: [{
        index: 0,
        records: version < 3 ? messageSetOf(batch(), { magic: version < 2 ? 0 : 1 }) : batch(),
      }],
    }],
  });
  return {
    "append": request(topics.ordinary),
    "append to an unknown topic": request(unknown),
    "append without a key to a compacted topic": request(topics.compacted),
  };
}

function fetchRequests(version: number, { ordinary }: CraftedTopics): Record<string, RequestInput<"Fetch">> {
  const partition = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 256 };
  const unknownPartition = { partition: 99, fetchOffset: 0n, partitionMaxBytes: 256 };
  const name = version >= 13 ? { topicId: ordinary.topicId } : { topic: ordinary.name };
  const request = (partitions: typeof partition[]) => ({
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1 << 20,
    topics: [{ ...name, partitions }],
  });
  return { "first records": request([partition]), "unknown partition": request([unknownPartition]) };
}

function listOffsetsRequests(
  _version: number,
  { ordinary }: CraftedTopics,
): Record<string, RequestInput<"ListOffsets">> {
  const partitions = [{ partitionIndex: 0, timestamp: -1n }, { partitionIndex: 99, timestamp: -2n }];
  return {
    "end and unknown partition": {
      replicaId: -1,
      topics: [{ name: ordinary.name, partitions }],
      timeoutMs: 0,
    },
  };
}

function metadataRequests(
  version: number,
  { ordinary }: CraftedTopics,
): Record<string, RequestInput<"Metadata">> {
  // Below version 4 the broker would create the unknown topic.
  if (version < 4) return { "topic": { topics: [{ name: ordinary.name }] } };
  const topics = [{ name: ordinary.name }, { name: "unknown" }];
  const byName = { "topic and unknown topic": { topics, allowAutoTopicCreation: false } };
  if (version < 12) return byName;
  return { ...byName, "topic by id": { topics: [{ topicId: ordinary.topicId, name: null }] } };
}

function createTopicsRequests(
  version: number,
  { ordinary }: CraftedTopics,
): Record<string, RequestInput<"CreateTopics">> {
  const settings = { numPartitions: 1, replicationFactor: 1, assignments: [] };
  const configs = [{ name: "cleanup.policy", value: "compact" }];
  const assignments = [{ partitionIndex: 0, brokerIds: [1] }];
  return {
    "new topics and one that exists": {
      topics: [
        { ...settings, name: `created-${version}`, configs },
        { name: `assigned-${version}`, numPartitions: -1, replicationFactor: -1, assignments, configs: [] },
        { ...settings, name: ordinary.name, configs: [] },
      ],
      timeoutMs: 5000,
    },
  };
}

function batch(): Uint8Array {
  const builder = new RecordBatchBuilder();
  const value = new TextEncoder().encode("crafted");
  builder.append({ key: null, value, headers: NO_HEADERS, timestamp: Date.UTC(2026, 0, 1) });
  builder.seal();
  builder.number(-1n, -1, -1);
  return builder.bytes;
}
