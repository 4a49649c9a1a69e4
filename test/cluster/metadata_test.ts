import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { ResponseOf } from "../../protocol/apis.ts";
import { ZERO_UUID } from "../../protocol/uuid.ts";
import { ClusterMetadata, mergeTopic, type TopicAnswer, toTopicMetadata } from "../../src/cluster/metadata.ts";

const ID_A = "AAAAAAAAAAAAAAAAAAAAAQ";
const ID_B = "AAAAAAAAAAAAAAAAAAAAAg";

/** A topic whose partitions are given as [leader, epoch]. */
function answer(partitions: [number, number][], topicId = ID_A, name = "t"): TopicAnswer {
  return {
    errorCode: 0,
    name,
    topicId,
    isInternal: false,
    topicAuthorizedOperations: 0,
    partitions: partitions.map(([leaderId, leaderEpoch], partitionIndex) => ({
      errorCode: leaderId < 0 ? 5 : 0,
      partitionIndex,
      leaderId,
      leaderEpoch,
      replicaNodes: [1, 2],
      isrNodes: [1],
      offlineReplicas: [],
    })),
  };
}

function response(brokers: [number, string, number][], topics: TopicAnswer[] = []): ResponseOf<"Metadata"> {
  return {
    throttleTimeMs: 0,
    brokers: brokers.map(([nodeId, host, port]) => ({ nodeId, host, port, rack: null })),
    clusterId: null,
    controllerId: 1,
    topics,
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  };
}

const leaders = (snapshot: { partitions: readonly { leader: number | null }[] }) =>
  snapshot.partitions.map(({ leader }) => leader);

const told = { from: "a:1", isWanted: () => true };

Deno.test("mergeTopic() sorts partitions and translates what is absent", () => {
  const inOrder = answer([[1, 0], [-1, 3]], ZERO_UUID);
  const fresh = { ...inOrder, partitions: inOrder.partitions.toReversed() };

  const snapshot = mergeTopic(undefined, fresh);

  assertEquals(snapshot.topicId, null);
  assertEquals(snapshot.partitions.map(({ partition, leader, error }) => [partition, leader, error]), [
    [0, 1, 0],
    [1, null, 5],
  ]);
});

Deno.test("mergeTopic() gives the known object when nothing is new", () => {
  const known = mergeTopic(undefined, answer([[1, 4], [2, 4]]));

  assertStrictEquals(mergeTopic(known, answer([[1, 4], [2, 4]])), known);
});

Deno.test("mergeTopic() ignores partitions with an older leader epoch", () => {
  const known = mergeTopic(undefined, answer([[1, 4], [2, 4]]));

  const merged = mergeTopic(known, answer([[3, 3], [3, 5]]));

  assertEquals(leaders(merged), [1, 3]);
  assertStrictEquals(mergeTopic(known, answer([[3, 3], [3, 3]])), known);
});

Deno.test("mergeTopic() takes any leader where brokers tell no epochs", () => {
  const known = mergeTopic(undefined, answer([[1, -1]], ZERO_UUID));

  assertEquals(leaders(mergeTopic(known, answer([[2, -1]], ZERO_UUID))), [2]);
});

Deno.test("mergeTopic() takes the word of a broker that tells no epochs, in a cluster of which others do", () => {
  const known = mergeTopic(undefined, answer([[1, 4]]));

  const older = mergeTopic(known, answer([[2, -1]], ZERO_UUID));
  const newer = mergeTopic(older, answer([[3, 5]]));

  assertEquals([leaders(older), leaders(newer)], [[2], [3]]);
});

Deno.test("mergeTopic() starts anew when the topic has another id", () => {
  const known = mergeTopic(undefined, answer([[1, 40], [1, 40]]));

  const merged = mergeTopic(known, answer([[2, 0]], ID_B));

  assertEquals([merged.topicId, leaders(merged)], [ID_B, [2]]);
});

Deno.test("mergeTopic() keeps partitions a broker has not heard of yet", () => {
  const known = mergeTopic(undefined, answer([[1, 4], [2, 0]]));

  assertStrictEquals(mergeTopic(known, answer([[1, 4]])), known);
});

Deno.test("ClusterMetadata.merge() keeps unwanted topics and topics with errors out", () => {
  const first = ClusterMetadata.empty.merge(response([[1, "a", 1]], [answer([[1, 0]]), answer([[1, 0]], ID_B, "u")]), {
    from: "a:1",
    isWanted: (topic) => topic === "t",
  });

  const second = first.merge(response([[1, "a", 1]], [{ ...answer([]), errorCode: 5 }]), told);

  assertEquals([...first.topics.keys()], ["t"]);
  assertStrictEquals(second.topics.get("t"), first.topics.get("t"));
  assertStrictEquals(second.brokers.get(1), first.brokers.get(1));
});

Deno.test("ClusterMetadata.merge() replaces brokers, but never by none", () => {
  const first = ClusterMetadata.empty.merge(response([[1, "a", 1], [2, "b", 1]]), told);

  const second = first.merge(response([[2, "b", 7]]), told);
  const third = second.merge(response([]), told);

  assertEquals([...second.brokers.values()].map(({ id, port }) => [id, port]), [[2, 7]]);
  assertStrictEquals(third.brokers, second.brokers);
});

Deno.test("ClusterMetadata.merge() keeps a leader that the broker asked has not heard of", () => {
  const known = ClusterMetadata.empty.merge(response([[1, "a", 1]], [answer([[1, 1]])]), told);
  const endpoint = { host: "b", port: 2, rack: null };
  const hinted = known.withLeader({ topic: "t", partition: 0, leader: { id: 2, epoch: 2 }, endpoint })!;

  const behind = hinted.merge(response([[1, "a", 1]], [answer([[1, 1]])]), told);
  const abreast = behind.merge(response([[1, "a", 1]], [answer([[1, 3]])]), told);

  assertEquals([behind, abreast].map(({ brokers }) => [...brokers.keys()]), [[1, 2], [1]]);
});

Deno.test("ClusterMetadata.withoutBrokers() keeps topics and their epochs", () => {
  const known = ClusterMetadata.empty.merge(response([[1, "a", 1]], [answer([[1, 7]])]), told);

  const forgotten = known.withoutBrokers();
  const behind = forgotten.merge(response([[2, "b", 1]], [answer([[2, 6]])]), told);

  assertEquals([forgotten.brokers.size, leaders(forgotten.topics.get("t")!)], [0, [1]]);
  assertEquals(leaders(behind.topics.get("t")!), [1]);
});

Deno.test("ClusterMetadata.withLeader() takes newer epochs only", () => {
  const known = ClusterMetadata.empty.merge(response([[1, "a", 1], [2, "b", 1]], [answer([[1, 4], [1, 4]])]), told);
  const hint = (id: number, epoch: number) => ({ topic: "t", partition: 1, leader: { id, epoch } });

  assertEquals(known.withLeader(hint(2, 4)), null);
  assertEquals(known.withLeader(hint(2, 3)), null);
  assertEquals(known.withLeader(hint(-1, 5)), null);
  assertEquals(known.withLeader({ ...hint(2, 5), topic: "unknown" }), null);
  assertEquals(known.withLeader({ ...hint(2, 5), partition: 9 }), null);
  assertEquals(known.withLeader(hint(3, 5)), null, "nobody knows where broker 3 is");
  assertEquals(leaders(known.withLeader(hint(2, 5))!.topics.get("t")!), [1, 2]);
  assertEquals(leaders(known.topics.get("t")!), [1, 1], "the old state stays");
});

Deno.test("ClusterMetadata.withLeader() learns of a new broker", () => {
  const known = ClusterMetadata.empty.merge(response([[1, "a", 1]], [answer([[1, 4]])]), told);

  const news = known.withLeader({
    topic: "t",
    partition: 0,
    leader: { id: 3, epoch: 5 },
    endpoint: { host: "c", port: 3, rack: "r" },
  });

  assertEquals(news!.brokers.get(3), { id: 3, host: "c", port: 3, rack: "r" });
  assertEquals(leaders(news!.topics.get("t")!), [3]);
});

Deno.test("toTopicMetadata() names errors and copies lists", () => {
  const snapshot = mergeTopic(undefined, answer([[1, 4], [-1, 4]]));

  const metadata = toTopicMetadata(snapshot, [{ id: 2, host: "b", port: 1, rack: null }, {
    id: 1,
    host: "a",
    port: 1,
    rack: "r",
  }]);

  assertEquals(metadata.brokers.map(({ id }) => id), [1, 2]);
  assertEquals(metadata.partitions.map(({ error }) => error), [null, "LEADER_NOT_AVAILABLE"]);
  assert(metadata.partitions[0]!.replicas !== snapshot.partitions[0]!.replicas);
});
