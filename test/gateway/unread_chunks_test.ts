import { assertEquals, assertThrows } from "@std/assert";
import { GatewayError } from "../../src/gateway/gateway_error.ts";
import { FREE_BYTES, READ_BYTES, UnreadChunksGauge } from "../../src/gateway/unread_chunks.ts";
import { gatewayRig, NDJSON } from "./gateway_rig.ts";

const BASE_BYTES = 1_000_000;

const LINES = 6;

/** A body of some chunks, a line each. */
function sixLines(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let n = 0;
  return new ReadableStream({
    pull: (controller) => {
      controller.enqueue(new TextEncoder().encode(`{"n":${n++}}\n`));
      if (n === LINES) controller.close();
    },
  });
}

/** A gauge for four reads that bring nothing, in a process whose memory outside of V8 grows as told. */
function gaugeOf(growthBytes: () => number) {
  let count = 0;
  const gauge = new UnreadChunksGauge(4 * READ_BYTES, () => BASE_BYTES + (count++ === 0 ? 0 : growthBytes()));
  const read = (ownBytes = FREE_BYTES + 1) => gauge.note(READ_BYTES, ownBytes);
  return { read, measured: () => count - 1 };
}

Deno.test("UnreadChunksGauge.note() refuses when reads may have taken too much and the process has grown", () => {
  const { read, measured } = gaugeOf(() => 4 * READ_BYTES);
  for (let i = 0; i < 3; i++) read();
  assertEquals(measured(), 0);

  const error = assertThrows(() => read(), GatewayError, "Cannot read on: bodies in chunks come faster");

  assertEquals([error.code, measured()], ["OVERLOADED", 1]);
});

Deno.test("UnreadChunksGauge.note() goes on while the process has not grown so far, and looks again", () => {
  const { read, measured } = gaugeOf(() => 2 * READ_BYTES);
  for (let i = 0; i < 4; i++) read();
  assertEquals(measured(), 1);

  read();
  assertEquals(measured(), 1);
  read();
  assertEquals(measured(), 2);
});

Deno.test("UnreadChunksGauge.note() takes what the process had least for its size without", () => {
  let growthBytes = -2 * READ_BYTES;
  const { read } = gaugeOf(() => growthBytes);
  for (let i = 0; i < 4; i++) read();
  growthBytes = 2 * READ_BYTES;
  for (let i = 0; i < 3; i++) read();

  assertThrows(() => read(), GatewayError);
});

Deno.test("UnreadChunksGauge.note() refuses one body when the process has grown for another reason", () => {
  const { read } = gaugeOf(() => 9 * READ_BYTES);
  for (let i = 0; i < 3; i++) read();
  assertThrows(() => read(), GatewayError);

  for (let i = 0; i < 100; i++) read();
});

Deno.test("UnreadChunksGauge.note() refuses no body of which few bytes can be kept", () => {
  const { read } = gaugeOf(() => Infinity);
  for (let i = 0; i < 100; i++) read(FREE_BYTES);

  assertThrows(() => read(FREE_BYTES + 1), GatewayError);
});

Deno.test("POST /stream without content-length is answered 503 beyond unreadChunksMaxBytes, with what was taken", async () => {
  const { memoryUsage } = Deno;
  let growthBytes = 0;
  Deno.memoryUsage = () => ({ ...memoryUsage(), rss: BASE_BYTES + growthBytes, heapTotal: 0, external: 0 });
  try {
    await using rig = await gatewayRig({ gateway: { unreadChunksMaxBytes: 4 * READ_BYTES } });
    const post = (headers: Record<string, string>) => rig.post("/stream/t", sixLines(), { headers });
    const small = await post(NDJSON);
    growthBytes = 4 * READ_BYTES;

    const large = await post(NDJSON);
    const told = await post({ ...NDJSON, "content-length": "48" });

    assertEquals([small.status, large.status, told.status], [200, 503, 200]);
    const { code, accepted, acked } = await large.json();
    assertEquals({ code, accepted, acked }, { code: "OVERLOADED", accepted: 4, acked: 4 });
    assertEquals(rig.texts().length, LINES + 4 + LINES);
    await Promise.all([small, told].map(({ body }) => body?.cancel()));
  } finally {
    Deno.memoryUsage = memoryUsage;
  }
});
