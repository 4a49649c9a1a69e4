import { assertEquals, assertRejects } from "@std/assert";
import { memoryPair, memoryTransport } from "../../src/net/memory_transport.ts";
import type { Duplex } from "../../src/net/transport.ts";
import { settled } from "../manual_timers.ts";

async function readText(duplex: Duplex): Promise<string | null> {
  const buffer = new Uint8Array(100);
  const count = await duplex.read(buffer);
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("memoryPair() carries bytes both ways", async () => {
  const [left, right] = memoryPair();

  await left.write(bytes("ping"));
  await right.write(bytes("pong"));

  assertEquals([await readText(right), await readText(left)], ["ping", "pong"]);
});

Deno.test("memoryPair() keeps a writer waiting while a direction is full", async () => {
  const [left, right] = memoryPair({ capacityBytes: 4 });
  let isDone = false;

  assertEquals(await left.write(bytes("abcdef")), 4);
  const second = left.write(bytes("ef")).then((count) => {
    isDone = true;
    return count;
  });
  await settled();

  assertEquals(isDone, false);
  assertEquals(await readText(right), "abcd");
  assertEquals(await second, 2);
  assertEquals(await readText(right), "ef");
});

Deno.test("memoryPair() ends reads at the other side's close, after what was written", async () => {
  const [left, right] = memoryPair();

  await left.write(bytes("last"));
  left.close();

  assertEquals([await readText(right), await readText(right)], ["last", null]);
  await assertRejects(() => right.write(bytes("x")), Error, "the other end is closed");
});

Deno.test("memoryPair() settles pending reads and writes at close", async () => {
  const [left] = memoryPair({ capacityBytes: 1 });
  const reading = assertRejects(() => left.read(new Uint8Array(1)), Error, "closed");
  await left.write(bytes("a"));
  const writing = assertRejects(() => left.write(bytes("b")), Error, "closed");

  left.close();

  await reading;
  await writing;
});

Deno.test("memoryTransport() fails a dial that is not accepted, or given up", async () => {
  const refusing = memoryTransport(() => {
    throw new Error("refused");
  });
  const stalling = memoryTransport(() => new Promise(() => {}));
  const controller = new AbortController();

  await assertRejects(() => refusing({ host: "a", port: 1 }, { signal: controller.signal }), Error, "refused");
  const dialing = assertRejects(
    () => stalling({ host: "a", port: 1 }, { signal: controller.signal }),
    Error,
    "given up",
  );
  controller.abort(new Error("given up"));

  await dialing;
});
