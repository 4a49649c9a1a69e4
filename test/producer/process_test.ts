import { assert, assertEquals } from "@std/assert";
import type { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { rig, texts } from "./rig.ts";

/** Runs producer_process.ts to its end; returns what it wrote. */
async function run(what: string, cluster: EmbeddedCluster): Promise<{ code: number; out: string; err: string }> {
  const script = new URL("./producer_process.ts", import.meta.url).pathname;
  const args = ["run", "--no-check", "--quiet", "--allow-net=127.0.0.1", script, what, cluster.bootstrap.join(",")];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("a process that forgets close() ends, and loses no record", async () => {
  await using r = await rig({ topics: { t: 1 } });

  const { code, err } = await run("forgottenClose", r.cluster);

  assertEquals([code, err], [0, ""]);
  assertEquals(texts(r.cluster.records("t")).sort(), ["a", "b", "c", "d"]);
});

Deno.test("a process that forgets close() after it was idle ends, and loses no record", async () => {
  await using r = await rig({ topics: { t: 1 } });

  const { code, err } = await run("idleThenSend", r.cluster);

  assertEquals([code, err], [0, ""]);
  assertEquals(texts(r.cluster.records("t")), ["a", "b", "c"]);
});

Deno.test("a process lives as long as it awaits an answer", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.cluster.delay(10);

  const { code, err } = await run("asking", r.cluster);

  assertEquals([code, err], [0, ""]);
  assertEquals(texts(r.cluster.records("t")), ["0"]);
});

Deno.test("a process outlives listeners that throw or reject", async () => {
  await using r = await rig({ topics: { t: 1 } });

  const { code, err } = await run("badListeners", r.cluster);

  assertEquals([code, err], [0, ""]);
  assertEquals(texts(r.cluster.records("t")), ["a"]);
});

Deno.test("a process outlives a failure that nobody hears of", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED");

  const { code, err } = await run("unheardFailure", r.cluster);

  assertEquals([code, err], [0, ""]);
});

Deno.test("a gibibyte piped at brokers that read nothing stays within bufferMaxBytes", async () => {
  await using r = await rig();

  const { code, out, err } = await run("stalled", r.cluster);

  assertEquals([code, err], [0, ""]);
  const { pipedBytes, rssBytes } = JSON.parse(out);
  const mebibyte = 1024 ** 2;
  assert(pipedBytes > 16 * mebibyte && pipedBytes < 33 * mebibyte, `${pipedBytes} bytes were read from the source`);
  // bufferMaxBytes, and the buffers of requests: 5 of 1 MiB; batches grow by doubling, so up to twice their bytes.
  assert(rssBytes < 100 * mebibyte, `${rssBytes} bytes`);
});
