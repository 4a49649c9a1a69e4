import { assertEquals } from "@std/assert";
import { rig, texts } from "./rig.ts";

Deno.test("Outbox sends no batch that was given up while it was taken", async () => {
  await using both = await rig({ topics: { t: 1 } });
  await both.producer.send("t", "first");

  for (let ticks = 0; ticks < 20; ticks++) {
    const controller = new AbortController();
    const sent = both.producer.send("t", `v${ticks}`, { signal: controller.signal }).catch(() => null);
    for (let i = 0; i < ticks; i++) await null;
    controller.abort();
    await sent;
    await both.producer.flush();
  }

  assertEquals(both.producer.info("t")[0]?.inFlightRequests, 0);
  await both.producer.send("t", "last");
  assertEquals(texts(both.cluster.records("t")).at(-1), "last");
});

Deno.test("Lane tells of doubt when a record is refused by name after its batch may have been appended", async () => {
  await using both = await rig({ topics: { t: 1 } });
  let count = 0;
  using _hook = both.cluster.intercept("Produce", async (request, next) => {
    const response = await next(request);
    if (count++ === 0) return "close";
    const responses = response.responses.map((topic) => ({
      ...topic,
      partitionResponses: topic.partitionResponses.map((partition) => ({
        ...partition,
        errorCode: count === 2 ? 87 : partition.errorCode,
        baseOffset: count === 2 ? -1n : partition.baseOffset,
        recordErrors: count === 2 ? [{ batchIndex: 0, batchIndexErrorMessage: null }] : [],
      })),
    }));
    return { ...response, responses };
  });

  const error = await both.producer.send("t", ["a", "b"]).catch((error) => error);

  assertEquals(error.outcomes.map((each: { error?: { verdict: string } }) => each.error?.verdict), [
    "possiblyPersisted",
    undefined,
  ]);
});
