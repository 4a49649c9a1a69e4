import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { NO_LEADER } from "../../src/embedded/topic.ts";
import { isTopicName, Topology } from "../../src/embedded/topology.ts";

function makeTopology(brokerCount: number): Topology {
  const topology = new Topology({ maxMessageBytes: 1_000, wallMs: () => 0, onAppend: () => {} });
  for (let id = 1; id <= brokerCount; id++) topology.addBroker(id, id);
  return topology;
}

function leaders(topology: Topology, topic: string): [leader: number, epoch: number][] {
  return topology.topics.get(topic)!.partitions.map(({ leader, leaderEpoch }) => [leader, leaderEpoch]);
}

Deno.test("Topology.addTopic() spreads leaders round the brokers", () => {
  const topology = makeTopology(3);

  topology.addTopic("t", { partitions: 5, replication: 2 });

  assertEquals(leaders(topology, "t"), [[1, 0], [2, 0], [3, 0], [1, 0], [2, 0]]);
  assertEquals(topology.partition("t", 2)!.replicas, [3, 1]);
});

Deno.test("Topology.addTopic() refuses names and layouts that are not possible", () => {
  const topology = makeTopology(2);
  topology.addTopic("t", { partitions: 1, replication: 1 });

  assertThrows(() => topology.addTopic("t", { partitions: 1, replication: 1 }), TypeError, '"t": it exists');
  assertThrows(() => topology.addTopic("a b", { partitions: 1, replication: 1 }), RangeError, '"a b" is no name');
  assertThrows(() => topology.addTopic("u", { partitions: 0, replication: 1 }), RangeError, "partitions is 0");
  assertThrows(() => topology.addTopic("u", { partitions: 1, replication: 3 }), RangeError, "replication is 3");
});

Deno.test("Topology.brokerDown() leaves partitions without other replicas leaderless until brokerUp()", () => {
  const topology = makeTopology(2);
  topology.addTopic("t", { partitions: 2, replication: 1 });

  topology.brokerDown(2);
  const down = leaders(topology, "t");
  topology.brokerUp(2);

  assertEquals(down, [[1, 0], [NO_LEADER, 1]]);
  assertEquals(leaders(topology, "t"), [[1, 0], [2, 2]]);
});

Deno.test("Topology.brokerDown() hands partitions to a replica in sync", () => {
  const topology = makeTopology(3);
  topology.addTopic("t", { partitions: 1, replication: 3 });
  const partition = topology.partition("t", 0)!;

  topology.brokerDown(1);
  const afterFirst = [partition.leader, partition.leaderEpoch, [...partition.isr]];
  topology.brokerDown(2);
  topology.brokerDown(3);
  const afterAll = [partition.leader, partition.leaderEpoch, [...partition.isr]];
  topology.brokerUp(1);
  const outOfSync = partition.leader;
  topology.brokerUp(3);

  assertEquals(afterFirst, [2, 1, [2, 3]]);
  assertEquals(afterAll, [NO_LEADER, 3, [3]]);
  assertEquals(outOfSync, NO_LEADER);
  assertEquals([partition.leader, partition.leaderEpoch, partition.isr], [3, 4, [3, 1]]);
});

Deno.test("Topology.moveLeader() raises the leader epoch and lets a stranger take the leader's place", () => {
  const topology = makeTopology(3);
  topology.addTopic("t", { partitions: 1, replication: 2 });
  const partition = topology.partition("t", 0)!;

  topology.moveLeader("t", 0, 3);

  assertEquals([partition.leader, partition.leaderEpoch, partition.replicas, partition.isr], [3, 1, [3, 2], [2, 3]]);
  topology.brokerDown(2);
  assertThrows(() => topology.moveLeader("t", 0, 2), TypeError, "it is stopped");
  assertThrows(() => topology.moveLeader("t", 0, 9), RangeError, "no such broker");
  assertThrows(() => topology.moveLeader("t", 5, 1), RangeError, "no such partition");
});

Deno.test("Topology.addPartitions() goes on where the topic stopped", () => {
  const topology = makeTopology(3);
  topology.addTopic("t", { partitions: 2, replication: 1 });

  topology.addPartitions("t", 4);

  assertEquals(leaders(topology, "t").map(([leader]) => leader), [1, 2, 3, 1]);
  assertThrows(() => topology.addPartitions("t", 4), RangeError, "has 4, asked for 4");
  assertThrows(() => topology.addPartitions("u", 4), RangeError, 'no topic "u"');
});

Deno.test("Topology gives a topic that is added anew another id", () => {
  const topology = makeTopology(1);
  const first = topology.addTopic("t", { partitions: 1, replication: 1 }).id;
  topology.deleteTopic("t");

  const second = topology.addTopic("t", { partitions: 1, replication: 1 }).id;

  assertMatch(second, /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/);
  assertEquals([topology.topicById(first)?.id, topology.topicById(second)?.id], [undefined, second]);
});

Deno.test("isTopicName() takes what Kafka takes", () => {
  const names = ["a", "a.b_c-D9", "x".repeat(249), "", ".", "..", "a b", "ä", "a/b", "a\n", "x".repeat(250)];

  assertEquals(names.map(isTopicName), [true, true, true, ...Array(8).fill(false)]);
});
