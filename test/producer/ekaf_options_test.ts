import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ekafDefaults, keyed, phash2, Producer, type ProducerOptions, random, stickyRoundRobin } from "@ekaf/ekaf";
import { resolveOptions, type TopicOptions } from "../../src/options.ts";
import { ProducerCore } from "../../src/producer/producer_core.ts";
import { numbered, rig } from "./rig.ts";

/** What a topic's options are under a producer's. */
function optionsOf(topic: string, options: Partial<ProducerOptions>): TopicOptions {
  const core = new ProducerCore(resolveOptions({ bootstrap: "a", logger: null, ...options }), () => {});
  return core.topic(topic).options as TopicOptions;
}

/** Each configuration key of ekaf, its option, a value, and values that are refused. */
const KEYS: [key: string, option: keyof ProducerOptions, value: unknown, wrong: unknown[]][] = [
  ["ekaf_bootstrap_broker", "bootstrap", "localhost:9091", [9091, ["localhost", 9091], [], "", "localhost:x", {}]],
  ["ekaf_bootstrap_topics", "eagerTopics", ["a", "b"], ["a", [1], { a: 1 }, 5]],
  ["ekaf_max_buffer_size", "batchMaxRecords", 100, ["100", 0, -1, 1.5, NaN, Infinity, 2_000_000, null, []]],
  ["ekaf_buffer_ttl", "lingerMs", 5_000, ["5000", -1, NaN, Infinity, null, {}]],
  ["ekaf_buffer_ttl, inactivity", "idleMs", 5_000, ["5000", 0, -1, NaN, Infinity, null]],
  ["ekaf_max_downtime_buffer_size", "downtimeMaxRecords", 5, ["5", 0, -1, 1.5, Infinity, null]],
  ["ekaf_partition_strategy", "partitioner", random(), ["random", 1, null, {}]],
  ["ekaf_sticky_partition_buffer_size", "partitioner", stickyRoundRobin(500), ["sticky_round_robin"]],
  ["ekaf_callback_custom_partition_picker", "partitioner", keyed(phash2), [["module", "function"]]],
  ["ekaf_callback_massage_buffer", "transformBatch", () => [], ["one large message", 5, {}, ["module", "function"]]],
  ["pull_for_changes_timeout", "metadataMaxAgeMs", 60_000, ["60000", 0, -1, NaN, Infinity, null]],
  ["lists of {Topic, Value}", "topics", { t: { lingerMs: 5 } }, [[], "t", 5, null, { t: { lingerMs: "5" } }]],
  ["ekaf_per_partition_workers", "lanesPerPartition", { min: 3, max: 3 }, [
    "3",
    0,
    -1,
    1.5,
    NaN,
    Infinity,
    1_000,
    null,
    [1, 3],
  ]],
  ["ekaf_per_partition_workers_max", "lanesPerPartition", { min: 1, max: 3 }, [{ min: 3, max: 2 }, { max: 3 }, {}]],
  ["enable_logging", "logger", null, [true, "lager", 5, { warn: "lager" }]],
];
for (const [key, option, value, wrong] of KEYS) {
  Deno.test(`ekaf's ${key} is the option ${option}`, () => {
    const resolved = resolveOptions({ bootstrap: "a", [option]: value });

    assertEquals(resolved[option], value);
    assertEquals(
      new Producer({ bootstrap: "a", [option]: option === "eagerTopics" ? [] : value }) instanceof Producer,
      true,
    );
  });

  Deno.test(`the option for ekaf's ${key} is refused by name where it is wrong`, () => {
    for (const each of wrong) {
      const error = assertThrows(() => new Producer({ bootstrap: "a", [option]: each } as ProducerOptions), Error);
      assert(error instanceof TypeError || error instanceof RangeError, `${error}`);
      assertStringIncludes(error.message, option);
    }
  });

  Deno.test(`ekaf's own name ${key} is refused`, () => {
    assertThrows(() => new Producer({ bootstrap: "a", [key]: value }), TypeError, key);
  });
}

/** For each option that may be set per topic: what it is unless said otherwise, and two other values. */
const PER_TOPIC: [name: keyof TopicOptions, unset: unknown, one: unknown, other: unknown][] = [
  ["acks", "all", 1, 0],
  ["deliveryTimeoutMs", undefined, 1_000, Infinity],
  ["partitionMaxBytes", 8_388_608, 4_000_000, 2_000_000],
  ["overflow", "wait", "reject", "dropOldest"],
  ["downtimeMaxRecords", undefined, 5, 10],
  ["lingerMs", "auto", 5, 50],
  ["idleMs", undefined, 5, 50],
  ["batchMaxRecords", 10_000, 100, 1],
  ["batchMaxBytes", 1_000_000, 100_000, 50_000],
  ["partitioner", undefined, random(), stickyRoundRobin()],
  ["compression", "none", "gzip", { codec: "zstd", level: 9 }],
  ["lanesPerPartition", { min: 1, max: 1 }, { min: 1, max: 3 }, { min: 2, max: 2 }],
  ["transformBatch", null, () => [], () => ["one"]],
];
for (const [name, unset, one, other] of PER_TOPIC) {
  // As t_reading_topic_specific_envs of ekaf does for one key.
  Deno.test(`a topic takes ${name} from its own options, else the producer's, else what is built in`, () => {
    const forAll = { [name]: one };
    const forTopic = { topics: { t: { [name]: other } } };

    assertEquals(optionsOf("t", {})[name], unset);
    assertEquals([optionsOf("t", forAll)[name], optionsOf("u", forAll)[name]], [one, one]);
    assertEquals([optionsOf("t", forTopic)[name], optionsOf("u", forTopic)[name]], [other, unset]);
    const both = { ...forAll, ...forTopic };
    assertEquals([optionsOf("t", both)[name], optionsOf("u", both)[name]], [other, one]);
  });
}

Deno.test("a wrong option in topics is refused by its name and its topic's", () => {
  const topics = { clicks: { lingerMs: -1 } };

  const error = assertThrows(() => new Producer({ bootstrap: "a", topics }), RangeError);

  for (const name of [`"lingerMs"`, `"topics"`, `"clicks"`]) assertStringIncludes(error.message, name);
});

Deno.test("a topic named like a property of every object has no options of its own", () => {
  assertEquals(optionsOf("constructor", {}).lingerMs, "auto");
  assertEquals(optionsOf("toString", { lingerMs: 5 }).lingerMs, 5);
});

Deno.test("ekafDefaults has the values of ekaf, and a producer takes them", async () => {
  await using r = await rig({ topics: { t: 4 } }, { ...ekafDefaults });

  const deliveries = await r.producer.send("t", numbered("", 250));

  const { partitioner, ...others } = ekafDefaults;
  assertEquals(others, {
    clientId: "ekaf",
    acks: 1,
    eagerTopics: [],
    batchMaxRecords: 100,
    lingerMs: 5_000,
    idleMs: 1_000,
    metadataMaxAgeMs: 60_000,
  });
  assertEquals(typeof partitioner, "function");
  assertEquals(new Set(deliveries.map(({ partition }) => partition)), new Set([0, 1, 2, 3]));
});

Deno.test("topics flush by limits of their own", async () => {
  await using r = await rig({ topics: { a: 1, b: 1, c: 1 } }, {
    lingerMs: 60_000,
    batchMaxRecords: 4,
    topics: { a: { batchMaxRecords: 2 }, b: { batchMaxRecords: 1_000 } },
  });

  for (const topic of ["a", "b", "c"]) await r.producer.enqueue(topic, numbered("", 9));
  await r.producer.flush();

  const counts = (topic: string) => r.cluster.batches(topic).map(({ recordCount }) => recordCount);
  assertEquals(["a", "b", "c"].map(counts), [[2, 2, 2, 2, 1], [9], [4, 4, 1]]);
});
