import { assert, assertEquals } from "@std/assert";
import type { Producer, ProducerOptions } from "@ekaf/ekaf";
import { NO_HEADERS } from "../../protocol/record_batch.ts";
import { readRecords } from "../../protocol/record_batch_reader.ts";
import { Batch } from "../../src/producer/batch.ts";
import { BatchQueue } from "../../src/producer/batch_queue.ts";
import { BufferPool, SMALLEST_BUFFER_BYTES } from "../../src/producer/buffer_pool.ts";
import type { LaneContext } from "../../src/producer/lane_context.ts";
import type { Recipient } from "../../src/producer/span.ts";
import { TaskEnd } from "../../src/producer/task_end.ts";
import { WaitingRoom } from "../../src/producer/waiting_room.ts";
import { platformTimers } from "../../src/timers.ts";
import { heard, rig, texts, until } from "./rig.ts";

function nobody(): Recipient {
  return { wantsIndexes: false, isUnattended: false, spans: null, refused() {}, delivered() {}, failed() {} };
}

/** Counts what is out. */
class CountingPool extends BufferPool {
  outBytes = 0;

  override readonly allocate = (minBytes: number): Uint8Array => {
    const buffer = new Uint8Array(Math.max(minBytes, SMALLEST_BUFFER_BYTES));
    this.outBytes += buffer.length;
    return buffer;
  };
  override readonly release = (buffer: Uint8Array): void => {
    this.outBytes -= buffer.length;
  };
}

/** A queue whose batches are 100 records of 1,000 bytes, a span each. */
class QueueRig {
  readonly pool = new CountingPool(0);
  readonly queue: BatchQueue<Batch>;
  #sealed!: ReadableStreamDefaultController<Batch>;

  constructor() {
    const readable = new ReadableStream<Batch>({ start: (controller) => void (this.#sealed = controller) });
    this.queue = new BatchQueue<Batch>({
      sealed: readable.getReader(),
      taskEnd: new TaskEnd(),
      rewriter: () => {
        throw new Error("nothing is rewritten");
      },
      number: (batch) => batch,
      replaced: () => {},
      refused: () => {},
    });
  }

  open(name: string): Batch {
    const batch = new Batch(this.pool, 0);
    this.queue.add(batch);
    for (let i = 0; i < 100; i++) this.append(batch, `${name}${i} `);
    return batch;
  }

  append(batch: Batch, text: string): void {
    const value = new TextEncoder().encode(text.padEnd(1_000, "-"));
    const to = { recipient: nobody(), deadlineMs: Infinity, inputIndex: 0, isTimed: false };
    batch.tryAppend({ key: null, value, headers: NO_HEADERS, timestamp: 0 }, 1_000_000, to);
  }

  seal(batch: Batch): Batch {
    batch.outgoing.seal();
    this.#sealed.enqueue(batch);
    this.queue.sealed();
    return batch;
  }

  /** Strikes all records but some. */
  strike(batch: Batch, ...kept: number[]): void {
    for (const span of batch.spans.filter(({ first, isSettled }) => !isSettled && !kept.includes(first))) {
      batch.strike(span);
    }
    this.queue.struck(batch);
  }

  async tasksEnd(): Promise<void> {
    // As `TaskEnd` does, and behind it: on a busy machine a timer may come before.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The names of a batch's records. */
function names(batch: Batch | null): string[] {
  batch?.outgoing.seal();
  const records = batch === null ? [] : [...readRecords(batch.builder.bytes)];
  return records.map(({ value }) => new TextDecoder().decode(value!).split(" ")[0]!);
}

Deno.test("BatchQueue gives back the memory of struck records when others of the batch live on", async () => {
  const r = new QueueRig();
  const sealed = r.seal(r.open("a"));
  const open = r.open("b");

  r.strike(sealed, 3, 98);
  r.strike(open, 0, 7);
  await r.tasksEnd();
  r.append(open, "b100 ");

  assertEquals(r.pool.outBytes, 2 * SMALLEST_BUFFER_BYTES);
  assertEquals(names(await r.queue.take()), ["a3", "a98"]);
  assertEquals(names(r.seal(open)), ["b0", "b7", "b100"]);
});

Deno.test("BatchQueue leaves a batch alone when most of it lives on", async () => {
  const r = new QueueRig();
  const batch = r.seal(r.open("a"));
  const beforeBytes = r.pool.outBytes;

  r.strike(batch, ...Array.from({ length: 60 }, (_, i) => i));
  await r.tasksEnd();

  assertEquals(r.pool.outBytes, beforeBytes);
  assertEquals(names(await r.queue.take()).length, 60);
});

Deno.test("BatchQueue lets go of empty batches behind one with records", async () => {
  const r = new QueueRig();
  const batches = ["a", "b", "c", "d", "e"].map((name) => r.open(name));
  const [a, b, c, d, e] = batches as [Batch, Batch, Batch, Batch, Batch];
  for (const batch of [a, b, c, d]) r.seal(batch);

  r.strike(a, 0);
  r.strike(b);
  r.strike(c, 5);
  r.strike(d);
  r.strike(e);
  await r.tasksEnd();

  assertEquals(r.queue.all, [a, c, e]); // The last one is open.
  assertEquals(r.queue.sealedCount, 2);
  assertEquals(names(await r.queue.take()), ["a0"]);
  r.append(e, "e100 ");
  r.seal(e);
  assertEquals(names(await r.queue.take()), ["c5"]);
  assertEquals(names(await r.queue.take()), ["e100"]);
  assertEquals(r.queue.sealedCount, 0);
});

Deno.test("BatchQueue.take() gives each batch once while empty ones are let go", async () => {
  const r = new QueueRig();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => r.seal(r.open(name))) as [Batch, Batch, Batch, Batch];
  for (const batch of [b, d]) r.strike(batch);
  r.strike(a, 0);
  r.strike(c, 5);

  r.queue.taskEnded(); // Its reads are under way when the batches are taken.
  const taken = await Promise.all([r.queue.take(), r.queue.take()]);
  await r.tasksEnd();
  if (r.queue.sealedCount > 0) taken.push(await r.queue.take());

  assertEquals(taken.flatMap(names), ["a0", "c5"]);
  assertEquals(r.queue.sealedCount, 0);
  assertEquals(r.queue.all, []);
  r.seal(r.open("e"));
  assertEquals(names(await r.queue.take()).length, 100);
});

Deno.test("BatchQueue counts each batch once when those ahead become empty while others are let go", async () => {
  for (let turns = 0; turns < 8; turns++) {
    const r = new QueueRig();
    const [a, b, c] = ["a", "b", "c"].map((name) => r.seal(r.open(name))) as [Batch, Batch, Batch];
    r.strike(b);

    r.queue.taskEnded(); // Reads up to b.
    for (let turn = 0; turn < turns; turn++) await null;
    r.strike(a);
    r.strike(c);
    r.queue.discardEmpty(); // Takes all three: c is not read then.
    await r.tasksEnd();

    assertEquals([r.queue.sealedCount, r.queue.all.length], [0, 0], `${turns} turns`);
    r.seal(r.open("d"));
    assertEquals(names(await r.queue.take()).length, 100, `${turns} turns`);
  }
});

/** A room whose batches are 10 records of 1,000 bytes. */
function roomOf(pool: BufferPool): WaitingRoom {
  const context = {
    topic: "t",
    pool,
    options: () => ({ partitionMaxBytes: Infinity, batchMaxBytes: 11_000, batchMaxRecords: Infinity }),
    budget: { take() {}, give() {} },
    timers: platformTimers,
    taskEnd: new TaskEnd(),
    totals: { delivered: 0, failed: 0, retries: 0 },
    failureLog: { listener: null },
    settled() {},
    budgetGiven() {},
  };
  return new WaitingRoom(context as unknown as LaneContext);
}

Deno.test("WaitingRoom gives back the memory of struck records when the first one lives on", async () => {
  const pool = new CountingPool(0);
  const room = roomOf(pool);
  for (let i = 0; i < 100; i++) {
    const record = { key: null, value: new Uint8Array(1_000), headers: NO_HEADERS, timestamp: 0, partition: i };
    room.append(record, { recipient: nobody(), deadlineMs: Infinity, inputIndex: 0, isTimed: false });
  }
  const [first, ...others] = room.batches().flatMap(({ spans }) => spans);

  room.withdraw(others, new Error("over"));
  await new Promise((resolve) => setTimeout(resolve, 1));

  assertEquals(room.unnumbered.length, 2); // The last one may get more.
  assertEquals(pool.outBytes, 2 * SMALLEST_BUFFER_BYTES);
  const moved: number[] = [];
  room.moveSome(100, ({ partition }, { recipient }) => {
    moved.push(partition);
    assertEquals(recipient, first!.recipient);
  });
  assertEquals(moved, [0]);
});

const CASES: [string, Partial<ProducerOptions>][] = [
  ["", {}],
  [" and compressed", { compression: "gzip", batchMaxBytes: 5_000 }],
  [" and batches are small", { batchMaxBytes: 5_000 }],
  [" and rewritten", { transformBatch: (records) => records }],
];

/** Four waves of records that are ended but for each tenth, at a time when nothing can be sent. Returns those left. */
async function sendWaves(producer: Producer): Promise<{ left: string[]; delivered: Promise<unknown> }> {
  const left: string[] = [];
  const calls: Promise<unknown>[] = [];
  for (let wave = 0; wave < 4; wave++) {
    const ending = new AbortController();
    const ended: Promise<unknown>[] = [];
    for (let i = 0; i < 200; i++) {
      const value = `${wave}/${i}/${"-".repeat(200)}`;
      const isLeft = wave === 3 || (wave !== 1 && i % 10 === 0);
      const options = isLeft ? {} : { signal: ending.signal };
      const call = producer.send("t", { value, partition: i % 3 }, options);
      if (isLeft) left.push(value);
      (isLeft ? calls : ended).push(call);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
    ending.abort();
    const outcomes = await Promise.allSettled(ended);
    assert(outcomes.every(({ status }) => status === "rejected"));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { left, delivered: Promise.all(calls) };
}

for (const [name, options] of CASES) {
  Deno.test(`send() delivers what is left, in order, when others were ended in a downtime${name}`, async () => {
    await using r = await rig({}, options);
    await r.producer.prepare("t");
    await r.producer.send("t", [0, 1, 2].map((partition) => ({ value: "first", partition })));
    const downs = heard(r.producer, "lanedown");
    await r.cluster.stop(1);
    await until(() => downs.length === 3);

    const { left, delivered } = await sendWaves(r.producer);
    await r.cluster.start(1);
    await delivered;

    for (const partition of [0, 1, 2]) {
      const expected = left.filter((value) => Number(value.split("/")[1]) % 3 === partition);
      assertEquals(texts(r.cluster.records("t", partition)), ["first", ...expected]);
    }
    const batches = r.cluster.batches("t").filter(({ recordCount }) => recordCount > 1);
    assertEquals(batches.every(({ isCompressed }) => isCompressed), options.compression !== undefined);
  });

  Deno.test(`send() delivers what is left, in order, when others were ended before partitions were known${name}`, async () => {
    await using r = await rig({}, options);
    await r.cluster.stop(1);

    const { left, delivered } = await sendWaves(r.producer);
    await r.cluster.start(1);
    await delivered;

    for (const partition of [0, 1, 2]) {
      const expected = left.filter((value) => Number(value.split("/")[1]) % 3 === partition);
      assertEquals(texts(r.cluster.records("t", partition)), expected);
    }
  });
}
