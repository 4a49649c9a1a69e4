import { assert, assertEquals, assertMatch } from "@std/assert";
import { gatewayRig, NDJSON } from "./gateway_rig.ts";
import { holdProduce, numbered, until } from "../producer/rig.ts";

const RECEIPTS = { ...NDJSON, accept: "application/x-ndjson" };

/** A body that a test writes to as it goes. */
function openBody(): { body: ReadableStream<Uint8Array>; write(text: string): Promise<void>; close(): Promise<void> } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return {
    body: readable,
    write: (text) => writer.write(new TextEncoder().encode(text)),
    close: () => writer.close(),
  };
}

Deno.test("POST /stream answers with a summary once every line is acknowledged", async () => {
  await using rig = await gatewayRig();

  const response = await rig.post("/stream/t", '{"n":1}\n\n{"n":2}\r\n{"n":3}', { headers: NDJSON });

  assertEquals([response.status, await response.json()], [200, { accepted: 3, acked: 3, failed: [] }]);
  assertEquals(rig.texts(), ['{"n":1}', '{"n":2}', '{"n":3}']);
});

Deno.test("POST /stream names the lines that failed, by their place in the body", async () => {
  await using rig = await gatewayRig({ cluster: { topics: { t: 2 } }, producer: { partitioner: (r) => r.bytes % 2 } });
  rig.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1, { topic: "t", partition: 1 });

  const response = await rig.post("/stream/t", "aa\n\nb\ncc\n", { headers: NDJSON });

  assertEquals(response.status, 207);
  assertEquals(await response.json(), {
    accepted: 3,
    acked: 2,
    failed: [{
      line: 3,
      code: "TOPIC_AUTHORIZATION_FAILED",
      error: "Cannot deliver: TOPIC_AUTHORIZATION_FAILED",
      retriable: false,
    }],
    failed_count: 1,
  });
});

Deno.test("POST /stream answers with the class of the first failure where no line came through", async () => {
  await using rig = await gatewayRig();
  rig.cluster.failNext("Produce", "TOPIC_AUTHORIZATION_FAILED", 1);

  const response = await rig.post("/stream/t", "a\n", { headers: NDJSON });
  const problem = await response.json();

  assertEquals([response.status, response.headers.get("content-type")], [403, "application/problem+json"]);
  assertEquals([problem.code, problem.acked, problem.failed[0].line], ["TOPIC_AUTHORIZATION_FAILED", 0, 1]);
});

Deno.test("POST /stream delivers what stands before a line that is too long, and names that line", async () => {
  await using rig = await gatewayRig({ gateway: { recordMaxBytes: 10 } });

  const response = await rig.post("/stream/t", `ok\n${"x".repeat(11)}\nafter\n`, { headers: NDJSON });
  const problem = await response.json();

  assertEquals([response.status, problem.code, problem.line], [413, "RECORD_TOO_LARGE", 2]);
  assertEquals([problem.accepted, problem.acked], [1, 1]);
  assertEquals(rig.texts(), ["ok"]);
});

Deno.test("POST /stream gives receipts while the body still comes, in order, and a last line", async () => {
  await using rig = await gatewayRig();
  const { body, write, close } = openBody();

  const response = await rig.post("/stream/t", body, { headers: RECEIPTS });
  const lines = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  await write("a\nb\n");
  let seen = "";
  while (seen.split("\n").length < 3) seen += (await lines.read()).value;
  await write("\nc");
  await close();
  for (let next = await lines.read(); !next.done; next = await lines.read()) seen += next.value;

  assertEquals(response.status, 200);
  assertEquals(seen.trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { line: 1, partition: 0, offset: 0 },
    { line: 2, partition: 0, offset: 1 },
    { line: 4, partition: 0, offset: 2 },
    { done: true, accepted: 3, acked: 3, failed: 0 },
  ]);
});

Deno.test("POST /stream reads the body no further while nobody reads the receipts, and other requests go on", async () => {
  await using rig = await gatewayRig({ gateway: { streamMaxUnread: 10, streamIdleMs: 100 } });
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new TextEncoder().encode(numbered("r", 10).join("\n") + "\n"));
    },
  }, { highWaterMark: 0 });

  const stuck = await rig.post("/stream/t", body, { headers: RECEIPTS });
  const other = await rig.post("/sync/t", "other");
  await until(() => pulled >= 2);
  const error = await until2(() => stuck.body!.getReader().closed);

  assertEquals(other.status, 200);
  assert(pulled < 6, `${pulled} chunks were read`);
  assertMatch(String(error), /receipts are not read/);
  await other.body?.cancel();
});

/** What a promise is rejected with. */
async function until2(promise: () => Promise<unknown>): Promise<unknown> {
  try {
    return await promise();
  } catch (error) {
    return error;
  }
}

Deno.test("POST /stream holds the body back while the buffer is full, and delivers all of it afterwards", async () => {
  const size = { bufferMaxBytes: 64 * 1024, partitionMaxBytes: 64 * 1024, batchMaxBytes: 16 * 1024 };
  await using rig = await gatewayRig({ producer: size });
  const release = holdProduce(rig.cluster);
  const line = "x".repeat(999) + "\n";
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (++pulled > 300) return controller.close();
      controller.enqueue(new TextEncoder().encode(line));
    },
  }, { highWaterMark: 0 });

  const pending = rig.post("/stream/t", body, { headers: NDJSON });
  let last = -1;
  while (last !== pulled) {
    last = pulled;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  release();
  const response = await pending;

  assert(last < 120, `${last} chunks of 1 kB were read into a buffer of 64 KiB`);
  assertEquals(await response.json(), { accepted: 300, acked: 300, failed: [] });
});

Deno.test("two streams to one topic: one that breaks off leaves the other and the topic unharmed", async () => {
  await using rig = await gatewayRig();
  const [whole, broken] = [openBody(), openBody()];
  const failing = new TransformStream<Uint8Array, Uint8Array>();
  const writer = failing.writable.getWriter();

  const first = rig.post("/stream/t", whole.body, { headers: NDJSON });
  const second = rig.post("/stream/t", failing.readable, { headers: NDJSON });
  await whole.write("a\n");
  await writer.write(new TextEncoder().encode("b\n"));
  await writer.abort(new Error("gone")).catch(() => {});
  await whole.write("c\n");
  await whole.close();
  await broken.close();
  const responses = await Promise.all([first, second]);
  const after = await rig.post("/sync/t", "d");

  assertEquals(await responses[0].json(), { accepted: 2, acked: 2, failed: [] });
  assertEquals([responses[1].status, after.status], [400, 200]);
  assertEquals(rig.texts().filter((text) => text !== "b"), ["a", "c", "d"]);
  for (const response of [responses[1], after]) await response.body?.cancel();
});

Deno.test("POST /stream refuses types it cannot read and answers it cannot give", async () => {
  await using rig = await gatewayRig();

  const type = await rig.post("/stream/t", "a", { headers: { "content-type": "image/png" } });
  const accept = await rig.post("/stream/t", "a", { headers: { ...NDJSON, accept: "image/png" } });

  assertEquals([type.status, accept.status], [415, 406]);
  assertMatch(type.headers.get("accept-post")!, /application\/x-ndjson/);
  for (const response of [type, accept]) await response.body?.cancel();
});

Deno.test("POST /stream answers with receipts where they are named, and nothing else is liked better", async () => {
  await using rig = await gatewayRig();
  const isReceipts = async (accept: string) => {
    const response = await rig.post("/stream/t", "a\n", { headers: { ...NDJSON, accept } });
    await response.text();
    return response.status === 200 ? response.headers.get("content-type") === "application/x-ndjson" : response.status;
  };

  assertEquals(await isReceipts("application/x-ndjson, */*"), true);
  assertEquals(await isReceipts("application/json, application/x-ndjson"), true);
  assertEquals(await isReceipts("application/json;q=0, */*"), true);
  assertEquals(await isReceipts("application/json, application/x-ndjson;q=0.5"), false);
  assertEquals(await isReceipts("*/*"), false);
  assertEquals(await isReceipts("application/*;q=0.1"), false);
  assertEquals(await isReceipts("application/x-ndjson;q=0"), 406);
});
