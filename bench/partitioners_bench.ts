/**
 * What it costs to choose a partition, of 10 and of 1,000: the number must not matter. Each strategy is asked through
 * the producer's own routing, with every lane in use, for records with a key and without.
 *
 *     deno bench --allow-net=127.0.0.1 --allow-read=. bench/partitioners_bench.ts
 *
 * An iteration is 1,000 picks: divide by 1,000 for one.
 *
 * @module
 */

import {
  javaCompatible,
  keyed,
  type Partitioner,
  phash2,
  random,
  stickyRoundRobin,
  strictRoundRobin,
} from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { resolveOptions } from "../src/options.ts";
import { ProducerCore } from "../src/producer/producer_core.ts";
import type { RoutableRecord } from "../src/producer/routing.ts";
import type { TopicLanes } from "../src/producer/topic_lanes.ts";

const PICKS = 1_000;
const KEYS = Array.from({ length: PICKS }, (_, i) => new TextEncoder().encode(`user-${i}`));
const UNKEYED: RoutableRecord = { key: null, partition: -1, payloadBytes: 100 };

const STRATEGIES: Record<string, Partitioner> = {
  "javaCompatible()": javaCompatible(),
  "random()": random(),
  "stickyRoundRobin()": stickyRoundRobin(),
  "strictRoundRobin()": strictRoundRobin(),
  "keyed(phash2)": keyed(phash2),
  "a function": () => 3,
};

await using cluster = await EmbeddedCluster.listen({ topics: { few: 10, many: 1_000 } });

/** The lanes of a topic whose every partition is connected. */
async function lanesOf(topic: string, partitioner: Partitioner): Promise<TopicLanes> {
  const options = resolveOptions({ bootstrap: cluster.bootstrap, partitioner, logger: null });
  const core = new ProducerCore(options, () => {}).topic(topic);
  const { partitions } = await core.metadata();
  await core.send(partitions.map(({ partition }) => ({ value: "", partition })));
  return core.lanes;
}

let seen = 0; // Keeps the calls from being optimised away.

for (const [name, partitioner] of Object.entries(STRATEGIES)) {
  for (const [topic, count] of [["few", "10"], ["many", "1,000"]] as const) {
    const lanes = await lanesOf(topic, partitioner);
    if (name !== "keyed(phash2)") {
      Deno.bench(`${name}, ${count} partitions`, { group: name, baseline: topic === "few" }, () => {
        for (let i = 0; i < PICKS; i++) seen += lanes.route(UNKEYED) as number;
      });
    }
    if (!/keyed|java/.test(name)) continue;
    const records = KEYS.map((key) => ({ key, partition: -1, payloadBytes: 100 }));
    const group = `${name} with keys`;
    Deno.bench(`${group}, ${count} partitions`, { group, baseline: topic === "few" }, () => {
      for (let i = 0; i < PICKS; i++) seen += lanes.route(records[i]!) as number;
    });
  }
}
