/**
 * An outage in which every listener of every event throws or rejects; run by `events_test.ts` in a process of its own.
 * Prints the names of the events that were heard, and what arrived.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { Producer, type ProducerEventType } from "@ekaf/ekaf";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";

const TYPES: Record<ProducerEventType, true> = {
  flush: true,
  flushreplied: true,
  laneup: true,
  lanedown: true,
  lanestilldown: true,
  downtimesaved: true,
  downtimereplayed: true,
  downtimefull: true,
  timetoconnect: true,
  timedown: true,
  bootstrapunreachable: true,
  deliveryfailed: true,
  dataloss: true,
  throttled: true,
  metadatachanged: true,
};

await using cluster = await EmbeddedCluster.listen({ topics: { t: 1 } });
await using producer = new Producer({
  bootstrap: cluster.bootstrap,
  logger: null,
  overflow: "dropOldest",
  downtimeMaxRecords: 2,
  retryBackoffMs: { initial: 1, max: 5 },
  metadataMaxAgeMs: 10,
});
const heard = new Set<string>();
for (const type of Object.keys(TYPES) as ProducerEventType[]) {
  for (const target of [producer, producer.topic("t")]) {
    target.addEventListener(type, () => {
      heard.add(type);
      throw new Error("thrown by a listener");
    });
    target.addEventListener(type, () => Promise.reject(new Error("rejected by a listener")));
    target.addEventListener(type, {
      handleEvent() {
        throw new Error("thrown by a listener object");
      },
    });
  }
}

async function until(type: ProducerEventType): Promise<void> {
  while (!heard.has(type)) await new Promise((resolve) => setTimeout(resolve, 1));
}

await producer.send("t", "first");
await cluster.stop(1);
await until("lanedown"); // What was sent before it is noticed cannot be dropped.
for (const value of ["a", "b", "c", "d"]) await producer.enqueue("t", value);
await until("lanestilldown");
await until("bootstrapunreachable");
await cluster.start(1);
await producer.flush();
cluster.failNext("Produce", "OUT_OF_ORDER_SEQUENCE_NUMBER");
using _hook = cluster.intercept("Produce", async (request, next) => {
  const response = await next(request);
  return typeof response === "object" && response !== null ? { ...response, throttleTimeMs: 1 } : response;
});
await producer.send("t", "e");
cluster.addPartitions("t", 2);
await until("metadatachanged");
console.log([...heard].sort().join(" "));
console.log(cluster.records("t").map((record) => record.text()).join(" "));
