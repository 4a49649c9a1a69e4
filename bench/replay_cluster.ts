/**
 * The cluster of `replay.ts`: `replay_cluster.ts PORT PARTITIONS`. It tells when it listens, and what came once a line is
 * written to it.
 *
 * @module
 */
// deno-lint-ignore-file no-console

import { EmbeddedCluster } from "@ekaf/ekaf/embedded";

const [port, partitions] = Deno.args.map(Number) as [number, number];
const cluster = await EmbeddedCluster.listen({ topics: { t: partitions }, ports: [port] });
let largest = 0;
cluster.intercept("Produce", (request, next) => {
  const batches = request.body.topicData.flatMap(({ partitionData }) => partitionData);
  largest = Math.max(largest, batches.reduce((sum, { records }) => sum + records!.length, 0));
  return next(request);
});
console.log("listening");
await Deno.stdin.readable.getReader().read();
console.log(JSON.stringify({ records: cluster.records("t").length, requests: cluster.requests("Produce"), largest }));
Deno.exit(0);
