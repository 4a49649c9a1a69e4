import { assertEquals, assertRejects } from "@std/assert";
import { DeliveryError, Producer } from "@ekaf/ekaf";
import { rig, until } from "./rig.ts";

const QUICK = { unknownTopicTimeoutMs: 1, logger: null } as const;

/** Names that the producer keeps. */
function kept(producer: Producer): string[] {
  return producer.stats().topics.map(({ topic }) => topic);
}

Deno.test("Producer.forget() lets go of a topic that does not exist, and asks for it no more", async () => {
  await using r = await rig({}, QUICK);
  const asked: (string | null)[] = [];
  using _hook = r.cluster.intercept("Metadata", (request, next) => {
    asked.push(...(request.body.topics ?? []).map(({ name }) => name));
    return next(request);
  });
  await assertRejects(() => r.producer.send("missing", "a"), DeliveryError);

  const isForgotten = r.producer.forget("missing");
  asked.length = 0;
  await r.producer.send("t", "a");
  await r.producer.metadata("t");

  assertEquals([isForgotten, kept(r.producer), asked.includes("missing")], [true, ["t"], false]);
  assertEquals([r.producer.forget("missing"), r.producer.forget("never used")], [true, true]);
});

Deno.test("Producer.forget() does no harm to a topic that comes to be", async () => {
  await using r = await rig({}, QUICK);
  const outcomes = async (value: string) => {
    const stream = ReadableStream.from([value]).pipeThrough(r.producer.delivery("late"));
    return (await Array.fromAsync(stream)).map(({ error }) => error === undefined);
  };
  await assertRejects(() => r.producer.send("late", "a"), DeliveryError);
  const before = await outcomes("b");

  await until(() => r.producer.forget("late"));
  r.cluster.addTopic("late", 1);
  const after = await outcomes("c");
  await r.producer.send("late", "d");

  assertEquals([before, after, r.producer.forget("late")], [[false], [true], false]);
  assertEquals(r.cluster.records("late").map((record) => record.text()), ["c", "d"]);
});

Deno.test("Producer.forget() keeps topics that records went to, wait for, or that somebody holds", async () => {
  await using r = await rig({}, { ...QUICK, unknownTopicTimeoutMs: 30_000 });
  await r.producer.send("t", "a");
  await using away = new Producer({ bootstrap: "127.0.0.1:1", logger: null });
  const waiting = away.send("waiting", "a");
  waiting.catch(() => {});
  const handle = r.producer.topic("handle");
  const stream = r.producer.writable("stream");

  assertEquals(["t", "handle", "stream"].map((name) => r.producer.forget(name)), [false, false, false]);
  assertEquals(away.forget("waiting"), false);
  assertEquals(kept(r.producer), ["t", "handle", "stream"]);
  await stream.abort();
  await until(() => r.producer.forget("stream"));
  assertEquals([handle.name, kept(r.producer)], ["handle", ["t", "handle"]]);
  await away.abort();
});
