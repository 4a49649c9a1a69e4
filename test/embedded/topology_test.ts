import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { NO_LEADER } from "../../src/embedded/topic.ts";
import type { PartitionLayout } from "../../src/embedded/topic_layout.ts";
import { isTopicName, Topology } from "../../src/embedded/topology.ts";
import { craftBatch } from "./crafted_batch.ts";

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

Deno.test("Topology.addTopic() lays partitions out as told, gaps and all", () => {
  const topology = makeTopology(3);
  const listed = [3, { id: 0, replicas: [3, 1], isr: [1] }, { id: 7, leader: null }, {
    id: 5,
    replicas: [2, 1],
    leader: 1,
  }];

  topology.addTopic("t", { partitions: listed, replication: 2 });

  const { partitions } = topology.topics.get("t")!;
  assertEquals(partitions.map(({ index, leader, replicas, isr }) => [index, leader, replicas, isr]), [
    [0, 1, [3, 1], [1]],
    [3, 1, [1, 2], [1, 2]],
    [5, 1, [2, 1], [2, 1]],
    [7, NO_LEADER, [2, 3], [2, 3]],
  ]);
  assertEquals(partitions.map(({ log }) => log.partition), [0, 3, 5, 7]);
  assertEquals([topology.partition("t", 1), topology.partition("t", 5)], [undefined, partitions[2]]);
});

Deno.test("Topology.addTopic() refuses partitions that cannot be", () => {
  const topology = makeTopology(2);
  topology.brokerDown(2);
  const flaws: [partition: number | PartitionLayout, message: string][] = [
    [-1, "-1 is no id"],
    [1.5, "1.5 is no id"],
    [0, "two partitions 0"],
    [{ id: 1, replicas: [] }, "replicas are []"],
    [{ id: 1, replicas: [1, 1] }, "replicas are [1, 1]"],
    [{ id: 1, replicas: [3] }, "replicas are [3], which must be some of [1, 2]"],
    [{ id: 1, replicas: [1], isr: [2] }, "isr are [2]"],
    [{ id: 1, replicas: [1], leader: 2 }, "leader is 2"],
    [{ id: 1, replicas: [2], leader: 2 }, "leader is 2"],
  ];
  for (const [partition, message] of flaws) {
    assertThrows(() => topology.addTopic("t", { partitions: [0, partition], replication: 1 }), RangeError, message);
  }
  assertThrows(
    () => topology.addTopic("t", { partitions: [], replication: 1 }),
    RangeError,
    "list of partitions is empty",
  );
  assertEquals(topology.topics.size, 0);
});

Deno.test("Topology.addPartitions() takes ids, and follows the last of those there are", () => {
  const topology = makeTopology(2);
  topology.addTopic("t", { partitions: [0, 1, 3], replication: 1 });

  topology.addPartitions("t", 5);
  topology.addPartitions("t", [2]);

  assertEquals(topology.topics.get("t")!.partitions.map(({ index }) => index), [0, 1, 2, 3, 4, 5]);
  assertThrows(() => topology.addPartitions("t", [6, 2]), RangeError, "two partitions 2");
  assertEquals(topology.topics.get("t")!.partitions.length, 6);
});

Deno.test("Topology.removeBroker() moves what the broker holds to the others", () => {
  const topology = makeTopology(3);
  topology.addTopic("single", { partitions: 3, replication: 1 });
  topology.addTopic("double", { partitions: 3, replication: 2 });
  topology.addTopic("triple", { partitions: 1, replication: 3 });
  const { log } = topology.partition("single", 1)!;

  topology.removeBroker(2);

  const rows = (name: string) =>
    topology.topics.get(name)!.partitions.map(({ leader, leaderEpoch, replicas, isr }) => {
      return [leader, leaderEpoch, replicas, isr];
    });
  assertEquals(rows("single"), [[1, 0, [1], [1]], [3, 1, [3], [3]], [3, 0, [3], [3]]]);
  assertEquals(rows("double"), [[1, 0, [1, 3], [1, 3]], [3, 1, [1, 3], [3, 1]], [3, 0, [3, 1], [3, 1]]]);
  assertEquals(rows("triple"), [[1, 0, [1, 3], [1, 3]]]);
  assertEquals(topology.partition("single", 1)!.log, log);
  assertEquals([...topology.brokers.keys()], [1, 3]);
});

Deno.test("Topology.removeBroker() leaves partitions leaderless while nobody is up to take them", () => {
  const topology = makeTopology(2);
  topology.addTopic("t", { partitions: 2, replication: 1 });
  topology.brokerDown(1);

  topology.removeBroker(2);
  const afterwards = leaders(topology, "t").map(([leader]) => leader);
  topology.brokerUp(1);

  assertEquals(afterwards, [NO_LEADER, NO_LEADER]);
  assertEquals(leaders(topology, "t").map(([leader]) => leader), [1, 1]);
  assertThrows(() => topology.removeBroker(1), TypeError, "it is the last");
});

Deno.test("Topology.addTopic() gives a topic its own largest batch, for partitions added later, too", () => {
  const topology = makeTopology(1);
  const maxBytes = (name: string) =>
    topology.topics.get(name)!.partitions.map(({ log }) =>
      log.append(craftBatch({ values: ["x".repeat(500)], timestamp: 0 }), 0)
    )
      .map((result) => "error" in result ? result.error : "appended");

  topology.addTopic("small", { partitions: 1, replication: 1, maxMessageBytes: 400 });
  topology.addTopic("usual", { partitions: 1, replication: 1 });
  topology.addPartitions("small", 2);

  assertEquals(maxBytes("small"), ["MESSAGE_TOO_LARGE", "MESSAGE_TOO_LARGE"]);
  assertEquals(maxBytes("usual"), ["appended"]);
  for (const maxMessageBytes of [-1, 0.5, 2 ** 31, NaN]) {
    assertThrows(
      () => topology.addTopic("t", { partitions: 1, replication: 1, maxMessageBytes }),
      RangeError,
      `maxMessageBytes is ${maxMessageBytes}`,
    );
  }
});
