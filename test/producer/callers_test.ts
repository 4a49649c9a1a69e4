import { assertEquals } from "@std/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { heard, holdProduce, numbered, rig, until } from "./rig.ts";

const caller = new AsyncLocalStorage<string>();

Deno.test("Producer.traceCallers() asks once a call, and flush and flushreplied tell each caller of a batch once", async () => {
  await using r = await rig({ topics: { t: 1 } }, { lingerMs: 5 });
  let askedCount = 0;
  r.producer.traceCallers(() => {
    askedCount++;
    return caller.getStore();
  });
  await r.producer.prepare("t");
  await r.producer.send("t", "first");
  const flushed = heard(r.producer, "flush");
  const replied = heard(r.producer, "flushreplied");

  await Promise.all([
    caller.run("a", () => r.producer.send("t", numbered("a", 10), { flush: false })),
    caller.run("b", () => r.producer.send("t", "b", { flush: false })),
    caller.run("c", () => r.producer.enqueue("t", "c")),
    caller.run("c", () => r.producer.enqueue("t", ["c", "c"])),
    caller.run("a", () => r.producer.enqueue("t", "a")),
    r.producer.enqueue("t", "nobody"),
  ]);
  await r.producer.flush();

  assertEquals(askedCount, 7);
  assertEquals(flushed.map(({ records, callers }) => [records, callers]), [[16, ["a", "b", "c"]]]);
  assertEquals(replied.map(({ callers }) => callers), [["a", "b", "c"]]);
});

Deno.test("Producer.traceCallers() knows who opened a stream", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.producer.traceCallers(() => caller.getStore());
  const flushed = heard(r.producer, "flush");

  const writer = caller.run("w", () => r.producer.writable("t")).getWriter();
  await caller.run("not asked", () => writer.write("a"));
  await writer.close();
  const pair = caller.run("d", () => r.producer.delivery("t"));
  await Array.fromAsync(ReadableStream.from(["b"]).pipeThrough(pair));

  assertEquals(flushed.map(({ callers }) => callers), [["w"], ["d"]]);
});

Deno.test("Producer.traceCallers() knows who brought records before the topic's partitions were known", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.producer.traceCallers(() => caller.getStore());
  const flushed = heard(r.producer, "flush");

  await Promise.all(["a", "b"].map((name) => caller.run(name, () => r.producer.enqueue("t", name))));
  await r.producer.flush();

  assertEquals(flushed.flatMap(({ callers }) => callers), ["a", "b"]);
});

Deno.test("Producer.traceCallers() keeps callers when a batch is divided", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.producer.traceCallers(() => caller.getStore());
  const flushed = heard(r.producer, "flush");
  r.cluster.failNext("Produce", "MESSAGE_TOO_LARGE");

  await caller.run("a", () => r.producer.send("t", ["1", "2"]));

  assertEquals(flushed.map(({ records, callers }) => [records, callers]), [[2, ["a"]], [1, ["a"]], [1, ["a"]]]);
});

Deno.test("Producer.traceCallers() gives at most 128 callers a batch", async () => {
  await using r = await rig({ topics: { t: 1 } });
  r.producer.traceCallers(() => caller.getStore());
  await r.producer.send("t", "first");
  const release = holdProduce(r.cluster);
  const flushed = heard(r.producer, "flush");
  const held = r.producer.send("t", "held");
  await until(() => flushed.length === 1);

  const names = numbered("caller", 129);
  const sends = names.map((name) => caller.run(name, () => r.producer.send("t", name, { flush: false })));
  release();
  await Promise.all([held, ...sends]);

  assertEquals(flushed.slice(1).map(({ records }) => records), [129]);
  assertEquals(flushed[1]!.callers, names.slice(0, 128));
});

Deno.test("Producer.traceCallers() that throws is warned of and costs no record; null ends it", async () => {
  await using r = await rig({ topics: { t: 1 } });
  const flushed = heard(r.producer, "flush");
  r.producer.traceCallers(() => {
    throw new Error("no context");
  });

  await r.producer.send("t", "a");
  r.producer.traceCallers(() => "b");
  await r.producer.send("t", "b");
  r.producer.traceCallers(null);
  await r.producer.send("t", "c");

  assertEquals(flushed.map(({ callers }) => callers), [[], ["b"], []]);
  assertEquals(r.warnings.length, 1);
});
