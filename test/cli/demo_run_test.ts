import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EmbeddedCluster } from "@ekaf/ekaf/embedded";
import { demoBytes } from "../../src/cli/demo_lines.ts";
import { DEMO_TOPIC, runDemo } from "../../src/cli/demo_run.ts";

const LINE_COUNT = 3_000;

function listen(): Promise<EmbeddedCluster> {
  return EmbeddedCluster.listen({ brokers: 3, replication: 3, topics: { [DEMO_TOPIC]: 6 } });
}

/** The demo on a small scale; `lines` is what it printed. */
async function run(cluster: EmbeddedCluster, signal?: AbortSignal): Promise<{ isWhole: boolean; text: string }> {
  const lines: string[] = [];
  const source = ReadableStream.from(demoBytes(LINE_COUNT));
  const print = (line: string) => void lines.push(line);
  const isWhole = await runDemo({ cluster, source, lineCount: LINE_COUNT, print, signal });
  return { isWhole, text: lines.join("\n") };
}

Deno.test("runDemo() brings every line into the log although a broker is stopped on the way", async () => {
  await using cluster = await listen();

  const { isWhole, text } = await run(cluster);

  assert(isWhole, text);
  assertEquals(cluster.records(DEMO_TOPIC).length, LINE_COUNT);
  assertStringIncludes(text, "1,000 lines in: broker 2 stopped");
  assertStringIncludes(text, "2,000 lines in: broker 2 started again");
  assertStringIncludes(text, "3,000 records of 3,000: 0 missing, 0 doubled, 0 out of order, 0 changed");
});

Deno.test("runDemo() notices a broker that acknowledges what it does not keep", async () => {
  await using cluster = await listen();
  let liesLeft = 1;
  using _lie = cluster.intercept("Produce", async (request, next) => {
    if (liesLeft-- <= 0) return await next(request);
    const responses = request.body.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: 0, baseOffset: 0n })),
    }));
    return { responses };
  });

  const { isWhole, text } = await run(cluster);

  assert(!isWhole, text);
  assertStringIncludes(text, "NOT whole.");
});

Deno.test("runDemo() ends with the reason of its signal", async () => {
  await using cluster = await listen();
  const controller = new AbortController();
  using _abort = cluster.intercept("Produce", (request, next) => {
    controller.abort(new DOMException("interrupted", "AbortError"));
    return next(request);
  });

  const error = await assertRejects(() => run(cluster, controller.signal), DOMException);

  assertEquals(error.message, "interrupted");
});
