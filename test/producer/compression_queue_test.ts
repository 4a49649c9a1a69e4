import { assert, assertEquals, assertRejects } from "@std/assert";
import { compress, decompress, loadCodec } from "../../protocol/compression.ts";
import { CompressionQueue } from "../../src/producer/compression_queue.ts";
import { platformTimers } from "../../src/timers.ts";
import { ManualTimers } from "../manual_timers.ts";
import { until } from "./rig.ts";

await loadCodec("lz4");
const TEXT = new TextEncoder().encode("again and again, ".repeat(20_000));

function openQueue(timers = platformTimers) {
  const errors: unknown[] = [];
  const queue = new CompressionQueue(timers, (error) => void errors.push(error));
  return { queue, errors, [Symbol.dispose]: () => queue.close() };
}

/** Replaces the platform's workers while a test runs. */
function withWorker(worker: unknown): Disposable {
  const { Worker } = globalThis;
  globalThis.Worker = worker as typeof Worker;
  return { [Symbol.dispose]: () => void (globalThis.Worker = Worker) };
}

for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
  Deno.test(`CompressionQueue.compress() compresses with ${codec} as compress() does`, async () => {
    using made = openQueue();

    const compressed = await made.queue.compress({ codec, level: undefined, bytes: TEXT });

    assertEquals(decompress(codec, compressed), TEXT);
    assertEquals(compressed.length, compress(codec, TEXT).length);
  });
}

Deno.test("CompressionQueue.compress() heeds the level in a thread too", async () => {
  using made = openQueue();
  for (const codec of ["gzip", "zstd"] as const) {
    for (const level of [1, 9]) {
      await until(() => made.queue.hasThread || codec === "gzip" && level === 1);

      const compressed = await made.queue.compress({ codec, level, bytes: TEXT });
      await made.queue.compress({ codec, level, bytes: TEXT });

      assertEquals(compressed, compress(codec, TEXT, { level }));
    }
  }
});

Deno.test("CompressionQueue gives the event loop a turn between the steps of snappy and LZ4", async () => {
  using made = openQueue();
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);

  await made.queue.compress({ codec: "lz4", level: undefined, bytes: new Uint8Array(65_536 * 20) });

  isDone = true;
  assert(turns >= 20, `${turns} turns`);
  assertEquals(made.queue.threads, 0);
  await new Promise((resolve) => setImmediate(resolve));
});

Deno.test("CompressionQueue uses the event loop's turns for nothing else once a thread has started", async () => {
  using made = openQueue();
  await made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });
  await until(() => made.queue.hasThread);
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setTimeout(count);
  };
  setTimeout(count);
  const noise = crypto.getRandomValues(new Uint8Array(60_000)).toHex(); // takes gzip some milliseconds
  const bytes = new TextEncoder().encode(noise.repeat(20));

  await made.queue.compress({ codec: "gzip", level: 9, bytes });

  isDone = true;
  assert(turns >= 3, `${turns} turns`); // none when node:zlib works in this thread
  await until(() => turns > 0);
});

Deno.test("CompressionQueue ends its threads after a second without work, and starts others", async () => {
  const timers = new ManualTimers();
  using made = openQueue(timers);
  await made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });
  await until(() => made.queue.hasThread);

  await timers.advance(999);
  assertEquals(made.queue.threads, 1);
  await timers.advance(1);

  assertEquals(made.queue.threads, 0);
  await made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });
  assertEquals(made.queue.threads, 1);
});

Deno.test("CompressionQueue lets a thread start however long that takes, and ends it a second after that", async () => {
  let worker: { onmessage(event: unknown): void } | null = null;
  using _worker = withWorker(
    class {
      onmessage = (_event: unknown) => {};
      constructor() {
        worker = this;
      }
      postMessage() {}
      terminate() {}
    },
  );
  const timers = new ManualTimers();
  using made = openQueue(timers);
  await made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });

  await timers.advance(5_000);
  const early = [made.queue.threads, made.queue.hasThread];
  worker!.onmessage({ data: { ready: true } });
  await timers.advance(999);
  const idle = [made.queue.threads, made.queue.hasThread];
  await timers.advance(1);

  assertEquals([early, idle, made.queue.threads], [[1, false], [1, true], 0]);
});

Deno.test("CompressionQueue compresses in its own thread where there are no workers, and says so once", async () => {
  using _worker = withWorker(
    class {
      constructor() {
        throw new Error("no workers here");
      }
    },
  );
  using made = openQueue();

  const [first] = await Promise.all([1, 2, 3].map(() => {
    return made.queue.compress({ codec: "zstd", level: undefined, bytes: TEXT });
  }));

  assertEquals(decompress("zstd", first!), TEXT);
  assertEquals(made.errors.map(String), ["Error: no workers here"]);
});

Deno.test("CompressionQueue does without threads once one has broken", async () => {
  const made = openQueue();
  let worker: { onmessage(event: unknown): void; onerror(event: unknown): void } | null = null;
  using _worker = withWorker(
    class {
      onmessage = (_event: unknown) => {};
      onerror = (_event: unknown) => {};
      constructor() {
        worker = this;
      }
      postMessage() {}
      terminate() {}
    },
  );
  await made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });
  worker!.onmessage({ data: { ready: true } });
  const lost = made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });

  worker!.onerror({ message: "out of memory", preventDefault: () => {} });

  await assertRejects(() => lost, Error, "out of memory");
  assertEquals(decompress("gzip", await made.queue.compress({ codec: "gzip", level: 1, bytes: TEXT })), TEXT);
  assertEquals([made.queue.threads, made.errors.length], [0, 1]);
  made.queue.close();
});

Deno.test("CompressionQueue.compress() rejects what a thread cannot compress, and goes on", async () => {
  using made = openQueue();
  await made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });
  await until(() => made.queue.hasThread);

  await assertRejects(() => made.queue.compress({ codec: "gzip", level: 99, bytes: TEXT }), Error, "level");

  const compressed = await made.queue.compress({ codec: "gzip", level: 1, bytes: TEXT });
  assertEquals([decompress("gzip", compressed), made.queue.threads], [TEXT, 1]);
});

Deno.test("CompressionQueue.close() rejects what is under way and what waits, and whatever comes", async () => {
  const made = openQueue();
  await made.queue.compress({ codec: "gzip", level: undefined, bytes: TEXT });
  await until(() => made.queue.hasThread);
  const jobs = (["gzip", "gzip", "gzip", "gzip", "lz4"] as const).map((codec) => {
    return made.queue.compress({ codec, level: undefined, bytes: TEXT });
  });

  made.queue.close();

  for (const job of jobs) await assertRejects(() => job, Error, "the producer is closed");
  await assertRejects(() => made.queue.compress({ codec: "lz4", level: undefined, bytes: TEXT }), Error, "closed");
  assertEquals([made.queue.threads, made.errors], [0, []]);
});
