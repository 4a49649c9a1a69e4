/**
 * Which topics and partitions a request is about.
 *
 * @module
 */

import type { DecodedRequest } from "../../protocol/frame.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import type { Topology } from "./topology.ts";

/** A topic, or one of its partitions. */
export interface RequestTarget {
  /** Name of the topic; null when the request names none, or one by an id that nobody has. */
  readonly topic: string | null;
  /** Id of the partition, null where only a topic is named. */
  readonly partition: number | null;
}

/** Lists what a request names; nothing for apis without topics, and for a request for the metadata of all topics. */
export function requestTargets(request: DecodedRequest, topology: Topology): RequestTarget[] {
  const { api, body } = request;
  const nameOf = (name: string | null, topicId: string) =>
    topicId === ZERO_UUID ? name : topology.topicById(topicId)?.name ?? null;
  switch (api) {
    case "Produce":
      return body.topicData.flatMap(({ name, topicId, partitionData }) =>
        partitionData.map(({ index }) => ({ topic: nameOf(name, topicId), partition: index }))
      );
    case "Fetch":
      return body.topics.flatMap(({ topic, topicId, partitions }) =>
        partitions.map(({ partition }) => ({ topic: nameOf(topic, topicId), partition }))
      );
    case "ListOffsets":
      return body.topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex }))
      );
    case "Metadata":
      return (body.topics ?? []).map(({ name, topicId }) => ({ topic: nameOf(name, topicId), partition: null }));
    case "CreateTopics":
      return body.topics.map(({ name }) => ({ topic: name, partition: null }));
    case "FindCoordinator":
    case "ApiVersions":
    case "InitProducerId":
      return [];
  }
}
