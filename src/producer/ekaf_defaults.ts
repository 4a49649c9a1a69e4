/**
 * What ekaf did unless it was told otherwise, in the options of today.
 *
 * @module
 */

import type { ProducerOptions } from "../options.ts";
import { random } from "./partitioners.ts";

/**
 * The defaults of ekaf 1.5.4 (Erlang), for those who come from there: one option for each of its keys that has one here.
 *
 * Two are left out on purpose: its bootstrap address, `localhost:9091`, as an address is always said; and its 100 workers a
 * partition, each of them a connection. What ekaf did without a key is there too: it asked the leader for an
 * acknowledgement, and called itself "ekaf".
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ekafDefaults, Producer, stickyRoundRobin } from "@ekaf/ekaf";
 *
 * const options = { ...ekafDefaults, bootstrap: "localhost:9092", partitioner: stickyRoundRobin() };
 * await using producer = new Producer(options);
 * assertEquals([options.batchMaxRecords, options.lingerMs, options.acks], [100, 5_000, 1]);
 * ```
 */
export const ekafDefaults: Readonly<Omit<ProducerOptions, "bootstrap">> = Object.freeze({
  clientId: "ekaf",
  acks: 1,
  eagerTopics: [], // ekaf_bootstrap_topics
  partitioner: random(), // ekaf_partition_strategy
  batchMaxRecords: 100, // ekaf_max_buffer_size
  lingerMs: 5_000, // ekaf_buffer_ttl
  idleMs: 1_000, // the silence after which its documentation has a batch go out
  metadataMaxAgeMs: 60_000, // pull_for_changes_timeout
});
