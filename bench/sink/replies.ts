/**
 * What the sink answers: every topic exists, this process leads all of its partitions, every batch is stored.
 *
 * @module
 */

import { decodeRequest, encodeResponse } from "../../protocol/frame.ts";
import type { RequestOf } from "../../protocol/apis.ts";
import type { Counters } from "./counters.ts";
import type { ProduceSummary } from "./request_scanner.ts";

const BROKER_ID = 1;
const NO_TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";

/**
 * Versions on offer. Clients look at more than they call: librdkafka up to 2.8 takes record batches to be missing
 * where Fetch 4 and Produce below 3 are, and Kafka itself still lists Produce 0 for its sake (KAFKA-18659).
 */
const API_RANGES = [
  { apiKey: 0, minVersion: 0, maxVersion: 13 },
  { apiKey: 1, minVersion: 0, maxVersion: 13 },
  { apiKey: 2, minVersion: 0, maxVersion: 7 },
  { apiKey: 3, minVersion: 0, maxVersion: 13 },
  { apiKey: 18, minVersion: 0, maxVersion: 4 },
  { apiKey: 22, minVersion: 0, maxVersion: 5 },
];

/** The sink's view of its topics: made when first asked for. */
export class Replies {
  readonly #host: string;
  readonly #port: number;
  readonly #partitionCount: number;
  readonly #counters: Counters;
  readonly #idByName = new Map<string, string>();
  readonly #nameById = new Map<string, string>();
  #nextProducerId = 1000n;

  /** @param options Address to advertise, partitions of every topic, and where batches are counted. */
  constructor(options: { host: string; port: number; partitionCount: number; counters: Counters }) {
    this.#host = options.host;
    this.#port = options.port;
    this.#partitionCount = options.partitionCount;
    this.#counters = options.counters;
  }

  /** Counts a Produce request and encodes its answer; null for acks 0. */
  produce(request: ProduceSummary): Uint8Array[] | null {
    this.#counters.countRequest();
    const responses = request.topics.map((topic) => {
      const topicId = topic.id === null ? NO_TOPIC_ID : topic.id.toBase64({ alphabet: "base64url", omitPadding: true });
      const name = topic.name ?? this.#nameById.get(topicId) ?? topicId;
      const partitionResponses = topic.partitions.map(({ index, batches }) => {
        const offsets = batches.map((batch) => this.#counters.append(`${name}/${index}`, batch));
        return { index, errorCode: 0, baseOffset: BigInt(offsets[0] ?? -1), logStartOffset: 0n };
      });
      return topic.id === null ? { name, partitionResponses } : { topicId, partitionResponses };
    });
    if (request.acks === 0) return null;
    return encodeResponse("Produce", request.version, request.correlationId, { responses });
  }

  /** Encodes the answer to any other request. */
  other(frame: Uint8Array): Uint8Array[] {
    const request = decodeRequest(frame);
    switch (request.api) {
      case "ApiVersions":
        return encodeResponse("ApiVersions", request.version, request.correlationId, {
          errorCode: 0,
          apiKeys: API_RANGES,
        });
      case "InitProducerId":
        return encodeResponse("InitProducerId", request.version, request.correlationId, {
          throttleTimeMs: 0,
          errorCode: 0,
          producerId: this.#nextProducerId++,
          producerEpoch: 0,
        });
      case "Metadata": {
        const names = this.#askedTopics(request.body);
        return encodeResponse("Metadata", request.version, request.correlationId, this.#metadata(names));
      }
      default:
        throw new Error(`Cannot answer a request: the sink has no ${request.api}`);
    }
  }

  #askedTopics({ topics }: RequestOf<"Metadata">): string[] {
    if (topics === null) return [...this.#idByName.keys()];
    return topics.map(({ name, topicId }) => name ?? this.#nameById.get(topicId) ?? topicId);
  }

  #metadata(names: string[]) {
    const partitions = Array.from({ length: this.#partitionCount }, (_, partitionIndex) => ({
      errorCode: 0,
      partitionIndex,
      leaderId: BROKER_ID,
      leaderEpoch: 0,
      replicaNodes: [BROKER_ID],
      isrNodes: [BROKER_ID],
    }));
    return {
      brokers: [{ nodeId: BROKER_ID, host: this.#host, port: this.#port }],
      clusterId: "sink",
      controllerId: BROKER_ID,
      topics: names.map((name) => ({ errorCode: 0, name, topicId: this.#topicId(name), partitions })),
    };
  }

  #topicId(name: string): string {
    let id = this.#idByName.get(name);
    if (id === undefined) {
      id = crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
      this.#idByName.set(name, id);
      this.#nameById.set(id, name);
    }
    return id;
  }
}
