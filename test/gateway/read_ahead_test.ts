import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ChunkSource } from "../../src/gateway/body/inflation.ts";
import { ReadingGauge } from "../../src/gateway/body_reader.ts";
import { GatewayError } from "../../src/gateway/gateway_error.ts";
import { ReadAhead } from "../../src/gateway/read_ahead.ts";

/** Lets what is ready go on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** A body whose chunks come as it is told. */
class ScriptedSource implements ChunkSource {
  readonly isBrokenOff = false;
  isCancelled = false;
  /** Chunks that were read. */
  readCount = 0;
  readonly #chunks: (Uint8Array | Error | null)[] = [];
  #wake: (() => void) | null = null;

  come(...chunks: (Uint8Array | Error | null)[]): Promise<void> {
    this.#chunks.push(...chunks);
    this.#wake?.();
    return turn();
  }

  async next(): Promise<Uint8Array | null> {
    while (this.#chunks.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    this.readCount++;
    const chunk = this.#chunks.shift()!;
    if (chunk instanceof Error) throw chunk;
    return chunk;
  }

  cancel(): Promise<void> {
    this.isCancelled = true;
    return Promise.resolve();
  }
}

const K = 1024;

/** One whose answer has begun. */
function begun(source: ChunkSource, options: { maxBytes: number; gauge: ReadingGauge }): ReadAhead {
  const ahead = new ReadAhead(source, { ...options, now: () => 0 });
  ahead.begin();
  return ahead;
}

Deno.test("ReadAhead gives what comes in order, then the end, whoever is faster", async () => {
  const source = new ScriptedSource();
  const gauge = new ReadingGauge(1_000 * K);
  const ahead = begun(source, { maxBytes: 1_000 * K, gauge });
  const sent = Array.from({ length: 3_000 }, (_, i) => Uint8Array.of(i % 256, i >> 8, ...new Uint8Array(98)));

  const early = ahead.next();
  await source.come(...sent.slice(0, 2_500));
  const taken = [await early];
  for (let i = 1; i < 2_000; i++) taken.push(await ahead.next());
  await source.come(...sent.slice(2_500), null);
  const heldBytes = gauge.bytes;
  for (let chunk = await ahead.next(); chunk !== null; chunk = await ahead.next()) taken.push(chunk);

  assertEquals(taken, sent);
  assertEquals([heldBytes, gauge.bytes, await ahead.next()], [1_000 * 100 - 64 * K, 0, null]);
});

Deno.test("ReadAhead lets go of all that is ahead when it is too much, and reads on, so that nothing gathers before it", async () => {
  const source = new ScriptedSource();
  const gauge = new ReadingGauge(1_000 * K);
  const ahead = begun(source, { maxBytes: 100 * K, gauge });

  await source.come(...Array.from({ length: 10 }, () => new Uint8Array(10 * K)));
  const full = gauge.bytes;
  await source.come(new Uint8Array(1));
  const error = await assertRejects(() => ahead.next(), GatewayError);
  await source.come(...Array.from({ length: 10 }, () => new Uint8Array(10 * K)));

  assertEquals([full, gauge.bytes, source.readCount, source.isCancelled], [36 * K, 0, 21, false]);
  assertEquals(error.code, "OVERLOADED");
  assert(error.message.includes("102400 bytes ahead of its receipts"), error.message);
  await assertRejects(() => ahead.next(), GatewayError);
});

Deno.test("ReadAhead of several bodies are bounded together, and each has a little in any case", async () => {
  const gauge = new ReadingGauge(50 * K);
  const sources = [new ScriptedSource(), new ScriptedSource(), new ScriptedSource()];
  const [first, second, third] = sources.map((source) => begun(source, { maxBytes: 1_000 * K, gauge }));

  await sources[0]!.come(new Uint8Array(110 * K));
  await sources[1]!.come(new Uint8Array(64 * K));
  await sources[2]!.come(new Uint8Array(70 * K));

  await assertRejects(() => third!.next(), GatewayError, "as many bytes of bodies as allowed");
  assertEquals([(await first!.next())!.length, (await second!.next())!.length, gauge.bytes], [110 * K, 64 * K, 0]);
});

Deno.test("ReadAhead.cancel() reads on, and lets go of what comes", async () => {
  const source = new ScriptedSource();
  const gauge = new ReadingGauge(1_000 * K);
  const ahead = begun(source, { maxBytes: 1_000 * K, gauge });

  await source.come(new Uint8Array(200 * K));
  await ahead.cancel();
  await source.come(new Uint8Array(200 * K), new Uint8Array(200 * K), null);

  assertEquals([gauge.bytes, source.readCount, source.isCancelled, await ahead.next()], [0, 4, false, null]);
});

Deno.test("ReadAhead tells of a body that broke off behind what came before", async () => {
  const source = new ScriptedSource();
  const ahead = begun(source, { maxBytes: 10, gauge: new ReadingGauge(10) });

  await source.come(Uint8Array.of(1), new Error("broke off"));

  assertEquals(await ahead.next(), Uint8Array.of(1));
  await assertRejects(() => ahead.next(), Error, "broke off");
});

Deno.test("ReadAhead keeps no more memory than it counts", async () => {
  const source = new ScriptedSource();
  const ahead = begun(source, { maxBytes: 10, gauge: new ReadingGauge(10) });

  await source.come(new Uint8Array(64 * K).fill(7).subarray(5, 7));
  const chunk = await ahead.next();

  assertEquals([chunk, chunk!.buffer.byteLength], [Uint8Array.of(7, 7), 2]);
});

Deno.test("ReadAhead reads only what is asked for before begin(), and whoever asked gets it", async () => {
  const source = new ScriptedSource();
  const ahead = new ReadAhead(source, { maxBytes: 4, gauge: new ReadingGauge(1_000 * K), now: () => 0 });
  const [a, b, c, d] = [1, 2, 3, 4].map((byte) => Uint8Array.of(byte)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];

  const first = await (source.come(a, b), ahead.next());
  const readBefore = source.readCount;
  const second = await ahead.next();
  const third = ahead.next();
  ahead.begin();
  await source.come(c, d, null);

  assertEquals([first, readBefore, second, await third, await ahead.next(), await ahead.next()], [a, 1, b, c, d, null]);
});

Deno.test("ReadAhead cancels the body itself before begin()", async () => {
  const source = new ScriptedSource();
  const ahead = new ReadAhead(source, { maxBytes: 4, gauge: new ReadingGauge(1_000 * K), now: () => 0 });

  await ahead.cancel();

  assertEquals(source.isCancelled, true);
});

Deno.test("isClientSlow() tells whether the client is waited for at least half of the time, and sends little", async () => {
  let nowMs = 0;
  const source = new ScriptedSource();
  const ahead = new ReadAhead(source, { maxBytes: 4, gauge: new ReadingGauge(1_000 * K), now: () => nowMs });
  /** Waits for the client, then works. */
  const read = async (waitMs: number, workMs: number, bytes = 1) => {
    const reading = ahead.next();
    nowMs += waitMs;
    await source.come(new Uint8Array(bytes));
    await reading;
    nowMs += workMs;
  };
  const told: boolean[] = [];
  const ask = () => told.push(ahead.isClientSlow(nowMs));

  await read(30, 0);
  ask(); // Too early.
  await read(0, 30);
  ask(); // 30 of 60.
  await read(10, 40);
  ask();
  await read(50, 10);
  ask();
  await read(50, 0, 800 * K); // 16 MiB a second, nearly.
  ask();
  await read(50, 0, 900 * K);
  ask();
  const pending = ahead.next();
  nowMs += 100;
  ask();
  nowMs += 10;
  ask(); // Too early again.
  await source.come(null);
  await pending;

  assertEquals(told, [false, true, false, true, true, false, true, false]);
});
