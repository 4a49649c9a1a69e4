import { assertEquals, assertThrows } from "@std/assert";
import { GatewayError } from "../../src/gateway/gateway_error.ts";
import { READ_BYTES, UnreadChunksGauge } from "../../src/gateway/unread_chunks.ts";
import { gatewayRig, NDJSON } from "./gateway_rig.ts";

const BASE_BYTES = 1_000_000;

/** A body of three chunks, a line each. */
function threeLines(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let n = 0;
  return new ReadableStream({
    pull: (controller) => {
      controller.enqueue(new TextEncoder().encode(`{"n":${n++}}\n`));
      if (n === 3) controller.close();
    },
  });
}

/** A gauge for four reads, in a process whose memory outside of V8 grows as told. */
function gaugeOf(growthBytes: () => number) {
  let count = 0;
  const gauge = new UnreadChunksGauge(4 * READ_BYTES, () => BASE_BYTES + (count++ === 0 ? 0 : growthBytes()));
  return { gauge, measured: () => count - 1 };
}

Deno.test("UnreadChunksGauge.note() refuses when reads may have taken too much and the process has grown", () => {
  const { gauge, measured } = gaugeOf(() => 4 * READ_BYTES);
  for (let i = 0; i < 4; i++) gauge.note(1);
  assertEquals(measured(), 0);

  const error = assertThrows(() => gauge.note(1), GatewayError, "Cannot read on: bodies in chunks come faster");

  assertEquals([error.code, measured()], ["OVERLOADED", 1]);
});

Deno.test("UnreadChunksGauge.note() goes on while the process has not grown so far, and looks again", () => {
  let growthBytes = 4 * READ_BYTES - 1;
  const { gauge, measured } = gaugeOf(() => growthBytes);
  for (let i = 0; i < 5; i++) gauge.note(0);
  assertEquals(measured(), 2);

  growthBytes = -1;
  gauge.note(0);
  for (let i = 0; i < 3; i++) gauge.note(0);
  assertEquals(measured(), 3);
});

Deno.test("UnreadChunksGauge.note() never looks where reads bring all they can", () => {
  const { gauge, measured } = gaugeOf(() => Infinity);

  for (let i = 0; i < 1_000; i++) gauge.note(READ_BYTES);

  assertEquals(measured(), 0);
});

Deno.test("POST /stream without content-length is answered 503 beyond unreadChunksMaxBytes, with what was taken", async () => {
  const { memoryUsage } = Deno;
  let growthBytes = 0;
  Deno.memoryUsage = () => ({ ...memoryUsage(), rss: BASE_BYTES + growthBytes, heapTotal: 0, external: 0 });
  try {
    await using rig = await gatewayRig({ gateway: { unreadChunksMaxBytes: 2 * READ_BYTES } });
    const post = (headers: Record<string, string>) => rig.post("/stream/t", threeLines(), { headers });
    const small = await post(NDJSON);
    growthBytes = 2 * READ_BYTES;

    const large = await post(NDJSON);
    const told = await post({ ...NDJSON, "content-length": "24" });

    assertEquals([small.status, large.status, told.status], [200, 503, 200]);
    const { code, accepted, acked } = await large.json();
    assertEquals({ code, accepted, acked }, { code: "OVERLOADED", accepted: 2, acked: 2 });
    assertEquals(rig.texts().length, 3 + 2 + 3);
    await Promise.all([small, told].map(({ body }) => body?.cancel()));
  } finally {
    Deno.memoryUsage = memoryUsage;
  }
});
